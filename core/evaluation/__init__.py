"""Evaluation of stored predictions: scores, confidence intervals, paired tests, calibration and thresholds."""
