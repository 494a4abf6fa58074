"""Exports written by hand, and a listener who imports them into a real database."""

import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text

from src.history import importing
from src.history.importer import import_files
from src.history.models import HistoryRun, ListeningEvent, RunState
from src.history.queries import runs
from src.history.reports import Tally
from src.history.work import Work
from src.runtime import Runtime
from src.utils.types import UserId
from tests.factories import add_user
from tests.history.said import DAY

Row = dict[str, Any]

SHOW, EPISODE = "A Show", "An Episode"
URI = "spotify:episode:4rOoJ6Egrf8K2IrywzwOMk"
OTHER_URI = "spotify:episode:7makk4oTQel546B0PZlDM5"


def ext_row(end: str, ms: object, *, uri: str | None = URI, name: str = EPISODE) -> Row:
    """A podcast row of the extended export that ended at "HH:MM:SS" of the tests' day."""
    return {
        "ts": f"{DAY:%Y-%m-%d}T{end if end.count(':') == 2 else end + ':00'}Z",
        "ms_played": ms,
        "episode_name": name,
        "episode_show_name": SHOW,
        "spotify_episode_uri": uri,
        "offline_timestamp": None,
    }


def acc_row(minute: str, ms: int, *, name: str = EPISODE) -> Row:
    """A podcast row of the account export that ended in "HH:MM" of the tests' day."""
    return {
        "endTime": f"{DAY:%Y-%m-%d} {minute}",
        "podcastName": SHOW,
        "episodeName": name,
        "msPlayed": ms,
    }


def track_row(end: str) -> Row:
    """A music row of the extended export."""
    return {
        "ts": f"{DAY:%Y-%m-%d}T{end}:00Z",
        "ms_played": 1000,
        "spotify_track_uri": "spotify:track:1",
        "master_metadata_track_name": "Song",
    }


def write_json(path: Path, rows: Iterable[Row]) -> Path:
    """Write rows as one file of an export."""
    path.write_text(json.dumps(list(rows)))
    return path


def write_zip(path: Path, files: Mapping[str, Sequence[Row]]) -> Path:
    """Write files of rows as the zip that Spotify sends."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in files.items():
            archive.writestr(name, json.dumps(rows))
    return path


@dataclass
class Listener:
    """A user who imports files, and what is stored of them."""

    runtime: Runtime
    user_id: UserId
    folder: Path
    _files: int = field(default=0)

    @classmethod
    async def made(cls, runtime: Runtime, folder: Path, name: str = "ada") -> "Listener":
        """Store the user."""
        return cls(runtime, await add_user(runtime, name), folder)

    def file(self, rows: Iterable[Row]) -> Path:
        """Write rows as a new file."""
        self._files += 1
        return write_json(self.folder / f"{self.user_id}-{self._files}.json", rows)

    async def begun(self, *paths: Path) -> Work:
        """Begin an import of files."""
        return await importing.begin_here(self.runtime, user_id=self.user_id, paths=paths)

    async def imported(self, *paths: Path) -> UUID:
        """Import files."""
        work = await self.begun(*paths)
        await import_files(work)
        return work.run_id

    async def undone(self, run_id: UUID) -> None:
        """Undo an import, as the background does."""
        async with self.runtime.database.transaction(self.user_id) as session:
            await importing.request_undo(session, user_id=self.user_id, run_id=run_id)
        for claim in await importing.claim_due(self.runtime, limit=5):
            await importing.handle(self.runtime, claim)

    async def run(self, run_id: UUID) -> HistoryRun:
        """Return a run."""
        async with self.runtime.database.transaction(self.user_id, write=False) as session:
            found = await runs.run_of(session, user_id=self.user_id, run_id=run_id)
        assert found is not None
        return found

    async def tally(self, run_id: UUID) -> Tally:
        """Return the report of a run that is done."""
        run = await self.run(run_id)
        assert RunState.DONE == run.state, run.message
        return Tally.from_json(run.counts)

    async def events(self) -> list[ListeningEvent]:
        """Return the user's events, in order of end."""
        return list(await self.rows(ListeningEvent.__tablename__))

    async def rows(self, table: str) -> list[Any]:
        """Return the user's rows of a table."""
        order = "ended_s, id" if table == "listening_event" else "1"
        async with self.runtime.database.transaction(self.user_id, write=False) as session:
            found = await session.execute(
                text(f"select * from {table} where user_id = :u order by {order}"),
                {"u": self.user_id},
            )
            return list(found)

    async def told(self) -> list[tuple[object, ...]]:
        """Return all that events say, without rows' numbers."""
        return [
            (
                UUID(str(event.id)),
                event.began_s,
                event.ended_s,
                event.ms,
                event.certainty,
                event.rule,
            )
            for event in await self.events()
        ]

    async def count(self, *tables: str) -> list[int]:
        """Count the user's rows of tables."""
        return [len(await self.rows(table)) for table in tables]


def ended(events: Iterable[ListeningEvent]) -> list[tuple[int, int, str]]:
    """Return end, ms and certainty of events."""
    return [(event.ended_s, event.ms, event.certainty) for event in events]
