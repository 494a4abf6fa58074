"""The simulator's own clock: frozen, stepped or run at a rate.

Two times pass here. *World time* is what listeners and publishers live in; it
can be frozen, stepped and accelerated. *Wire time* is what the connection
between client and service lives in: it is never accelerated, so that windows
of 30 or 60 seconds stay what they are, and a step moves it too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

DEFAULT_START = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)


class SimClock:
    """World and wire time over one base of real seconds.

    Args:
        base: Seconds that never go back; only differences mean anything.
        start: World time at construction, aware UTC.
        rate: World seconds in one second of `base`, >= 0.
        frozen: True to let world time stand still until it is stepped.
    """

    def __init__(
        self,
        *,
        base: Callable[[], float] = time.monotonic,
        start: datetime = DEFAULT_START,
        rate: float = 1.0,
        frozen: bool = False,
    ) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be an aware UTC datetime")
        self._base = base
        self._origin_s = base()
        self._anchor_s = self._origin_s
        self._anchor = start
        self._rate = _checked_rate(rate)
        self._frozen = frozen
        self._stepped_s = 0.0

    @property
    def frozen(self) -> bool:
        """True while world time moves by steps alone."""
        return self._frozen

    @property
    def rate(self) -> float:
        """World seconds in one second of the base."""
        return self._rate

    def now(self) -> datetime:
        """Return world time as an aware UTC datetime."""
        if self._frozen:
            return self._anchor
        return self._anchor + timedelta(seconds=(self._base() - self._anchor_s) * self._rate)

    def wire_s(self) -> float:
        """Return seconds on the wire since construction: real ones and steps."""
        return self._base() - self._origin_s + self._stepped_s

    def step(self, seconds: float) -> None:
        """Move both times forward at once.

        Args:
            seconds: How far, >= 0; time never goes back.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError("time never goes back: step_s must be 0 or more")
        self._settle()
        self._anchor += timedelta(seconds=seconds)
        self._stepped_s += seconds

    def freeze(self, frozen: bool = True) -> None:  # noqa: FBT001, FBT002 - the word says it
        """Stop world time where it is, or let it go on from there."""
        self._settle()
        self._frozen = frozen

    def run_at(self, rate: float) -> None:
        """Go on from here at `rate` world seconds a second.

        Raises:
            ValueError: `rate` is negative or not finite.
        """
        checked = _checked_rate(rate)
        self._settle()
        self._rate = checked

    def _settle(self) -> None:
        """Make the present instant the anchor, so that a change has no past."""
        self._anchor, self._anchor_s = self.now(), self._base()


def _checked_rate(rate: float) -> float:
    """Return `rate` when time can run at it."""
    if not 0 <= rate <= 1e6:  # noqa: PLR2004 - twelve days a second is enough
        raise ValueError("rate must be between 0 and 1000000")
    return rate
