"""Every SQL statement on Spotify tables, one file a subject."""
