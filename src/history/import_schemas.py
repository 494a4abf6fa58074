"""Requests and replies about imports."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from src.history.models import FileState, HistoryFile, HistoryRun, RunState
from src.history.reports import Tally
from src.schemas import Strict
from src.utils.text import CleanText


class CountsReply(BaseModel):
    """Rows by what became of them: `rows` is the sum of all others but `mended`.

    `new` and `known` tell of podcasts; `bad` names reasons. `mended` rows had bytes that
    were no text, and are counted among the others.
    """

    rows: int
    new: int
    known: int
    music: int
    audiobooks: int
    unidentified: int
    bad: dict[str, int]
    mended: int


class ImportReply(BaseModel):
    """One import: its progress while it lasts, its report after.

    `format` is `extended`, `account` or both with a plus. `progress` goes from 0 to 1 while
    files are read; `episodes_left` are then to be merged. `from_at` to `until_at` is the
    time of all rows, music included. `faults` counts files that were not read, or not to
    their end, by reason; `not_history` is usual. `message` says why nothing could be used.
    """

    id: UUID
    state: RunState
    name: str
    format: str | None
    message: str | None
    created_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    undone_at: datetime | None
    from_at: datetime | None
    until_at: datetime | None
    progress: Annotated[float, Field(ge=0, le=1)]
    episodes_left: int
    counts: CountsReply
    faults: dict[str, int]


class BadRowReply(BaseModel):
    """Where a bad row is: which of its file, from 1, and what is wrong with it."""

    file: str
    row: int
    reason: str


class MemberReply(BaseModel):
    """A file of an archive: `format` is null if it holds no history, `fault` if all was read."""

    name: str
    rows: int
    podcasts: int
    format: str | None
    fault: str | None


class FileReply(BaseModel):
    """One file of an import; `members` and `bad_rows` are the first 200 of each."""

    name: str
    size_bytes: int
    sha256: str | None
    state: FileState
    message: str | None
    counts: CountsReply
    members: list[MemberReply]
    bad_rows: list[BadRowReply]


class ImportDetailReply(ImportReply):
    """One import with its files."""

    files: list[FileReply]


class UploadBegin(Strict):
    """An upload that is to come in parts: its name and length in bytes."""

    name: Annotated[CleanText, Field(min_length=1, max_length=255)]
    size_bytes: Annotated[int, Field(ge=1, le=1 << 46)]


class UploadReply(BaseModel):
    """How much of an upload is there; `queued` once it is whole, under the import's id."""

    id: UUID
    name: str
    size_bytes: int
    offset_bytes: int
    queued: bool


def counts_reply(tally: Tally) -> CountsReply:
    """Return the numbers of a report."""
    return CountsReply(
        rows=tally.rows,
        new=tally.new,
        known=tally.known,
        music=tally.music,
        audiobooks=tally.audiobooks,
        unidentified=tally.unidentified,
        bad=tally.bad,
        mended=tally.mended,
    )


def import_reply(run: HistoryRun, *, episodes_left: int = 0) -> ImportReply:
    """Return an import as it is told."""
    tally = Tally.from_json(run.counts)
    read = run.state in {RunState.DONE, RunState.UNDOING, RunState.UNDONE}
    done = run.progress_bytes / run.total_bytes if run.total_bytes else 0.0
    return ImportReply(
        id=run.id,
        state=RunState(run.state),
        name=run.name,
        format=run.format,
        message=run.message,
        created_at=datetime.fromtimestamp(run.created_s, UTC),
        began_at=_at(run.began_s),
        ended_at=_at(run.ended_s),
        undone_at=_at(run.undone_s),
        from_at=_at(run.span_from_s),
        until_at=_at(run.span_to_s),
        progress=1.0 if read else round(min(1.0, done), 4),
        episodes_left=episodes_left,
        counts=counts_reply(tally),
        faults=tally.faults,
    )


def detail_reply(
    run: HistoryRun, files: Sequence[HistoryFile], *, episodes_left: int
) -> ImportDetailReply:
    """Return an import with its files as it is told."""
    told = import_reply(run, episodes_left=episodes_left)
    return ImportDetailReply(**dict(told), files=[_file_reply(file) for file in files])


def _file_reply(file: HistoryFile) -> FileReply:
    tally = Tally.from_json(file.counts)
    return FileReply(
        name=file.name,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        state=FileState(file.state),
        message=tally.message,
        counts=counts_reply(tally),
        members=[
            MemberReply(
                name=one.name,
                rows=one.rows,
                podcasts=one.podcasts,
                format=one.format,
                fault=one.fault,
            )
            for one in tally.members
        ],
        bad_rows=[
            BadRowReply(file=one.file, row=one.row, reason=one.reason) for one in tally.places
        ],
    )


def _at(instant_s: int | None) -> datetime | None:
    return None if instant_s is None else datetime.fromtimestamp(instant_s, UTC)
