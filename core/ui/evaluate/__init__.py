"""What `pages/evaluate.py` draws; nothing else imports it."""
