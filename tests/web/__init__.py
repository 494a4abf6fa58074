"""Pages, their words and formats."""
