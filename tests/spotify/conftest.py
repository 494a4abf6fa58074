"""What more than one test file of this room begins with."""

import pytest

from src.runtime import Runtime
from src.utils.types import UserId
from tests.factories import add_connection, add_saved_show, add_user
from tests.spotify.token_server import TokenServer


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
