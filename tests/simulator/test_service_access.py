"""Who may call the Web API, and what each refusal looks like."""

import pytest

from simulator.faults.board import Fault, Kind
from simulator.settings import App, Mode, Settings
from tests.simulator.driving import Driver, drive

UNKNOWN = "0" * 22


@pytest.mark.parametrize(
    ("header", "status", "message"),
    [
        (None, 401, "No token provided"),
        ("Basic abc", 400, "Only valid bearer authentication supported"),
        ("Bearer wrong", 401, "Invalid access token"),
    ],
)
async def test_a_call_needs_a_token(
    driver: Driver, header: str | None, status: int, message: str
) -> None:
    """Every refusal comes in the error envelope."""
    headers = {"Authorization": header} if header else {}
    reply = await driver.http.get("/v1/me", headers=headers)

    assert {"error": {"status": status, "message": message}} == reply.json()


@pytest.mark.parametrize(("seconds", "status"), [(3599, 200), (3600, 401)])
async def test_an_access_token_lives_an_hour(driver: Driver, seconds: int, status: int) -> None:
    """Then it is told to have expired."""
    caller = await driver.connected(0)
    driver.simulator.clock.step(seconds)

    reply = await caller.get("/me")

    assert status == reply.status_code
    if status == 401:
        assert "The access token expired" == reply.json()["error"]["message"]


async def test_a_listener_who_is_not_allow_listed_gets_plain_text(driver: Driver) -> None:
    """The sixth of five: 403 without JSON in development mode, welcome in extended."""
    caller = await driver.connected(5)

    refused = await caller.get("/me")
    driver.simulator.state.mode = Mode.EXTENDED
    welcome = await caller.get("/me")

    assert 403 == refused.status_code
    assert refused.headers["content-type"].startswith("text/plain")
    assert "the user may not be registered" in refused.text
    assert 200 == welcome.status_code


async def test_a_lapsed_premium_gets_plain_text(driver: Driver) -> None:
    """By listener through control, for everyone through a fault."""
    one, two = await driver.connected(0), await driver.connected(1)
    driver.simulator.state.lapsed.add(0)
    by_listener = [(await one.get("/me")).status_code, (await two.get("/me")).status_code]
    driver.simulator.faults.add(Fault(Kind.PREMIUM_LAPSED))
    reply = await two.get("/me")

    assert [403, 200] == by_listener
    assert (403, "text/plain; charset=utf-8") == (reply.status_code, reply.headers["content-type"])
    assert "premium subscription required" in reply.text


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/me/shows", "user-library-read"),
        ("/me/episodes", "user-library-read"),
        ("/me/library/contains", "user-library-read"),
        ("/me/player", "user-read-playback-state"),
        ("/me/player/currently-playing", "user-read-currently-playing"),
        ("/me/player/queue", "user-read-currently-playing"),
        ("/me/player/recently-played", "user-read-recently-played"),
    ],
)
async def test_a_scope_that_is_missing_is_named_by_a_403(
    driver: Driver, path: str, scope: str
) -> None:
    """With the scope the call works, without it the envelope says so."""
    without, having = await driver.connected(0, scope=""), await driver.connected(0, scope=scope)

    refused = await without.get(path, uris="spotify:show:x")
    answered = await having.get(path, uris="spotify:show:x")

    assert {"error": {"status": 403, "message": "Insufficient client scope"}} == refused.json()
    assert answered.status_code in {200, 204}


async def test_resume_points_are_absent_without_their_scope(driver: Driver) -> None:
    """The page comes, the member does not."""
    caller = await driver.connected(0, scope="user-library-read")
    show = driver.simulator.world.show(0).id

    items = (await caller.get(f"/shows/{show}/episodes")).json()["items"]

    assert items
    assert not [one for one in items if "resume_point" in one]


@pytest.mark.parametrize(
    "path", ["/me/", "/me/shows/", f"/shows/{UNKNOWN}/", "/nowhere", "/shows//"]
)
async def test_a_trailing_slash_leads_nowhere(driver: Driver, path: str) -> None:
    """404, as for any unknown path."""
    assert 404 == (await (await driver.connected(0)).get(path)).status_code


async def test_only_get_is_answered(driver: Driver) -> None:
    """Library writes are not part of this service."""
    caller = await driver.connected(0)
    reply = await driver.http.put(
        "/v1/me/shows", headers={"Authorization": f"Bearer {caller.token}"}
    )

    assert 405 == reply.status_code


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        (f"/shows/{UNKNOWN}", 404, "non existing id"),
        (f"/shows/{UNKNOWN}/episodes", 404, "non existing id"),
        (f"/episodes/{UNKNOWN}", 404, "non existing id"),
        ("/shows/short", 400, "Invalid base62 id"),
        ("/episodes/" + "-" * 22, 400, "Invalid base62 id"),
    ],
)
async def test_ids_that_do_not_exist(driver: Driver, path: str, status: int, message: str) -> None:
    """Well-formed and unknown is 404; what cannot be an id is 400."""
    reply = await (await driver.connected(0)).get(path)

    assert {"error": {"status": status, "message": message}} == reply.json()


async def test_what_is_not_out_yet_or_withdrawn_does_not_exist(driver: Driver) -> None:
    """The future is unknown, and what is withdrawn is gone."""
    caller, world, now = (
        await driver.connected(0),
        driver.simulator.world,
        driver.simulator.clock.now(),
    )
    show = next(i for i in range(60) if world.show(i).rhythm != "dead")
    count = world.episode_count(show, now)
    future, known = world.episode(show, count).id, world.episode(show, 0).id
    before = [(await caller.get(f"/episodes/{one}")).status_code for one in (future, known)]
    world.withdraw_episode(show, 0, now)
    gone = (await caller.get(f"/episodes/{known}")).status_code
    world.withdraw_show(show, now)
    show_gone = (await caller.get(f"/shows/{world.show(show).id}")).status_code

    assert [404, 200] == before
    assert (404, 404) == (gone, show_gone)


async def test_an_app_taken_off_the_list_is_refused() -> None:
    """An allow-list of none lets nobody in."""
    driver = drive(Settings(shows=5, listeners=1, apps=(App(allow_listed=0),)))

    assert 403 == (await (await driver.connected(0)).get("/me")).status_code
