"""Datasets: reading files, storing images and tables, findings, cleaning, splits and versions; imports only the
store.
"""
