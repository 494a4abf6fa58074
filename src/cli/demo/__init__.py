"""`playhead demo`: a simulated Spotify, the service, and one listener connected to it."""
