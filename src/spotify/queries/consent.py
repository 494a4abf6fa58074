"""Statements about consent that ages, and about data that nobody may keep for ever."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, or_, select, update

from src.database import Session, rows_changed
from src.spotify.models import (
    ConnectionState,
    Episode,
    Play,
    SavedEpisode,
    SavedShow,
    Show,
    SpotifyConnection,
)
from src.utils.types import UserId


async def consents_to_announce_all_users(
    session: Session, *, consented_by: datetime, days_left: int
) -> Sequence[UserId]:
    """Return who consented by `consented_by` and has not been told of `days_left` or fewer days.

    Args:
        session: Open transaction of the scheduler.
        consented_by: Consents as old as this instant (aware UTC) or older count.
        days_left: 30, 7, 1 or 0.
    """
    row = SpotifyConnection
    statement = (
        select(row.user_id)
        .where(
            row.state == ConnectionState.ACTIVE,
            row.consented_at <= consented_by,
            or_(row.consent_notice_days.is_(None), row.consent_notice_days > days_left),
        )
        .order_by(row.user_id)
    )
    return [UserId(user_id) for user_id in (await session.execute(statement)).scalars()]


async def mark_announced(
    session: Session, *, user_id: UserId, consented_by: datetime, days_left: int
) -> bool:
    """Note that the user was told; false if somebody else did, or consent was renewed."""
    row = SpotifyConnection
    statement = (
        update(row)
        .where(
            row.user_id == user_id,
            row.state == ConnectionState.ACTIVE,
            row.consented_at <= consented_by,
            or_(row.consent_notice_days.is_(None), row.consent_notice_days > days_left),
        )
        .values(consent_notice_days=days_left)
    )
    return bool(await rows_changed(session, statement))


async def lapsed_all_users(session: Session, *, lapsed_by: datetime) -> Sequence[UserId]:
    """Return whose connection has needed a new sign-in since `lapsed_by` (aware UTC) or longer."""
    row = SpotifyConnection
    statement = (
        select(row.user_id)
        .where(row.state == ConnectionState.RECONNECT_NEEDED, row.lapsed_at <= lapsed_by)
        .order_by(row.user_id)
    )
    return [UserId(user_id) for user_id in (await session.execute(statement)).scalars()]


async def forget_stale(session: Session, *, user_id: UserId, fetched_by: datetime) -> int:
    """Delete a user's links to catalogue rows last fetched by `fetched_by`; return how many."""
    shows = select(Show.id).where(Show.fetched_at <= fetched_by)
    episodes = select(Episode.id).where(Episode.fetched_at <= fetched_by)
    statements = (
        delete(Play).where(Play.user_id == user_id, Play.episode_id.in_(episodes)),
        delete(SavedEpisode).where(
            SavedEpisode.user_id == user_id, SavedEpisode.episode_id.in_(episodes)
        ),
        delete(SavedShow).where(SavedShow.user_id == user_id, SavedShow.show_id.in_(shows)),
    )
    forgotten = 0
    for statement in statements:
        forgotten += await rows_changed(session, statement)
    return forgotten
