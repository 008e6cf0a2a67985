"""Keras networks: building, cutting, folding, weights and heads; imported by worker processes only."""
