"""Rows and archives as Spotify writes them, and what reading them finds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from src.history.archive.limits import LIMITS, Limits
from src.history.archive.reader import Archive
from src.history.archive.report import Batch, Counts, FileReport, PodcastPlay

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
EPISODE_ID = "4rOoJ6Egrf8K2IrywzwOMk"


def extended(**changes: Any) -> dict[str, Any]:
    """Return a podcast row of the extended export, as it is written now."""
    return {
        "ts": "2024-03-10T10:30:15Z",
        "platform": "android",
        "ms_played": 1_800_000,
        "conn_country": "DE",
        "ip_addr": "192.0.2.77",
        "master_metadata_track_name": None,
        "master_metadata_album_artist_name": None,
        "master_metadata_album_album_name": None,
        "spotify_track_uri": None,
        "episode_name": "On rivers",
        "episode_show_name": "Maps",
        "spotify_episode_uri": f"spotify:episode:{EPISODE_ID}",
        "audiobook_title": None,
        "audiobook_uri": None,
        "audiobook_chapter_uri": None,
        "audiobook_chapter_title": None,
        "reason_start": "clickrow",
        "reason_end": "trackdone",
        "shuffle": False,
        "skipped": False,
        "offline": False,
        "offline_timestamp": None,
        "incognito_mode": False,
    } | changes


def before_2023(**changes: Any) -> dict[str, Any]:
    """Return the same row as the former `endsong` files have it."""
    row = {key: value for key, value in extended().items() if not key.startswith("audiobook")}
    ip_address = row.pop("ip_addr")
    former = {"username": "ada", "ip_addr_decrypted": ip_address, "user_agent_decrypted": "unknown"}
    return row | former | changes


NO_EPISODE: dict[str, Any] = {
    "episode_name": None,
    "episode_show_name": None,
    "spotify_episode_uri": None,
}


def music(**changes: Any) -> dict[str, Any]:
    """Return a row of the extended export about a song."""
    song = {"master_metadata_track_name": "Song", "spotify_track_uri": "spotify:track:1"}
    return extended(**NO_EPISODE, **song) | changes


def audiobook(**changes: Any) -> dict[str, Any]:
    """Return a row of the extended export about an audiobook."""
    book = {"audiobook_title": "Book", "audiobook_uri": "spotify:show:1"}
    return extended(**NO_EPISODE, **book) | changes


def account(**changes: Any) -> dict[str, Any]:
    """Return a podcast row of the account export."""
    return {
        "endTime": "2024-03-10 10:30",
        "podcastName": "Maps",
        "episodeName": "On rivers",
        "msPlayed": 1_800_000,
    } | changes


def text(rows: Sequence[Any], *, indent: int | None = 2) -> bytes:
    """Return rows as a JSON file has them."""
    return json.dumps(rows, indent=indent, ensure_ascii=False).encode()


def zipped(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write a zip with these members."""
    path = folder / "my_spotify_data.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@dataclass
class Found:
    """All that was read of an archive."""

    plays: list[PodcastPlay] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    batches: list[Batch] = field(default_factory=list)

    @property
    def reports(self) -> list[FileReport]:
        """One for each file."""
        return [batch.report for batch in self.batches if batch.report is not None]

    @property
    def report(self) -> FileReport:
        """That of the only file."""
        (report,) = self.reports
        return report


def read(path: Path, *, limits: Limits = LIMITS, now: datetime = NOW) -> Found:
    """Read all of an archive, and check what holds for every one."""
    found = Found()
    for batch in Archive.open(path, limits=limits).batches(now=now):
        found.batches.append(batch)
        found.plays += batch.plays
        found.counts.add(batch.counts)
    told = Counts()
    for report in found.reports:
        told.add(report.counts)

    assert told == found.counts
    assert found.counts.is_balanced
    assert len(found.plays) == found.counts.podcasts

    return found


def read_text(folder: Path, data: bytes, *, limits: Limits = LIMITS) -> Found:
    """Read one JSON file."""
    path = folder / "Streaming_History_Audio_2024.json"
    path.write_bytes(data)
    return read(path, limits=limits)


def read_rows(folder: Path, *rows: Any) -> Found:
    """Read one JSON file with these rows."""
    return read_text(folder, text(rows))
