"""Abuse of what concerns Spotify, from the outside: status, code, and not a row changed."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.planted import Planted, person
from tests.api.tables import LAST_USED, Dump, dump
from tests.fixtures import DatabaseUrls
from tests.spotify.sign_ins import redirected
from tests.spotify.sync_parts import Stage
from tests.users.clients import (
    PASSWORD,
    bearer_of,
    browser,
    login,
    read_column,
    signed_in,
    told,
    write_past_the_guards,
)

CALLBACK = "/api/spotify/auth/callback"
EVENTS = "/api/spotify/sync/events"
PAGE = {"accept": "text/html", "sec-fetch-site": "cross-site"}


@pytest.fixture
async def ada(stage: Stage, app: FastAPI) -> Planted:
    """Somebody with a synced library."""
    return await person(stage, app, "ada", listener=0)


async def begun(stage: Stage, client: httpx2.AsyncClient, *, listener: int) -> dict[str, str]:
    """Ask for an address, consent there, and return what comes back."""
    url = (await client.get("/api/spotify/auth/url")).json()["url"]
    return await redirected(stage.simulator, url, listener=listener)


def rows(urls: DatabaseUrls) -> Dump:
    """Every row, but for the time of last use."""
    return dump(urls, without=LAST_USED)


async def test_foreign_state_is_refused_at_every_door(
    stage: Stage, app: FastAPI, ada: Planted, database_urls: DatabaseUrls
) -> None:
    """Case 9: what eve began, as browser or as program, never connects her account to ada."""
    eve = await signed_in(app, "eve")
    machine = await bearer_of(app, "mallory", scopes=["account"])
    came = [await begun(stage, client, listener=1) for client in (eve, machine)]
    before = rows(database_urls)

    for back in came:
        asked = await ada.browser.get(CALLBACK, params=back)
        pressed = await ada.browser.post(f"{CALLBACK}/confirm", data=back)
        seen = await ada.browser.get(CALLBACK, params=back, headers=PAGE)

        assert (403, "state_invalid") == told(asked) == told(pressed)
        assert "/?connect_error=state_invalid" == seen.headers["location"]
    assert before == rows(database_urls)


async def test_state_of_another_browser_of_ones_own_is_refused(
    stage: Stage, app: FastAPI, ada: Planted
) -> None:
    """Case 9: a sign-in ends in the session in which it began; the attempt uses it up."""
    back = await begun(stage, ada.browser, listener=0)
    other = browser(app)
    await login(other)

    assert (403, "state_invalid") == told(await other.get(CALLBACK, params=back))
    assert (403, "state_invalid") == told(await ada.browser.get(CALLBACK, params=back))


async def test_state_works_once_and_for_ten_minutes(
    stage: Stage, app: FastAPI, ada: Planted, database_urls: DatabaseUrls
) -> None:
    """Cases 10 and 11: afterwards only the used-up state is gone; disconnecting ends it too."""
    forgotten = await begun(stage, ada.browser, listener=0)
    await ada.browser.delete("/api/spotify/connection")
    assert (403, "state_invalid") == told(await ada.browser.get(CALLBACK, params=forgotten))
    back = await begun(stage, ada.browser, listener=0)
    assert 303 == (await ada.browser.get(CALLBACK, params=back)).status_code
    connected = rows(database_urls)

    again = await ada.browser.get(CALLBACK, params=back)
    late = await begun(stage, ada.browser, listener=0)
    stage.clock.jump(600)
    expired = await ada.browser.get(CALLBACK, params=late)

    assert (403, "state_invalid") == told(again)
    assert (403, "state_expired") == told(expired)
    assert connected == rows(database_urls)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("error=access_denied&state=s", 303),
        (f"code={'c' * 10_240}&state=s", 422),
        ("code=a&code=b&state=s", 422),
        ("code=a&state=s&state=t", 422),
        ("error=a&error=b", 422),
        ("code=%ff%00&state=s", 422),
        ("code=a", 422),
    ],
)
async def test_denied_and_malformed_callbacks_change_nothing(
    stage: Stage, ada: Planted, database_urls: DatabaseUrls, query: str, expected: int
) -> None:
    """Cases 13 and 14: with a connection there already, it and a pending sign-in stay."""
    await begun(stage, ada.browser, listener=0)
    before = rows(database_urls)

    reply = await ada.browser.get(f"{CALLBACK}?{query}")

    assert expected == reply.status_code
    if expected == 422:
        assert (422, "invalid_input") == told(reply)
    assert before == rows(database_urls)


async def test_neighbour_port_can_neither_sync_nor_disconnect(
    ada: Planted, database_urls: DatabaseUrls
) -> None:
    """Cases 15 and 16: by API or by form, a foreign page's request changes nothing."""
    before = rows(database_urls)
    ada.browser.headers.pop("Sec-Fetch-Site")
    asked = [
        ("POST", "/api/spotify/sync"),
        ("PUT", "/api/spotify/sync/schedule"),
        ("DELETE", "/api/spotify/connection"),
        ("POST", f"{CALLBACK}/confirm"),
        ("POST", "/sync"),
        ("POST", "/disconnect"),
        ("POST", "/change-account"),
        ("POST", "/connect"),
    ]
    neighbour = {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:8001"}

    for method, path in asked:
        for headers in (neighbour, {}):
            reply = await ada.browser.request(method, path, headers=headers)
            assert (403, "cross_site") == told(reply), (path, headers)
    assert before == rows(database_urls)


async def test_fourth_stream_is_refused(
    stage: Stage, app: FastAPI, ada: Planted, database_urls: DatabaseUrls
) -> None:
    """Case 29: three real streams stay open, the fourth is told to wait, another user is not."""
    bob = await signed_in(app, "bob")
    open_ones = [asyncio.ensure_future(ada.browser.get(EVENTS)) for _ in range(3)]
    before = rows(database_urls)

    async def ask() -> tuple[httpx2.Response, asyncio.Task[httpx2.Response]]:
        await stage.clock.sleep(1)
        fourth = await ada.browser.get(EVENTS)
        others = asyncio.ensure_future(bob.get(EVENTS))
        await stage.clock.sleep(1)
        app.state.stopping.set()
        return fourth, others

    fourth, others = await stage.clock.run(ask())
    streams = await asyncio.gather(*open_ones, others)

    assert (429, "too_many_streams") == told(fourth)
    assert "30" == fourth.headers["retry-after"]
    assert [200] * 4 == [reply.status_code for reply in streams]
    assert before == rows(database_urls)


@pytest.mark.parametrize("way", ["logout", "page", "token ended", "password"])
async def test_stream_ends_with_its_sign_in(
    stage: Stage, app: FastAPI, ada: Planted, way: str
) -> None:
    """Case 30: at the end of a session or token, without any time passing on the clock."""
    listening_as = ada.browser
    if way == "token ended":
        made = await ada.browser.post("/api/auth/tokens", json={"name": "t"})
        listening_as = browser(app)
        listening_as.headers["Authorization"] = f"Bearer {made.json()['token']}"
    if way == "password":
        listening_as = browser(app)
        await login(listening_as)
    stream = asyncio.ensure_future(listening_as.get(EVENTS))

    async def end() -> None:
        await stage.clock.sleep(1)
        form = {"current_password": PASSWORD, "new_password": PASSWORD + "!"}
        asked = {
            "logout": lambda: ada.browser.post("/api/auth/logout"),
            "page": lambda: ada.browser.post("/sign-out"),
            "token ended": lambda: ada.browser.delete("/api/auth/tokens"),
            "password": lambda: ada.browser.post("/api/auth/password", json=form),
        }
        assert {"page": 303}.get(way, 204) == (await asked[way]()).status_code

    await stage.clock.run(end())
    async with asyncio.timeout(20):  # nobody moves the clock: only the sign-out can end it
        reply = await stream

    assert "event: signed_out" in reply.text
    assert 401 == (await listening_as.get("/api/auth/me")).status_code


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "/\t/evil.example"])
async def test_signing_in_leads_nowhere_else(app: FastAPI, ada: Planted, target: str) -> None:
    """Case 39: from the callback's door to the last redirect."""
    client = browser(app)
    form = {"username": "ada", "password": PASSWORD, "next": target}

    signed = await client.post("/sign-in", data=form)
    arrived = await client.get(signed.headers["location"])

    assert [303, 303] == [signed.status_code, arrived.status_code]
    assert {"signed_in": ["1"]} == parse_qs(urlsplit(signed.headers["location"]).query)
    assert "/" == arrived.headers["location"]


