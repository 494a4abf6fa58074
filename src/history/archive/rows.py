"""The fields we need of a row, in both formats of Spotify's exports.

All else in a row is never decoded: neither the listener's IP address nor their user agent, name
or country reaches any other code.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any

import msgspec

from src.history.archive.reasons import BadRow

_MINUTE_CHARACTERS = len("YYYY-MM-DD HH:MM")
UNREADABLE_TIME = datetime.max.replace(tzinfo=UTC)
"""Stands for a time that is there and cannot be read; later than any that is accepted."""


class FileFormat(StrEnum):
    """Which export a file is from."""

    EXTENDED = "extended"
    """The whole life of the account, exact to the second."""
    ACCOUNT = "account"
    """The last year, by minutes and names."""


class Row(msgspec.Struct, gc=False):
    """A row as the extended export tells it; `ts` is its end. None is what it does not tell."""

    ts: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    ms_played: int | None = None
    spotify_episode_uri: str | None = None
    episode_name: str | None = None
    episode_show_name: str | None = None
    spotify_track_uri: str | None = None
    master_metadata_track_name: str | None = None
    audiobook_uri: str | None = None
    audiobook_title: str | None = None
    # What is wrong with these two costs no row.
    offline: Any = None
    offline_timestamp: Any = None


class Unusable(Row, gc=False):
    """Stands for a row that could not be read as one. Its time is accepted nowhere."""

    reason: BadRow = BadRow.UNREADABLE


class AccountRow(msgspec.Struct, rename="camel", gc=False):
    """A row of the account export: `end_time` as YYYY-MM-DD HH:MM in UTC."""

    end_time: str | None = None
    ms_played: int | None = None
    podcast_name: str | None = None
    episode_name: str | None = None
    artist_name: str | None = None
    track_name: str | None = None
    audiobook_name: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """How the rows of one format are read.

    Attributes:
        format: Which.
        one: What a row is decoded as.
        many: Decodes a list of them.
        as_rows: Tells them in the terms of the extended export.
    """

    format: FileFormat
    one: type[Row | AccountRow]
    many: msgspec.json.Decoder[Any]
    as_rows: Callable[[list[Any]], Sequence[Row]]


@cache
def unusable(reason: BadRow) -> Unusable:
    """Return what stands in the place of a row that is none."""
    return Unusable(ts=UNREADABLE_TIME, reason=reason)


def _as_they_are(rows: list[Row]) -> list[Row]:
    return rows


def _translated(rows: list[AccountRow]) -> list[Row]:
    return [
        Row(
            ts=_minute(row.end_time),
            ms_played=row.ms_played,
            episode_name=row.episode_name,
            episode_show_name=row.podcast_name,
            master_metadata_track_name=row.track_name or row.artist_name,
            audiobook_title=row.audiobook_name,
        )
        for row in rows
    ]


def _minute(text: str | None) -> datetime | None:
    """Read a minute; UTC."""
    if text is None:
        return None
    try:
        if len(text) == _MINUTE_CHARACTERS and text[4::3] == "-- :":
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        pass
    return UNREADABLE_TIME


EXTENDED = Reading(FileFormat.EXTENDED, Row, msgspec.json.Decoder(list[Row]), _as_they_are)
ACCOUNT = Reading(
    FileFormat.ACCOUNT, AccountRow, msgspec.json.Decoder(list[AccountRow]), _translated
)
