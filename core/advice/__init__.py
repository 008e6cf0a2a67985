"""Advice before training: how far two datasets are apart, which backbone, source or method helps, how many more
samples. Only `core.ui` and `core.commands` may import it.
"""
