"""What `pages/data.py` draws; nothing else imports it."""
