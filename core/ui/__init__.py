"""The web pages' code, a folder per page and the shell they share; only `pages` and the entry point import it."""
