"""The catalogue is written by many at once: they wait for each other, and none dies of it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from src.database import Session
from src.runtime import Runtime
from src.spotify.models import SavedEpisode, Show
from src.spotify.payloads import EpisodePayload, SavedEpisodePayload, ShowPayload
from src.spotify.queries import store
from src.spotify.storing import store_episodes, store_saved_episodes
from src.utils.types import UserId
from tests.factories import add_saved_show, add_user
from tests.spotify.rows import select_rows

_BLOCKED_AFTER_S = 0.2
"""Real seconds within which a statement has reached a lock, or its whole work is done."""


@pytest.fixture
async def users(runtime: Runtime) -> tuple[UserId, UserId]:
    """Two users who saved the same two shows, `a` and `b`."""
    found = await add_user(runtime, "ada"), await add_user(runtime, "bob")
    for user_id in found:
        for show_id in ("a", "b"):
            await add_saved_show(runtime, user_id, show_id)
    return found


def episodes(*ids: str) -> list[EpisodePayload]:
    """Return episodes of the show that their ids begin with."""
    return [
        EpisodePayload.model_validate(
            {
                "id": id_,
                "release_date": "2026-10-01",
                "show": {"id": id_[0], "name": id_[0]},
            }
        )
        for id_ in ids
    ]


async def store_list(
    session: Session, user_id: UserId, show_id: str, found: Sequence[EpisodePayload], now: datetime
) -> None:
    """Store a page of a show's list, as a run does."""
    await store.describe_list_all_users(session, show_id=show_id, order="unknown", total=9)
    pairs = [(episode, show_id) for episode in found]
    await store_episodes(session, pairs, user_id=user_id, now=now, on_page=None)


async def save(
    session: Session, user_id: UserId, found: Sequence[EpisodePayload], now: datetime
) -> None:
    """Store a page of saved episodes, as a run does."""
    items = [SavedEpisodePayload(added_at=now, episode=one) for one in found]
    await store_saved_episodes(session, items, user_id=user_id, now=now, on_page=None)


async def test_a_list_waits_for_saved_episodes_of_its_show(
    runtime: Runtime, users: tuple[UserId, UserId]
) -> None:
    """The last page of a list misses an episode that another user is storing as a saved one."""
    ada, bob = users
    now = runtime.clock.now()
    later = now + timedelta(hours=1)
    async with runtime.database.transaction(ada) as session:
        await store_list(session, ada, "a", episodes("a1", "a5"), now)

    async def end_list() -> int:
        async with runtime.database.transaction(ada) as session:
            await store_list(session, ada, "a", episodes("a5"), later)
            return await store.miss_episodes_all_users(
                session, show_id="a", unseen_since=later, now=later
            )

    async with runtime.database.transaction(bob) as session:  # two halves of one page
        await save(session, bob, episodes("a1"), later)
        ending = asyncio.ensure_future(end_list())
        await asyncio.wait({ending}, timeout=_BLOCKED_AFTER_S)
        waits = not ending.done()
        await save(session, bob, episodes("a5"), later)
    missed = await ending

    assert waits
    assert 0 == missed
    kept = await select_rows(runtime, SavedEpisode, user_id=bob)
    assert {"a1", "a5"} == {row.episode_id for row in kept}


async def test_shows_are_locked_in_one_order(
    runtime: Runtime, users: tuple[UserId, UserId]
) -> None:
    """Saved episodes of known and new shows, told in any order, wait where listings wait."""
    ada, bob = users
    now = runtime.clock.now()

    def rows(*ids: str) -> list[dict[str, Any]]:
        return [{"id": id_, "name": id_, "fetched_at": now} for id_ in ids]

    async def mention() -> None:
        async with runtime.database.transaction(bob) as session:
            await store.add_shows_all_users(session, rows("c", "b", "a"))

    async with runtime.database.transaction(ada) as session:
        await store.upsert_shows_all_users(session, rows("a"))
        mentioning = asyncio.ensure_future(mention())
        await asyncio.wait({mentioning}, timeout=_BLOCKED_AFTER_S)
        waits = not mentioning.done()
        await store.upsert_shows_all_users(session, rows("c", "b"))
    await mentioning

    assert waits
    async with runtime.database.shared() as session:
        assert ["a", "b", "c"] == list(await session.scalars(select(Show.id).order_by(Show.id)))


async def test_a_show_only_mentioned_stays_as_it_was(
    runtime: Runtime, users: tuple[UserId, UserId]
) -> None:
    """Locking its row changes nothing of it."""
    mentioned = ShowPayload(id="a", name="another name")
    now = runtime.clock.now()

    async with runtime.database.transaction(users[0]) as session:
        row = {"id": mentioned.id, "name": mentioned.name, "fetched_at": now + timedelta(hours=1)}
        await store.add_shows_all_users(session, [row])

    async with runtime.database.shared() as session:
        show = await session.get_one(Show, "a")
    assert ("a", now) == (show.name, show.fetched_at)
