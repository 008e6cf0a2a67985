"""What `pages/home.py` draws; nothing else imports it."""
