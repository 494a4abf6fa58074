"""When a call may go out: the limiter, primed with what earlier processes sent."""

import asyncio
from datetime import timedelta

from src.cost_tracking import ledger
from src.cost_tracking.prices import Service
from src.runtime import Runtime
from src.spotify.calls import Call
from src.spotify.errors import SpotifyBusy
from src.spotify.quota import Quota
from src.utils.rate_limit import SPOTIFY_WINDOWS, Limiter, LimiterBusy, MemoryLimiter

INTERACTIVE_S = 10.0
"""Longest wait for a turn, in seconds, while a person waits."""

BACKGROUND_S = 2.0
"""How far ahead background work reserves turns, in seconds: a click waits no longer for it."""


LONGEST_REST_S = 30.0
"""Longest rest, in seconds: after one window of Spotify's there is room again."""


def windows(calls_per_minute: int) -> list[tuple[int, float]]:
    """Return the limiter's windows: `calls_per_minute` (1 to 180), and no more in a burst."""
    return [(min(calls, calls_per_minute), window_s) for calls, window_s in SPOTIFY_WINDOWS]


class Pace:
    """Hands out turns to this process's calls to the Web API."""

    def __init__(self, runtime: Runtime, *, quota: Quota, calls_per_minute: int) -> None:
        """Count nothing yet; the first turn looks up what was sent in the last minute.

        Args:
            runtime: Clock and the database of the ledger.
            quota: Knows of calls that a killed process had under way.
            calls_per_minute: Most calls in any minute, 1 to 180.
        """
        self._runtime = runtime
        self._quota = quota
        self._windows = windows(calls_per_minute)
        self._limiter: Limiter | None = None
        self._rest_until_s = 0.0
        self._priming = asyncio.Lock()

    async def turn(self, call: Call) -> None:
        """Return when `call` may go out, now.

        Background work that would have to wait longer than it may reserve waits
        without a reservation and then asks again, so that clicks go first.

        Raises:
            SpotifyBusy: A person would wait too long, or the call's deadline comes first.
        """
        limiter = self._limiter or await self._primed()
        await self._rested(call)
        await self._slot(limiter, call)
        while self._rest_left_s > 0:  # it began while the call waited for its slot
            await self._rested(call)
            await self._slot(limiter, call)

    def rest(self, seconds: float) -> None:
        """Give nobody a turn for `seconds`, 30 at most: Spotify asked one call to slow down.

        The window is that of all calls together, so that the next would meet the same.
        """
        until_s = self._runtime.clock.monotonic() + min(seconds, LONGEST_REST_S)
        self._rest_until_s = max(self._rest_until_s, until_s)

    @property
    def _rest_left_s(self) -> float:
        return self._rest_until_s - self._runtime.clock.monotonic()

    async def _rested(self, call: Call) -> None:
        clock = self._runtime.clock
        while (rest_s := self._rest_left_s) > 0:
            left_s = call.deadline - clock.monotonic()
            if rest_s >= left_s or (call.interactive and rest_s > INTERACTIVE_S):
                raise SpotifyBusy(retry_after_s=rest_s)
            await clock.sleep(rest_s)

    async def _slot(self, limiter: Limiter, call: Call) -> None:
        clock = self._runtime.clock
        ceiling_s = INTERACTIVE_S if call.interactive else BACKGROUND_S
        while True:
            left_s = call.deadline - clock.monotonic()
            try:
                await limiter.acquire(
                    max_wait_s=max(0.0, min(ceiling_s, left_s)), user=call.user_id
                )
            except LimiterBusy as error:
                wait_s = max(0.1, (error.retry_after_s or 0.0) - BACKGROUND_S)
                if call.interactive or wait_s >= left_s:
                    raise SpotifyBusy(retry_after_s=error.retry_after_s) from error
                await clock.sleep(wait_s)
            else:
                return

    async def _primed(self) -> Limiter:
        """Make the limiter and count in it what was sent just before.

        The ledger tells when; of calls under way when a process was killed there is no
        more than their count, so that they are taken for just sent.
        """
        async with self._priming:
            if self._limiter is None:
                limiter = MemoryLimiter(self._windows, clock=self._runtime.clock)
                calls, window_s = self._windows[0]
                now = self._runtime.clock.now()
                since = now - timedelta(seconds=window_s)
                sent = await ledger.sent_since(
                    self._runtime.database, Service.SPOTIFY_API, since=since, limit=calls
                )
                lost = await self._quota.unrecorded(since)
                limiter.prime([*((now - at).total_seconds() for at in sent), *[0.0] * lost])
                self._limiter = limiter
        return self._limiter
