"""Switches and clock of the simulator, on a port of their own."""
