"""The typed calls: what is asked for, in which bucket, and how the answer is read."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select

from src.runtime import Runtime
from src.spotify.calls import CallBudget
from src.spotify.client import UserClient
from src.spotify.errors import Garbled, SpotifyNotFound
from src.spotify.models import QuotaSlot
from src.spotify.service import Spotify, account_of
from tests.factories import add_connection, add_user
from tests.fixtures import DatabaseUrls
from tests.spotify.fault_server import FaultServer, reply
from tests.spotify.wire_parts import CLIENT_ID, entries, settings_for
from tests.utils.stepped_clock import SteppedClock

SHOW = "4XPl3uEEL9hvqMkoZrzbx5"
EPISODE: dict[str, Any] = {"id": "e1", "name": "One", "release_date": "2026-10-01"}
PAGE: dict[str, Any] = {
    "items": [EPISODE, None],
    "total": 120,
    "offset": 50,
    "limit": 50,
    "next": "more",
}

Ask = Callable[[UserClient], Awaitable[object]]


@pytest.fixture
def database_urls(sqlite_database: DatabaseUrls) -> DatabaseUrls:
    """The client asks nothing special of a database; one engine is enough."""
    return sqlite_database


@pytest.fixture
async def server() -> AsyncIterator[FaultServer]:
    """A server that says whatever a test tells it to."""
    async with FaultServer() as opened:
        yield opened


@pytest.fixture
async def client(runtime: Runtime, server: FaultServer) -> AsyncIterator[UserClient]:
    """The client of one connected user."""
    user_id = await add_user(runtime, "ada")
    await add_connection(runtime, user_id)
    spotify = Spotify.open(runtime, settings_for(server.url))
    yield spotify.client.for_user(user_id, CallBudget(None, 50))
    await spotify.close()


CALLS: list[tuple[Ask, object, str, str, str]] = [
    (lambda c: c.profile(), {"id": "ada"}, "/me", "profile", "other"),
    (
        lambda c: c.saved_shows(50),
        {"items": []},
        "/me/shows?limit=50&offset=50",
        "saved_shows",
        "other",
    ),
    (
        lambda c: c.saved_episodes(),
        {"items": []},
        "/me/episodes?limit=50&offset=0",
        "saved_episodes",
        "other",
    ),
    (lambda c: c.show(SHOW), {"id": SHOW}, f"/shows/{SHOW}", "show", "show_pages"),
    (
        lambda c: c.show_episodes(SHOW, 100),
        {"items": []},
        f"/shows/{SHOW}/episodes?limit=50&offset=100",
        "show_episodes",
        "show_pages",
    ),
    (lambda c: c.episode("e1"), EPISODE, "/episodes/e1", "episode", "other"),
    (
        lambda c: c.player(),
        {"is_playing": True},
        "/me/player/currently-playing?additional_types=episode",
        "player",
        "other",
    ),
    (
        lambda c: c.search("night & day"),
        {"shows": {"items": []}},
        "/search?q=night+%26+day&type=show&limit=10",
        "search",
        "other",
    ),
]


@pytest.mark.parametrize(
    ("ask", "body", "path", "operation", "bucket"), CALLS, ids=[call[3] for call in CALLS]
)
async def test_each_call_asks_for_one_thing(
    runtime: Runtime,
    clock: SteppedClock,
    server: FaultServer,
    client: UserClient,
    ask: Ask,
    body: object,
    path: str,
    operation: str,
    bucket: str,
) -> None:
    """Path, query, ledger entry and quota bucket belong together."""
    server.always = reply(200, body)

    await clock.run(ask(client))
    (entry,) = await entries(runtime, client.user_id)
    async with runtime.database.shared() as session:
        slots = (await session.scalars(select(QuotaSlot))).all()

    assert [path] == server.paths
    assert [f"Bearer access-{client.user_id}"] == server.authorizations
    assert operation == entry.operation
    assert [(account_of(CLIENT_ID), bucket, 1)] == [
        (slot.account, slot.bucket, slot.used) for slot in slots
    ]


async def test_a_page_says_where_it_stands(
    clock: SteppedClock, server: FaultServer, client: UserClient
) -> None:
    """What the next page needs, and how much of this one was of no use."""
    server.always = reply(200, PAGE)

    listing = await clock.run(client.show_episodes(SHOW, 50))

    assert ["e1"] == [episode.id for episode in listing.items]
    assert (1, 120, 50, 50, True) == (
        listing.quarantined,
        listing.total,
        listing.offset,
        listing.limit,
        listing.has_next,
    )


async def test_a_show_comes_with_its_first_page(
    clock: SteppedClock, server: FaultServer, client: UserClient
) -> None:
    """One call gives both."""
    server.always = reply(200, {"id": SHOW, "total_episodes": 120, "episodes": PAGE})

    show = await clock.run(client.show(SHOW))

    assert show.episodes is not None
    assert ["e1"] == [episode.id for episode in show.episodes.items]
    assert 120 == show.total_episodes


async def test_silence_is_not_playing(
    clock: SteppedClock, server: FaultServer, client: UserClient
) -> None:
    """204 from the player means that nothing is heard."""
    server.always = reply(204, b"")

    assert await clock.run(client.player()) is None


@pytest.mark.parametrize("body", [[], {}, {"items": 3}, None, 7, {"id": None}])
@pytest.mark.parametrize(
    "ask", [lambda c: c.show_episodes(SHOW), lambda c: c.episode("e1"), lambda c: c.search("x")]
)
async def test_other_json_than_agreed_is_garbled(
    clock: SteppedClock, server: FaultServer, client: UserClient, ask: Ask, body: object
) -> None:
    """A good status is no promise of good contents; the error quotes none of them."""
    server.always = reply(200, body)

    with pytest.raises(Garbled) as caught:
        await clock.run(ask(client))

    assert caught.value.__cause__ is None


@pytest.mark.parametrize("wrong", ["", "../me", "a/b", "x" * 65, "é", "a b", "e1\n"])
async def test_what_is_no_id_is_never_asked_for(
    clock: SteppedClock, server: FaultServer, client: UserClient, wrong: str
) -> None:
    """An id becomes part of an address, so it has to be one."""
    with pytest.raises(SpotifyNotFound):
        await clock.run(client.show(wrong))

    assert [] == server.paths


async def test_the_account_key_tells_no_client_id(runtime: Runtime, server: FaultServer) -> None:
    """All users of an app share the key; it is short, stable and says nothing."""
    spotify = Spotify.open(runtime, settings_for(server.url))
    await spotify.close()

    assert account_of(CLIENT_ID) == spotify.account
    assert 16 == len(spotify.account)
    assert spotify.account not in CLIENT_ID
