"""No more processes sync on one PostgreSQL than share the calls a minute."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import text

from src.config import Settings
from src.operations.sync_places import NoSyncPlace, sync_place
from src.runtime import Runtime
from src.spotify.config import SpotifySettings
from tests.fixtures import DatabaseUrls
from tests.utils.stepped_clock import SteppedClock

HELD = "select pid from pg_locks where locktype = 'advisory' and granted"


@pytest.fixture
async def other(settings: Settings, clock: SteppedClock) -> AsyncIterator[Runtime]:
    """A second process on the same database."""
    opened = Runtime.open(settings, clock=clock)
    yield opened
    await opened.close()


@pytest.mark.parametrize("places", [1, 2])
async def test_one_process_too_many_is_refused_and_told_the_setting(
    runtime: Runtime, other: Runtime, clock: SteppedClock, database_urls: DatabaseUrls, places: int
) -> None:
    """It waits for an earlier one to end first; on SQLite another lock stands for this one."""
    async with AsyncExitStack() as stack:
        for _ in range(places):
            await stack.enter_async_context(sync_place(runtime, places=places))
        late = sync_place(other, places=places)
        if database_urls.is_sqlite:
            await stack.enter_async_context(late)
            return
        with pytest.raises(NoSyncPlace, match=f"set SYNC_PROCESSES={places + 1} for all"):
            await clock.run(late.__aenter__())

    assert 10 <= clock.monotonic() < 15


async def test_a_place_is_free_when_its_holder_ends(
    runtime: Runtime, other: Runtime, clock: SteppedClock
) -> None:
    """Whoever waits gets it; the connection it was held by does not linger in a pool."""

    async def wait() -> float:
        async with sync_place(other, places=1):
            return clock.monotonic()

    async with sync_place(runtime, places=1):
        waiting = asyncio.ensure_future(wait())
        await clock.run(clock.sleep(1))
    waited_s = await clock.run(waiting)

    assert waited_s < 5


@pytest.mark.server
async def test_a_place_outlives_its_connection(
    postgres_database: DatabaseUrls, tmp_path: Path, clock: SteppedClock
) -> None:
    """After the database was away the holder takes its place again within seconds."""
    runtime = Runtime.open(
        Settings(_env_file=None, data_dir=tmp_path, database_url=postgres_database.runtime),
        clock=clock,
    )
    async with sync_place(runtime, places=1):
        async with runtime.database.shared() as session:
            [before] = (await session.scalars(text(HELD))).all()
            await session.execute(text("select pg_terminate_backend(:pid)"), {"pid": before})
        await clock.run(clock.sleep(21))
        async with runtime.database.shared() as session:
            [after] = (await session.scalars(text(HELD))).all()
    await runtime.close()

    assert before != after


@pytest.mark.parametrize(("processes", "share"), [(1, 180), (2, 90), (7, 25), (60, 3)])
def test_processes_share_the_calls_a_minute(processes: int, share: int) -> None:
    """All of them together never make more than Spotify allows."""
    found = SpotifySettings(_env_file=None, sync_processes=processes).calls_per_minute_here

    assert share == found
    assert processes * found <= 180
