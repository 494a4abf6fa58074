"""Statements that span the tables of an account."""
