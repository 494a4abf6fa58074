"""The switches, as their HTTP door offers them."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from simulator.faults.board import Kind
from tests.simulator.driving import Driver, request_to_authorize

UNKNOWN = "0" * 22


@pytest.fixture
async def control(driver: Driver) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the control door on this machine."""
    transport = httpx2.ASGITransport(driver.simulator.control)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://127.0.0.1/_control"
    ) as http:
        yield http


async def test_clock_is_stepped_frozen_and_thawed(
    driver: Driver, control: httpx2.AsyncClient
) -> None:
    """A POST changes it and answers with what it is now."""
    before = driver.simulator.clock.now()
    stepped = (await control.post("/clock", json={"step_s": 90})).json()
    thawed = (await control.post("/clock", json={"freeze": False, "rate": 60})).json()
    read = (await control.get("/clock")).json()

    assert 90 == (driver.simulator.clock.now() - before).total_seconds()
    assert (True, 90) == (stepped["frozen"], stepped["wire_s"])
    assert (False, 60) == (thawed["frozen"], thawed["rate"])
    assert thawed == read


@pytest.mark.parametrize(
    ("content", "status", "word"),
    [
        ("{", 400, "not JSON"),
        ("[]", 400, "not a JSON object"),
        ('{"step": 1}', 422, "unknown field 'step'"),
        ('{"step_s": "1"}', 422, "step_s must be int or float"),
        ('{"step_s": true}', 422, "step_s must be int or float"),
        ('{"step_s": -1}', 422, "never goes back"),
        ('{"rate": 1e12}', 422, "rate must be between"),
        ('{"freeze": 1}', 422, "freeze must be bool"),
        ('{"x": "' + "y" * 70_000 + '"}', 413, "at most"),
    ],
)
async def test_wrong_bodies_are_told_apart(
    control: httpx2.AsyncClient, content: str, status: int, word: str
) -> None:
    """400 for what is no object, 422 for what makes no sense; the message says which."""
    reply = await control.post("/clock", content=content)

    assert status == reply.status_code
    assert word in reply.json()["error"]


async def test_faults_are_listed_switched_on_and_off(
    driver: Driver, control: httpx2.AsyncClient
) -> None:
    """By handle, by kind, or all."""
    first = (await control.post("/faults", json={"kind": "outage", "times": 1})).json()
    await control.post("/faults", json={"kind": "slow", "value": 3, "path": "/v1/me"})
    await control.post("/faults", json={"kind": "slow", "rate": 0.5, "listener": 2, "after": 1})
    listed = (await control.get("/faults")).json()
    removed = [
        (await control.delete(f"/faults{query}")).json()["removed"]
        for query in (f"?id={first['id']}", "?kind=slow", "")
    ]

    assert ["outage", "slow", "slow"] == [one["kind"] for one in listed["faults"]]
    assert set(Kind) == set(listed["kinds"])
    assert [1, 2, 0] == removed
    assert [] == driver.simulator.faults.listed()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/faults", {"kind": "gremlins"}, 422),
        ("POST", "/faults", {}, 422),
        ("POST", "/faults", {"kind": "slow", "rate": 2}, 422),
        ("DELETE", "/faults?id=f99", None, 404),
        ("DELETE", "/faults?kind=gremlins", None, 422),
        ("POST", "/mode", {"mode": "turbo"}, 422),
        ("POST", "/auto-consent", {}, 422),
        ("POST", "/auto-consent", {"listener": 99}, 404),
        ("POST", "/listeners/99/revoke", {}, 404),
        ("POST", "/listeners/x/revoke", {}, 400),
        ("POST", "/listeners/0/save", {}, 422),
        ("POST", "/listeners/0/save", {"show": UNKNOWN}, 404),
        ("POST", "/listeners/0/play", {}, 422),
        ("POST", "/listeners/0/play", {"episode": UNKNOWN}, 404),
        ("POST", f"/shows/{UNKNOWN}/withdraw", {}, 404),
        ("POST", f"/episodes/{UNKNOWN}/withdraw", {}, 404),
        ("GET", "/mode", None, 405),
        ("GET", "/nowhere", None, 404),
    ],
)
async def test_what_cannot_be_done_is_said(
    control: httpx2.AsyncClient, method: str, path: str, body: object, status: int
) -> None:
    """Each with its status and a message in JSON."""
    reply = await control.request(method, path, json=body)

    assert status == reply.status_code
    assert reply.json()["error"]


