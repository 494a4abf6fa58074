"""What was really heard and every request received, on a port of its own."""
