"""Instants as whole milliseconds inside the world, aware datetimes outside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS

_ORIGIN = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_MS = timedelta(milliseconds=1)


def to_ms(instant: datetime) -> int:
    """Return milliseconds since 1970 of an aware datetime, rounded down.

    Raises:
        ValueError: `instant` carries no time zone.
    """
    if instant.tzinfo is None:
        message = "the world needs aware datetimes; add tzinfo=UTC"
        raise ValueError(message)
    return (instant - _ORIGIN) // _ONE_MS


def from_ms(ms: int) -> datetime:
    """Return the aware UTC datetime `ms` milliseconds after 1970 began."""
    return _ORIGIN + timedelta(milliseconds=ms)
