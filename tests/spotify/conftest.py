"""What more than one test file of this room begins with."""

from collections.abc import AsyncIterator

import pytest

from src.runtime import Runtime
from src.utils.types import UserId
from tests.factories import add_connection, add_saved_show, add_user
from tests.spotify.fault_server import FaultServer
from tests.spotify.sync_parts import Stage, small_world
from tests.spotify.token_server import TokenServer
from tests.spotify.wire_parts import Room, open_room
from tests.utils.stepped_clock import SteppedClock


@pytest.fixture
def accounts() -> TokenServer:
    """An accounts service that refreshes whatever it is given."""
    return TokenServer()


@pytest.fixture
async def listener(runtime: Runtime) -> UserId:
    """A connected user with one saved show; the token is good for an hour."""
    user_id = await add_user(runtime, "ada")
    await add_connection(runtime, user_id)
    await add_saved_show(runtime, user_id, "show")
    return user_id


@pytest.fixture
async def ada(runtime: Runtime) -> UserId:
    """A user who has not connected yet."""
    return await add_user(runtime, "ada")


@pytest.fixture
async def server() -> AsyncIterator[FaultServer]:
    """A server that says whatever a test tells it to."""
    async with FaultServer() as opened:
        yield opened


@pytest.fixture
async def room(runtime: Runtime, clock: SteppedClock, server: FaultServer) -> AsyncIterator[Room]:
    """The Spotify room as production opens it, for one connected user."""
    opened = await open_room(runtime, clock, server)
    yield opened
    await opened.spotify.close()


@pytest.fixture
async def stage(runtime: Runtime, clock: SteppedClock) -> AsyncIterator[Stage]:
    """A simulator that a user can connect to."""
    opened = Stage.open(runtime, clock, small_world(clock, listeners=7))
    yield opened
    await opened.spotify.close()
