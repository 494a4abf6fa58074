"""When a user's sync runs: asking for one now, beginning it, and the user's own schedule."""

from datetime import timedelta
from uuid import UUID

from src.cost_tracking import queries as ledger
from src.cost_tracking.prices import Service
from src.database import Session
from src.runtime import Runtime
from src.spotify.config import SpotifySettings
from src.spotify.errors import LeaseLost, NotConnected
from src.spotify.grants import reconnect_needed
from src.spotify.models import ConnectionState, RunState, SyncRun, SyncSchedule, Trigger
from src.spotify.queries import sync as queries
from src.spotify.run_state import LEASE_S
from src.spotify.service import Spotify
from src.utils.types import UserId

_CONNECTING_CALLS = 1  # the profile, read while connecting, is part of the first sync's price
_DAY = timedelta(hours=24)


async def request_run(runtime: Runtime, session: Session, *, user_id: UserId) -> SyncRun:
    """Ask for a sync now, paused or not, in the caller's transaction; ring the bell after it.

    Idempotent: while a run waits or is under way, that one is returned.

    Raises:
        NotConnected: The user has no connection.
        ReconnectNeeded: The connection needs a new sign-in first.
    """
    now = runtime.clock.now()
    state = await queries.connection_state(session, user_id=user_id)
    if state is None:
        raise NotConnected
    if state[0] != ConnectionState.ACTIVE:
        raise reconnect_needed(state[1])
    # Writing the schedule first makes two requests at once wait for each other.
    requested = {"requested": True, "active": True}
    if not await queries.set_schedule(session, user_id=user_id, values=requested):
        raise NotConnected
    run = await queries.open_run(session, user_id=user_id)
    if run is None:
        run = SyncRun(
            id=runtime.entropy.uuid(),
            trigger=Trigger.MANUAL,
            state=RunState.QUEUED,
            created_at=now,
            max_calls=0,
        )
        await queries.add_run(session, user_id=user_id, run=run)
    if run.state == RunState.QUEUED:
        await queries.set_schedule(session, user_id=user_id, values={"next_sync_at": now})
    return run


async def begin_run(spotify: Spotify, *, user_id: UserId, fence: int) -> UUID:
    """Return the run that a fresh claim is for: the one left over or asked for, or a new one.

    A run that was under way goes on with the calls it had; a new one may make as many as
    one run may, and the day leaves.

    Raises:
        LeaseLost: The claim is not ours any more.
    """
    runtime = spotify.runtime
    now = runtime.clock.now()
    async with runtime.database.transaction(user_id) as session:
        lease_until = now + timedelta(seconds=LEASE_S)
        held = await queries.hold(session, user_id=user_id, fence=fence, lease_until=lease_until)
        schedule = await queries.schedule_of(session, user_id=user_id)
        if not held or schedule is None:
            raise LeaseLost
        run = await queries.open_run(session, user_id=user_id)
        if run is None:
            trigger = Trigger.SCHEDULE if schedule.last_ok_at else Trigger.FIRST
            run = SyncRun(
                id=runtime.entropy.uuid(),
                trigger=trigger,
                state=RunState.QUEUED,
                created_at=now,
                max_calls=0,
            )
            await queries.add_run(session, user_id=user_id, run=run)
        values = {"fence": fence, "state": RunState.RUNNING}
        if run.state == RunState.QUEUED:
            max_calls = await _allowed_calls(spotify, session, schedule)
            values |= {"started_at": now, "max_calls": max_calls}
            await queries.write_schedule(
                session, user_id=user_id, fence=fence, values={"last_started_at": now}
            )
        await queries.update_run(session, user_id=user_id, run_id=run.id, values=values)
        return run.id


async def _allowed_calls(spotify: Spotify, session: Session, schedule: SyncSchedule) -> int:
    """Return how many calls a run may make: its own cap, within what the user's day leaves."""
    settings: SpotifySettings = spotify.settings
    runtime = spotify.runtime
    user_id = UserId(schedule.user_id)
    since = runtime.clock.now() - runtime.long(_DAY)
    made = await ledger.count_calls(
        session, user_id=user_id, service=Service.SPOTIFY_API, since=since
    )
    state = await queries.connection_state(session, user_id=user_id)
    is_new = state is not None and state[2] > since
    day = settings.user_calls_per_day + (settings.first_sync_max_calls if is_new else 0)
    first = settings.first_sync_max_calls - _CONNECTING_CALLS
    cap = settings.sync_max_calls if schedule.last_ok_at else first
    return min(cap, max(0, day - made))


async def schedule_of(session: Session, *, user_id: UserId) -> SyncSchedule:
    """Return the user's schedule.

    Raises:
        NotConnected: The user never connected, so that there is none.
    """
    schedule = await queries.schedule_of(session, user_id=user_id)
    if schedule is None:
        raise NotConnected
    return schedule


async def set_schedule(
    runtime: Runtime,
    session: Session,
    *,
    user_id: UserId,
    interval_hours: int | None,
    paused: bool,
    default_hours: int,
) -> SyncSchedule:
    """Set the user's own interval (hours, None for the installation's) and pause.

    A shorter interval brings the next sync forward to at most that long from now.

    Raises:
        NotConnected: The user never connected, so that there is nothing to schedule.
    """
    interval = runtime.long(timedelta(hours=interval_hours or default_hours))
    written = await queries.set_schedule(
        session,
        user_id=user_id,
        values={"interval_hours": interval_hours, "paused": paused},
        due_by=runtime.clock.now() + interval,
    )
    if not written:
        raise NotConnected
    return await schedule_of(session, user_id=user_id)
