"""Spotify's data exports, read as a stream of typed rows; no database."""
