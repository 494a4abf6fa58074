"""Endpoints that start a sync, tell how it gets on, and set its schedule."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from src.auth import SessionDep, UserDep, require_scope
from src.schemas import Page
from src.spotify import scheduling, sync_stream
from src.spotify.models import SyncSchedule
from src.spotify.queries import sync as queries
from src.spotify.routes.connection import SpotifyDep
from src.spotify.service import Spotify
from src.spotify.sync_schemas import RunReply, ScheduleChange, ScheduleReply, StatusReply
from src.spotify.sync_stream import Listener, SignedOut, Streams
from src.utils.cursor import CursorInvalid, CursorKey

router = APIRouter(prefix="/api/spotify/sync", tags=["sync"])
_read = Depends(require_scope("read"))
_sync = Depends(require_scope("sync"))

Cursor = Annotated[str | None, Query(max_length=600, description="`next_cursor` of the last page")]
Limit = Annotated[int, Query(ge=1, le=200)]
_QUERY = "sync_runs"


@router.post("", status_code=202, dependencies=[_sync])
async def start(user: UserDep, spotify: SpotifyDep) -> RunReply:
    """Sync now, paused or not. While a sync waits or runs, that one is returned.

    It begins as soon as a place is free; while Spotify's daily quota is used up, when the
    quota allows.
    """
    async with spotify.runtime.database.transaction(user.id) as session:
        run = await scheduling.request_run(spotify.runtime, session, user_id=user.id)
        reply = RunReply.model_validate(run)
    spotify.bell.ring()
    return reply


@router.get("/status", dependencies=[_read])
async def status(session: SessionDep, user: UserDep, spotify: SpotifyDep) -> StatusReply:
    """Return the schedule, and the current or else the last run."""
    run = await queries.current_run(session, user_id=user.id)
    schedule = await queries.schedule_of(session, user_id=user.id)
    return StatusReply(
        schedule=None if schedule is None else _schedule(schedule, spotify),
        run=None if run is None else RunReply.model_validate(run),
    )


@router.get("/runs", dependencies=[_read])
async def list_runs(
    request: Request,
    session: SessionDep,
    user: UserDep,
    *,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[RunReply]:
    """List your syncs and their reports, newest first. Follow `next_cursor` until it is null."""
    key = CursorKey(request.app.state.runtime.vault.derive("cursor"))
    before = None if cursor is None else _place(key.decode(cursor, user_id=user.id, query=_QUERY))
    rows = await queries.runs(session, user_id=user.id, before=before, limit=limit + 1)
    shown = rows[:limit]
    next_cursor = None
    if len(rows) > limit:
        last = shown[-1]
        place = [last.created_at.isoformat(), str(last.id)]
        next_cursor = key.encode(place, user_id=user.id, query=_QUERY)
    return Page(items=[RunReply.model_validate(row) for row in shown], next_cursor=next_cursor)


def _place(payload: list[str | int]) -> tuple[datetime, UUID]:
    try:
        created_at, run_id = payload
        return datetime.fromisoformat(str(created_at)), UUID(str(run_id))
    except ValueError as error:
        raise CursorInvalid from error


async def one_stream(request: Request, user: UserDep) -> AsyncIterator[asyncio.Event]:
    """Hold a place among the open streams until the reply has ended; it is nudged by the event.

    Raises:
        TooManyStreams: There is none; decided before the stream begins.
    """
    streams: Streams = request.app.state.sync_streams
    with streams.enter(user.id) as nudged:
        yield nudged


@router.get("/events", response_class=EventSourceResponse, dependencies=[_read])
async def events(
    request: Request,
    user: UserDep,
    nudged: Annotated[asyncio.Event, Depends(one_stream)],
    spotify: SpotifyDep,
) -> AsyncIterator[ServerSentEvent]:
    """Stream the current run: an event `progress` with each change, while you are signed in.

    `signed_out` is the last event once you are not. A stream lasts ten minutes at most.
    """
    listener = Listener(user_id=user.id, session_id=user.session_id, token_id=user.token_id)
    stopping = request.app.state.stopping
    async for told in sync_stream.follow(
        spotify.runtime, listener, stopping=stopping, nudged=nudged
    ):
        if isinstance(told, SignedOut):
            yield ServerSentEvent(event="signed_out", data={})
        else:
            yield ServerSentEvent(event="progress", data=RunReply.model_validate(told))


@router.get("/schedule", dependencies=[_read])
async def get_schedule(session: SessionDep, user: UserDep, spotify: SpotifyDep) -> ScheduleReply:
    """Return when the next sync is due, and why then."""
    return _schedule(await scheduling.schedule_of(session, user_id=user.id), spotify)


@router.put("/schedule", dependencies=[_sync])
async def put_schedule(change: ScheduleChange, user: UserDep, spotify: SpotifyDep) -> ScheduleReply:
    """Set your own interval (hours, null for the installation's), and pause or resume."""
    async with spotify.runtime.database.transaction(user.id) as session:
        schedule = await scheduling.set_schedule(
            spotify.runtime,
            session,
            user_id=user.id,
            interval_hours=change.interval_hours,
            paused=change.paused,
            default_hours=spotify.settings.sync_interval_hours,
        )
        reply = _schedule(schedule, spotify)
    spotify.bell.ring()
    return reply


def _schedule(row: SyncSchedule, spotify: Spotify) -> ScheduleReply:
    now = spotify.runtime.clock.now()
    parked = [quota.parked_until for quota in row.quotas if quota.parked_until > now]
    due = row.active and (row.requested or not row.paused)
    return ScheduleReply(
        interval_hours=row.interval_hours,
        default_interval_hours=spotify.settings.sync_interval_hours,
        paused=row.paused,
        active=row.active,
        next_sync_at=max([row.next_sync_at, *parked]) if due else None,
        parked_until=max(parked, default=None),
        last_started_at=row.last_started_at,
        last_ok_at=row.last_ok_at,
        failures=row.failures,
    )
