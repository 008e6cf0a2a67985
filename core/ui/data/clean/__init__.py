"""The tab “Clean”; only the other modules of `core.ui.data` import it."""
