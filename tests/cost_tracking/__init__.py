"""Tests of the ledger, its prices and its route."""
