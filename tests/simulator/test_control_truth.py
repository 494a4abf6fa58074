"""The truth, as its HTTP door tells it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest

from tests.simulator.driving import Driver


@pytest.fixture
async def truth(driver: Driver) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the truth door on this machine."""
    transport = httpx2.ASGITransport(driver.simulator.truth)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1/_truth") as http:
        yield http


async def test_library_is_that_of_the_world(driver: Driver, truth: httpx2.AsyncClient) -> None:
    """Shows with identifiers and dates, at any instant asked for."""
    world, now = driver.simulator.world, driver.simulator.clock.now()
    told = (await truth.get("/listeners/0/library")).json()
    then = now - timedelta(days=60)
    earlier = (await truth.get("/listeners/0/library", params={"at": then.isoformat()})).json()

    assert [world.show(one.show).id for one in world.saved_shows(0, now)] == [
        one["id"] for one in told["shows"]
    ]
    assert len(world.saved_episodes(0, now)) == len(told["episodes"])
    assert then.isoformat() == earlier["at"]
    assert len(world.saved_shows(0, then)) == len(earlier["shows"])


async def test_episodes_come_whole_and_in_order(driver: Driver, truth: httpx2.AsyncClient) -> None:
    """Every identifier the service would list, in its order."""
    caller, show = await driver.connected(0), driver.simulator.world.show(1).id
    told = (await truth.get(f"/shows/{show}/episodes")).json()
    page = (await caller.get(f"/shows/{show}/episodes", limit=50)).json()

    assert page["total"] == len(told["episodes"])
    assert [one["id"] for one in page["items"]] == told["episodes"][:50]


async def test_plays_and_publications_lie_within_their_time(
    driver: Driver, truth: httpx2.AsyncClient
) -> None:
    """Between `since` and `until`, as the world tells them."""
    world, now = driver.simulator.world, driver.simulator.clock.now()
    since = now - timedelta(days=3)
    query = {"since": since.isoformat()}
    plays = (await truth.get("/listeners/0/plays", params=query)).json()["plays"]
    published = (await truth.get("/publications", params=query)).json()["publications"]
    expected = sum(
        world.episode_count(show, now) - world.episode_count(show, since) for show in range(60)
    )

    assert len(world.plays(0, since, now)) == len(plays)
    assert {0} == {one["listener"] for one in plays}
    assert expected == len(published) > 0
    assert all(since.isoformat() < one["at"] <= now.isoformat() for one in published)


async def test_consents_tell_ages_and_no_tokens(driver: Driver, truth: httpx2.AsyncClient) -> None:
    """Who consented when, until when it lives, and whether it does."""
    tokens = await driver.tokens(2, scope="user-library-read")
    driver.simulator.revoke(2)
    reply = await truth.get("/consents")
    (one,) = reply.json()["consents"]

    assert (2, ["user-library-read"], False) == (one["listener"], one["scopes"], one["alive"])
    assert one["consented_at"] < one["dies_at"]
    assert tokens["refresh_token"] not in reply.text


async def test_requests_are_paged_and_summed_up(driver: Driver, truth: httpx2.AsyncClient) -> None:
    """Every attempt, with the figures a run is judged by."""
    caller = await driver.connected(0)
    for _ in range(3):
        await caller.get("/me")
    page = (await truth.get("/requests", params={"offset": 3, "limit": 10})).json()
    summary = (await truth.get("/requests/summary")).json()

    assert (5, 2) == (page["total"], len(page["requests"]))
    assert ["/me", "/me"] == [one["endpoint"] for one in page["requests"]]
    assert (5, 3) == (summary["attempts"], summary["max_api_calls_in_any_60_s"])
    assert {"accounts": {"200": 1, "302": 1}, "api": {"200": 3}} == summary["services"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/listeners/99/library", 404),
        ("/listeners/x/library", 400),
        ("/listeners/0/library?at=noon", 400),
        ("/listeners/0/library?at=2026-01-01T00:00:00", 400),
        (f"/shows/{'0' * 22}/episodes", 404),
        ("/requests?limit=0", 400),
        ("/requests?limit=1001", 400),
        ("/requests?offset=-1", 400),
        ("/nowhere", 404),
    ],
)
async def test_wrong_questions_are_told_so(
    truth: httpx2.AsyncClient, path: str, status: int
) -> None:
    """In JSON, with what is wrong."""
    reply = await truth.get(path)

    assert status == reply.status_code
    assert reply.json()["error"]


async def test_a_closed_truth_answers_nobody(driver: Driver, truth: httpx2.AsyncClient) -> None:
    """For a demo; there is no way back."""
    driver.simulator.close_truth()

    assert 404 == (await truth.get("/consents")).status_code
    assert 404 == (await truth.get("/listeners/0/library")).status_code
