"""Rules about the code itself, which no single room could check."""
