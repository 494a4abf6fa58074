"""What tests of the client share: a room against a local server, and a look at the ledger."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from src.cost_tracking.models import CostEntry
from src.cost_tracking.prices import Service
from src.runtime import Runtime
from src.spotify.calls import Call
from src.spotify.config import SpotifySettings
from src.utils.types import UserId

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
