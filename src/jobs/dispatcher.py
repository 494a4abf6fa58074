"""Finding who is due and handing them to the queue, without asking when nobody can be."""

import asyncio
from datetime import timedelta

from src.jobs.drain import Drain
from src.jobs.imports import Imports
from src.spotify.queries import sync as queries
from src.spotify.run_state import LEASE_S
from src.spotify.service import Spotify

CONCURRENCY = 8
"""Users synced at once by one process; the limit of calls a minute is shared by all."""

_LONGEST_WAIT_S = 21_600.0  # whoever changes the schedule rings; this heals a ring that was lost
_LONGEST_WAIT_SHARED_S = 2.0  # another process may have changed the schedule, and rings no bell
_SHORTEST_WAIT_S = 1.0
_LOOK_S = 600.0


async def dispatch(spotify: Spotify, drain: Drain, imports: Imports, stop: asyncio.Event) -> None:
    """Claim due users and imports as places become free, until `stop` is set and the bell rings.

    Claims are made for free places only, so that other processes get their share, and a
    user who takes long delays nobody.
    """
    while not stop.is_set():
        wait_s = await claim_due(spotify, drain)
        imports_s = await imports.claim_due()
        if imports_s is not None:
            wait_s = min(wait_s, max(_SHORTEST_WAIT_S, imports_s))
        await _rest(spotify, wait_s)


async def _rest(spotify: Spotify, wait_s: float) -> None:
    """Wait for the bell, or until the wall clock is `wait_s` seconds on.

    Users are due by the wall clock, which may jump while a timer counts steadily (a laptop
    that slept): it is looked at now and then, which costs next to nothing.
    """
    clock = spotify.runtime.clock
    until = clock.now() + timedelta(seconds=wait_s)
    left_s = wait_s
    while left_s > 0 and not await spotify.bell.wait(min(left_s, _LOOK_S)):
        left_s = (until - clock.now()).total_seconds()


async def claim_due(spotify: Spotify, drain: Drain) -> float:
    """Claim who is due now and return the seconds until there can be more to do."""
    runtime = spotify.runtime
    longest_s = _LONGEST_WAIT_S if runtime.database.is_sqlite else _LONGEST_WAIT_SHARED_S
    free = CONCURRENCY - drain.held
    if free <= 0:
        return longest_s
    now = runtime.clock.now()
    async with runtime.database.scheduling() as session:
        claims = await queries.claim_due_all_users(
            session, now=now, lease_until=now + timedelta(seconds=LEASE_S), limit=free
        )
        next_at = await queries.next_due_all_users(session, now=now)
    await drain.put(claims)
    if next_at is None:
        return longest_s
    return max(_SHORTEST_WAIT_S, min(longest_s, (next_at - now).total_seconds()))
