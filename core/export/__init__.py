"""A run's model in other formats, each checked by its own engine, with scripts, model card, report and archive."""
