"""Replies about the podcast library."""

from datetime import datetime

from pydantic import BaseModel

from src.spotify.library_models import ListOrder

SPOTIFY = "https://open.spotify.com"


class PlayState(BaseModel):
    """What Spotify last said of one listener and episode.

    `position_ms` is where they stopped, in milliseconds; `changed_at` when a
    change was first seen, not when it happened.
    """

    fully_played: bool
    position_ms: int
    seen_at: datetime
    changed_at: datetime


class Podcast(BaseModel):
    """A show in the user's library.

    `total_episodes` is Spotify's number, `stored_episodes` how many are here
    already, `heard_episodes` how many carry a resume point. `newest_pending`
    says that the page with the newest episodes is still to be read, `complete`
    that every page was. `removed_at` is set once it left the library.
    """

    id: str
    name: str
    publisher: str | None
    description: str
    languages: list[str]
    explicit: bool
    image_url: str | None
    spotify_url: str
    added_at: datetime
    removed_at: datetime | None
    total_episodes: int | None
    stored_episodes: int
    heard_episodes: int
    newest_release: str | None
    list_order: ListOrder
    newest_pending: bool
    complete: bool
    fetched_at: datetime


class EpisodeReply(BaseModel):
    """An episode, with what is known of the user's listening; `play` is null when untouched.

    `duration_ms` is in milliseconds; `release_date` is as precise as
    `release_precision` (day, month or year) says.
    """

    id: str
    show_id: str
    show_name: str
    name: str
    description: str
    duration_ms: int | None
    release_date: str
    release_precision: str
    explicit: bool
    playable: bool
    languages: list[str]
    image_url: str | None
    spotify_url: str
    saved_at: datetime | None
    removed_at: datetime | None
    fetched_at: datetime
    play: PlayState | None
