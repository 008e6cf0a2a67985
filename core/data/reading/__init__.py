"""How a table file is read: found out once, kept as a record, and applied unchanged by every later reader."""
