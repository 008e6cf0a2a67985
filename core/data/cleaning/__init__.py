"""Recipes: the cleaning steps, what they do when a version is made, and what they learn from training rows."""
