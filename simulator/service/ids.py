"""What identifiers look like."""

from __future__ import annotations

import string

_BASE_62 = frozenset(string.ascii_letters + string.digits)
ID_LENGTH = 22


def malformed(text: str) -> bool:
    """True when the text cannot be an identifier: 22 characters of base 62."""
    return len(text) != ID_LENGTH or not _BASE_62.issuperset(text)
