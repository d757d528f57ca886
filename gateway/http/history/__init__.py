"""The time machine over HTTP: what was, what led to it, and what would have been."""
