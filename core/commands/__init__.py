"""The commands of `python -m core`: arguments in, one JSON document out. One module per noun."""
