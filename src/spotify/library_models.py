"""Tables of the podcast library: a shared catalogue, and each user's own links into it.

Catalogue rows (`show`, `episode`) hold public facts keyed by Spotify's id and
nothing of a user; they are reached only through a row of one's own.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from src.database import Base, UtcDateTime
from src.utils.text import folded

_BY_BYTES = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that both databases compare alike: by code points."""


class ListOrder(StrEnum):
    """In which direction Spotify lists a show's episodes; it differs between shows."""

    UNKNOWN = "unknown"
    NEWEST_FIRST = "newest_first"
    OLDEST_FIRST = "oldest_first"


def _folded(context: Any) -> str:
    """Fold name and publisher of the row that is written."""
    row = context.get_current_parameters()
    return folded(f"{row['name']}\n{row.get('publisher') or ''}")


class Show(Base):
    """A podcast, as Spotify last described it. `misses` counts runs in which it was not found.

    `folded` is name, line break and publisher in the form in which they are searched and sorted.
    """

    __tablename__ = "show"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    publisher: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="")
    languages: Mapped[str] = mapped_column(Text, default="")
    media_type: Mapped[str | None] = mapped_column(Text)
    explicit: Mapped[bool] = mapped_column(default=False)
    image_url: Mapped[str | None] = mapped_column(Text)
    total_episodes: Mapped[int | None]
    list_order: Mapped[str] = mapped_column(Text, default=ListOrder.UNKNOWN)
    misses: Mapped[int] = mapped_column(default=0)
    fetched_at: Mapped[datetime] = mapped_column(UtcDateTime)
    folded: Mapped[str] = mapped_column(_BY_BYTES, default=_folded)


class Episode(Base):
    """An episode, as Spotify last described it; `duration_ms` in milliseconds.

    `release_date` keeps Spotify's text, whose precision is day, month or year.
    `misses` counts complete listings of the show without it; two mark it removed.
    """

    __tablename__ = "episode"
    __table_args__ = (Index("ix_episode_show_id_release", "show_id", "release_date", "id"),)

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    show_id: Mapped[str] = mapped_column(ForeignKey("show.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="")
    duration_ms: Mapped[int | None] = mapped_column(BigInteger)
    release_date: Mapped[str] = mapped_column(Text)
    release_precision: Mapped[str] = mapped_column(Text, default="day")
    explicit: Mapped[bool] = mapped_column(default=False)
    playable: Mapped[bool] = mapped_column(default=True)
    languages: Mapped[str] = mapped_column(Text, default="")
    image_url: Mapped[str | None] = mapped_column(Text)
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    fetched_at: Mapped[datetime] = mapped_column(UtcDateTime)
    misses: Mapped[int] = mapped_column(default=0)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SavedShow(Base):
    """A show in a user's library, and how far its pages were read for this user.

    `newest_at` is when the page with the newest episodes was last read;
    `newest_pending` says that it is still to be read; `listed_total` the number
    of episodes when it last was. `backfill_offset` is the next offset of the
    older pages, None when the pass is complete; `pass_started_at` its start.
    `listed_at` is when a listing of the library last had the show; `missed_run_id`
    the run that last missed the show, or episodes of it: no run counts twice.
    """

    __tablename__ = "saved_show"
    __table_args__ = (
        Index("ix_saved_show_show_id", "show_id"),
        {"info": {"scheduler": True}},
    )

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    show_id: Mapped[str] = mapped_column(ForeignKey("show.id"), primary_key=True)
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    misses: Mapped[int] = mapped_column(default=0)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    newest_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    newest_pending: Mapped[bool] = mapped_column(default=True)
    listed_total: Mapped[int | None]
    backfill_offset: Mapped[int | None]
    pass_started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    heard_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    listed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    missed_run_id: Mapped[UUID | None]


class SavedEpisode(Base):
    """An episode a user saved on its own."""

    __tablename__ = "saved_episode"
    __table_args__ = (
        Index("ix_saved_episode_episode_id", "episode_id"),
        {"info": {"scheduler": True}},
    )

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    episode_id: Mapped[str] = mapped_column(ForeignKey("episode.id"), primary_key=True)
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    misses: Mapped[int] = mapped_column(default=0)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Play(Base):
    """What Spotify last said of one user and episode: the resume point.

    No row means that the episode was untouched whenever it was looked at.
    """

    __tablename__ = "play"
    __table_args__ = (
        Index("ix_play_user_id_show_id", "user_id", "show_id"),
        Index("ix_play_episode_id", "episode_id"),
        {"info": {"scheduler": True}},
    )

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    episode_id: Mapped[str] = mapped_column(
        ForeignKey("episode.id", ondelete="CASCADE"), primary_key=True
    )
    show_id: Mapped[str] = mapped_column(Text)
    fully_played: Mapped[bool]
    position_ms: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
