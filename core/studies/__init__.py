"""Hyperparameter searches: their space, the process that drives them, and what they suggest."""
