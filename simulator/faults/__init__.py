"""Switchable faults around the simulated service."""
