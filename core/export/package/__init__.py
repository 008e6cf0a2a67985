"""The folder in which an exported model predicts by itself: a script, and the modules of Graft that it needs."""
