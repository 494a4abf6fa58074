"""How a run ended, in words, and when the next one is due; pure but for the jitter."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from src.crypto import KeyMissing
from src.errors import PlayheadError
from src.spotify.errors import (
    CallCapReached,
    NotAllowed,
    NotConnected,
    PremiumLapsed,
    QuotaExhausted,
    ReconnectNeeded,
    ScopeMissing,
    SpotifyBusy,
    SpotifyNotFound,
    Transient,
)
from src.spotify.models import Outcome
from src.utils.circuit_breaker import BreakerOpen
from src.utils.entropy import Entropy

_BY_ERROR: tuple[tuple[type[PlayheadError], Outcome], ...] = (
    (CallCapReached, Outcome.CALL_CAP_REACHED),
    (QuotaExhausted, Outcome.QUOTA_PARKED),
    (SpotifyBusy, Outcome.SPOTIFY_BUSY),
    (BreakerOpen, Outcome.BREAKER_OPEN),
    (Transient, Outcome.UNREACHABLE),
    (SpotifyNotFound, Outcome.UNREACHABLE),
    (ReconnectNeeded, Outcome.RECONNECT_NEEDED),
    (ScopeMissing, Outcome.RECONNECT_NEEDED),
    (NotConnected, Outcome.DISCONNECTED),
    (NotAllowed, Outcome.NOT_ALLOWED),
    (PremiumLapsed, Outcome.PREMIUM_LAPSED),
    (KeyMissing, Outcome.KEY_MISSING),
)

_UNEXPECTED = (
    "Playhead failed in a way it should not have. What was read is kept, and it tries again by "
    "itself; the log says more."
)

GOT_THROUGH = frozenset({Outcome.COMPLETE, Outcome.MORE_TO_DO, Outcome.CALL_CAP_REACHED})
"""Outcomes after which everything is as it should be."""

_LATER = frozenset({Outcome.QUOTA_PARKED, Outcome.SPOTIFY_BUSY, Outcome.BREAKER_OPEN})
# A connection that needs no new sign-in after all was renewed meanwhile, or refused by mistake.
_BACK_OFF = frozenset(
    {Outcome.UNREACHABLE, Outcome.FAILED, Outcome.RECONNECT_NEEDED, Outcome.KEY_MISSING}
)

_FIRST_RETRY_S = 60.0
_LARGEST_EXPONENT = 20


@dataclass(frozen=True, slots=True)
class Ending:
    """The outcome of a run, why in plain words, and the wait somebody asked for, if any."""

    outcome: Outcome
    message: str
    retry_after_s: float | None = None


def ending_of(error: Exception, *, reason: str | None = None) -> Ending:
    """Name what stopped a run.

    Args:
        error: What was raised.
        reason: Why the connection needs a new sign-in, if it does.
    """
    for kind, outcome in _BY_ERROR:
        if isinstance(error, kind):
            expired = outcome is Outcome.RECONNECT_NEEDED and reason == Outcome.CONSENT_EXPIRED
            named = Outcome.CONSENT_EXPIRED if expired else outcome
            return Ending(named, error.message, error.retry_after_s)
    if isinstance(error, PlayheadError):
        return Ending(Outcome.FAILED, error.message, error.retry_after_s)
    return Ending(Outcome.FAILED, _UNEXPECTED)


def ending_of_work(*, newest_pending: int, backfill_pending: int, at_cap: bool) -> Ending:
    """Name how a run ended that did all it had planned.

    Args:
        newest_pending: Shows whose newest episodes are still to be read.
        backfill_pending: Shows whose older episodes are still to be read.
        at_cap: Whether it stopped for want of calls alone.
    """
    if newest_pending:
        outcome = Outcome.CALL_CAP_REACHED if at_cap else Outcome.MORE_TO_DO
        left = _podcasts(newest_pending)
        return Ending(outcome, f"The newest episodes of {left} come with the next syncs.")
    if backfill_pending:
        left = _podcasts(backfill_pending)
        return Ending(
            Outcome.MORE_TO_DO,
            f"Up to date. Older episodes of {left} come with the next syncs.",
        )
    return Ending(Outcome.COMPLETE, "Up to date.")


def _podcasts(count: int) -> str:
    return "1 podcast" if count == 1 else f"{count} podcasts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What the next instant depends on.

    `parked_until` is when the developer account may be used again, `failures` how many
    runs failed in a row before this one; `is_first` spreads users over the interval.
    """

    now: datetime
    interval: timedelta
    failures: int
    is_first: bool
    parked_until: datetime | None


def next_sync_at(ending: Ending, timing: Timing, *, entropy: Entropy) -> datetime:
    """Return when the user's next run is due.

    Normally one interval later, give or take a tenth; at a time of the first interval
    drawn evenly after the first run, so that users who came together part. After what
    passes by itself sooner, but never before the wait that was asked for.
    """
    interval_s = timing.interval.total_seconds()
    if ending.outcome in _LATER:
        asked_s = ending.retry_after_s if ending.retry_after_s is not None else _FIRST_RETRY_S
        parked_s = (timing.parked_until - timing.now).total_seconds() if timing.parked_until else 0
        wait_s = max(asked_s, parked_s, 1.0)
        wait_s += entropy.uniform(0.0, min(300.0, 0.1 * wait_s + 5.0))
    elif ending.outcome in _BACK_OFF:
        doubled_s = _FIRST_RETRY_S * 2.0 ** min(timing.failures, _LARGEST_EXPONENT)
        wait_s = max(doubled_s, ending.retry_after_s or 0.0) * entropy.uniform(1.0, 1.1)
        wait_s = min(interval_s, wait_s)
    elif timing.is_first:
        wait_s = entropy.uniform(0.0, interval_s)
    else:
        wait_s = interval_s * entropy.uniform(0.9, 1.1)
    return timing.now + timedelta(seconds=wait_s)
