"""Diagnosis, backup, moving and keys."""
