"""The problems that a source or a teacher poses beside the target."""
