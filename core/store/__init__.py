"""Persistence: the database, the folders of datasets and runs, the cache and atomic files."""
