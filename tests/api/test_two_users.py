"""One user against all that another has: every route, every id, every cursor."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Iterator
from itertools import product
from math import prod
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from src.auth import cookie_name
from src.users.request_rate import RequestRates
from src.users.sign_in import begin_session
from src.utils.types import UserId
from tests.api.planted import MARK, Planted, person, plant
from tests.api.routes import Operation, operations, undescribed
from tests.api.tables import Dump, dump
from tests.fixtures import DatabaseUrls
from tests.spotify.sync_parts import Stage
from tests.users.clients import PASSWORD, browser, program, told

PUBLIC = {
    "POST /api/auth/register",
    "POST /api/auth/login",
    "GET /api/spotify/auth/callback",  # leads to the sign-in
    "GET /health/live",
    "GET /health/ready",
}
MISSING = {
    "show_id": "0" * 22,
    "episode_id": "0" * 22,
    "token_id": str(2**62),
    "event_id": str(UUID(int=0)),
    "edit_id": str(UUID(int=0)),
    "import_id": str(UUID(int=0)),
    "upload_id": str(UUID(int=0)),
}
OF_EVERYBODY = {"year"}
"""Parameters of paths that are nobody's: a year."""

MOST_COMBINATIONS = 128
BODIES: dict[str, dict[str, Any]] = {
    "POST /api/auth/register": {"username": "carol", "password": PASSWORD},
    "POST /api/auth/login": {"username": "bob", "password": PASSWORD},
    "POST /api/auth/password": {"current_password": PASSWORD, "new_password": PASSWORD + "!"},
    "PATCH /api/auth/me": {"time_zone": "UTC"},
    "POST /api/auth/tokens": {"name": "of bob"},
    "PUT /api/spotify/sync/schedule": {"interval_hours": 3, "paused": False},
    "DELETE /api/account": {"name": "another name"},
    "POST /api/history/events/{event_id}/split": {"source": str(UUID(int=1))},
    "POST /api/history/events/{event_id}/join": {"event": str(UUID(int=1))},
    "POST /api/history/uploads": {"name": "of bob", "size_bytes": 9},
}
FILES = {"POST /api/history/imports", "PATCH /api/history/uploads/{upload_id}"}
"""Those that take bytes, and say so."""
FORMS = {"POST /api/spotify/auth/callback/confirm"}


@pytest.fixture
async def bob(stage: Stage, app: FastAPI) -> Planted:
    """Somebody with a library of his own."""
    return await person(stage, app, "bob", listener=1)


@pytest.fixture
async def ada(stage: Stage, app: FastAPI, bob: Planted) -> Planted:
    """Somebody whose every row is marked, and who shares one show with bob."""
    return await plant(stage, await person(stage, app, f"{MARK}-ada", listener=0), beside=bob)


def chosen(values: dict[str, list[str]], names: list[str], where: str) -> list[list[str]]:
    """Values for `names`; a name nobody has heard of is a route nobody has looked at."""
    unknown = set(names) - set(values)
    assert set() == unknown, f"{where} has a parameter this walk cannot fill: say how"
    return [values[name] for name in names]


def addresses(operation: Operation, ada: Planted) -> Iterator[tuple[str, str | None]]:
    """Each address with ids of hers, and the same with ids of nothing."""
    names = operation.parameters("path")
    for values in product(*chosen(ada.ids, names, operation.name)):
        filled = dict(zip(names, values, strict=True))
        missing = operation.path.format(**MISSING) if set(names) - OF_EVERYBODY else None
        yield operation.path.format(**filled), missing


def queries(operation: Operation, ada: Planted) -> Iterator[dict[str, str]]:
    """Combinations of query parameters with values of hers, and none.

    All of them, or where those are too many each value alone and beside each cursor.
    """
    names = operation.parameters("query")
    values = chosen(ada.queries, names, operation.name)
    if prod(len(some) + 1 for some in values) > MOST_COMBINATIONS:
        single = [(name, value) for name, some in zip(names, values, strict=True) for value in some]
        beside = [{}, *({name: value} for name, value in single if name == "cursor")]
        for one, other in product(single, beside):
            yield {**dict([one]), **other}
        return
    for combination in product(*([None, *some] for some in values)):
        pairs = zip(names, combination, strict=True)
        yield {name: value for name, value in pairs if value is not None}


