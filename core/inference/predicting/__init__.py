"""Predictions for new pictures and rows, and whether these are out-of-distribution."""
