"""What each fault does to an answer."""

import asyncio
import json

import httpx2
import pytest

from simulator.app import build
from simulator.clock import SimClock
from simulator.faults.board import Fault, Kind
from simulator.faults.wire import ConnectionCut
from simulator.serving import serving
from simulator.settings import Settings
from tests.simulator.driving import START, Caller, Driver, drive


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (Kind.NOT_FOUND, 404),
        (Kind.SERVER_ERROR, 500),
        (Kind.BAD_GATEWAY, 502),
        (Kind.UNAVAILABLE, 503),
    ],
)
async def test_errors_come_in_the_envelope_and_are_logged(
    driver: Driver, kind: Kind, status: int
) -> None:
    """Once, and the log names the fault."""
    caller = await driver.connected(0)
    driver.simulator.faults.add(Fault(kind, times=1))
    hit, after = await caller.get("/me"), await caller.get("/me")

    assert (status, status) == (hit.status_code, hit.json()["error"]["status"])
    assert 200 == after.status_code
    assert kind == list(driver.simulator.requests)[-2].fault


async def test_an_outage_hits_both_services(driver: Driver) -> None:
    """Everything answers 503 without JSON until it ends."""
    tokens = await driver.tokens(0)
    caller = Caller(driver.http, tokens["access_token"])
    driver.simulator.faults.add(Fault(Kind.OUTAGE))
    down = [await caller.get("/me"), await driver.refresh(tokens["refresh_token"])]
    driver.simulator.faults.clear(Kind.OUTAGE)

    assert [503, 503] == [reply.status_code for reply in down]
    assert down[0].headers["content-type"].startswith("text/plain")
    assert 200 == (await caller.get("/me")).status_code


async def test_html_comes_with_200(driver: Driver) -> None:
    """A page from somewhere in between."""
    caller = await driver.connected(0)
    driver.simulator.faults.add(Fault(Kind.HTML))
    reply = await caller.get("/me")

    assert (200, "text/html; charset=utf-8") == (reply.status_code, reply.headers["content-type"])


async def test_truncated_json_does_not_parse(driver: Driver) -> None:
    """Half the body, or as many bytes as told, and a length that fits them."""
    caller = await driver.connected(0)
    driver.simulator.faults.add(Fault(Kind.TRUNCATED, times=1))
    half = await caller.get("/me/shows")
    driver.simulator.faults.add(Fault(Kind.TRUNCATED, value=5))
    five = await caller.get("/me/shows")

    with pytest.raises(json.JSONDecodeError):
        half.json()
    assert b'{"hre' == five.content


async def test_slow_and_dripping_answers_wait_between_their_parts() -> None:
    """The waits are the injected sleep's; the whole body arrives all the same."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    plain = drive()
    simulator = build(
        plain.simulator.state.settings,
        SimClock(base=lambda: 0.0, start=START, frozen=True),
        sleep=sleep,
    )
    transport = httpx2.ASGITransport(simulator.service)
    async with httpx2.AsyncClient(transport=transport, base_url="http://simulator") as http:
        caller = await Driver(simulator, http).connected(0)
        simulator.faults.add(Fault(Kind.SLOW, times=1, value=12.5))
        await caller.get("/me")
        simulator.faults.add(Fault(Kind.DRIP, times=1, value=100))
        reply = await caller.get("/me")

    assert 12.5 == waits[0]
    assert -(-len(reply.content) // 100) == len(waits[1:])
    assert {1.0} == set(waits[1:])
    assert reply.json()["type"] == "user"


async def test_a_cut_connection_is_its_own_error_in_process(driver: Driver) -> None:
    """An in-process transport sees the cut after the service acted."""
    caller = await driver.connected(0)
    driver.simulator.faults.add(Fault(Kind.RESET, times=1))

    with pytest.raises(ConnectionCut):
        await caller.get("/me")
    assert [200] == [one.status for one in driver.simulator.requests if one.service == "api"]


async def test_a_cut_connection_ends_early_on_a_port() -> None:
    """A client sees part of the body and then the end of the connection."""
    simulator = build(Settings(shows=20, listeners=1, shows_per_listener=5))
    async with (
        serving(simulator) as urls,
        httpx2.AsyncClient(base_url=urls.service) as http,
    ):
        caller = await Driver(simulator, http).connected(0)
        simulator.faults.add(Fault(Kind.RESET, times=1))
        with pytest.raises(httpx2.RemoteProtocolError):
            await caller.get("/me/shows")

        assert 200 == (await caller.get("/me/shows")).status_code


async def test_an_ignored_offset_serves_the_first_page_forever(driver: Driver) -> None:
    """Asked for the second page, the first one comes."""
    caller = await driver.connected(0)
    driver.simulator.faults.add(Fault(Kind.OFFSET_IGNORED))
    first = (await caller.get("/me/shows", limit=2)).json()
    second = (await caller.get("/me/shows", limit=2, offset=2)).json()

    assert first == second
    assert first["next"] is not None


async def test_etags_are_rare_and_honoured(driver: Driver) -> None:
    """None by default; by fault one comes, and what did not change is 304."""
    caller = await driver.connected(0)
    bare = await caller.get("/me")
    driver.simulator.faults.add(Fault(Kind.ETAG))
    tagged = await caller.get("/me")
    headers = {
        "Authorization": f"Bearer {caller.token}",
        "If-None-Match": tagged.headers["etag"],
    }
    again = await driver.http.get("/v1/me", headers=headers)

    assert "etag" not in bare.headers
    assert (304, b"") == (again.status_code, again.content)


async def test_a_grant_can_be_revoked_at_a_chosen_call(driver: Driver) -> None:
    """The second call finds its token dead, and so does the refresh."""
    tokens = await driver.tokens(0)
    caller = Caller(driver.http, tokens["access_token"])
    driver.simulator.faults.add(Fault(Kind.REVOKE, after=1, times=1, listener=0))
    statuses = [(await caller.get("/me")).status_code for _ in range(3)]

    assert [200, 401, 401] == statuses
    assert 400 == (await driver.refresh(tokens["refresh_token"])).status_code


async def test_not_allow_listed_can_be_switched_on_for_one(driver: Driver) -> None:
    """Plain text for the listener named, nothing for others."""
    one, two = await driver.connected(0), await driver.connected(1)
    driver.simulator.faults.add(Fault(Kind.NOT_ALLOW_LISTED, listener=1))

    assert 200 == (await one.get("/me")).status_code
    assert 403 == (await two.get("/me")).status_code


async def test_errors_by_chance_repeat_with_the_seed() -> None:
    """At a share of 10 % about one call in ten fails, the same ones in both runs."""

    async def run() -> list[int]:
        driver = drive(Settings(shows=5, listeners=1, error_rate=0.1, window_calls=0))
        caller = await driver.connected(0)
        return [(await caller.get("/me")).status_code for _ in range(400)]

    first, second = await asyncio.gather(run(), run())

    assert first == second
    assert {200, 404, 502, 503} == set(first)
    assert 20 < sum(status != 200 for status in first) < 70
