"""Telling users what they have to know, once."""
