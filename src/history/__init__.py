"""Listening history: archives, observations, merged events and statistics."""
