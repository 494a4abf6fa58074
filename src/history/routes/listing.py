"""Endpoints that list events."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from src.auth import SessionDep, UserDep, require_scope
from src.history import listing
from src.history.listing_schemas import EventDetail, HistoryEvent
from src.history.queries.listing import Place, found
from src.history.routes.asking import EventsAsked, zone_of
from src.schemas import Page
from src.utils.cursor import CursorInvalid, CursorKey

router = APIRouter(
    prefix="/api/history", tags=["history"], dependencies=[Depends(require_scope("read"))]
)


@router.get("")
async def list_events(
    request: Request,
    session: SessionDep,
    user: UserDep,
    asked: Annotated[EventsAsked, Query()],
) -> Page[HistoryEvent]:
    """List what you heard, the latest end first; every figure's `query` is one of this list.

    Days and hours are of your time zone. Events count where they end; with `overlaps` those
    that go on over the borders of the time are listed too, with their share of milliseconds.
    Follow `next_cursor` until it is null.
    """
    zone = zone_of(user)
    key = CursorKey(request.app.state.runtime.vault.derive("cursor"))
    after: Place | None = None
    if asked.cursor is not None:
        place = key.decode(asked.cursor, user_id=user.id, query=asked.listing(zone))
        if len(place) != 2:  # noqa: PLR2004 - end and id
            raise CursorInvalid
        after = int(place[0]), str(place[1])
    episodes = await found(session, user_id=user.id, words=asked.q) if asked.q else None
    items, last = await listing.page(
        session,
        user_id=user.id,
        events=asked.events(zone, episodes=episodes),
        after=after,
        limit=asked.limit,
    )
    cursor = None
    if last is not None:
        cursor = key.encode(last, user_id=user.id, query=asked.listing(zone))
    return Page(items=items, next_cursor=cursor)


@router.get("/events/{event_id}")
async def get_event(session: SessionDep, user: UserDep, event_id: UUID) -> EventDetail:
    """Look into one event: which sources tell of it, and which rule made them one."""
    return await listing.look_into(session, user_id=user.id, event_id=event_id)
