"""Datasets: files read, images and tables stored, findings, cleaning, splits and versions; imports nothing but the
store.
"""
