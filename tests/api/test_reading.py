"""Reading changes nothing, and every reply is sealed."""

import httpx2
import pytest
from fastapi import FastAPI

from src.runtime import Runtime
from src.utils.types import UserId
from tests.api.routes import operations, undescribed
from tests.api.tables import LAST_USED, changed, dump
from tests.fixtures import DatabaseUrls
from tests.history.record import Heard, heard
from tests.spotify.sync_parts import Stage
from tests.users.clients import PASSWORD, app_on, browser, program, signed_in, under

BEGINS_A_SIGN_IN = "/api/spotify/auth/url"
FINISHES_A_SIGN_IN = "/api/spotify/auth/callback"
SEALS = ("content-security-policy", "x-content-type-options", "referrer-policy", "x-request-id")


async def listener(stage: Stage, app: FastAPI) -> tuple[httpx2.AsyncClient, dict[str, str]]:
    """A browser with a synced library, and what addresses about it are filled with."""
    client = await signed_in(app)
    user_id = UserId((await client.get("/api/auth/me")).json()["id"])
    await stage.connect(user_id=user_id)
    await stage.sync(user_id)
    show_id = next(iter(await stage.shows(user_id)))
    episode_id = next(iter(await stage.episodes(user_id, show_id)))
    style = (await client.get("/")).text.partition("/static/")[2].partition('"')[0]
    await heard(stage.runtime, user_id, [Heard("e", "Maps", 1_700_000_000, 60_000)])
    [event] = (await client.get("/api/history")).json()["items"]
    half = await client.post("/api/history/uploads", json={"name": "a", "size_bytes": 9})
    ids = {"show_id": show_id, "episode_id": episode_id, "token_id": "1", "name": style}
    own = {"event_id": event["id"], "edit_id": event["id"], "year": "2023"}
    own |= dict.fromkeys(("import_id", "upload_id"), half.json()["id"])
    return client, ids | own


def readable(app: FastAPI) -> list[str]:
    """Every address that answers GET and comes to an end."""
    described = [one.path for one in operations(app) if one.method == "GET" and not one.is_stream]
    return described + [path for method, path in undescribed(app) if method == "GET"]


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
async def test_no_get_changes_a_row(
    stage: Stage, app: FastAPI, database_urls: DatabaseUrls, accept: str
) -> None:
    """Only beginning and ending a sign-in at Spotify write, since browsers come to them by GET."""
    client, ids = await listener(stage, app)
    stage.clock.jump(300)
    paths = [path.format(**ids) for path in readable(app)]
    walked = set(paths) - {BEGINS_A_SIGN_IN, FINISHES_A_SIGN_IN}
    before = dump(database_urls, without=LAST_USED)

    statuses = {
        path: (await client.get(path, headers={"Accept": accept})).status_code
        for path in sorted(walked)
    }
    after = dump(database_urls, without=LAST_USED)
    await client.get(BEGINS_A_SIGN_IN)
    begun = dump(database_urls, without=LAST_USED)

    assert len(walked) >= 18
    assert {200, 204} >= set(statuses.values()), statuses
    assert {} == changed(before, after)
    assert {"oauth_state": (0, 1)} == changed(after, begun)


async def test_every_route_is_sealed(stage: Stage, app: FastAPI) -> None:
    """Whatever is answered, to whomever: framing, sniffing and foreign scripts are ruled out."""
    client, ids = await listener(stage, app)
    stranger = program(app)
    walked = [(one.method, one.path) for one in operations(app) if not one.is_stream]
    walked += list(undescribed(app))

    for method, path in walked:
        for asks in (stranger, client):
            reply = await asks.request(method, path.format(**ids))

            missing = [name for name in SEALS if name not in reply.headers]
            assert [] == missing, (method, path)
            assert "default-src 'none'" in reply.headers["content-security-policy"]
            assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
            if path.startswith("/api"):
                assert "no-store" == reply.headers["cache-control"], (method, path)
        client = await again(app, client)


async def again(app: FastAPI, client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """The same person, signed in anew if the last request ended that."""
    if (await client.get("/api/auth/me")).status_code == 200:
        return client
    fresh = browser(app)
    form = {"username": "ada", "password": PASSWORD}
    assert 200 == (await fresh.post("/api/auth/login", json=form)).status_code
    return fresh


ORIGIN = "https://notes.example.org"
ALMOST = ["https://notes.example.org.evil.example", "http://notes.example.org", "null", "*"]


async def asked_from(client: httpx2.AsyncClient, path: str, origin: str) -> list[httpx2.Response]:
    """A plain request and a preflight from another origin."""
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return [
        await client.get(path, headers={"Origin": origin}),
        await client.options(path, headers=preflight),
    ]


async def test_no_origin_is_let_in_by_default(runtime: Runtime) -> None:
    """Neither reading nor asking first is answered with a word of other origins."""
    app = app_on(runtime)

    for path in readable(app):
        for origin in (ORIGIN, "null"):
            for reply in await asked_from(program(app), path, origin):
                named = [name for name in reply.headers if name.startswith("access-control")]
                assert [] == named, path


async def test_only_origins_that_are_set_are_let_in(runtime: Runtime) -> None:
    """Exactly those, on every route, and never with cookies."""
    app = app_on(under(runtime, cors_origins=[ORIGIN]))

    for path in readable(app):
        for reply in await asked_from(program(app), path, ORIGIN):
            assert ORIGIN == reply.headers["access-control-allow-origin"], path
            assert "access-control-allow-credentials" not in reply.headers
        for origin in ALMOST:
            for reply in await asked_from(program(app), path, origin):
                assert "access-control-allow-origin" not in reply.headers, (path, origin)
