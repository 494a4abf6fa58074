"""Names for integers that must not be mixed up."""

from typing import NewType

UserId = NewType("UserId", int)
"""Primary key of a user, 1 or more."""

MicroUsd = NewType("MicroUsd", int)
"""Millionths of a US dollar."""
