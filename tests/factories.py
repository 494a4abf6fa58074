"""Rows as tests need them, written through the product's own sessions."""

from datetime import timedelta

from src.database import become
from src.runtime import Runtime
from src.spotify.models import SavedShow, Show, SpotifyConnection, SyncSchedule
from src.users.models import User
from src.utils.types import UserId


async def add_user(runtime: Runtime, name: str, *, password_hash: str = "-") -> UserId:
    """Store a user who cannot sign in (unless a hash is given), and return the id."""
    async with runtime.database.keyed(name, write=True) as session:
        user = User(name=name, password_hash=password_hash, created_at=runtime.clock.now())
        session.add(user)
        await session.flush()
        await become(session, UserId(user.id))
        return UserId(user.id)


async def add_connection(runtime: Runtime, user_id: UserId, *, account: str = "app") -> None:
    """Store an active connection whose tokens open, due for its first sync now."""
    now = runtime.clock.now()
    access = runtime.vault.seal(f"access-{user_id}", user_id=user_id, purpose="spotify_access")
    refresh = runtime.vault.seal(f"refresh-{user_id}", user_id=user_id, purpose="spotify_refresh")
    async with runtime.database.transaction(user_id) as session:
        session.add(
            SpotifyConnection(
                user_id=user_id,
                spotify_id=f"listener-{user_id}",
                account_key=f"key-{user_id}",
                scope="user-library-read",
                access_sealed=access.ciphertext,
                refresh_sealed=refresh.ciphertext,
                key_version=access.key_version,
                expires_at=now + timedelta(hours=1),
                lease_until=now,
                connected_at=now,
                consented_at=now,
            )
        )
        session.add(
            SyncSchedule(user_id=user_id, account=account, next_sync_at=now, lease_until=now)
        )


async def add_saved_show(runtime: Runtime, user_id: UserId, show_id: str) -> None:
    """Store a show in the catalogue and in the user's library."""
    now = runtime.clock.now()
    async with runtime.database.transaction(user_id) as session:
        if await session.get(Show, show_id) is None:
            session.add(Show(id=show_id, name=show_id, fetched_at=now))
            await session.flush()
        session.add(SavedShow(user_id=user_id, show_id=show_id, added_at=now))