async def test_library_and_plays_are_changed_at_once(
    driver: Driver, control: httpx2.AsyncClient
) -> None:
    """Save, remove, save an episode, drop it, and let something play."""
    world, now = driver.simulator.world, driver.simulator.clock.now()
    held = {one.show for one in world.saved_shows(0, now)}
    new = next(show for show in range(60) if show not in held)
    show, episode = world.show(new).id, world.episode(new, 0).id
    saved = await control.post("/listeners/0/save", json={"show": show})
    driver.simulator.clock.step(1)
    removed = await control.post("/listeners/0/remove", json={"show": show})
    await control.post("/listeners/0/save-episode", json={"episode": episode})
    now = driver.simulator.clock.now()
    kept = (new, 0) in [(one.show, one.number) for one in world.saved_episodes(0, now)]
    driver.simulator.clock.step(1)
    await control.post("/listeners/0/remove-episode", json={"episode": episode})
    now = driver.simulator.clock.now()
    dropped = (new, 0) not in [(one.show, one.number) for one in world.saved_episodes(0, now)]
    played = await control.post("/listeners/0/play", json={"episode": episode, "to_ms": 60_000})
    too_far = await control.post("/listeners/0/play", json={"episode": episode, "to_ms": 10**9})
    driver.simulator.clock.step(20)
    playing = world.playing(0, driver.simulator.clock.now())

    assert [len(held) + 1, len(held)] == [saved.json()["saved"], removed.json()["saved"]]
    assert (True, True) == (kept, dropped)
    assert (200, 422) == (played.status_code, too_far.status_code)
    assert playing is not None
    assert (new, 0) == (playing.show, playing.number)


async def test_withdrawn_things_are_gone(driver: Driver, control: httpx2.AsyncClient) -> None:
    """An episode and then its show."""
    world, caller = driver.simulator.world, await driver.connected(0)
    show, episode = world.show(0).id, world.episode(0, 0).id
    await control.post(f"/episodes/{episode}/withdraw")
    one = (await caller.get(f"/episodes/{episode}")).status_code
    before = (await caller.get(f"/shows/{show}")).status_code
    await control.post(f"/shows/{show}/withdraw")

    assert (404, 200) == (one, before)
    assert 404 == (await caller.get(f"/shows/{show}")).status_code


async def test_mode_consent_revocation_and_lapse(
    driver: Driver, control: httpx2.AsyncClient
) -> None:
    """Each switch does what its name says."""
    caller = await driver.connected(0)
    statuses: list[Any] = []
    for lapsed in (True, False):
        await control.post("/listeners/0/lapse", json={"lapsed": lapsed})
        statuses.append((await caller.get("/me")).status_code)
    await control.post("/mode", json={"mode": "extended"})
    statuses.append("country" in (await caller.get("/me")).json())
    revoked = (await control.post("/listeners/0/revoke")).json()["revoked"]
    statuses.append((await caller.get("/me")).status_code)
    await control.post("/auto-consent", json={"listener": 1})
    redirect = await driver.http.get("/authorize", params=request_to_authorize())
    await control.post("/auto-consent", json={"listener": None})
    page = await driver.http.get("/authorize", params=request_to_authorize())

    assert [403, 200, True, 401] == statuses
    assert 1 == revoked
    assert (302, 200) == (redirect.status_code, page.status_code)


async def test_snapshot_tells_what_is_on(driver: Driver, control: httpx2.AsyncClient) -> None:
    """Clock, mode, faults, grants and used quota in one look; no token."""
    caller = await driver.connected(0)
    await caller.get(f"/shows/{driver.simulator.world.show(0).id}")
    await control.post("/faults", json={"kind": "html"})
    reply = await control.get("/snapshot")
    told = reply.json()

    assert ("development", 6, {"alive": 1}) == (told["mode"], told["listeners"], told["grants"])
    assert ["html"] == [one["kind"] for one in told["faults"]]
    assert 1 == told["quota"]["developer"]["show_pages"]
    assert caller.token not in reply.text


@pytest.mark.parametrize(
    ("client", "host", "status"),
    [
        ("127.0.0.1", "127.0.0.1:80", 200),
        ("::1", "[::1]:80", 200),
        ("127.0.0.1", "localhost", 200),
        ("192.0.2.7", "127.0.0.1", 403),
        ("2001:db8::7", "[::1]", 403),
        ("127.0.0.1", "rebound.example", 403),
    ],
)
async def test_only_this_machine_is_answered(
    driver: Driver, client: str, host: str, status: int
) -> None:
    """Peer and name both have to be loopback, at both doors."""
    for app, path in (
        (driver.simulator.control, "/_control/snapshot"),
        (driver.simulator.truth, "/_truth/consents"),
    ):
        transport = httpx2.ASGITransport(app, client=(client, 5))
        async with httpx2.AsyncClient(transport=transport, base_url="http://x") as http:
            reply = await http.get(path, headers={"Host": host})
        assert status == reply.status_code
