"""The stored connection of a user, looked at and changed behind the service's back."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from src.runtime import Runtime
from src.spotify.models import SpotifyConnection
from src.utils.types import UserId


async def row_of(runtime: Runtime, user_id: UserId) -> SpotifyConnection:
    """Return the stored connection."""
    async with runtime.database.transaction(user_id, write=False) as session:
        found: SpotifyConnection = await session.get_one(SpotifyConnection, user_id)
        return found


async def change(runtime: Runtime, user_id: UserId, **values: Any) -> None:
    """Overwrite columns of the stored connection."""
    async with runtime.database.transaction(user_id) as session:
        await session.execute(
            update(SpotifyConnection).where(SpotifyConnection.user_id == user_id).values(values)
        )


async def expire(runtime: Runtime, user_id: UserId, *, in_s: float = 0.0) -> None:
    """Let the stored access token end in `in_s` seconds."""
    await change(runtime, user_id, expires_at=runtime.clock.now() + timedelta(seconds=in_s))
