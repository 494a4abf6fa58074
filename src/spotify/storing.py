"""Turning what Spotify said into rows: catalogue, links and resume points, in one transaction."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from src.database import Session
from src.spotify.models import Play
from src.spotify.payloads import EpisodePayload, SavedEpisodePayload, SavedShowPayload, ShowPayload
from src.spotify.queries import store
from src.utils.types import UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayPoint:
    """The resume point of one episode: `position_ms` in milliseconds, instants in UTC.

    `seen_at` is when Spotify last said it, `changed_at` when it first said something else.
    """

    episode_id: str
    show_id: str
    fully_played: bool
    position_ms: int
    seen_at: datetime
    changed_at: datetime


Points = Mapping[str, PlayPoint]
"""Resume points by episode id; an untouched episode has none."""

OnPage = Callable[[Session, Points, Points], Awaitable[None]]
"""Told of a page's resume points before and after, inside the transaction that stores them."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a page changed: episodes stored, those new here, and resume points that moved.

    `first_seen` tells since when (UTC) the other episodes have been known, by id.
    """

    episodes: int = 0
    new: int = 0
    plays_changed: int = 0
    first_seen: Mapping[str, datetime] = field(default_factory=dict)


def show_row(show: ShowPayload, now: datetime) -> dict[str, Any]:
    """Return the catalogue row of a show."""
    return {
        "id": show.id,
        "name": show.name,
        "publisher": show.publisher or None,
        "description": show.description,
        "languages": ",".join(show.languages),
        "media_type": show.media_type or None,
        "explicit": show.explicit,
        "image_url": show.image_url,
        "total_episodes": show.total_episodes,
        "fetched_at": now,
    }


def _episode_row(episode: EpisodePayload, show_id: str, now: datetime) -> dict[str, Any]:
    return {
        "id": episode.id,
        "show_id": show_id,
        "name": episode.name,
        "description": episode.description,
        "duration_ms": episode.duration_ms,
        "release_date": episode.release_date,
        "release_precision": episode.release_precision,
        "explicit": episode.explicit,
        "playable": episode.is_playable,
        "languages": ",".join(episode.languages),
        "image_url": episode.image_url,
        "first_seen_at": now,
        "fetched_at": now,
    }


async def store_saved_shows(
    session: Session, items: Sequence[SavedShowPayload], *, user_id: UserId, now: datetime
) -> None:
    """Store one page of the user's library of shows."""
    await store.upsert_shows_all_users(session, [show_row(item.show, now) for item in items])
    added = {item.show.id: item.added_at for item in items}
    await store.link_shows(session, user_id=user_id, added=added)


async def store_saved_episodes(
    session: Session,
    items: Sequence[SavedEpisodePayload],
    *,
    user_id: UserId,
    now: datetime,
    on_page: OnPage | None,
) -> Stored:
    """Store one page of the user's saved episodes; those without a show are left out."""
    homes = {item.episode.id: item.episode.show for item in items if item.episode.show}
    shows = {show.id: show_row(show, now) for show in homes.values()}
    await store.add_shows_all_users(session, list(shows.values()))
    whole = [item for item in items if item.episode.id in homes]
    pairs = [(item.episode, homes[item.episode.id].id) for item in whole]
    stored = await store_episodes(session, pairs, user_id=user_id, now=now, on_page=on_page)
    added = {item.episode.id: item.added_at for item in whole}
    await store.link_episodes(session, user_id=user_id, added=added)
    return stored


async def store_episodes(
    session: Session,
    pairs: Sequence[tuple[EpisodePayload, str]],
    *,
    user_id: UserId,
    now: datetime,
    on_page: OnPage | None,
) -> Stored:
    """Store episodes with the ids of their shows, and the user's resume points in them.

    Idempotent: storing the same page twice changes nothing but the instants.
    """
    ids = {episode.id for episode, _ in pairs}
    known = await store.first_seen_all_users(session, episode_ids=ids)
    rows = {episode.id: _episode_row(episode, show_id, now) for episode, show_id in pairs}
    await store.upsert_episodes_all_users(session, list(rows.values()))
    changed = await _store_plays(session, pairs, user_id=user_id, now=now, on_page=on_page)
    return Stored(
        episodes=len(ids), new=len(ids - known.keys()), plays_changed=changed, first_seen=known
    )


async def _store_plays(
    session: Session,
    pairs: Sequence[tuple[EpisodePayload, str]],
    *,
    user_id: UserId,
    now: datetime,
    on_page: OnPage | None,
) -> int:
    """Store the resume points that say something; return how many are new or moved."""
    ids = {episode.id for episode, _ in pairs}
    plays = await store.plays_of(session, user_id=user_id, episode_ids=ids)
    before = {play.episode_id: _point_of(play) for play in plays}
    told = (_point(episode, show_id, before=before, now=now) for episode, show_id in pairs)
    after = {point.episode_id: point for point in told if point is not None}
    rows = [
        {
            "episode_id": point.episode_id,
            "show_id": point.show_id,
            "fully_played": point.fully_played,
            "position_ms": point.position_ms,
            "seen_at": point.seen_at,
            "changed_at": point.changed_at,
        }
        for point in after.values()
    ]
    await store.upsert_plays(session, user_id=user_id, rows=rows)
    moved = [point for point in after.values() if not _is_same(point, before)]
    heard = {point.show_id for point in moved}
    await store.mark_heard(session, user_id=user_id, show_ids=heard, now=now)
    if on_page is not None:
        await on_page(session, before, after)
    return len(moved)


def _point_of(play: Play) -> PlayPoint:
    return PlayPoint(
        episode_id=play.episode_id,
        show_id=play.show_id,
        fully_played=play.fully_played,
        position_ms=play.position_ms,
        seen_at=play.seen_at,
        changed_at=play.changed_at,
    )


def _point(
    episode: EpisodePayload, show_id: str, *, before: Points, now: datetime
) -> PlayPoint | None:
    """Return what to keep of an episode's resume point, None if there is nothing to say."""
    told, old = episode.resume_point, before.get(episode.id)
    if told is None or (old is None and not told.fully_played and not told.position_ms):
        return None
    same = (
        old is not None
        and old.fully_played == told.fully_played
        and old.position_ms == told.position_ms
    )
    return PlayPoint(
        episode_id=episode.id,
        show_id=show_id,
        fully_played=told.fully_played,
        position_ms=told.position_ms,
        seen_at=now,
        changed_at=old.changed_at if old is not None and same else now,
    )


def _is_same(point: PlayPoint, before: Points) -> bool:
    old = before.get(point.episode_id)
    return old is not None and (old.fully_played, old.position_ms) == (
        point.fully_played,
        point.position_ms,
    )
