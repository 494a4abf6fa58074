"""Imports beside a connection: the library tells titles, and imports outlive it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from src.runtime import Runtime
from src.spotify.connecting import disconnect
from src.spotify.models import Episode, Show
from tests.history.imports import Listener, Row
from tests.spotify.sync_parts import Stage, small_world
from tests.utils.stepped_clock import SteppedClock


@pytest.fixture
async def stage(runtime: Runtime, clock: SteppedClock) -> AsyncIterator[Stage]:
    """A small world."""
    opened = Stage.open(runtime, clock, small_world(clock, shows_per_listener=3))
    yield opened
    await opened.spotify.close()


async def heard_by_name(stage: Stage, listener: Listener) -> tuple[str, Row]:
    """Return an episode that the library has, and an account row that names it."""
    show_id = next(iter(await stage.shows(listener.user_id)))
    async with stage.runtime.database.transaction(listener.user_id) as session:
        found = await session.execute(
            select(Episode.id, Episode.name, Show.name)
            .join(Show, Show.id == Episode.show_id)
            .where(Episode.show_id == show_id)
            .order_by(Episode.name)
        )
        rows = list(found)
    names = [row[1] for row in rows]
    episode_id, name, show = next(row for row in rows if names.count(row[1]) == 1)
    row = {
        "endTime": "2024-03-10 10:30",
        "podcastName": show.upper(),
        "episodeName": f" {name}  ",
        "msPlayed": 61_000,
    }
    return episode_id, row


async def test_the_library_tells_titles_and_disconnecting_keeps_imports(
    stage: Stage, tmp_path: Path
) -> None:
    """A title that the library has once is that episode; all events stay without Spotify."""
    ada = Listener(stage.runtime, await stage.connect(), tmp_path)
    await stage.sync(ada.user_id)
    episode_id, row = await heard_by_name(stage, ada)
    run_id = await ada.imported(ada.file([row]))
    before = await ada.told()
    episodes = {one.id: one for one in await ada.rows("history_episode")}
    [event] = await ada.events()

    assert f"spotify:{episode_id}" == episodes[event.episode_ref].identity
    assert {None, "library"} == {one.link_reason for one in episodes.values()}

    assert await disconnect(stage.spotify, user_id=ada.user_id)

    assert before == await ada.told()
    assert [1] == await ada.count("coverage")

    await ada.undone(run_id)

    assert [0, 0, 0] == await ada.count("listening_event", "history_episode", "history_show")
