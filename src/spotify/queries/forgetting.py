"""Statements that delete what came from Spotify: a user's rows, then what nobody follows."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, delete, exists, select, union, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from src.database import Session, rows_changed
from src.spotify.models import (
    Episode,
    OAuthState,
    Play,
    SavedEpisode,
    SavedShow,
    Show,
    SpotifyConnection,
    SyncRun,
    SyncSchedule,
)
from src.spotify.queries.connection import FREE
from src.utils.clashes import is_clash
from src.utils.types import UserId


async def shows_touched(session: Session, *, user_id: UserId) -> set[str]:
    """Return the ids of all shows that the user saved, saved an episode of, or played."""
    saved_episodes = select(Episode.show_id).join(
        SavedEpisode, SavedEpisode.episode_id == Episode.id
    )
    statement = union(
        select(SavedShow.show_id).where(SavedShow.user_id == user_id),
        select(Play.show_id).where(Play.user_id == user_id),
        saved_episodes.where(SavedEpisode.user_id == user_id),
    )
    return set((await session.execute(statement)).scalars())


async def stop_runs(session: Session, *, user_id: UserId) -> None:
    """Stop the schedule and take the right to write from a run under way; keeps the interval.

    First statement of a disconnection: it waits for the page that the run is just
    storing, so that what follows finds all its rows.
    """
    stopped = {
        "active": False,
        "requested": False,
        "failures": 0,
        "fence": SyncSchedule.fence + 1,
        "lease_until": FREE,
        "last_started_at": None,
        "last_ok_at": None,
        "listing_began_at": None,
        "listing_offset": None,
        "listing_total": None,
    }
    await rows_changed(
        session, update(SyncSchedule).where(SyncSchedule.user_id == user_id).values(stopped)
    )


async def delete_connection(session: Session, *, user_id: UserId) -> bool:
    """Delete tokens and everything Spotify's API told us of the user; true if there was a grant."""
    for model in (Play, SavedEpisode, SavedShow, SyncRun, OAuthState):
        await session.execute(delete(model).where(model.user_id == user_id))
    statement = delete(SpotifyConnection).where(SpotifyConnection.user_id == user_id)
    return bool(await rows_changed(session, statement))


async def delete_unfollowed_all_users(
    session: Session, *, show_ids: Collection[str] | None = None
) -> int:
    """Delete shows nobody saved, none of whose episodes anybody saved or played.

    Args:
        session: Open transaction of the scheduler.
        show_ids: Look at these only; by default at all.

    Returns:
        How many shows are gone with their episodes. If somebody began to follow, or
        is storing, one at this very moment, none is, and the transaction is of no
        further use.
    """
    # The scheduler may read two columns of each table: naming one avoids asking for all.
    saved = exists(SavedShow.user_id).where(SavedShow.show_id == Show.id)
    unfollowed = [~saved, ~_someone_has_an_episode()]
    if show_ids is not None:
        unfollowed.append(Show.id.in_(show_ids))
    try:
        return await rows_changed(session, delete(Show).where(*unfollowed))
    except DBAPIError as error:
        if isinstance(error, IntegrityError) or is_clash(error):
            return 0
        raise


def _someone_has_an_episode() -> ColumnElement[bool]:
    saved = exists(SavedEpisode.user_id).where(SavedEpisode.episode_id == Episode.id)
    played = exists(Play.user_id).where(Play.episode_id == Episode.id)
    return exists(Episode.id).where(Episode.show_id == Show.id, saved | played)
