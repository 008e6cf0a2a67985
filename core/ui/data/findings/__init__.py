"""The tab “Findings”; only the other modules of `core.ui.data` import it."""
