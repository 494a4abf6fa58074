"""How many requests a user's browsers and programs may make in any minute."""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from math import ceil

from src.utils.clock import Clock

PER_MINUTE = 120
_WINDOW_S = 60.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left to one who asked.

    Attributes:
        admitted: Whether this request was counted; one too many is not.
        left: Further requests that would be admitted now.
        next_in_s: Seconds until the oldest request stops counting, 1 or more.
    """

    admitted: bool
    left: int
    next_in_s: int

    def headers(self) -> dict[str, str]:
        """Return the fields that tell programs of it (IETF draft on RateLimit headers)."""
        return {
            "RateLimit-Policy": f'"user";q={PER_MINUTE};w={_WINDOW_S:.0f}',
            "RateLimit": f'"user";r={self.left};t={self.next_in_s}',
        }


class RequestRates:
    """The requests of the last minute in this process, by who made them."""

    def __init__(self, clock: Clock) -> None:
        """Begin with none; time is the clock's monotonic one."""
        self._clock = clock
        self._seen: dict[Hashable, deque[float]] = {}
        self._sweep_at_s = clock.monotonic() + _WINDOW_S

    def ask(self, key: Hashable) -> Allowance:
        """Count one more request of `key`, unless it is one too many."""
        now_s = self._clock.monotonic()
        self._sweep(now_s)
        seen = self._seen.setdefault(key, deque())
        while seen and seen[0] <= now_s - _WINDOW_S:
            seen.popleft()
        admitted = len(seen) < PER_MINUTE
        if admitted:
            seen.append(now_s)
        next_in_s = max(1, ceil(seen[0] + _WINDOW_S - now_s))
        return Allowance(admitted, PER_MINUTE - len(seen), next_in_s)

    def _sweep(self, now_s: float) -> None:
        """Forget once a minute who has not asked since, so that the table does not grow."""
        if now_s < self._sweep_at_s:
            return
        self._sweep_at_s = now_s + _WINDOW_S
        self._seen = {key: seen for key, seen in self._seen.items() if seen[-1] > now_s - _WINDOW_S}
