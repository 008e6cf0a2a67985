"""Which backbone suits a dataset, and what more samples would bring."""
