"""Lists come page by page: every row once, in order, and only by one's own cursors."""

import base64
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import delete

from src.runtime import Runtime
from src.spotify.models import Episode, Outcome, RunState, SavedShow, Show, SyncRun, Trigger
from src.utils.types import UserId
from tests.users.clients import signed_in, told

PODCASTS = "/api/spotify/podcasts"
EPISODES = "/api/spotify/podcasts/show10/episodes"
RUNS = "/api/spotify/sync/runs"
LISTS: list[tuple[str, dict[str, str]]] = [
    (PODCASTS, {}),
    (PODCASTS, {"sort": "name"}),
    (PODCASTS, {"q": "twin"}),
    (PODCASTS, {"q": "twin", "sort": "name"}),
    (EPISODES, {}),
    (RUNS, {}),
]
NAMES = ["Twin", "twin", "TWIN", "twin", "Other twin", "100% twin", "a_b twin", 'It\'s a "twin"']


class Shelf:
    """One user's library, to which rows can be added at any time."""

    def __init__(self, runtime: Runtime, client: httpx2.AsyncClient, user_id: UserId) -> None:
        self.runtime = runtime
        self.client = client
        self.user_id = user_id

    async def add_show(self, number: int, name: str, *, publisher: str = "Someone") -> None:
        """Save a show; three in a row were saved in the same second."""
        now = self.runtime.clock.now()
        show_id, added_at = f"show{number:02}", now + timedelta(seconds=number // 3)
        async with self.runtime.database.transaction(self.user_id) as session:
            session.add(Show(id=show_id, name=name, publisher=publisher, fetched_at=now))
            await session.flush()
            session.add(SavedShow(user_id=self.user_id, show_id=show_id, added_at=added_at))

    async def add_episode(self, number: int) -> None:
        """Store an episode of the tenth show; five came out on the same day."""
        now = self.runtime.clock.now()
        async with self.runtime.database.transaction(self.user_id) as session:
            session.add(
                Episode(
                    id=f"episode{number:02}",
                    show_id="show10",
                    name="An episode",
                    release_date=f"2026-10-{1 + number // 5:02}",
                    first_seen_at=now,
                    fetched_at=now,
                )
            )

    async def add_run(self, number: int) -> None:
        """Store a run that ended; two began in the same second."""
        at = self.runtime.clock.now() + timedelta(seconds=number // 2)
        run = SyncRun(
            id=UUID(int=number),
            user_id=self.user_id,
            trigger=Trigger.SCHEDULE,
            state=RunState.ENDED,
            outcome=Outcome.COMPLETE,
            created_at=at,
            max_calls=50,
        )
        async with self.runtime.database.transaction(self.user_id) as session:
            session.add(run)

    async def add_newer(self, number: int) -> None:
        """Add one of each, as a sync does while somebody reads."""
        await self.add_show(number, "twin that came later")
        await self.add_episode(number)
        await self.add_run(number)

    async def names(self, **query: str) -> set[str]:
        """Names of the shows a search finds."""
        reply = await self.client.get(PODCASTS, params={**query, "limit": "200"})
        assert 200 == reply.status_code, reply.text
        return {item["name"] for item in reply.json()["items"]}


@pytest.fixture
async def shelf(app: FastAPI) -> Shelf:
    """Shows, episodes and runs enough for several pages."""
    runtime = app.state.runtime
    client = await signed_in(app)
    user_id = UserId((await client.get("/api/auth/me")).json()["id"])
    made = Shelf(runtime, client, user_id)
    for number in range(len(NAMES) * 2):
        await made.add_show(number, NAMES[number % len(NAMES)])
    for number in range(12):
        await made.add_episode(number)
        await made.add_run(number)
    return made


async def pages(
    client: httpx2.AsyncClient,
    path: str,
    query: dict[str, str],
    *,
    limit: int,
    between: Callable[[int], Awaitable[None]] | None = None,
) -> list[list[dict[str, Any]]]:
    """Every page of a list; `between` runs after each of them."""
    found: list[list[dict[str, Any]]] = []
    parameters = {**query, "limit": str(limit)}
    while True:
        reply = await client.get(path, params=parameters)
        assert 200 == reply.status_code, reply.text
        found.append(reply.json()["items"])
        if reply.json()["next_cursor"] is None:
            return found
        parameters["cursor"] = reply.json()["next_cursor"]
        if between is not None:
            await between(len(found))


def ids(found: list[list[dict[str, Any]]]) -> list[str]:
    """Ids in the order they were listed."""
    return [item["id"] for page in found for item in page]


@pytest.mark.parametrize(("path", "query"), LISTS)
async def test_pages_hold_each_row_once_in_one_order(
    shelf: Shelf, path: str, query: dict[str, str]
) -> None:
    """Whatever the page size: the same rows in the same order, pages full, and then an end."""
    whole = ids(await pages(shelf.client, path, query, limit=200))

    for limit in (1, 3, len(whole)):
        found = await pages(shelf.client, path, query, limit=limit)

        assert whole == ids(found)
        assert {limit} >= {len(page) for page in found[:-1]}
        assert 1 <= len(found[-1]) <= limit
    assert len(set(whole)) == len(whole) >= 12


@pytest.mark.parametrize(("path", "query"), LISTS)
async def test_rows_that_come_meanwhile_move_nothing(
    shelf: Shelf, path: str, query: dict[str, str]
) -> None:
    """Every row that was there at first is listed once, and none of the new ones twice."""
    before = ids(await pages(shelf.client, path, query, limit=200))

    async def between(page: int) -> None:
        await shelf.add_newer(20 + page)

    found = ids(await pages(shelf.client, path, query, limit=4, between=between))

    assert before == [one for one in found if one in before]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(("path", "query"), [one for one in LISTS if one[0] == PODCASTS])
async def test_rows_that_go_meanwhile_stop_nobody(
    shelf: Shelf, path: str, query: dict[str, str]
) -> None:
    """The last row of a page may be gone when the next one is asked for."""
    before = ids(await pages(shelf.client, path, query, limit=200))

    async def between(page: int) -> None:
        last = before[4 * page - 1]
        async with shelf.runtime.database.transaction(shelf.user_id) as session:
            await session.execute(delete(SavedShow).where(SavedShow.show_id == last))

    found = ids(await pages(shelf.client, path, query, limit=4, between=between))

    assert before == found


async def test_names_are_sorted_alike_everywhere(shelf: Shelf) -> None:
    """By letters without their case, whatever the database would make of them; then by id."""
    long = "ÄPFEL " + "€" * 200
    names = ["zebra", "Äpfel", "apple", long, "Ωmega", "ωmega", "Émile", "_x", "Zoo"]
    for number, name in enumerate(names, start=40):
        await shelf.add_show(number, name, publisher="Unicode")
    found = await pages(shelf.client, PODCASTS, {"q": "unicode", "sort": "name"}, limit=2)

    listed = [names[int(one.removeprefix("show")) - 40] for one in ids(found)]
    assert ["_x", "apple", "zebra", "Zoo", "Äpfel", long, "Émile", "Ωmega", "ωmega"] == listed


async def test_orders_are_what_they_say(shelf: Shelf) -> None:
    """Latest saved first, by name whatever its case, latest release and latest run first."""
    added = [item for page in await pages(shelf.client, PODCASTS, {}, limit=5) for item in page]
    named = [
        item
        for page in await pages(shelf.client, PODCASTS, {"sort": "name"}, limit=5)
        for item in page
    ]
    episodes = [item for page in await pages(shelf.client, EPISODES, {}, limit=5) for item in page]
    runs = [item for page in await pages(shelf.client, RUNS, {}, limit=5) for item in page]

    assert all(one["added_at"] >= two["added_at"] for one, two in pairwise(added))
    places = [
        [at for at, item in enumerate(named) if item["name"].lower() == name]
        for name in {name.lower() for name in NAMES}
    ]
    assert all(at[-1] - at[0] == len(at) - 1 for at in places)
    assert all(one["release_date"] >= two["release_date"] for one, two in pairwise(episodes))
    assert all(one["created_at"] >= two["created_at"] for one, two in pairwise(runs))


async def cursor_of(client: httpx2.AsyncClient, path: str, query: dict[str, str]) -> str:
    """The cursor to a list's second page."""
    found = (await client.get(path, params={**query, "limit": "1"})).json()["next_cursor"]
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize(("path", "query"), LISTS)
async def test_cursor_of_another_list_is_refused(
    shelf: Shelf, path: str, query: dict[str, str]
) -> None:
    """Case 20: another sort, search, show or kind of list has other places."""
    cursors = [await cursor_of(shelf.client, *other) for other in LISTS if other != (path, query)]

    for cursor in cursors:
        reply = await shelf.client.get(path, params={**query, "cursor": cursor})
        assert (400, "cursor_invalid") == told(reply)


@pytest.mark.parametrize(("path", "query"), LISTS)
async def test_cursor_with_a_bit_changed_is_refused(
    shelf: Shelf, path: str, query: dict[str, str]
) -> None:
    """Case 20: nobody finds a place by trying; nor by writing the same one otherwise."""
    cursor = await cursor_of(shelf.client, path, query)
    signed = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    forged = [cursor + "=", cursor[:-1], cursor + "A", "", "%00", "ä", "A" * 512]
    for at in range(0, len(signed), 5):
        changed = bytearray(signed)
        changed[at] ^= 1
        forged.append(base64.urlsafe_b64encode(changed).rstrip(b"=").decode())

    for text in forged:
        reply = await shelf.client.get(path, params={**query, "cursor": text})
        assert (400, "cursor_invalid") == told(reply), text


async def test_cursor_of_another_user_is_refused(shelf: Shelf, app: FastAPI) -> None:
    """Case 20: also to a show that both follow."""
    bob = await signed_in(app, "bob")
    bob_id = UserId((await bob.get("/api/auth/me")).json()["id"])
    async with shelf.runtime.database.transaction(bob_id) as session:
        session.add(SavedShow(user_id=bob_id, show_id="show10", added_at=shelf.runtime.clock.now()))

    for path, query in LISTS:
        cursor = await cursor_of(shelf.client, path, query)
        reply = await bob.get(path, params={**query, "cursor": cursor})
        assert (400, "cursor_invalid") == told(reply), path


@pytest.mark.parametrize("path", [PODCASTS, EPISODES, RUNS])
async def test_limits_and_cursors_out_of_range_are_refused(shelf: Shelf, path: str) -> None:
    """1 to 200 rows a page."""
    limits = ["0", "201", "-1", "many", "1.5", "", str(2**63), "1e2", "NaN"]
    wrong: list[dict[str, str]] = [{"limit": limit} for limit in limits]
    wrong.append({"cursor": "A" * 601})

    for query in wrong:
        reply = await shelf.client.get(path, params=query)
        assert (422, "invalid_input") == told(reply), query
        [error] = reply.json()["errors"]
        assert [error["field"]] == list(query)
    for limit in ("1", "200"):
        assert 200 == (await shelf.client.get(path, params={"limit": limit})).status_code


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("%", {"100% twin"}),
        ("_", {"a_b twin"}),
        ("'", {'It\'s a "twin"'}),
        ('"', {'It\'s a "twin"'}),
        ("' or 1=1 --", set()),
        ("\\", {"back\\slash"}),
        ("\\%", set()),
        ("0% T", {"100% twin"}),
        ("OTHER", {"Other twin"}),
        ("über ALLES", {"Über alles"}),
        ("ÜBER alles", {"Über alles"}),
        ("GROSSE", {"Große Worte"}),
        ("große", {"Große Worte"}),
        ("ΣΊΣΥΦΟΣ", {"Σίσυφος"}),
        ("u\u0308ber", {"Über alles"}),
        ("some publisher", {"back\\slash"}),
    ],
)
async def test_search_takes_words_as_they_stand(shelf: Shelf, words: str, found: set[str]) -> None:
    """No character has a meaning of its own, and the case of letters means nothing."""
    await shelf.add_show(30, "back\\slash", publisher="Some Publisher")
    await shelf.add_show(31, "Über alles")
    await shelf.add_show(32, "Große Worte")
    await shelf.add_show(33, "Σίσυφος")

    assert found == await shelf.names(q=words)
    assert found == await shelf.names(q=words, sort="name")


@pytest.mark.parametrize("query", [{"sort": "size"}, {"q": "a\0b"}, {"q": "x" * 201}])
async def test_searches_that_make_no_sense_are_refused(shelf: Shelf, query: dict[str, str]) -> None:
    """422, naming the field."""
    reply = await shelf.client.get(PODCASTS, params=query)

    assert (422, "invalid_input") == told(reply)
    assert list(query) == [error["field"] for error in reply.json()["errors"]]
