"""Background work: claiming what is due and running it."""
