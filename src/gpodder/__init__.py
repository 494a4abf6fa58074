"""The gpodder interface."""
