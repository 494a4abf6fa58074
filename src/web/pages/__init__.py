"""One file a page; they call the same functions as the API."""
