"""Spotify's data exports of one listener, written from what the listener really heard."""
