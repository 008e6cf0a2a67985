"""The tab “Domain”; only the other modules of `core.ui.data` import it."""
