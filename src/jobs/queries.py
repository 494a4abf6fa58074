"""Statements that sweep away rows whose time is over."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, union

from src.database import Session
from src.spotify.models import OAuthState, QuotaSlot
from src.users.models import ApiToken, LoginThrottle, UserSession
from src.utils.types import UserId

_EXPIRING = (OAuthState, UserSession, ApiToken)


async def users_to_sweep_all_users(session: Session, *, now: datetime) -> Sequence[UserId]:
    """Return everybody of whom `forget_expired` would delete something, by id."""
    expired = [select(model.user_id).where(model.expires_at <= now) for model in _EXPIRING]
    rows = await session.scalars(union(*expired))
    return [UserId(user_id) for user_id in sorted(rows)]


async def forget_expired(session: Session, *, user_id: UserId, now: datetime) -> int:
    """Delete a user's expired sessions, tokens and sign-ins under way; return how many."""
    gone = 0
    for model in _EXPIRING:
        result = await session.execute(
            delete(model)
            .where(model.user_id == user_id, model.expires_at <= now)
            .returning(model.user_id)
            .execution_options(synchronize_session=False)
        )
        gone += len(result.all())
    return gone


async def forget_counters_all_users(
    session: Session, *, slots_before: int, throttles_before: datetime
) -> None:
    """Delete quota slots and counters of failed sign-ins that no longer count.

    Args:
        session: Open writing transaction of the scheduler.
        slots_before: Quota slots older than this (epoch seconds) are outside every window.
        throttles_before: Counters untouched since then (aware UTC) have leaked empty.
    """
    await session.execute(delete(QuotaSlot).where(QuotaSlot.slot < slots_before))
    await session.execute(delete(LoginThrottle).where(LoginThrottle.updated_at < throttles_before))
