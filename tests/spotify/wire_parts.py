"""What tests of the client share: a room against a local server, and a look at the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from src.cost_tracking.models import CostEntry
from src.cost_tracking.prices import Service
from src.runtime import Runtime
from src.spotify.calls import Call, CallBudget
from src.spotify.client import UserClient
from src.spotify.config import SpotifySettings
from src.spotify.service import Spotify
from src.utils.circuit_breaker import get_circuit_breaker
from src.utils.types import UserId
from tests.factories import add_connection, add_user
from tests.spotify.fault_server import FaultServer
from tests.utils.stepped_clock import SteppedClock

ONE_ENGINE = pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
"""For tests that ask nothing special of a database."""

CLIENT_ID = "0123456789abcdef0123456789abcdef"


def settings_for(url: str, **values: Any) -> SpotifySettings:
    """Return settings under which both of Spotify's services are at `url`."""
    return SpotifySettings(
        _env_file=None,
        spotify_client_id=CLIENT_ID,
        spotify_api_url=url,
        spotify_accounts_url=url,
        **values,
    )


def call_to(url: str, user_id: UserId, **values: Any) -> Call:
    """Return a call as the client makes them, with nothing around it."""
    facts: dict[str, Any] = {
        "method": "GET",
        "operation": "profile",
        "service": Service.SPOTIFY_API,
        "deadline": 1e9,
        "url": url,
        "user_id": user_id,
    }
    return Call(**{**facts, **values})


async def entries(runtime: Runtime, user_id: UserId) -> Sequence[CostEntry]:
    """Return the user's ledger, oldest row first."""
    async with runtime.database.transaction(user_id, write=False) as session:
        rows = await session.scalars(
            select(CostEntry).where(CostEntry.user_id == user_id).order_by(CostEntry.id)
        )
        found: Sequence[CostEntry] = rows.all()
        return found


@dataclass
class Room:
    """A connected user's client, the server it talks to, and the clock both live by."""

    runtime: Runtime
    clock: SteppedClock
    server: FaultServer
    spotify: Spotify
    user_id: UserId
    budget: CallBudget

    @property
    def client(self) -> UserClient:
        """The background client of the user."""
        return self.spotify.client.for_user(self.user_id, self.budget)

    @property
    def breaker(self) -> tuple[str, int, int]:
        """State, failures and calls of the Web API's breaker."""
        stats = get_circuit_breaker("spotify_api").get_stats()
        return stats["state"], stats["failures"], stats["calls"]

    async def costs(self) -> list[tuple[str, str, int]]:
        """Service, outcome and price of each attempt."""
        rows = await entries(self.runtime, self.user_id)
        return [(row.service, row.outcome, row.amount_micro) for row in rows]


async def open_room(runtime: Runtime, clock: SteppedClock, server: FaultServer) -> Room:
    """Open the Spotify room as production does, for one connected user."""
    user_id = await add_user(runtime, "ada")
    await add_connection(runtime, user_id)
    spotify = Spotify.open(runtime, settings_for(server.url))
    return Room(runtime, clock, server, spotify, user_id, CallBudget(None, 50))
