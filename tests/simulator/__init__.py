"""Tests of the simulated world and service."""
