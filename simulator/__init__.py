"""A local stand-in for the Spotify accounts service and Web API, over real HTTP."""
