"""Starting, following and scheduling syncs over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest
from fastapi import FastAPI

from src.main import create_app
from src.runtime import Runtime
from src.spotify.models import RunState, SyncRun
from src.spotify.sync_stream import Listener, SignedOut, Streams, TooManyStreams, follow
from src.users import queries as users
from src.utils.types import UserId
from tests.spotify.rows import select_rows
from tests.spotify.sync_parts import Stage, small_world
from tests.users.clients import bearer_of, program, quick_passwords, signed_in, told
from tests.utils.stepped_clock import SteppedClock

SYNC = "/api/spotify/sync"


@pytest.fixture
async def stage(runtime: Runtime, clock: SteppedClock) -> AsyncIterator[Stage]:
    """A small world."""
    opened = Stage.open(runtime, clock, small_world(clock, shows_per_listener=3))
    yield opened
    await opened.spotify.close()


@pytest.fixture
def app(stage: Stage) -> FastAPI:
    """The whole application in front of the simulator, with nothing in the background."""
    made = create_app(stage.runtime, spotify=stage.spotify, background=False)
    made.state.passwords = quick_passwords()
    return made


async def connected(stage: Stage, app: FastAPI) -> tuple[httpx2.AsyncClient, UserId]:
    """A browser whose user is connected."""
    client = await signed_in(app)
    user_id = UserId((await client.get("/api/auth/me")).json()["id"])
    await stage.connect(user_id=user_id)
    return client, user_id


async def test_asking_twice_returns_the_same_run(stage: Stage, app: FastAPI) -> None:
    """The first request queues a run and rings; the second finds it waiting."""
    client, user_id = await connected(stage, app)

    first = await client.post(SYNC)
    second = await client.post(SYNC)

    assert 202 == first.status_code == second.status_code
    assert ("queued", "manual") == (first.json()["state"], first.json()["trigger"])
    assert first.json()["id"] == second.json()["id"]
    assert 1 == len(await select_rows(stage.runtime, SyncRun, user_id=user_id))
    await asyncio.wait_for(stage.spotify.bell.wait(60), timeout=5)


async def test_simultaneous_requests_make_one_run(stage: Stage, app: FastAPI) -> None:
    """However many ask at once, one run waits."""
    client, user_id = await connected(stage, app)

    replies = await asyncio.gather(*(client.post(SYNC) for _ in range(6)))

    assert {202} == {reply.status_code for reply in replies}
    assert 1 == len({reply.json()["id"] for reply in replies})
    assert 1 == len(await select_rows(stage.runtime, SyncRun, user_id=user_id))


async def test_requested_run_is_the_one_that_runs(stage: Stage, app: FastAPI) -> None:
    """A paused user's request runs once, and its report can be looked up."""
    client, _ = await connected(stage, app)
    await client.put(f"{SYNC}/schedule", json={"interval_hours": None, "paused": True})
    asked = (await client.post(SYNC)).json()

    [claim] = await stage.claim()
    await stage.clock.run(stage.work(claim))

    status = (await client.get(f"{SYNC}/status")).json()
    assert asked["id"] == status["run"]["id"]
    assert "ended" == status["run"]["state"]
    assert status["run"]["outcome"] in {"complete", "more_to_do"}
    assert status["run"]["calls"] > 0
    assert status["schedule"]["next_sync_at"] is None
    assert status["schedule"]["last_ok_at"] is not None


async def test_sync_needs_a_connection_that_works(stage: Stage, app: FastAPI) -> None:
    """Without one the reply says what to do first."""
    client = await signed_in(app)

    assert (409, "not_connected") == told(await client.post(SYNC))
    assert (409, "not_connected") == told(await client.get(f"{SYNC}/schedule"))
    assert {"schedule": None, "run": None} == (await client.get(f"{SYNC}/status")).json()
    user_id = UserId((await client.get("/api/auth/me")).json()["id"])
    await stage.connect(user_id=user_id)
    stage.simulator.revoke(0)
    [claim] = await stage.claim()
    await stage.clock.run(stage.work(claim))
    assert (409, "reconnect_needed") == told(await client.post(SYNC))


async def test_token_without_the_scope_may_not_sync(stage: Stage, app: FastAPI) -> None:
    """Reading is not syncing."""
    client = await bearer_of(app, scopes=["read"])

    status, _ = told(await client.post(SYNC))

    assert 403 == status
    assert 200 == (await client.get(f"{SYNC}/status")).status_code


async def test_nobody_sees_anything_without_signing_in(app: FastAPI) -> None:
    """Every address asks who is there."""
    for path in ("/status", "/runs", "/events", "/schedule"):
        assert 401 == (await program(app).get(SYNC + path)).status_code


@pytest.mark.parametrize("hours", [0, 25, -1, "often", 1.5])
async def test_intervals_outside_a_day_are_refused(
    stage: Stage, app: FastAPI, hours: object
) -> None:
    """One to twenty-four whole hours."""
    client, _ = await connected(stage, app)

    reply = await client.put(f"{SYNC}/schedule", json={"interval_hours": hours, "paused": False})

    assert 422 == reply.status_code


