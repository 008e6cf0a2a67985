"""The process that trains one run, and what it reports of the machine."""
