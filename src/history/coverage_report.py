"""Coverage told to a person: days by class, and gaps with their causes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

from src.database import Session
from src.history.coverage import Known, Span, calendar, seconds_of, sweep
from src.history.coverage_schemas import (
    Cause,
    CoverageReply,
    CoveredBy,
    CoveredDay,
    Gap,
    Seconds,
)
from src.history.figures import instant
from src.history.queries import coverage as queries
from src.history.queries.coverage import TellsOf
from src.spotify.models import ConnectionState, Outcome
from src.spotify.outcomes import GOT_THROUGH
from src.spotify.queries.connection import connection_of
from src.utils.types import UserId

HOUR_S = 3600

_LAPSED = {Outcome.CONSENT_EXPIRED, Outcome.RECONNECT_NEEDED}


@dataclass(frozen=True, slots=True)
class Reasons:
    """What may explain that nothing is known of a time. Instants are UTC epoch seconds.

    Attributes:
        now_s: The present hour.
        connected_s: Since when Spotify is connected, or None.
        is_read: Whether it is read at present.
        told: Causes that runs told of, with their times.
        outcomes: When syncs ended, and how, in order.
    """

    now_s: int
    connected_s: int | None = None
    is_read: bool = False
    told: Sequence[tuple[int, int, Cause]] = ()
    outcomes: Sequence[tuple[int, Outcome]] = ()

    def of(self, from_s: int, to_s: int) -> Iterable[tuple[int, int, Cause]]:
        """Yield the parts of a gap, each with its cause, side by side."""
        cuts = {from_s, to_s}
        for border in (self.connected_s, *(one for span in self.told for one in span[:2])):
            if border is not None and from_s < border < to_s:
                cuts.add(border)
        parts: list[tuple[int, int, Cause]] = []
        for begins_s, ends_s in pairwise(sorted(cuts)):
            cause = self._cause(begins_s, ends_s)
            if parts and parts[-1][2] is cause:
                parts[-1] = (parts[-1][0], ends_s, cause)
            else:
                parts.append((begins_s, ends_s, cause))
        return parts

    def _cause(self, from_s: int, to_s: int) -> Cause:
        for begins_s, ends_s, cause in self.told:
            if begins_s <= from_s and to_s <= ends_s:
                return cause
        if self.connected_s is None or to_s <= self.connected_s:
            return Cause.NEVER_CONNECTED
        outcomes = {outcome for at_s, outcome in self.outcomes if from_s <= at_s < to_s}
        if outcomes & _LAPSED:
            return Cause.CONSENT_LAPSED
        if Outcome.QUOTA_PARKED in outcomes:
            return Cause.QUOTA_PARKED
        if outcomes - GOT_THROUGH:
            return Cause.ERROR
        is_last = self.is_read and to_s >= self.now_s
        return Cause.NOT_READ_YET if is_last else Cause.NOT_RECORDED

    def only_export(self, to_s: int) -> bool:
        """Whether the next sync cannot tell of a gap that ends at `to_s`."""
        return not (self.is_read and to_s >= self.now_s)


async def coverage(
    session: Session, *, user_id: UserId, zone: ZoneInfo, from_s: int, to_s: int, now_s: int
) -> CoverageReply:
    """Return what is known of a time.

    Args:
        session: Opened for `user_id`.
        user_id: Whose.
        zone: Whose days.
        from_s: First second, UTC epoch.
        to_s: First second after it, UTC epoch.
        now_s: The present, UTC epoch.
    """
    spans = await swept_of(session, user_id=user_id, from_s=from_s, to_s=to_s)
    told = await queries.told_of(session, user_id=user_id, from_s=from_s, to_s=to_s)
    reasons = await _reasons(
        session, user_id=user_id, from_s=from_s, to_s=to_s, now_s=now_s, told=told
    )
    return CoverageReply(
        zone=zone.key,
        from_at=instant(from_s),
        to_at=instant(max(from_s, to_s)),
        seconds=seconds_told(seconds_of(spans)),
        days=[
            CoveredDay(day=day.day, known=mostly(day.seconds), seconds=seconds_told(day.seconds))
            for day in calendar(spans, zone=zone)
        ],
        gaps=[
            Gap(
                from_at=instant(begins_s),
                to_at=instant(ends_s),
                seconds=ends_s - begins_s,
                cause=cause,
                only_export=reasons.only_export(ends_s),
            )
            for span in spans
            if span.known is Known.NONE
            for begins_s, ends_s, cause in reasons.of(span.from_s, span.to_s)
        ],
        sources=[_source(one) for one in told if one.known != Known.NONE],
    )


async def swept_of(session: Session, *, user_id: UserId, from_s: int, to_s: int) -> list[Span]:
    """Return a time as spans side by side, each with what is known of it."""
    found = await queries.covered(session, user_id=user_id, from_s=from_s, to_s=to_s)
    spans = (Span(one.from_s, one.to_s, Known(one.known)) for one in found)
    return sweep(spans, from_s=from_s, to_s=to_s)


def mostly(seconds: Mapping[Known, int]) -> Known:
    """Return the class of most seconds, of two that have as many the better one."""
    if len(seconds) == 1:
        return next(iter(seconds))
    return max(Known, key=lambda known: seconds.get(known, 0))


def seconds_told(seconds: Mapping[Known, int]) -> Seconds:
    """Return seconds by class, those that miss as 0."""
    return Seconds.model_validate({known.value: seconds.get(known, 0) for known in Known})


async def _reasons(
    session: Session,
    *,
    user_id: UserId,
    from_s: int,
    to_s: int,
    now_s: int,
    told: Iterable[TellsOf],
) -> Reasons:
    connection = await connection_of(session, user_id=user_id)
    ended = await queries.sync_outcomes(
        session, user_id=user_id, since=instant(from_s), until=instant(max(from_s, to_s))
    )
    return Reasons(
        now_s=now_s // HOUR_S * HOUR_S,
        connected_s=None if connection is None else int(connection.connected_at.timestamp()),
        is_read=connection is not None and connection.state == ConnectionState.ACTIVE,
        told=[
            (one.from_s, one.to_s, Cause(one.cause))
            for one in told
            if one.cause is not None and one.cause in set(Cause)
        ],
        outcomes=[(int(at.timestamp()), outcome) for at, outcome in ended],
    )


def _source(one: TellsOf) -> CoveredBy:
    return CoveredBy(
        run_id=one.run_id,
        kind=one.kind,
        name=one.name,
        from_at=instant(one.from_s),
        to_at=instant(one.to_s),
        known=Known(one.known),
        asked=one.asked,
        read=one.read,
    )
