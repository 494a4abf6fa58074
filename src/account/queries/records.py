"""Statements that read a user's rows as the records of an export."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from sqlalchemy import Select, select, union
from sqlalchemy.orm import InstrumentedAttribute, aliased

from src.account import records
from src.account.records import Record
from src.cost_tracking.models import CostEntry
from src.database import Base, Session
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
from src.users.models import ApiToken, AuditEvent, User, UserSession
from src.utils.types import UserId

AT_ONCE = 500
"""Rows in memory at a time."""

_Build = Callable[[UserId], Select[Any]]


def _fields(
    model: type[Base], kind: type[Record], **others: InstrumentedAttribute[Any]
) -> Select[Any]:
    """Select the fields of `kind` from the columns of `model` of the same name, or `others`."""
    columns = [
        (others.get(name) or getattr(model, name)).label(name) for name in kind.__struct_fields__
    ]
    return select(*columns).select_from(model)


def _own(model: Any, kind: type[Record], *order: str) -> _Build:
    """Return what selects a user's rows of one table, in the order of columns."""

    def build(user_id: UserId) -> Select[Any]:
        chosen = _fields(model, kind).where(model.user_id == user_id)
        return chosen.order_by(*(getattr(model, name) for name in order))

    return build


def _profile(user_id: UserId) -> Select[Any]:
    return _fields(User, records.Profile).where(User.id == user_id)


def _saved_shows(user_id: UserId) -> Select[Any]:
    return (
        _fields(SavedShow, records.SavedShow, show=Show.name)
        .join(Show, Show.id == SavedShow.show_id)
        .where(SavedShow.user_id == user_id)
        .order_by(SavedShow.added_at, SavedShow.show_id)
    )


def _saved_episodes(user_id: UserId) -> Select[Any]:
    return (
        _fields(SavedEpisode, records.SavedEpisode, episode=Episode.name)
        .join(Episode, Episode.id == SavedEpisode.episode_id)
        .where(SavedEpisode.user_id == user_id)
        .order_by(SavedEpisode.added_at, SavedEpisode.episode_id)
    )


def _resume_points(user_id: UserId) -> Select[Any]:
    return (
        _fields(Play, records.ResumePoint, episode=Episode.name)
        .join(Episode, Episode.id == Play.episode_id)
        .where(Play.user_id == user_id)
        .order_by(Play.changed_at, Play.episode_id)
    )


def _episodes_named(user_id: UserId) -> Select[Any]:
    """Select the ids of the episodes that a user saved or began."""
    saved = select(SavedEpisode.episode_id).where(SavedEpisode.user_id == user_id)
    begun = select(Play.episode_id).where(Play.user_id == user_id)
    return select(union(saved, begun).subquery().c.episode_id)


def _catalogue_episodes(user_id: UserId) -> Select[Any]:
    chosen = _fields(Episode, records.CatalogueEpisode)
    return chosen.where(Episode.id.in_(_episodes_named(user_id))).order_by(Episode.id)


def _catalogue_shows(user_id: UserId) -> Select[Any]:
    saved = select(SavedShow.show_id).where(SavedShow.user_id == user_id)
    of_episodes = select(Episode.show_id).where(Episode.id.in_(_episodes_named(user_id)))
    chosen = _fields(Show, records.CatalogueShow)
    return chosen.where(Show.id.in_(saved) | Show.id.in_(of_episodes)).order_by(Show.id)


def _costs(user_id: UserId) -> Select[Any]:
    corrected = aliased(CostEntry)
    return (
        _fields(CostEntry, records.Cost, corrects=corrected.attempt)
        .outerjoin(corrected, corrected.id == CostEntry.corrects_id)
        .where(CostEntry.user_id == user_id)
        .order_by(CostEntry.id)
    )


_BUILD: Mapping[type[Record], _Build] = {
    records.Profile: _profile,
    records.CatalogueShow: _catalogue_shows,
    records.CatalogueEpisode: _catalogue_episodes,
    records.SavedShow: _saved_shows,
    records.SavedEpisode: _saved_episodes,
    records.ResumePoint: _resume_points,
    records.SyncReport: _own(SyncRun, records.SyncReport, "created_at", "id"),
    records.Cost: _costs,
    records.Connection: _own(SpotifyConnection, records.Connection),
    records.Schedule: _own(SyncSchedule, records.Schedule),
    records.SignIn: _own(OAuthState, records.SignIn, "created_at"),
    records.BrowserSession: _own(UserSession, records.BrowserSession, "id"),
    records.Token: _own(ApiToken, records.Token, "id"),
    records.Audit: _own(AuditEvent, records.Audit, "id"),
}


def statement(kind: type[Record], *, user_id: UserId) -> Select[Any]:
    """Return what selects a user's records of a kind, in a fixed order."""
    return _BUILD[kind](user_id)


async def records_of(
    session: Session, kind: type[Record], *, user_id: UserId
) -> AsyncIterator[Record]:
    """Yield a user's records of a kind, in a fixed order, with few in memory at a time."""
    chosen = statement(kind, user_id=user_id).execution_options(yield_per=AT_ONCE)
    found = await session.stream(chosen)
    async for some in found.mappings().partitions():
        for row in some:
            yield kind(**row)
