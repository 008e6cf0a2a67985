"""Finished runs combined into one: voting and weight averaging."""
