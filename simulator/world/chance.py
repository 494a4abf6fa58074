"""Chance that depends on nothing but its key.

Every draw of the world is a function of (seed, purpose, what it is about), so
asking for one thing never moves another. Streams use `Random.random` alone:
it is the one method whose sequence every Python version promises to keep.
"""

from __future__ import annotations

from enum import IntEnum
from random import Random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_UNIT = 1.0 / (1 << 53)


class Purpose(IntEnum):
    """What a draw is for; each has a stream of its own."""

    SHOW = 1
    EPISODE = 2
    JITTER = 3
    DURATION = 4
    LISTENER = 5
    LIBRARY = 6
    DAY = 7
    LAPSE = 8
    TASTE = 9
    TOMBSTONE = 10
    DEVICE = 11
    ADVERT = 12
    ARTWORK = 13
    IDENTIFIER = 14
    DEFECT = 15
    SHELF = 16


def mixed(seed: int, purpose: int, first: int, second: int = 0) -> int:
    """Return 64 well-mixed bits that depend on the four numbers alone."""
    x = (seed * _GOLDEN + purpose * 0xD1B54A32D192ED03) & _MASK
    x = ((x ^ (x >> 31)) * 0xBF58476D1CE4E5B9 + first) & _MASK
    x = ((x ^ (x >> 29)) * 0x94D049BB133111EB + second * _GOLDEN) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


def share(seed: int, purpose: int, first: int, second: int = 0) -> float:
    """Return a number in [0, 1) that depends on the four numbers alone."""
    return (mixed(seed, purpose, first, second) >> 11) * _UNIT


def stream(seed: int, purpose: int, first: int, second: int = 0) -> Random:
    """Return a generator of its own for the four numbers."""
    return Random(mixed(seed, purpose, first, second))


def bell(rng: Random) -> float:
    """Return a draw from about the standard normal, always within +-4.9."""
    draw = rng.random
    return (draw() + draw() + draw() + draw() + draw() + draw() - 3.0) * 2**0.5


def between(rng: Random, low: float, high: float) -> float:
    """Return an even draw from [low, high)."""
    return low + (high - low) * rng.random()


def one_of(rng: Random, choices: Sequence[T]) -> T:
    """Return an even pick; `choices` is not empty."""
    return choices[int(rng.random() * len(choices))]
