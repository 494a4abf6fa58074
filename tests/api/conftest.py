"""The whole application in front of a simulated Spotify, with nothing in the background."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from src.main import create_app
from src.runtime import Runtime
from tests.spotify.sync_parts import Stage, small_world
from tests.users.clients import quick_passwords
from tests.utils.stepped_clock import SteppedClock


@pytest.fixture
async def stage(runtime: Runtime, clock: SteppedClock) -> AsyncIterator[Stage]:
    """The product and a world of a few shows a listener, on one clock."""
    opened = Stage.open(runtime, clock, small_world(clock, shows_per_listener=4, listeners=3))
    yield opened
    await opened.spotify.close()


@pytest.fixture
def app(stage: Stage) -> FastAPI:
    """The application; syncs run when a test says so."""
    made = create_app(stage.runtime, spotify=stage.spotify, background=False)
    made.state.passwords = quick_passwords()
    return made
