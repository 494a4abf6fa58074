"""Erasing an account while work for it is under way: nothing of that comes after."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path

import pytest

from src.account.service import erase
from src.history.errors import WorkTakenOver
from src.history.importer import import_files
from src.history.observations import Source
from src.history.queries import observations
from src.history.queries.observations import NewEpisode, Seen
from src.spotify.errors import LeaseLost
from src.spotify.models import SavedShow
from src.spotify.queries.sync import hold
from src.spotify.sync_stream import Listener as StreamListener
from src.spotify.sync_stream import SignedOut, follow
from src.users.queries import sessions
from src.users.sign_in import begin_session
from src.utils.types import UserId
from tests.api.tables import dump
from tests.factories import add_saved_show, add_user
from tests.fixtures import DatabaseUrls
from tests.history.imports import Listener, ext_row
from tests.spotify.sync_parts import Stage

OF_NOBODY = {"quota_slot", "quota_bucket", "installation"}


def left(urls: DatabaseUrls) -> set[str]:
    """Return the tables with rows, but those of nobody."""
    return {name for name, rows in dump(urls).items() if rows} - OF_NOBODY


async def begun(erasing: "asyncio.Future[int]") -> None:
    """Let an erasure come as far as it can while somebody else's transaction is open."""
    await asyncio.wait({erasing}, timeout=0.3)
    assert not erasing.done()


async def test_a_sync_under_way_stores_nothing_more(
    stage: Stage, database_urls: DatabaseUrls
) -> None:
    """Erased while it stores a page, the run finds its claim gone and leaves nothing."""
    ada = await stage.connect()
    erasing: list[asyncio.Future[int]] = []

    async def on_page(*_page: object) -> None:
        if not erasing:
            leaving: Awaitable[int] = erase(stage.runtime, user_id=ada, typed="user-0")
            erasing.append(asyncio.ensure_future(leaving))

    with pytest.raises(LeaseLost):
        await stage.sync(ada, on_page)
    await erasing[0]

    assert set() == left(database_urls)


async def test_a_page_that_is_just_being_stored_goes_too(
    stage: Stage, database_urls: DatabaseUrls
) -> None:
    """Erasing waits for the transaction of a sync, and deletes what it brought."""
    runtime, ada = stage.runtime, await stage.connect()
    eve = await add_user(runtime, "eve")
    await add_saved_show(runtime, eve, "show")
    before = dump(database_urls, user_id=eve)

    async with runtime.database.transaction(ada) as session:
        assert await hold(session, user_id=ada, fence=0, lease_until=runtime.clock.now())
        session.add(SavedShow(user_id=ada, show_id="show", added_at=runtime.clock.now()))
        await session.flush()
        erasing = asyncio.ensure_future(erase(runtime, user_id=ada, typed="user-0"))
        await begun(erasing)
    await erasing

    assert {"users", "saved_show", "show"} == left(database_urls)
    assert before["saved_show"] == dump(database_urls)["saved_show"]


async def test_a_step_that_an_import_is_at_goes_too(
    stage: Stage, database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    """Erasing waits for the step, and the rows of tables without references go as well."""
    runtime = stage.runtime
    ada = await Listener.made(runtime, tmp_path)
    work = await ada.begun(ada.file([ext_row("10:30:15", 1_800_000)]))
    identity = "spotify:a"

    async with work.step(derives=True) as session:
        refs = await observations.put_episodes(
            session, user_id=ada.user_id, episodes=[NewEpisode(identity, "a", "A", None)]
        )
        seen = Seen(refs[identity], Source.EXTENDED.value, 9, 8, 1_000)
        await observations.put_observations(
            session, user_id=ada.user_id, run_id=work.run_id, rows=[seen]
        )
        erasing = asyncio.ensure_future(erase(runtime, user_id=ada.user_id, typed="ada"))
        await begun(erasing)
    await erasing

    with pytest.raises(WorkTakenOver):
        await import_files(work)
    assert set() == left(database_urls)


async def test_a_stream_ends_at_its_next_look(stage: Stage) -> None:
    """Whoever listens to progress is told that the sign-in is over."""
    runtime, ada = stage.runtime, await stage.connect()
    await begin_session(runtime, user_id=ada, user_agent="")
    listener = StreamListener(user_id=ada, session_id=await _session(stage, ada), token_id=None)
    never, nudged = asyncio.Event(), asyncio.Event()
    told = follow(runtime, listener, stopping=never, nudged=nudged)
    listening = asyncio.ensure_future(anext(told))
    await stage.clock.run(stage.clock.sleep(1))

    await erase(runtime, user_id=ada, typed="user-0")
    nudged.set()
    heard = await stage.clock.run(listening)

    assert isinstance(heard, SignedOut)
    with suppress(StopAsyncIteration):
        pytest.fail(f"heard {await anext(told)} after the end")


async def _session(stage: Stage, user_id: UserId) -> int:
    async with stage.runtime.database.transaction(user_id, write=False) as session:
        return (await sessions(session, user_id=user_id))[0].id
