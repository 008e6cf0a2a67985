"""Images: how they are stored, measured, compared and laid out on a map."""
