"""Every statement on history tables, by subject."""
