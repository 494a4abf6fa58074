"""Statements on a user's Spotify connection: its tokens, its lease, and sign-ins under way."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import raiseload

from src.database import Session, dialect_of, is_unique_violation, rows_changed, upsert
from src.spotify.errors import AlreadyConnected
from src.spotify.models import ConnectionState, OAuthState, SpotifyConnection, SyncSchedule
from src.users.queries import note
from src.utils.types import UserId

FREE = datetime(1970, 1, 1, tzinfo=UTC)
"""The `lease_until` of a row that nobody holds."""


async def connection_of(session: Session, *, user_id: UserId) -> SpotifyConnection | None:
    """Return the user's connection without its schedule, or None when there is none."""
    statement = (
        select(SpotifyConnection)
        .where(SpotifyConnection.user_id == user_id)
        .options(raiseload(SpotifyConnection.schedule))
        .execution_options(populate_existing=True)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def take_lease(
    session: Session,
    *,
    user_id: UserId,
    now: datetime,
    until: datetime,
    expiring_by: datetime,
    stale_fence: int | None,
) -> SpotifyConnection | None:
    """Become the one who refreshes the token, if it needs it and nobody else is at it.

    A token refused by Spotify (`stale_fence`) is marked as expired at once, so
    that others refresh it should the holder of this lease die.

    Args:
        session: Open transaction of the caller, opened for `user_id`.
        user_id: Whose token.
        now: The present instant, aware UTC.
        until: When the lease lapses unless it is given back.
        expiring_by: A token that expires by then needs a refresh.
        stale_fence: Fence of a token that Spotify refused, or None.

    Returns:
        The row with its new fence; None when there is nothing to do or somebody
        else holds the lease.
    """
    row = SpotifyConnection
    needed = row.expires_at <= expiring_by
    values: dict[str, Any] = {"lease_until": until, "fence": row.fence + 1}
    if stale_fence is not None:
        needed = or_(needed, row.fence == stale_fence)
        values["expires_at"] = now
    statement = (
        update(row)
        .where(
            row.user_id == user_id,
            row.state == ConnectionState.ACTIVE,
            row.lease_until <= now,
            needed,
        )
        .values(values)
    )
    if not await rows_changed(session, statement):
        return None
    return await connection_of(session, user_id=user_id)


async def store_grant(
    session: Session, *, user_id: UserId, fence: int, values: Mapping[str, Any]
) -> bool:
    """Store refreshed tokens and give the lease back; false if the lease was lost meanwhile."""
    statement = (
        update(SpotifyConnection)
        .where(SpotifyConnection.user_id == user_id, SpotifyConnection.fence == fence)
        .values({**values, "lease_until": FREE})
    )
    return bool(await rows_changed(session, statement))


async def replace_refresh_token(
    session: Session, *, user_id: UserId, used: str, values: Mapping[str, Any]
) -> None:
    """Store a rotated refresh token without the lease, if the stored one is still `used`."""
    statement = (
        update(SpotifyConnection)
        .where(SpotifyConnection.user_id == user_id, SpotifyConnection.refresh_sealed == used)
        .values(**values)
    )
    await rows_changed(session, statement)


async def release_lease(session: Session, *, user_id: UserId, fence: int) -> None:
    """Give the lease back without a token, if it is still ours."""
    await store_grant(session, user_id=user_id, fence=fence, values={})


async def park(
    session: Session, *, user_id: UserId, refresh_sealed: str, reason: str, now: datetime
) -> bool:
    """Mark that the user must sign in again, unless the stored token has changed meanwhile.

    Stops the schedule and keeps every other row. An audit row says why.

    Args:
        session: Open transaction of the caller, opened for `user_id`.
        user_id: Whose connection.
        refresh_sealed: The stored text that turned out to be of no use.
        reason: `revoked`, `consent_expired` or `tokens_unreadable`.
        now: The present instant, aware UTC.

    Returns:
        Whether this call parked it; false if it is parked, changed or gone.
    """
    row = SpotifyConnection
    statement = (
        update(row)
        .where(
            row.user_id == user_id,
            row.refresh_sealed == refresh_sealed,
            row.state == ConnectionState.ACTIVE,
        )
        .values(
            state=ConnectionState.RECONNECT_NEEDED,
            reason=reason,
            lapsed_at=now,
            lease_until=FREE,
        )
    )
    if not await rows_changed(session, statement):
        return False
    await stop_schedule(session, user_id=user_id)
    await note(session, user_id=user_id, now=now, action="spotify_parked", detail=reason)
    return True


async def store_connection(
    session: Session, *, user_id: UserId, values: Mapping[str, Any]
) -> SpotifyConnection | None:
    """Store a fresh grant: a first connection, or the renewal of the same Spotify account.

    The unique index decides about an account that two users want at once, the
    statement about a user with two accounts: nothing is read before it.

    Args:
        session: Open transaction of the caller, opened for `user_id`.
        user_id: Who connected.
        values: Columns of the connection. `connected_at` of a renewal is ignored.

    Returns:
        The stored row; None if the user is connected with another account.

    Raises:
        AlreadyConnected: Another user holds this Spotify account.
    """
    row = SpotifyConnection
    statement = upsert(dialect_of(session), row).values(user_id=user_id, **values)
    renewed = {name: value for name, value in values.items() if name != "connected_at"}
    statement = statement.on_conflict_do_update(
        index_elements=[row.user_id],
        set_={**renewed, "fence": row.fence + 1},
        where=or_(
            row.account_key == statement.excluded.account_key,
            row.spotify_id == statement.excluded.spotify_id,
        ),
    ).returning(row.user_id)
    try:
        stored = (await session.execute(statement)).scalar_one_or_none()
    except IntegrityError as error:
        if not is_unique_violation(error):
            raise
        raise AlreadyConnected from error
    return None if stored is None else await connection_of(session, user_id=user_id)


async def start_schedule(session: Session, *, user_id: UserId, account: str, now: datetime) -> None:
    """Make the user's schedule active and due now, adding it for a first connection."""
    statement = upsert(dialect_of(session), SyncSchedule).values(
        user_id=user_id,
        account=account,
        next_sync_at=now,
        lease_until=FREE,
        paused=False,
        active=True,
        requested=False,
        failures=0,
        fence=0,
    )
    fresh = {"account": account, "next_sync_at": now, "active": True, "failures": 0}
    await session.execute(
        statement.on_conflict_do_update(index_elements=[SyncSchedule.user_id], set_=fresh)
    )


async def stop_schedule(session: Session, *, user_id: UserId) -> None:
    """Let no run start for the user until `start_schedule`."""
    statement = update(SyncSchedule).where(SyncSchedule.user_id == user_id)
    await rows_changed(session, statement.values(active=False, requested=False))


async def add_state(session: Session, *, user_id: UserId, state: OAuthState) -> None:
    """Store a sign-in under way and forget the user's expired ones."""
    await session.execute(
        delete(OAuthState).where(
            OAuthState.user_id == user_id, OAuthState.expires_at <= state.created_at
        )
    )
    session.add(state)
    await session.flush()


async def awaits_confirmation(session: Session, *, user_id: UserId, state_hash: str) -> bool:
    """Tell whether the user has this sign-in under way, begun by a program without a browser."""
    statement = select(OAuthState.state_hash).where(
        OAuthState.user_id == user_id,
        OAuthState.state_hash == state_hash,
        OAuthState.session_id.is_(None),
    )
    return (await session.execute(statement)).first() is not None


async def consume_state(session: Session, *, user_id: UserId, state_hash: str) -> OAuthState | None:
    """Take a sign-in out of the table, so that no other request can; None if there is none."""
    statement = (
        delete(OAuthState)
        .where(OAuthState.user_id == user_id, OAuthState.state_hash == state_hash)
        .returning(OAuthState)
        .execution_options(synchronize_session=False)
    )
    return (await session.execute(statement)).scalar_one_or_none()
