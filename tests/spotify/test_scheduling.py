"""A user's own schedule, written while somebody else plans the same user."""

import asyncio
from datetime import timedelta

from src.runtime import Runtime
from src.spotify import scheduling
from src.spotify.models import SyncSchedule
from src.spotify.queries import sync as queries
from src.utils.types import UserId
from tests.factories import add_connection, add_user

_BLOCKED_AFTER_S = 0.1
"""Real seconds within which a statement has reached a lock, or its whole work is done."""


async def put(runtime: Runtime, user_id: UserId, *, interval_hours: int) -> SyncSchedule:
    """Set the user's interval as the route does."""
    async with runtime.database.transaction(user_id) as session:
        return await scheduling.set_schedule(
            runtime,
            session,
            user_id=user_id,
            interval_hours=interval_hours,
            paused=False,
            default_hours=4,
        )


async def test_a_plan_made_meanwhile_is_not_undone(runtime: Runtime) -> None:
    """A run ends while its user sets an interval: the next sync is the one the run planned."""
    user_id = await add_user(runtime, "ada")
    await add_connection(runtime, user_id)
    now = runtime.clock.now()
    planned = now + timedelta(hours=3)
    async with runtime.database.transaction(user_id) as session:
        await queries.set_schedule(session, user_id=user_id, values={"next_sync_at": now})

    async with runtime.database.transaction(user_id) as session:  # a run's last one
        await queries.set_schedule(session, user_id=user_id, values={"next_sync_at": planned})
        setting = asyncio.ensure_future(put(runtime, user_id, interval_hours=12))
        await asyncio.wait({setting}, timeout=_BLOCKED_AFTER_S)
        waits = not setting.done()
    schedule = await setting

    assert waits
    assert (12, planned) == (schedule.interval_hours, schedule.next_sync_at)


async def test_a_short_interval_holds_against_a_plan_made_meanwhile(runtime: Runtime) -> None:
    """The instant the run planned is too late for the new interval: it is brought forward."""
    user_id = await add_user(runtime, "ada")
    await add_connection(runtime, user_id)
    now = runtime.clock.now()

    async with runtime.database.transaction(user_id) as session:  # a run's last one
        values = {"next_sync_at": now + timedelta(hours=12)}
        await queries.set_schedule(session, user_id=user_id, values=values)
        setting = asyncio.ensure_future(put(runtime, user_id, interval_hours=1))
        await asyncio.wait({setting}, timeout=_BLOCKED_AFTER_S)
    schedule = await setting

    assert now + timedelta(hours=1) == schedule.next_sync_at
