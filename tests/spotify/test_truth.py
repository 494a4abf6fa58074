"""What a sync stores is what is true, and costs what was promised."""

from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from sqlalchemy import select

from simulator.truth.requests import RequestRecord
from src.runtime import Runtime
from src.spotify.library_models import Episode, Play, SavedEpisode, SavedShow
from src.spotify.outcomes import GOT_THROUGH
from tests.faults.in_process import InProcess, contract_at_hand
from tests.utils.stepped_clock import SteppedClock

FIRST_SYNC_MICRO = 5_000
PAGE = 50


@pytest.fixture
async def stage(runtime: Runtime, clock: SteppedClock) -> AsyncIterator[InProcess]:
    """The default world, with nobody connected yet; every reply is held to its description."""
    stage = InProcess.open(runtime, clock, contract=contract_at_hand())
    yield stage
    await stage.spotify.close()
    assert [] == stage.transport.complaints


async def test_first_sync_stores_the_truth_at_its_promised_price(stage: InProcess) -> None:
    """At most 50 calls and 5,000 micro-dollars; library and resume points are the true ones."""
    user_id = await stage.connect()
    before = stage.simulator.requests.count("api")

    report = await stage.sync(user_id)

    assert 50 >= report.calls
    assert FIRST_SYNC_MICRO >= report.cost_micro
    assert report.calls * 100 == report.cost_micro
    assert stage.simulator.requests.count("api") - before == report.calls
    async with stage.runtime.database.transaction(user_id, write=False) as session:
        saved = list(await session.scalars(select(SavedShow)))
        singles = set(await session.scalars(select(SavedEpisode.episode_id)))
        episodes = set(await session.scalars(select(Episode.id)))
        plays = list(await session.scalars(select(Play)))
    assert 40 == len(saved)
    assert _true_library(stage) == {row.show_id: row.added_at for row in saved}
    assert _true_singles(stage) == singles
    assert _newest_fifty(stage) <= episodes
    assert _true_points(stage, plays) == [(one.fully_played, one.position_ms) for one in plays]


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
async def test_later_syncs_are_cheap_and_every_page_is_stored_whole(stage: InProcess) -> None:
    """An unchanged library costs at most 8 calls; what is stored is the pages that were read."""
    user_id = await stage.connect()
    first = await stage.sync(user_id)
    later = []
    for _ in range(2):
        await stage.ask(user_id)
        later.append(await stage.sync(user_id))

    assert set(GOT_THROUGH) >= {first.outcome, *(run.outcome for run in later)}
    assert [True, True] == [8 >= run.calls for run in later]
    async with stage.runtime.database.transaction(user_id, write=False) as session:
        rows = (await session.execute(select(Episode.show_id, Episode.id))).all()
        singles = set(await session.scalars(select(SavedEpisode.episode_id)))
    stored: dict[str, set[str]] = {}
    for show_id, episode_id in rows:
        stored.setdefault(show_id, set()).add(episode_id)
    read = _pages_read(stage)
    assert 40 <= len(read)
    assert read == {show_id: stored[show_id] - (singles - read[show_id]) for show_id in read}


def _true_library(stage: InProcess) -> dict[str, datetime]:
    """Return when each show of the library was saved, in whole seconds as the wire has them."""
    world = stage.simulator.world
    saved = world.saved_shows(0, stage.clock.now())
    return {world.show(one.show).id: one.added_at.replace(microsecond=0) for one in saved}


def _true_singles(stage: InProcess) -> set[str]:
    """Return the saved episodes that still exist."""
    world = stage.simulator.world
    saved = world.saved_episodes(0, stage.clock.now())
    return {world.episode(one.show, one.number).id for one in saved if not one.tombstone}


def _newest_fifty(stage: InProcess) -> set[str]:
    """Return the newest page of every saved show that lists its newest episodes first."""
    world, now = stage.simulator.world, stage.clock.now()
    found: set[str] = set()
    for one in world.saved_shows(0, now):
        if not world.show(one.show).oldest_first:
            numbers = world.episode_numbers(one.show, now, offset=0, limit=PAGE)
            found.update(world.episode(one.show, number).id for number in numbers)
    assert found
    return found


def _true_points(stage: InProcess, plays: list[Play]) -> list[tuple[bool, int]]:
    """Return where the listener really stopped in each of the episodes of `plays`."""
    assert plays
    found = []
    for play in plays:
        key = stage.simulator.world.episode_by_id(play.episode_id)
        assert key is not None
        point = stage.simulator.world.resume_point(0, *key, play.seen_at)
        found.append((point.fully_played, point.position_ms))
    return found


def _pages_read(stage: InProcess) -> dict[str, set[str]]:
    """Return, by show, the true episodes of every page that the service handed out."""
    read: dict[str, set[str]] = {}
    for record in stage.simulator.requests:
        if record.status == 200 and record.path.startswith("/v1/shows/"):
            show_id = record.path.split("/")[3]
            read.setdefault(show_id, set()).update(_true_page(stage, show_id, record))
    return read


def _true_page(stage: InProcess, show_id: str, record: RequestRecord) -> set[str]:
    world = stage.simulator.world
    show = world.show_by_id(show_id)
    assert show is not None
    query = dict(part.split("=") for part in record.query.split("&") if part)
    offset, limit = int(query.get("offset", 0)), int(query.get("limit", PAGE))
    numbers = world.episode_numbers(show, record.at, offset=offset, limit=limit)
    return {world.episode(show, number).id for number in numbers}
