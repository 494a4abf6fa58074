"""Doors of the Spotify room, by subject."""
