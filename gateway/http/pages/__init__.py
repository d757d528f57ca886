"""The web application: built assets, as files."""
