"""Playhead: a self-hosted service that keeps the record of one's podcast listening."""
