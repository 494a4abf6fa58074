"""Everything that is held of a user, written as one zip, row by row."""

import errno
import io
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from tempfile import TemporaryFile
from typing import IO, TypeVar

import msgspec

from src.account import cells
from src.account.queries.records import AT_ONCE, records_of
from src.account.records import SUBJECTS, Record, Subject
from src.account.telling import history_lines, plays
from src.database import Session
from src.history.errors import NoSpace
from src.history.uploads import demand_space
from src.runtime import Runtime
from src.utils.types import UserId

HISTORY = "history.jsonl"
PLAYS = "plays.csv"
README = "README.txt"

Item = TypeVar("Item")

_PLAY_COLUMNS = (
    *("began", "ended", "earliest", "latest", "ms", "certainty", "show", "episode"),
    *("spotify_uri", "at_least", "doubtful", "hidden", "rule", "id"),
)


async def spooled(runtime: Runtime, *, user_id: UserId) -> IO[bytes]:
    """Write the export to a file without a name, which is gone once it is closed.

    So the transaction lasts no longer than the database needs, however slowly it is
    fetched, and what fails does so before anything was sent.

    Returns:
        The file, at its beginning.

    Raises:
        NoSpace: The disk is too full for it.
    """
    demand_space(runtime.settings, 0)
    file = TemporaryFile(dir=runtime.settings.data_dir)  # noqa: SIM115 - the caller closes it
    try:
        await write(runtime, file, user_id=user_id)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


async def write(runtime: Runtime, target: IO[bytes], *, user_id: UserId) -> None:
    """Write everything that is held of a user to `target`, as a zip.

    Raises:
        NoSpace: The disk is full.
    """
    now = runtime.clock.now()
    with _full_disk_told(), zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        book = _Book(archive, now)
        async with runtime.database.transaction(user_id, write=False) as session:
            await book.put(README, _one(_readme(now)))
            lines = history_lines(runtime, session, user_id=user_id)
            await book.put(HISTORY, _json_lines(lines))
            await book.put(PLAYS, _play_table(session, user_id))
            for subject in SUBJECTS:
                found = records_of(session, subject.kind, user_id=user_id)
                await book.put(f"{subject.name}.jsonl", _json_lines(found))
                found = records_of(session, subject.kind, user_id=user_id)
                await book.put(f"{subject.name}.csv", _table(subject.kind, found))


@contextmanager
def _full_disk_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise NoSpace from error
        raise


class _Book:
    """A zip that is written one file after the other."""

    def __init__(self, archive: zipfile.ZipFile, now: datetime) -> None:
        self._archive = archive
        self._date = (now.year, now.month, now.day, now.hour, now.minute, now.second)

    async def put(self, name: str, pieces: AsyncIterator[bytes]) -> None:
        """Write one file as its pieces come."""
        info = zipfile.ZipInfo(name, self._date)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        with self._archive.open(info, "w", force_zip64=True) as member:
            async for piece in pieces:
                member.write(piece)


async def _one(text: str) -> AsyncIterator[bytes]:
    yield text.encode()


async def _batches(items: AsyncIterator[Item]) -> AsyncIterator[list[Item]]:
    batch: list[Item] = []
    async for item in items:
        batch.append(item)
        if len(batch) >= AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


async def _json_lines(items: AsyncIterator[msgspec.Struct]) -> AsyncIterator[bytes]:
    encoder = msgspec.json.Encoder()
    async for batch in _batches(items):
        yield encoder.encode_lines(batch)


async def _table(kind: type[Record], items: AsyncIterator[Record]) -> AsyncIterator[bytes]:
    yield cells.rows([kind.__struct_fields__])
    async for batch in _batches(items):
        yield cells.rows(msgspec.structs.astuple(item) for item in batch)


async def _play_table(session: Session, user_id: UserId) -> AsyncIterator[bytes]:
    """Yield the events as a table for people, in time as they write it."""
    yield cells.rows([_PLAY_COLUMNS])
    async for batch in _batches(plays(session, user_id)):
        yield cells.rows(
            (
                *map(_instant, (one.began_s, one.ended_s, one.earliest_s, one.latest_s)),
                *(one.ms, one.certainty, one.show, one.name, _uri(one.episode)),
                *(one.at_least, one.doubtful, one.hidden, one.rule, one.id),
            )
            for one in batch
        )


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _uri(identity: str) -> str | None:
    kind, _, known = identity.partition(":")
    return f"spotify:episode:{known}" if kind == "spotify" else None


def _readme(now: datetime) -> str:
    """Return what is in each file, in plain words."""
    text = io.StringIO()
    text.write(
        f"Everything Playhead held of you on {now:%d %B %Y at %H:%M} UTC.\n\n"
        "Files in .jsonl hold one JSON object a line and are for programs; those in .csv hold\n"
        "the same for spreadsheets, where text that could be taken for a formula has an\n"
        "apostrophe in front. Instants are UTC. Names that end in _s are seconds (instants:\n"
        "since 1970), in _ms milliseconds, in _micro millionths of a US dollar. Passwords,\n"
        "keys and tokens are in none of them.\n\n"
        "`playhead account restore FILE --user NAME` reads this file back into an empty account.\n"
        "What it takes is marked with *; the rest is for you to read.\n\n"
    )
    own = [
        (f"* {HISTORY}", "your listening history: imports, what each said, your corrections,"),
        ("", "and the plays that follow from them"),
        (f"  {PLAYS}", "the same plays as a table"),
        *(_about(subject) for subject in SUBJECTS),
    ]
    for name, about in own:
        text.write(f"{name:<36}{about}\n")
    return text.getvalue()


def _about(subject: Subject) -> tuple[str, str]:
    mark = "*" if subject.is_restored else " "
    return f"{mark} {subject.name}.jsonl, .csv", subject.about
