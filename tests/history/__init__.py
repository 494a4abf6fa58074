"""Tests of listening history."""
