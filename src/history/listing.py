"""Lists of events, and one event looked into."""

from itertools import groupby
from uuid import UUID

from src.database import Session
from src.errors import NotFound
from src.history.figures import Fields, instant
from src.history.listing_schemas import (
    EventDetail,
    EventSource,
    HistoryEvent,
    RunName,
)
from src.history.merge.event import Role
from src.history.observations import Observation, Source
from src.history.queries import listing as queries
from src.history.queries.filters import Events
from src.history.queries.listing import Listed, Place, Told
from src.history.queries.raw import Uuids
from src.history.shares import share_ms
from src.utils.types import UserId


async def page(
    session: Session, *, user_id: UserId, events: Events, after: Place | None, limit: int
) -> tuple[list[HistoryEvent], Place | None]:
    """Return one page of events, the one that ended last first, and the place to go on from.

    Args:
        session: Opened for `user_id`.
        user_id: Owner; no row of anyone else is returned.
        events: Which of them.
        after: Place of the last one already seen.
        limit: Events at most, 1 or more.
    """
    rows = await queries.page(session, user_id=user_id, events=events, after=after, limit=limit + 1)
    shown = rows[:limit]
    place = None
    if len(rows) > limit:
        place = shown[-1].ended_s, Uuids.read(shown[-1].id).hex
    return [_reply(row, events) for row in shown], place


async def look_into(session: Session, *, user_id: UserId, event_id: UUID) -> EventDetail:
    """Return one of the user's events with what its sources said.

    Raises:
        NotFound: The user has no such event.
    """
    row = await queries.event(session, user_id=user_id, event_id=event_id)
    if row is None:
        raise NotFound("There is no such event in your history.")
    told = await queries.told(session, user_id=user_id, event=row)
    by_observation = (list(same) for _, same in groupby(told, key=lambda one: one.id))
    sources = [_source(same) for same in by_observation]
    return EventDetail.model_validate({**_fields(row), "sources": sources})


def _reply(row: Listed, events: Events) -> HistoryEvent:
    fields = _fields(row)
    if events.overlaps:
        from_s = row.began_s if events.from_s is None else events.from_s
        to_s = row.ended_s + 1 if events.to_s is None else events.to_s
        fields["share_ms"] = share_ms(row.began_s, row.ended_s, row.ms, from_s=from_s, to_s=to_s)
        fields["counted"] = from_s <= row.ended_s < to_s
    return HistoryEvent.model_validate(fields)


def _fields(row: Listed) -> Fields:
    show = None
    if row.show_ref is not None:
        show = {"id": row.show_ref, "name": row.show or "", "spotify_id": row.show_id}
    return {
        "id": row.id,
        "episode": {
            "id": row.episode_ref,
            "name": row.episode or "",
            "spotify_id": row.episode_id,
            "duration_ms": row.length_ms,
        },
        "show": show,
        "began_at": instant(row.began_s),
        "ended_at": instant(row.ended_s),
        "earliest_at": instant(row.earliest_s),
        "latest_at": instant(row.latest_s),
        "ms": row.ms,
        "share_ms": row.ms,
        "counted": True,
        "certainty": row.certainty,
        "rule": row.rule,
        "source": row.source,
        "doubtful": row.doubtful,
        "at_least": row.at_least,
        "clamped": row.clamped,
        "hidden": row.hidden,
    }


def _source(same: list[Told]) -> EventSource:
    one = same[0]
    observation = Observation(
        source=Source(one.source),
        episode=one.identity,
        ended_s=one.ended_s,
        began_s=one.began_s,
        ms=one.ms,
        n=one.n,
    )
    return EventSource(
        key=observation.key,
        source=observation.source,
        role=Role(one.role),
        began_at=instant(one.began_s),
        ended_at=instant(one.ended_s),
        ms=one.ms,
        n=one.n,
        position_ms=one.position_ms,
        runs=[
            RunName(id=Uuids.read(run.run_id), kind=run.run_kind or "", name=run.run_name or "")
            for run in same
            if run.run_id is not None
        ],
    )
