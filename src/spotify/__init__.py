"""Spotify: connecting accounts, the metered client, the podcast library and its sync."""
