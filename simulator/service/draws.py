"""Chance that repeats: every draw is a hash of the seed and what it is for."""

from __future__ import annotations

import base64
from hashlib import blake2b


def fraction(*parts: object) -> float:
    """Return a number in [0, 1) that depends on `parts` alone."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(blake2b(text, digest_size=7).digest()) / 2**56


def between(low: int, high: int, *parts: object) -> int:
    """Return a whole number from `low` to `high`, both included."""
    return low + int(fraction(*parts) * (high - low + 1))


def opaque(prefix: str, length: int, *parts: object) -> str:
    """Return `length` URL-safe characters after `prefix`, as tokens look."""
    text = "\x1f".join(map(str, parts)).encode()
    raw = b"".join(
        blake2b(text, digest_size=64, salt=block.to_bytes(4)).digest()
        for block in range(1 + length // 64)
    )
    return prefix + base64.urlsafe_b64encode(raw).decode().rstrip("=")[:length]
