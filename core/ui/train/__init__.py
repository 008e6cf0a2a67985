"""What `pages/train.py` draws; nothing else imports it."""