def bodies(operation: Operation, ada: Planted) -> list[dict[str, Any]]:
    """What to send: a body that is accepted, and one that claims to be hers."""
    if not operation.has_body:
        return [{}]
    if operation.name in FORMS:
        return [{"data": {"code": "any-code", "state": ada.queries["state"][0]}}]
    if operation.name in FILES:
        return [{"content": b"[", "headers": {"Upload-Offset": "0"}}]
    assert operation.name in BODIES, f"{operation.name} takes a body this walk cannot fill: say how"
    body = BODIES[operation.name]
    return [{"json": {**body, "user_id": ada.user_id}}, {"json": body}]


async def as_bob(app: FastAPI, bob: Planted) -> httpx2.AsyncClient:
    """A new browser of bob's, whatever the last request did to his others."""
    runtime = app.state.runtime
    client = browser(app)
    secret = await begin_session(runtime, user_id=bob.user_id, user_agent="")
    client.cookies.set(cookie_name(runtime.settings), secret)
    return client


async def sent(
    stage: Stage, app: FastAPI, client: httpx2.AsyncClient, operation: Operation, **what: Any
) -> httpx2.Response:
    """Send one request; a stream is listened to for a moment."""
    app.state.request_rates = RequestRates(stage.clock)  # the walk takes no time
    request = client.request(operation.method, **what)
    if not operation.is_stream:
        return await request
    listening = asyncio.ensure_future(request)

    async def stop() -> None:
        await stage.clock.sleep(2)
        app.state.stopping.set()

    await stage.clock.run(stop())
    reply = await listening
    app.state.stopping.clear()
    return reply


def body_of(reply: httpx2.Response) -> tuple[int, dict[str, Any]]:
    """Status and problem without the number of the request."""
    told(reply)
    return reply.status_code, reply.json() | {"request_id": None}


def _text(reply: httpx2.Response) -> str:
    """The body, unpacked if it is packed."""
    if reply.headers.get("content-type") != "application/zip":
        return reply.text
    with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
        return "".join(archive.read(name).decode() for name in archive.namelist())


def given_away(reply: httpx2.Response, ada: Planted) -> list[str]:
    """Which of her secrets the reply tells, in its body or its headers."""
    text = _text(reply) + str(reply.headers)
    return [secret for secret in ada.secrets if secret in text]


def hers(rows: Dump) -> Dump:
    """Her own rows, and those of the catalogue that only she follows."""
    shared = {"quota_slot", "quota_bucket", "login_throttle", "installation", "invite"}
    marked = {name: [row for row in rows[name] if MARK in row] for name in ("show", "episode")}
    return {name: found for name, found in {**rows, **marked}.items() if name not in shared}


async def walk(
    stage: Stage, app: FastAPI, *, ada: Planted, bob: Planted
) -> AsyncIterator[tuple[Operation, dict[str, Any], httpx2.Response, httpx2.Response | None]]:
    """Everything bob can ask with her ids: what was sent, its answer, and that of nothing's id."""
    for operation in operations(app):
        client = await as_bob(app, bob)
        for (url, nothing), query, body in product(
            addresses(operation, ada), queries(operation, ada), bodies(operation, ada)
        ):
            what = {"url": url, "params": query, **body}
            reply = await sent(stage, app, client, operation, **what)
            other = None
            if nothing is not None:
                missed = {**what, "url": nothing}
                other = await sent(stage, app, client, operation, **missed)
            yield operation, what, reply, other


async def test_nobody_sees_or_changes_what_is_anothers(
    stage: Stage, app: FastAPI, ada: Planted, bob: Planted, database_urls: DatabaseUrls
) -> None:
    """Cases 19 and 20: foreign ids look missing, foreign cursors are refused, no row moves."""
    before = hers(dump(database_urls, user_id=ada.user_id))
    walked = set()

    async for operation, what, reply, missing in walk(stage, app, ada=ada, bob=bob):
        where = (operation.name, what)
        assert [] == given_away(reply, ada), where
        assert reply.status_code < 500, where
        if "user_id" in what.get("json", {}):
            assert (422, "invalid_input") == told(reply), where
        elif missing is not None:
            assert (404, "not_found") == told(reply), where
            assert body_of(missing) == body_of(reply), where
        elif "cursor" in what["params"]:
            assert (400, "cursor_invalid") == told(reply), where
        walked.add(operation.name)

    assert {one.name for one in operations(app)} == walked
    assert before == hers(dump(database_urls, user_id=ada.user_id))


