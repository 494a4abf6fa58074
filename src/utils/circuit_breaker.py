"""Stop calling a service that is down, and find out with one call when it is back.

Every process decides for itself. A shared hint may make it rest earlier, never longer than its
own longest rest.
"""

import math
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Literal, NoReturn, TypedDict

from src.errors import PlayheadError
from src.utils.clock import Clock, SystemClock
from src.utils.entropy import Entropy, SystemEntropy

_LARGEST_EXPONENT = 16  # beyond it the longest rest has long been reached
_SAME_HINT_S = 1.0  # a remaining time is read anew each time; its end wanders by the round trip
_REMEMBERED_CALLS = 2000  # bounds memory; the window decides long before


class BreakerOpen(PlayheadError):
    """The service has been failing, and the call was not made."""

    status = 503
    code = "breaker_open"
    title = "Service resting"

    def __init__(self, name: str, *, retry_after_s: float) -> None:
        """Say which service rests.

        Args:
            name: Name of the breaker.
            retry_after_s: Seconds after which a call may be let through.
        """
        super().__init__(
            f"{name} has been failing and is left alone for a moment. Nothing was called.",
            retry_after_s=retry_after_s,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakerPolicy:
    """When a breaker opens, and for how long. Durations in seconds."""

    window_s: float = 30.0
    least_calls: int = 10
    failure_share: float = 0.5
    rest_s: float = 15.0
    longest_rest_s: float = 60.0
    jitter_share: float = 0.2
    probe_lapses_s: float = 35.0
    """Longer than any attempt may take: a probe that never reports is given up after it."""


class BreakerStats(TypedDict):
    """What a breaker knows of itself; counts of calls are those of the window."""

    name: str
    state: Literal["closed", "open", "half_open"]
    calls: int
    failures: int
    failure_rate: float
    rejected: int
    consecutive_trips: int
    retry_after_s: float


class Verdict(Enum):
    """What a call proved about the service."""

    NEUTRAL = "neutral"
    ANSWERED = "answered"
    FAILED = "failed"


class Permit:
    """Leave to make one call, and the slot for what it proved; neutral until told otherwise."""

    def __init__(self, breaker: "CircuitBreaker", epoch: int) -> None:
        self._breaker = breaker
        self.epoch = epoch
        self.verdict = Verdict.NEUTRAL

    def failed(self) -> None:
        """The service failed: timeout, no connection, 5xx, a body that is cut or no JSON."""
        self.verdict = Verdict.FAILED

    def answered(self) -> None:
        """The service answered, be it with a refusal such as 401, 404 or 429."""
        self.verdict = Verdict.ANSWERED

    def still_current(self) -> bool:
        """Whether the leave still holds; ask just before the wire, after any wait."""
        return self._breaker.holds(self.epoch)


class CircuitBreaker:
    """Guards the calls to one service. Belongs to one event loop.

    Entering and leaving `guard` never wait, so the state needs no lock.
    """

    def __init__(
        self, name: str, *, clock: Clock, entropy: Entropy, policy: BreakerPolicy | None = None
    ) -> None:
        """Start closed.

        Args:
            name: Of the service, for messages and figures.
            clock: Monotonic time.
            entropy: Spreads rests, so that processes do not return together.
            policy: When to open and for how long.
        """
        self.name = name
        self._clock = clock
        self._entropy = entropy
        self._policy = policy or BreakerPolicy()
        self._outcomes: deque[tuple[float, bool]] = deque(maxlen=_REMEMBERED_CALLS)
        # Each trip, probe and recovery begins an epoch; a verdict counts only in its own, so
        # stragglers from before neither close nor open anything.
        self._epoch = 0
        self._rests_until_s: float | None = None  # None is closed
        self._probed_until_s = -math.inf
        self._trips = 0
        self._rejected = 0
        self._hint_ends_s = -math.inf

    @asynccontextmanager
    async def guard(self) -> AsyncIterator[Permit]:
        """Surround one call; its permit takes the verdict.

        An exception alone decides nothing: a refused budget or a cancelled task says nothing
        about the service.

        Raises:
            BreakerOpen: The service rests, or another call is trying it out.
        """
        permit = self._admit()
        try:
            yield permit
        finally:
            self._settle(permit)

    def holds(self, epoch: int) -> bool:
        """Whether a call admitted in `epoch` may still be made."""
        if epoch != self._epoch:
            return False
        return self._rests_until_s is None or self._clock.monotonic() < self._probed_until_s

    def rest_until(self, monotonic_s: float) -> bool:
        """Take another process's word that the service is down until `monotonic_s`.

        The rest never exceeds this breaker's own longest, and one hint is taken once only: a
        hint that got stuck costs one rest and locks nobody out. It never shortens a rest, and a
        probe under way knows better.

        Args:
            monotonic_s: Instant of this breaker's monotonic clock.

        Returns:
            Whether the breaker rests because of it.
        """
        now_s = self._clock.monotonic()
        if monotonic_s <= max(now_s, self._hint_ends_s + _SAME_HINT_S):
            return False
        self._hint_ends_s = monotonic_s
        until_s = min(monotonic_s, now_s + self._policy.longest_rest_s)
        if now_s < self._probed_until_s or until_s <= (self._rests_until_s or -math.inf):
            return False
        self._begin(rests_until_s=until_s)
        return True

    def get_stats(self) -> BreakerStats:
        """Return the state and the figures of the window, as of now."""
        self._forget_old()
        now_s = self._clock.monotonic()
        calls, failures = self._counts()
        state: Literal["closed", "open", "half_open"] = "closed"
        retry_after_s = 0.0
        if self._rests_until_s is not None:
            retry_after_s = max(0.0, self._rests_until_s - now_s)
            state = "open" if retry_after_s else "half_open"
        return BreakerStats(
            name=self.name,
            state=state,
            calls=calls,
            failures=failures,
            failure_rate=failures / calls if calls else 0.0,
            rejected=self._rejected,
            consecutive_trips=self._trips,
            retry_after_s=retry_after_s,
        )

    def _admit(self) -> Permit:
        if self._rests_until_s is None:
            return Permit(self, self._epoch)
        now_s = self._clock.monotonic()
        if now_s < self._rests_until_s:
            self._refuse(self._rests_until_s - now_s)
        if now_s < self._probed_until_s:
            self._refuse(min(self._probed_until_s - now_s, self._policy.rest_s))
        self._epoch += 1
        self._probed_until_s = now_s + self._policy.probe_lapses_s
        return Permit(self, self._epoch)

    def _refuse(self, retry_after_s: float) -> NoReturn:
        self._rejected += 1
        raise BreakerOpen(self.name, retry_after_s=retry_after_s)

    def _settle(self, permit: Permit) -> None:
        if permit.epoch != self._epoch:
            return
        if self._rests_until_s is not None:
            self._settle_probe(permit.verdict)
        elif permit.verdict is not Verdict.NEUTRAL:
            self._outcomes.append((self._clock.monotonic(), permit.verdict is Verdict.FAILED))
            if permit.verdict is Verdict.FAILED and self._too_many_failed():
                self._trip()

    def _settle_probe(self, verdict: Verdict) -> None:
        if verdict is Verdict.FAILED:
            self._trip()
        elif verdict is Verdict.ANSWERED:
            self._trips = 0
            self._begin(rests_until_s=None)
        else:
            self._probed_until_s = -math.inf

    def _too_many_failed(self) -> bool:
        self._forget_old()
        calls, failures = self._counts()
        policy = self._policy
        return calls >= policy.least_calls and failures >= policy.failure_share * calls

    def _trip(self) -> None:
        policy = self._policy
        doubled_s = policy.rest_s * 2.0 ** min(self._trips, _LARGEST_EXPONENT)
        spread = self._entropy.uniform(1 - policy.jitter_share, 1 + policy.jitter_share)
        self._trips += 1
        rest_s = min(doubled_s, policy.longest_rest_s) * spread
        self._begin(rests_until_s=self._clock.monotonic() + rest_s)

    def _begin(self, *, rests_until_s: float | None) -> None:
        self._epoch += 1
        self._rests_until_s = rests_until_s
        self._probed_until_s = -math.inf
        self._outcomes.clear()

    def _forget_old(self) -> None:
        oldest_s = self._clock.monotonic() - self._policy.window_s
        while self._outcomes and self._outcomes[0][0] <= oldest_s:
            self._outcomes.popleft()

    def _counts(self) -> tuple[int, int]:
        return len(self._outcomes), sum(failed for _, failed in self._outcomes)


class BreakerRegistry:
    """The breakers of a process, by name."""

    def __init__(self, clock: Clock, entropy: Entropy, *, limit: int | None = None) -> None:
        """Start empty.

        Args:
            clock: Handed to every breaker.
            entropy: Handed to every breaker.
            limit: Most breakers kept, for names that come from outside such as feed hosts: the
                one asked for longest ago is forgotten. None keeps all.
        """
        self._clock = clock
        self._entropy = entropy
        self._limit = limit
        self._breakers: OrderedDict[str, CircuitBreaker] = OrderedDict()

    def get(self, name: str) -> CircuitBreaker:
        """Return the breaker called `name`, made at the first call."""
        breaker = self._breakers.get(name)
        if breaker is None:
            breaker = CircuitBreaker(name, clock=self._clock, entropy=self._entropy)
            self._breakers[name] = breaker
        self._breakers.move_to_end(name)
        if self._limit is not None and len(self._breakers) > self._limit:
            self._breakers.popitem(last=False)
        return breaker

    def stats(self) -> list[BreakerStats]:
        """Return the figures of every breaker, by name."""
        return [self._breakers[name].get_stats() for name in sorted(self._breakers)]


class _Process:
    registry: BreakerRegistry | None = None


def use_registry(registry: BreakerRegistry | None) -> None:
    """Let `get_circuit_breaker` serve from `registry`; None forgets the one in use."""
    _Process.registry = registry


def get_circuit_breaker(name: str) -> CircuitBreaker:
    """Return this process's breaker called `name`, such as `spotify_api`.

    Without `use_registry` one on the machine's own clock is made.
    """
    if _Process.registry is None:
        _Process.registry = BreakerRegistry(SystemClock(), SystemEntropy())
    return _Process.registry.get(name)
