"""Tests of the Spotify room."""
