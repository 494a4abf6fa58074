"""Endpoints of the history room."""
