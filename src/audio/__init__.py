"""Open feeds and audio behind each show and episode."""
