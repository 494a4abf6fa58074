"""The two limits of the real service: a window per app, a quota per developer."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Mapping
from datetime import datetime, timedelta

from simulator.service.draws import between
from simulator.service.reply import Reply, api_error, plain
from simulator.settings import Bucket

WINDOW_S = 30.0
WINDOW_WAIT_S = (1, 4)
QUOTA_PERIOD = timedelta(hours=24)
QUOTA_WAIT_S = (8 * 3600, 15 * 3600)
QUOTA_PENALTY = timedelta(minutes=10)
_PLAIN_TEXT = "Too many requests"


class Window:
    """At most so many calls of one app in any 30 s of wire time.

    Calling on while refused lengthens the wait by a second, up to 4 s.

    Args:
        seed: Start of the draws of how long to wait.
        calls: Accepted in any window; 0 means without end.
    """

    def __init__(self, seed: int, calls: int) -> None:
        self._seed = seed
        self._calls = calls
        self._accepted: dict[str, deque[float]] = defaultdict(deque)
        self._until: dict[str, float] = {}
        self._refusals = 0

    def refuse(self, client_id: str, now_s: float) -> int | None:
        """Count one call; return the seconds to wait when it is refused."""
        until = self._until.get(client_id, 0.0)
        if now_s < until:
            return self.close(client_id, now_s, wait_s=min(until - now_s + 1, WINDOW_WAIT_S[1]))
        if not self._calls:
            return None
        recent = self._accepted[client_id]
        while recent and now_s - recent[0] >= WINDOW_S:
            recent.popleft()
        if len(recent) >= self._calls:
            self._refusals += 1
            wait_s = between(*WINDOW_WAIT_S, self._seed, "window", client_id, self._refusals)
            return self.close(client_id, now_s, wait_s=wait_s)
        recent.append(now_s)
        return None

    def close(self, client_id: str, now_s: float, *, wait_s: float) -> int:
        """Refuse the app for `wait_s` seconds; return them as whole seconds."""
        self._until[client_id] = now_s + wait_s
        return max(math.ceil(wait_s), 1)


class Quota:
    """At most so many calls of one developer and bucket in any 24 h of world time.

    A full bucket is parked for hours, and every further call parks it longer.

    Args:
        seed: Start of the draws of how long to park.
        allowed: Calls accepted in 24 h for each bucket; one without a figure
            has no end.
    """

    def __init__(self, seed: int, allowed: Mapping[Bucket, int]) -> None:
        self._seed = seed
        self._allowed = allowed
        self._accepted: dict[tuple[str, Bucket], deque[datetime]] = defaultdict(deque)
        self._parked: dict[tuple[str, Bucket], datetime] = {}

    def refuse(self, developer: str, bucket: Bucket, at: datetime) -> int | None:
        """Count one call; return the seconds to wait when it is refused."""
        key = (developer, bucket)
        parked = self._parked.get(key)
        if parked is not None and at < parked:
            return self.park(developer, bucket, at, until=parked + QUOTA_PENALTY)
        allowed = self._allowed.get(bucket)
        if allowed is None:
            return None
        recent = self._accepted[key]
        while recent and at - recent[0] >= QUOTA_PERIOD:
            recent.popleft()
        if len(recent) < allowed:
            recent.append(at)
            return None
        frees = recent[0] + QUOTA_PERIOD if recent else at + QUOTA_PERIOD
        drawn_s = between(*QUOTA_WAIT_S, self._seed, "quota", *key, at)
        return self.park(developer, bucket, at, until=max(frees, at + timedelta(seconds=drawn_s)))

    def park(self, developer: str, bucket: Bucket, at: datetime, *, until: datetime) -> int:
        """Refuse a bucket until then, at most 24 h; return whole seconds."""
        until = min(until, at + QUOTA_PERIOD)
        self._parked[developer, bucket] = until
        return max(math.ceil((until - at).total_seconds()), 1)

    def used(self, developer: str, bucket: Bucket, at: datetime) -> int:
        """Return how many calls of the last 24 h were accepted."""
        return sum(at - one < QUOTA_PERIOD for one in self._accepted[developer, bucket])


def window_full(wait_s: int, *, in_plain_text: bool) -> Reply:
    """Return the 429 of a full window; the plain one names no wait."""
    if in_plain_text:
        return plain(429, _PLAIN_TEXT)
    reply = api_error(429, "API rate limit exceeded")
    reply.headers["retry-after"] = str(wait_s)
    return reply


def quota_exceeded(wait_s: int) -> Reply:
    """Return the 429 of a spent quota."""
    reply = api_error(429, "Too many requests", reason="QUOTA_EXCEEDED")
    reply.headers["retry-after"] = str(wait_s)
    return reply
