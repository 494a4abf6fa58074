"""Identifiers of 22 base-62 characters without a table of them.

A keyed four-round permutation of 128 bits turns (kind, first, second) into
noise and back. Two things never share an identifier, and a made-up one decodes
to nothing, save by a chance of about 1 in 2^48.
"""

from __future__ import annotations

from enum import IntEnum

from simulator.world.chance import Purpose, mixed

LENGTH = 22

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_VALUES = {pair: value for value, pair in enumerate(_PAIRS)}
_HALF = (1 << 64) - 1
_ROUNDS = 4
_INDEX_BITS = 32
_KIND_BITS = 8


class IdKind(IntEnum):
    """What an identifier stands for."""

    SHOW = 1
    EPISODE = 2
    USER = 3
    ACCOUNT = 4


class Identifiers:
    """The two-way map between the world's numbers and the strings clients see."""

    def __init__(self, seed: int) -> None:
        """Key the permutation with `seed`."""
        self._keys = tuple(mixed(seed, Purpose.IDENTIFIER, number) for number in range(_ROUNDS))

    def encode(self, kind: IdKind, first: int, second: int = 0) -> str:
        """Return the identifier of a thing; both numbers are below 2^32."""
        left = kind << 2 * _INDEX_BITS - _KIND_BITS | first
        right = second
        for key in self._keys:
            left, right = right, left ^ mixed(key, 0, right)
        value = left << 64 | right
        pairs = []
        for _ in range(LENGTH // 2):
            value, digit = divmod(value, len(_PAIRS))
            pairs.append(_PAIRS[digit])
        return "".join(pairs)

    def decode(self, kind: IdKind, text: str) -> tuple[int, int] | None:
        """Return the two numbers behind an identifier, or None if it is not ours."""
        if len(text) != LENGTH:
            return None
        value = 0
        for start in range(LENGTH - 2, -1, -2):
            digit = _VALUES.get(text[start : start + 2])
            if digit is None:
                return None
            value = value * len(_PAIRS) + digit
        left, right = value >> 64, value & _HALF
        if left > _HALF:
            return None
        for key in reversed(self._keys):
            left, right = right ^ mixed(key, 0, left), left
        found, first = divmod(left, 1 << 2 * _INDEX_BITS - _KIND_BITS)
        if found != kind or first >> _INDEX_BITS or right >> _INDEX_BITS:
            return None
        return first, right
