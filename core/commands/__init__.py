"""What each command of `python -m core` does: arguments in, one JSON document out. A module a noun."""
