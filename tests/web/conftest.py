"""The whole application beside a simulated Spotify, and a browser in front of it."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from fastapi import FastAPI

from src.main import create_app
from src.runtime import Runtime
from src.utils.types import UserId
from tests.spotify.sync_parts import SIMULATOR_URL, Stage, small_world
from tests.users.clients import PASSWORD, browser, quick_passwords
from tests.utils.stepped_clock import SteppedClock


@pytest.fixture
async def stage(runtime: Runtime, clock: SteppedClock) -> AsyncIterator[Stage]:
    """The product and a small world, on one clock."""
    made = Stage.open(runtime, clock, small_world(clock))
    yield made
    await made.spotify.close()


@pytest.fixture
def app(stage: Stage) -> FastAPI:
    """The application; syncs run when a test says so."""
    made = create_app(stage.runtime, spotify=stage.spotify, background=False)
    made.state.passwords = quick_passwords()
    return made


@pytest.fixture
async def person(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser that asks for pages; nobody is signed in."""
    async with browser(app) as client:
        client.headers["Accept"] = "text/html,application/xhtml+xml,*/*;q=0.8"
        yield client


@pytest.fixture
async def ada(person: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """A browser whose user has just registered by the form."""
    reply = await person.post("/register", data={"username": "ada", "password": PASSWORD})
    assert "/?signed_in=1" == reply.headers["location"]
    return person


async def consent(stage: Stage, address: str, *, listener: int = 0) -> str:
    """Consent at the simulator; return the path and query it sends the browser back to."""
    asked = dict(parse_qsl(urlsplit(address).query))
    transport = httpx2.ASGITransport(stage.simulator.service)
    async with httpx2.AsyncClient(transport=transport, base_url=SIMULATOR_URL) as spotify:
        decision = asked | {"listener": str(listener), "decision": "allow"}
        answer = await spotify.post("/authorize", data=decision)
    back = urlsplit(answer.headers["location"])
    return f"{back.path}?{back.query}"


async def come_back(
    stage: Stage, client: httpx2.AsyncClient, address: str, *, listener: int = 0
) -> str:
    """Consent at the simulator, come back, and return where that leads."""
    back = await consent(stage, address, listener=listener)
    # After a sync a call may have to wait for its turn: the clock has to go on.
    arrived = await stage.clock.run(client.get(back))
    assert 303 == arrived.status_code, arrived.text
    led_to: str = arrived.headers["location"]
    return led_to


async def connect(stage: Stage, client: httpx2.AsyncClient, *, listener: int = 0) -> UserId:
    """Press *Connect Spotify*, consent at the simulator, and come back."""
    pressed = await client.post("/connect")
    assert 303 == pressed.status_code, pressed.text
    address = pressed.headers["location"]
    assert "/?connected=1" == await come_back(stage, client, address, listener=listener)
    user_id = UserId(1)
    stage.users[user_id] = listener
    return user_id
