"""Randomness as an argument: nothing else in `src` draws a random number."""

import random
import secrets
import uuid
from typing import Protocol


class Entropy(Protocol):
    """Source of secrets, identifiers and jitter; tests hand in a seeded one."""

    def token_bytes(self, count: int) -> bytes:
        """Return `count` unpredictable bytes."""
        ...

    def uniform(self, low: float, high: float) -> float:
        """Return a float between `low` and `high`; for jitter, never for secrets."""
        ...

    def uuid(self) -> uuid.UUID:
        """Return a fresh random (version 4) UUID."""
        ...


class SystemEntropy:
    """The operating system's randomness, for production."""

    def token_bytes(self, count: int) -> bytes:
        """Return `count` bytes fit for secrets."""
        return secrets.token_bytes(count)

    def uniform(self, low: float, high: float) -> float:
        """Return a float between `low` and `high`."""
        return random.SystemRandom().uniform(low, high)

    def uuid(self) -> uuid.UUID:
        """Return a random UUID."""
        return uuid.uuid4()


class SeededEntropy:
    """Repeatable randomness for tests and simulations; never for production secrets."""

    def __init__(self, seed: int | str) -> None:
        """Start the stream that belongs to `seed`."""
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def token_bytes(self, count: int) -> bytes:
        """Return the next `count` bytes of the stream."""
        return self._random.randbytes(count)

    def uniform(self, low: float, high: float) -> float:
        """Return the next float of the stream, between `low` and `high`."""
        return self._random.uniform(low, high)

    def uuid(self) -> uuid.UUID:
        """Return the next UUID of the stream."""
        return uuid.UUID(bytes=self.token_bytes(16), version=4)
