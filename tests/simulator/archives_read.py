"""A reader of exports, as small as one can be: the tests' own, and strict."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

Rows = list[dict[str, Any]]

EPISODE = ("episode_name", "episode_show_name", "spotify_episode_uri")


def names_in(content: bytes) -> list[str]:
    """Return the names in a zip, in order."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def texts_in(content: bytes) -> dict[str, str]:
    """Return the history files of a zip as text, by name without the folder."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {
            name.split("/")[1]: archive.read(name).decode()
            for name in archive.namelist()
            if "History_" in name or "endsong" in name
            if name.endswith(".json")
        }


def rows_in(content: bytes) -> dict[str, Rows]:
    """Return the rows of each whole history file of a zip."""
    return {name: json.loads(text) for name, text in texts_in(content).items()}


def account_rows(content: bytes, kind: str = "podcast") -> Rows:
    """Return the rows of one kind in the account form, in order."""
    files = rows_in(content)
    return [row for name in files if f"_{kind}_" in name for row in files[name]]


def extended_rows(content: bytes) -> Rows:
    """Return every row of the extended form, file by file."""
    files = rows_in(content)
    return [row for name in files if "StreamingHistory_" not in name for row in files[name]]


def podcasts(rows: Rows) -> Rows:
    """Return the rows of the extended form that an import takes for podcasts."""
    return [row for row in rows if row["spotify_episode_uri"] or row["episode_name"]]


def torn_rows(text: str) -> Iterator[dict[str, Any]]:
    """Return the whole rows of a list that ends too early."""
    decoder, place = json.JSONDecoder(), text.index("{")
    while True:
        try:
            row, place = decoder.raw_decode(text, place)
        except json.JSONDecodeError:
            return
        yield row
        place = text.find("{", place)
        if place < 0:
            return


def second(at: datetime) -> str:
    """Return an instant as the extended form tells it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def minute(at: datetime) -> str:
    """Return an instant as the account form tells it."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def frozen(rows: Rows) -> list[str]:
    """Return rows as something to sort and compare."""
    return sorted(json.dumps(row, sort_keys=True) for row in rows)