async def test_pages_show_nobody_anothers_rows(
    app: FastAPI, ada: Planted, bob: Planted, database_urls: DatabaseUrls
) -> None:
    """Pages and their forms are held to the same."""
    ids = {**{name: values[0] for name, values in ada.ids.items()}, "name": "app.css"}
    before = hers(dump(database_urls, user_id=ada.user_id))
    form = {"user_id": str(ada.user_id), "word": "disconnect", "next": "/", "paused": "true"}

    for method, path in undescribed(app):
        client = await as_bob(app, bob)
        client.headers["Accept"] = "text/html"
        data = form if method == "POST" else None

        reply = await client.request(method, path.format(**ids), data=data)

        assert [] == given_away(reply, ada), (method, path)
        assert reply.status_code < 500, (method, path)
        if "{" in path:
            assert 404 == reply.status_code, (method, path)
    assert before == hers(dump(database_urls, user_id=ada.user_id))


async def of_the_shared_show(client: httpx2.AsyncClient, ada: Planted) -> list[httpx2.Response]:
    """What somebody is told of the show that both follow."""
    show_id, episode_id = ada.shared
    return [
        await client.get(f"/api/spotify/podcasts/{show_id}"),
        await client.get(f"/api/spotify/podcasts/{show_id}/episodes", params={"limit": 200}),
        await client.get(f"/api/spotify/episodes/{episode_id}"),
    ]


async def test_a_shared_show_tells_nobody_where_another_stopped(
    app: FastAPI, ada: Planted, bob: Planted
) -> None:
    """The catalogue is common, what was heard of it is not."""
    replies = await of_the_shared_show(await as_bob(app, bob), ada)

    assert [200, 200, 200] == [reply.status_code for reply in replies]
    assert [] == [secret for reply in replies for secret in given_away(reply, ada)]
    assert 0 == replies[0].json()["heard_episodes"]
    assert replies[2].json()["play"] is None


async def test_the_marks_are_there_to_be_seen(app: FastAPI, ada: Planted) -> None:
    """She herself sees every one of them, or the walk would prove nothing."""
    seen = ""
    for operation in operations(app):
        if operation.method == "GET" and not operation.is_stream:
            for url, _ in addresses(operation, ada):
                seen += (await ada.browser.get(url, params={"limit": 200})).text
    seen += "".join(reply.text for reply in await of_the_shared_show(ada.browser, ada))

    assert [] == [secret for secret in ada.secrets if secret not in seen]


async def test_strangers_are_asked_to_sign_in(
    app: FastAPI, ada: Planted, database_urls: DatabaseUrls
) -> None:
    """401 everywhere but at the doors that are open to all, and not a row is touched."""
    before = dump(database_urls)
    stranger = program(app)
    for operation in operations(app):
        if operation.name in PUBLIC:
            continue
        for (url, _), body in product(addresses(operation, ada), bodies(operation, ada)):
            reply = await stranger.request(operation.method, url, **body)

            assert (401, "not_signed_in") == told(reply), operation.name
            assert "Bearer" == reply.headers["www-authenticate"]
    assert before == dump(database_urls)
    assert {one.name for one in operations(app)} >= PUBLIC


def test_a_route_nobody_thought_of_fails_the_walk() -> None:
    """Whoever adds an id, a query or a body has to say here how it is tried."""
    app, ada = FastAPI(), Planted(user_id=UserId(1), browser=program(FastAPI()), ids={}, queries={})

    @app.post("/api/surprises/{surprise_id}")
    async def surprise(surprise_id: int, colour: str, words: dict[str, str]) -> None: ...

    [found] = operations(app)

    with pytest.raises(AssertionError, match="surprise_id"):
        list(addresses(found, ada))
    with pytest.raises(AssertionError, match="colour"):
        list(queries(found, ada))
    with pytest.raises(AssertionError, match="takes a body"):
        bodies(found, ada)
