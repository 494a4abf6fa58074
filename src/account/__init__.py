"""A user's whole account: export, erasure, change feed."""
