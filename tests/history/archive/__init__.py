"""Tests of reading Spotify's exports."""