async def test_swapped_tokens_park_the_connection(
    stage: Stage, app: FastAPI, ada: Planted, database_urls: DatabaseUrls
) -> None:
    """Case 40: who writes into the database reads nobody's library; all that is known stays."""
    eve = await person(stage, app, "eve", listener=1)
    for column in ("access_sealed", "refresh_sealed"):
        stolen = f"(select {column} from spotify_connection where user_id = {ada.user_id})"
        write_past_the_guards(
            database_urls,
            f"update spotify_connection set {column} = {stolen} where user_id = {eve.user_id}",
        )
    before = rows(database_urls)

    run = await stage.sync(eve.user_id)

    after = rows(database_urls)
    connection = (await eve.browser.get("/api/spotify/connection")).json()
    assert "reconnect_needed" == run.outcome
    assert ("reconnect_needed", "tokens_unreadable") == (connection["state"], connection["reason"])
    assert (409, "reconnect_needed") == told(await eve.browser.post("/api/spotify/sync"))
    assert "tokens_unreadable" in read_column(database_urls, "audit_event", "detail")
    assert 0 == run.calls
    touched = {"spotify_connection", "sync_schedule", "sync_run", "audit_event"}
    assert touched == {name for name in before if before[name] != after[name]}
    assert "active" == await state_of(ada)


async def state_of(user: Planted) -> str:
    """The state of a user's connection, as the API tells it."""
    return str((await user.browser.get("/api/spotify/connection")).json()["state"])
