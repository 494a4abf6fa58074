"""Endpoints of the podcast library."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from src.auth import CurrentUser, SessionDep, UserDep, require_scope
from src.errors import NotFound
from src.schemas import Page
from src.spotify.library_models import ListOrder
from src.spotify.library_schemas import SPOTIFY, EpisodeReply, PlayState, Podcast
from src.spotify.queries import library
from src.spotify.queries.library import EpisodeRow, Place, ShowRow, ShowSort
from src.utils.cursor import CursorInvalid, CursorKey
from src.utils.text import CleanText

router = APIRouter(
    prefix="/api/spotify", tags=["library"], dependencies=[Depends(require_scope("read"))]
)

SpotifyId = Annotated[str, Path(pattern=r"^[0-9A-Za-z]{1,64}$")]
Cursor = Annotated[str | None, Query(max_length=600, description="`next_cursor` of the last page")]
Limit = Annotated[int, Query(ge=1, le=200)]
Words = Annotated[
    CleanText | None, Query(max_length=200, description="Part of a name or publisher")
]


def _cursors(request: Request) -> CursorKey:
    return CursorKey(request.app.state.runtime.vault.derive("cursor"))


def _languages(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def podcast(row: ShowRow) -> Podcast:
    """Return the reply for one show."""
    show, saved = row.show, row.saved
    return Podcast(
        id=show.id,
        name=show.name,
        publisher=show.publisher,
        description=show.description,
        languages=_languages(show.languages),
        explicit=show.explicit,
        image_url=show.image_url,
        spotify_url=f"{SPOTIFY}/show/{show.id}",
        added_at=saved.added_at,
        removed_at=saved.removed_at,
        total_episodes=show.total_episodes,
        stored_episodes=row.stored,
        heard_episodes=row.heard,
        newest_release=row.newest_release,
        list_order=ListOrder(show.list_order),
        newest_pending=saved.newest_pending,
        complete=not saved.newest_pending and saved.backfill_offset is None,
        fetched_at=show.fetched_at,
    )


def episode_reply(row: EpisodeRow) -> EpisodeReply:
    """Return the reply for one episode."""
    found, play = row.episode, row.play
    return EpisodeReply(
        id=found.id,
        show_id=found.show_id,
        show_name=row.show.name,
        name=found.name,
        description=found.description,
        duration_ms=found.duration_ms,
        release_date=found.release_date,
        release_precision=found.release_precision,
        explicit=found.explicit,
        playable=found.playable,
        languages=_languages(found.languages),
        image_url=found.image_url or row.show.image_url,
        spotify_url=f"{SPOTIFY}/episode/{found.id}",
        saved_at=None if row.saved is None else row.saved.added_at,
        removed_at=found.removed_at,
        fetched_at=found.fetched_at,
        play=None
        if play is None
        else PlayState(
            fully_played=play.fully_played,
            position_ms=play.position_ms,
            seen_at=play.seen_at,
            changed_at=play.changed_at,
        ),
    )


def _after(
    key: CursorKey, cursor: str | None, *, user: CurrentUser, query: str
) -> tuple[str, str] | None:
    if cursor is None:
        return None
    place = key.decode(cursor, user_id=user.id, query=query)
    if len(place) != 2:  # noqa: PLR2004 - value and id; one of an earlier version had less
        raise CursorInvalid
    return str(place[0]), str(place[1])


def _cursor(key: CursorKey, place: Place, *, user: CurrentUser, query: str) -> str:
    value, last_id = place
    text = value if isinstance(value, str) else value.isoformat()
    return key.encode([text, last_id], user_id=user.id, query=query)


@router.get("/podcasts")
async def list_podcasts(
    request: Request,
    session: SessionDep,
    user: UserDep,
    *,
    limit: Limit = 50,
    cursor: Cursor = None,
    q: Words = None,
    sort: ShowSort = ShowSort.ADDED,
) -> Page[Podcast]:
    """List the shows of your library, the latest saved first or by name.

    Shows that left the library stay listed with `removed_at`. `q` finds part of
    a name or publisher. Follow `next_cursor` until it is null.
    """
    key, query = _cursors(request), f"podcasts:{sort}:{q or ''}"
    after: Place | None = _after(key, cursor, user=user, query=query)
    if after is not None and sort is ShowSort.ADDED:
        after = datetime.fromisoformat(str(after[0])), after[1]
    rows = await library.shows(
        session, user_id=user.id, sort=sort, after=after, words=q, limit=limit + 1
    )
    shown = rows[:limit]
    next_cursor = None
    if len(rows) > limit:
        next_cursor = _cursor(key, shown[-1].place(sort), user=user, query=query)
    return Page(items=[podcast(row) for row in shown], next_cursor=next_cursor)


@router.get("/podcasts/{show_id}")
async def get_podcast(session: SessionDep, user: UserDep, show_id: SpotifyId) -> Podcast:
    """Return one show of your library."""
    row = await library.show(session, user_id=user.id, show_id=show_id)
    if row is None:
        raise NotFound("There is no such show in your library.")
    return podcast(row)


@router.get("/podcasts/{show_id}/episodes")
async def list_episodes(
    request: Request,
    session: SessionDep,
    user: UserDep,
    show_id: SpotifyId,
    *,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[EpisodeReply]:
    """List a show's stored episodes, the newest release first, each with your resume point."""
    if await library.show(session, user_id=user.id, show_id=show_id) is None:
        raise NotFound("There is no such show in your library.")
    key, query = _cursors(request), f"episodes:{show_id}"
    after = _after(key, cursor, user=user, query=query)
    rows = await library.episodes(
        session, user_id=user.id, show_id=show_id, after=after, limit=limit + 1
    )
    shown = rows[:limit]
    next_cursor = None
    if len(rows) > limit:
        last = shown[-1].episode
        next_cursor = _cursor(key, (last.release_date, last.id), user=user, query=query)
    return Page(items=[episode_reply(row) for row in shown], next_cursor=next_cursor)


@router.get("/episodes/{episode_id}")
async def get_episode(session: SessionDep, user: UserDep, episode_id: SpotifyId) -> EpisodeReply:
    """Return one episode of a show in your library, or one that you saved or heard."""
    row = await library.episode(session, user_id=user.id, episode_id=episode_id)
    if row is None:
        raise NotFound("There is no such episode in your library.")
    return episode_reply(row)
