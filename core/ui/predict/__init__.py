"""What `pages/predict.py` draws; nothing else imports it."""
