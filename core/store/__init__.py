"""Where everything is kept: the database, the folders of datasets and runs, caches and atomic files."""
