"""`serve --workers N`: processes that share the data port, and the parent that they share all else through."""
