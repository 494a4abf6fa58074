"""The background work of one process: dispatching syncs, and the daily housekeeping."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import structlog

from src.jobs import dispatcher, handlers
from src.jobs.drain import Drain
from src.jobs.imports import Imports
from src.spotify.queries import sync as queries
from src.spotify.service import Spotify

log = structlog.get_logger()

GRACE_S = 20.0
"""Seconds that runs under way get to end when the process stops."""

_MAINTENANCE = timedelta(hours=24)
_LEAST_REST_S = 0.5
_MOST_REST_S = 5.0
_HOUSEKEEPING_REST_S = 600.0


@asynccontextmanager
async def background(spotify: Spotify) -> AsyncIterator[None]:
    """Do the background work while the block runs, and end it in order afterwards."""
    stop = asyncio.Event()
    worker = asyncio.create_task(run_worker(spotify, stop))
    try:
        yield
    finally:
        stop.set()
        await worker


async def run_worker(spotify: Spotify, stop: asyncio.Event) -> None:
    """Do the background work until `stop` is set and the runs under way have had their grace.

    With SQLite this is the only process: leases left by a dead one are broken first.
    """
    drain = Drain(partial(handlers.sync_user, spotify), on_free=spotify.bell.ring)
    imports = Imports(spotify.runtime, on_free=spotify.bell.ring)

    async def dispatch() -> None:
        if spotify.runtime.database.is_sqlite and not drain.held:
            async with spotify.runtime.database.scheduling() as session:
                now = spotify.runtime.clock.now()
                await queries.break_leases_all_users(session, now=now)
        await dispatcher.dispatch(spotify, drain, imports, stop)

    clock, entropy = spotify.runtime.clock, spotify.runtime.entropy

    async def rest() -> None:  # the bell ends it, as it does when the process stops
        await spotify.bell.wait(entropy.uniform(_LEAST_REST_S, _MOST_REST_S))

    async def long_rest() -> None:
        await clock.sleep(entropy.uniform(1.0, 2.0) * _HOUSEKEEPING_REST_S)

    daily = partial(_maintain_daily, spotify)
    housekeeping = asyncio.create_task(_supervise(daily, rest=long_rest, stop=stop))
    dispatching = asyncio.create_task(_supervise(dispatch, rest=rest, stop=stop))
    try:
        await stop.wait()
        spotify.bell.ring()
        await dispatching
    finally:
        for task in (housekeeping, dispatching):
            task.cancel()
        await asyncio.gather(housekeeping, dispatching, return_exceptions=True)
        await imports.close()
        await drain.close(clock=spotify.runtime.clock, grace_s=GRACE_S)


async def _supervise(
    work: Callable[[], Awaitable[None]],
    *,
    rest: Callable[[], Awaitable[None]],
    stop: asyncio.Event,
) -> None:
    """Begin `work` again whenever it fails, after a rest that differs between processes."""
    while not stop.is_set():
        try:
            await work()
        except Exception:
            log.exception("background_work_failed")
            await rest()


async def _maintain_daily(spotify: Spotify) -> None:
    """Do the housekeeping now and once a day."""
    while True:
        await handlers.maintain(spotify)
        await spotify.runtime.clock.sleep(spotify.runtime.long(_MAINTENANCE).total_seconds())
