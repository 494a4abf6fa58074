"""What the API as a whole promises, whichever room answers."""
