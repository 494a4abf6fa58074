"""Browsers that somebody signed in with before, known by a signed cookie.

The mark frees its own user from the slowing down that guessing by others brings
about, and from nothing else. It names nobody and is kept nowhere.
"""

import hmac
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from src.runtime import Runtime

DEVICE_LASTS = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Devices:
    """Makes and recognises the marks of one installation."""

    runtime: Runtime

    def mark(self, name: str) -> str:
        """Return the mark for a browser that `name` (canonical) has just signed in with."""
        ends_at = int((self.runtime.clock.now() + DEVICE_LASTS).timestamp())
        return f"{ends_at}.{self._signature(name, ends_at)}"

    def knows(self, name: str, mark: str | None) -> bool:
        """Tell whether `mark` was given for `name` here within the last 180 days."""
        text, _, signature = (mark or "").partition(".")
        if not text.isascii() or not text.isdecimal() or len(text) > len("99999999999"):
            return False
        ends_at = int(text)
        if ends_at <= self.runtime.clock.now().timestamp():
            return False
        expected = self._signature(name, ends_at)
        return hmac.compare_digest(signature.encode("utf-8"), expected.encode("ascii"))

    def _signature(self, name: str, ends_at: int) -> str:
        secret = self.runtime.vault.derive("device")
        return hmac.new(secret, f"{ends_at}\0{name}".encode(), sha256).hexdigest()
