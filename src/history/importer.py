"""Importing files: pieces of an archive to observations, resumable, with a report that adds up.

A step commits the rows of some pieces together with how far they reach, so a run that was
killed goes on behind them. No call to Spotify is made.
"""

from collections.abc import Sequence
from typing import Any

import structlog

from src.database import Session
from src.history import settling, uploads
from src.history.archive.reader import Archive
from src.history.archive.report import Batch
from src.history.archive.rows import FileFormat
from src.history.errors import ArchiveRefused, FileGone
from src.history.identities import Identities, key_of
from src.history.models import FileState, HistoryFile, RunState
from src.history.observations import Source
from src.history.queries import observations as stored
from src.history.queries import runs as queries
from src.history.queries.observations import Seen
from src.history.reports import ImportUnbalanced, Tally
from src.history.work import Work

log = structlog.get_logger()

PLAYS_AT_ONCE = 5_000
BYTES_AT_ONCE = 16 << 20
"""A step is committed when it has as many plays, or as much text was read for it."""

_SOURCES = {
    FileFormat.EXTENDED: Source.EXTENDED.value,
    FileFormat.ACCOUNT: Source.ACCOUNT.value,
}
_ENDED = (FileState.DONE, FileState.REFUSED)


async def import_files(work: Work) -> None:
    """Do what is left of an import, and end its run.

    Args:
        work: The claim on a run that is queued or running.

    Raises:
        WorkTakenOver: Somebody else went on with it.
        ImportUnbalanced: Rows do not add up; the run has failed, and can be undone.
    """
    user_id, run_id = work.user_id, work.run_id
    async with work.runtime.database.transaction(user_id, write=False) as session:
        run = await queries.run_of(session, user_id=user_id, run_id=run_id)
        files = await queries.files(session, user_id=user_id, run_id=run_id)
    began_s = work.now_s if run is None or run.began_s is None else run.began_s
    async with work.step({"state": RunState.RUNNING, "began_s": began_s}):
        pass
    tallies: list[Tally] = []
    done_bytes = 0
    for file in files:
        reading = _Reading(work, file, before=tallies, done_bytes=done_bytes)
        await reading.go_on()
        tallies.append(reading.tally)
        done_bytes = reading.done_bytes
    await _end(work, tallies)
    uploads.remove(work.runtime.settings, run_id)


async def _end(work: Work, tallies: Sequence[Tally]) -> None:
    """Check the report, derive what the rows change, and end the run."""
    total = Tally.sum_of(tallies)
    values: dict[str, Any] = {"counts": total.as_json(), "ended_s": work.now_s}
    try:
        for tally in tallies:
            tally.demand_balance()
    except ImportUnbalanced as error:
        async with work.step({**values, "state": RunState.FAILED, "message": error.message}):
            pass
        raise
    periods = [period for tally in tallies for period in tally.periods]
    await settling.settle(work, spans=settling.spans_of(periods))
    if all(tally.refused for tally in tallies):
        values |= {"state": RunState.FAILED, "message": tallies[0].message}
    else:
        formats = sorted({period.format for period in periods})
        values |= {"state": RunState.DONE, "format": "+".join(formats) or None}
    if periods:
        values["span_from_s"] = min(period.first_s for period in periods)
        values["span_to_s"] = max(period.last_s for period in periods)
    async with work.step({**values, "ended_s": work.now_s}):
        pass
    log.info("import_ended", rows=total.rows, new=total.new, known=total.known)


class _Reading:
    """Reads what is left of one file of a run.

    Args:
        work: The claim on the run.
        file: Its row.
        before: What became of the files before it.
        done_bytes: Text in those.
    """

    def __init__(
        self, work: Work, file: HistoryFile, *, before: Sequence[Tally], done_bytes: int
    ) -> None:
        self.tally = Tally.from_json(file.counts)
        self.done_bytes = done_bytes
        self._work = work
        self._file = file
        self._before = before
        self._first_bytes = done_bytes
        self._identities = Identities(user_id=work.user_id, run_id=work.run_id)
        self._batches: list[Batch] = []

    async def go_on(self) -> None:
        """Read the file from where it was left, and note that it is done."""
        if self._file.state in _ENDED:
            self.done_bytes += self.tally.text_bytes
            return
        try:
            path = uploads.path_of(self._work.runtime.settings, self._file.path)
            await self._read(Archive.open(path))
        except OSError as error:
            await self._refuse(FileGone(), error)
        except ArchiveRefused as error:
            await self._refuse(error, error)

    async def _refuse(self, reason: ArchiveRefused, error: Exception) -> None:
        """Note that nothing more of the file can be used; what was stored of it stays."""
        log.info("import_file_refused", code=reason.code, exc_info=error)
        self.tally.refused, self.tally.message = reason.code, reason.message
        await self._commit(state=FileState.REFUSED, path=None)

    async def _read(self, archive: Archive) -> None:
        sizes = [0 if source.fault else source.size for source in archive.sources]
        done = self._file.member, self._file.offset_bytes
        plays, committed_bytes = 0, 0
        for batch in archive.batches(now=self._work.runtime.clock.now(), first=done[0]):
            await self._work.breathe()
            if batch.report is None and (batch.index, batch.offset) <= done:
                continue
            self._batches.append(batch)
            plays += len(batch.plays)
            at_bytes = sum(sizes[: batch.index]) + batch.offset
            self.done_bytes = self._first_bytes + at_bytes
            if plays >= PLAYS_AT_ONCE or at_bytes - committed_bytes >= BYTES_AT_ONCE:
                await self._commit(state=FileState.READING)
                plays, committed_bytes = 0, at_bytes
        self.done_bytes = self._first_bytes + archive.size
        self.tally.text_bytes = archive.size
        await self._commit(state=FileState.DONE, path=None)

    async def _commit(self, **values: Any) -> None:
        """Store the pieces of this step, what became of their rows, and how far they reach."""
        batches, self._batches = self._batches, []
        work = self._work
        async with work.step({"progress_bytes": self.done_bytes}) as session:
            new = await self._store(session, batches)
            for batch in batches:
                self.tally.count(batch.counts)
                if batch.report is not None:
                    self.tally.close(batch.report)
            self.tally.found_new(new)
            if batches:
                last, is_over = batches[-1], batches[-1].report is not None
                values["member"] = last.index + is_over
                values["offset_bytes"] = 0 if is_over else last.offset
            await queries.update_file(
                session,
                user_id=work.user_id,
                run_id=work.run_id,
                position=self._file.position,
                values={**values, "counts": self.tally.as_json()},
            )
            await queries.hold(
                session,
                user_id=work.user_id,
                run_id=work.run_id,
                fence=work.fence,
                values={"counts": Tally.sum_of([*self._before, self.tally]).as_json()},
            )

    async def _store(self, session: Session, batches: Sequence[Batch]) -> int:
        """Store the observations of some pieces; return how many are new."""
        plays = [play for batch in batches for play in batch.plays]
        if not plays:
            return 0
        refs = await self._identities.find(session, plays)
        rows = [
            Seen(
                refs[key_of(play)],
                _SOURCES[batch.format],
                play.ended_s,
                play.began_s,
                play.ms,
                play.n,
            )
            for batch in batches
            if batch.format is not None
            for play in batch.plays
        ]
        return await stored.put_observations(
            session, user_id=self._work.user_id, run_id=self._work.run_id, rows=rows
        )
