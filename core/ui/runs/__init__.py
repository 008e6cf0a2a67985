"""What `pages/runs.py` draws; nothing else imports it."""
