"""Tests of diagnosis, migrations and waking."""