async def test_shorter_interval_brings_the_next_sync_forward(stage: Stage, app: FastAPI) -> None:
    """A user who wants news sooner need not wait for the old interval to pass."""
    client, user_id = await connected(stage, app)
    now = stage.clock.now()
    await stage.reschedule(user_id, next_sync_at=now + timedelta(hours=20))

    reply = await client.put(f"{SYNC}/schedule", json={"interval_hours": 2, "paused": False})

    found = (await client.get(f"{SYNC}/schedule")).json()
    assert reply.json() == found
    assert (2, 4, False, True) == (
        found["interval_hours"],
        found["default_interval_hours"],
        found["paused"],
        found["active"],
    )
    assert (now + timedelta(hours=2)).isoformat().replace("+00:00", "Z") == found["next_sync_at"]


async def test_runs_are_listed_newest_first_page_by_page(stage: Stage, app: FastAPI) -> None:
    """The cursor leads through all of them, once each."""
    client, user_id = await connected(stage, app)
    ids = [str((await stage.later_sync(user_id, hours=1)).id) for _ in range(3)]

    first = (await client.get(f"{SYNC}/runs", params={"limit": 2})).json()
    second = (
        await client.get(f"{SYNC}/runs", params={"limit": 2, "cursor": first["next_cursor"]})
    ).json()

    listed = [run["id"] for run in first["items"] + second["items"]]
    assert ids[::-1] == listed
    assert second["next_cursor"] is None
    assert (400, "cursor_invalid") == told(
        await client.get(f"{SYNC}/runs", params={"cursor": "AAAA"})
    )


async def test_stream_tells_progress_until_the_process_stops(stage: Stage, app: FastAPI) -> None:
    """Events carry the run as `status` shows it, and the stream ends with the process."""
    client, _ = await connected(stage, app)
    asked = (await client.post(SYNC)).json()
    listening = asyncio.ensure_future(client.get(f"{SYNC}/events"))

    async def live() -> httpx2.Response:
        await stage.clock.sleep(2)
        [claim] = await stage.claim()
        await stage.work(claim)
        await stage.clock.sleep(6)
        app.state.stopping.set()
        return await listening

    reply = await stage.clock.run(live())

    assert "text/event-stream" in reply.headers["content-type"]
    lines = reply.text.splitlines()
    told_runs = [json.loads(line[5:]) for line in lines if line.startswith("data:")]
    assert {asked["id"]} == {run["id"] for run in told_runs}
    assert "queued" == told_runs[0]["state"]
    assert "ended" == told_runs[-1]["state"]
    assert {"event: progress"} == {line for line in lines if line.startswith("event:")}
    assert not app.state.sync_streams.open


async def test_stream_ends_when_the_listener_is_signed_out(stage: Stage, app: FastAPI) -> None:
    """Signed out in another process, which nudges nobody here: the next look tells."""
    client, user_id = await connected(stage, app)
    [session_row] = await users_sessions(stage, user_id)
    listener = Listener(user_id=user_id, session_id=session_row, token_id=None)
    heard: list[SyncRun | SignedOut] = []

    async def listen() -> None:
        never = asyncio.Event()
        told = follow(stage.runtime, listener, stopping=never, nudged=never)
        heard.extend([one async for one in told])

    listening = asyncio.ensure_future(listen())
    await stage.clock.run(stage.clock.sleep(1))
    await client.post("/api/auth/logout")
    before = stage.clock.now()
    await stage.clock.run(listening)

    assert isinstance(heard[-1], SignedOut)
    assert stage.clock.now() - before <= timedelta(seconds=5)


async def users_sessions(stage: Stage, user_id: UserId) -> list[int]:
    """Return the ids of a user's browser sessions."""
    async with stage.runtime.database.transaction(user_id, write=False) as session:
        return [row.id for row in await users.sessions(session, user_id=user_id)]


def test_streams_are_limited_by_user_and_process() -> None:
    """The fourth stream of a user is refused, and a place is free again when one ends."""
    streams = Streams()
    user = UserId(1)
    with streams.enter(user), streams.enter(user):
        with streams.enter(user), pytest.raises(TooManyStreams), streams.enter(user):
            pass
        with streams.enter(user):
            assert 3 == len(streams.open[user])

    assert not streams.open


async def test_too_many_streams_are_told_before_one_begins(stage: Stage, app: FastAPI) -> None:
    """The refusal is a plain 429 that programs can read."""
    client, user_id = await connected(stage, app)
    streams = app.state.sync_streams

    with streams.enter(user_id), streams.enter(user_id), streams.enter(user_id):
        reply = await client.get(f"{SYNC}/events")

    assert (429, "too_many_streams") == told(reply)


async def test_run_of_a_user_is_nobody_elses(stage: Stage, app: FastAPI) -> None:
    """Another user's status shows nothing of it."""
    client, user_id = await connected(stage, app)
    await client.post(SYNC)
    other = await signed_in(app, "grace")

    assert (await other.get(f"{SYNC}/status")).json()["run"] is None
    assert [] == (await other.get(f"{SYNC}/runs")).json()["items"]
    [run] = await select_rows(stage.runtime, SyncRun, user_id=user_id)
    assert RunState.QUEUED == run.state
