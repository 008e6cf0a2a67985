"""Runs on tables: the learners, their ensembles, and the check of a table by out-of-fold predictions."""
