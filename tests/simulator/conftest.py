"""What the simulator's own tests share."""

from collections.abc import AsyncIterator

import pytest

from tests.simulator.driving import Driver, drive


@pytest.fixture
async def driver() -> AsyncIterator[Driver]:
    """A small simulator whose clock stands still, with a client connected in process."""
    made = drive()
    async with made.http:
        yield made
