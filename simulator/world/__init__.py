"""The simulated world: shows, listeners and plays, a pure function of seed and time."""
