"""Reading an export back into an account that holds nothing yet."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any

import structlog
from msgspec.structs import asdict

from src.account.errors import AccountNotEmpty, EventsDiffer, ExportDamaged, NotAnExportOfOurs
from src.account.export import HISTORY
from src.account.lines import SCHEMA, AnyLine, Footer, Play
from src.account.queries import restoring as queries
from src.account.reading import Export
from src.account.records import SUBJECTS, Profile, Subject
from src.account.returning import Returning, demand_header
from src.account.telling import plays
from src.database import Session
from src.history.merge.derive import RULES_VERSION
from src.runtime import Runtime
from src.spotify.models import RunState
from src.users.queries import note
from src.utils.types import UserId

log = structlog.get_logger()

_AT_ONCE = 500
_MOST_KEPT = 20
_CATALOGUE = ("catalogue_shows", "catalogue_episodes")
_FOR_READERS = ("show", "episode")


@dataclass(slots=True)
class Restored:
    """What a restore brought.

    Attributes:
        counts: Lines stored, by type or file.
        differing: Plays that the file lists otherwise than they follow from its lines now.
        differences: The first of them, in words.
        rules_changed: Whether the file was made under other rules, so that plays may differ.
    """

    counts: Counter[str] = field(default_factory=Counter)
    differing: int = 0
    differences: list[str] = field(default_factory=list)
    rules_changed: bool = False

    def note(self, words: str) -> None:
        """Count a play that differs, and keep the first ones."""
        self.differing += 1
        if len(self.differences) < _MOST_KEPT:
            self.differences.append(words)


async def restore(runtime: Runtime, *, user_id: UserId, file: IO[bytes]) -> Restored:
    """Read an export back, in one transaction: all of it or nothing.

    Tokens, sessions and the connection do not come back; nor does the audit log, which
    says what happened elsewhere.

    Args:
        runtime: Where.
        user_id: Whose account; it holds neither history nor library nor costs.
        file: The zip, as the export wrote it.

    Raises:
        AccountNotEmpty: It does.
        NotAnExportOfOurs: The file is no export, or of a later version.
        ExportDamaged: It cannot be read to its end, or contradicts itself.
        EventsDiffer: Other plays follow from it than it lists, under the same rules.
        HeldBySomebody: Another account here holds the same.
    """
    export = Export(file)
    async with runtime.database.transaction(user_id) as session:
        if held := await queries.held(session, user_id=user_id):
            raise AccountNotEmpty(held)
        restored = await _restore_history(session, user_id, export.history())
        for subject in SUBJECTS:
            if subject.is_restored:
                restored.counts[subject.name] = await _restore_records(
                    session, user_id, export, subject
                )
        await note(session, user_id=user_id, action="restored", now=runtime.clock.now())
    log.info("account_restored", user_id=user_id, differing=restored.differing)
    return restored


async def _restore_history(session: Session, user_id: UserId, lines: Iterator[AnyLine]) -> Restored:
    header = demand_header(next(lines, None))
    if header.schema > SCHEMA:
        raise NotAnExportOfOurs("a later version made it, so bring this Playhead up to date")
    returning = Returning(session, user_id)
    rest = _Rest(lines)
    for line in rest.before_plays():
        await returning.take(line)
    await returning.settle()
    restored = Restored(returning.counts, rules_changed=header.rules_version != RULES_VERSION)
    await _compare(session, user_id, rest, restored)
    footer = rest.demand_footer(restored.counts)
    if restored.differing and footer.settled and not restored.rules_changed:
        raise EventsDiffer(restored.differences, count=restored.differing)
    return restored


class _Rest:
    """The lines after the header: those that are stored, the plays, the footer."""

    def __init__(self, lines: Iterator[AnyLine]) -> None:
        self._lines = lines
        self._line: AnyLine | None = None
        self._plays = 0
        self._ms = 0

    def before_plays(self) -> Iterator[AnyLine]:
        """Yield the lines before the first play."""
        for line in self._lines:
            if isinstance(line, Play | Footer):
                self._line = line
                return
            yield line

    def plays(self) -> Iterator[Play]:
        """Yield the plays."""
        while isinstance(self._line, Play):
            self._plays += 1
            self._ms += self._line.ms
            yield self._line
            self._line = next(self._lines, None)

    def demand_footer(self, counts: Counter[str]) -> Footer:
        """Return the last line, if all that it counts came; `counts` gets the plays too.

        Raises:
            ExportDamaged: Something is missing.
        """
        if self._plays:
            counts["event"] = self._plays
        footer = self._line
        if not isinstance(footer, Footer) or next(self._lines, None) is not None:
            raise ExportDamaged(HISTORY, "its last line is not its footer")
        if footer.counts != dict(counts) or footer.ms != self._ms:
            raise ExportDamaged(HISTORY, "lines are missing, or there are too many")
        return footer


async def _compare(session: Session, user_id: UserId, rest: _Rest, restored: Restored) -> None:
    """Hold the plays that follow from what was stored against those of the file."""
    ours, theirs = plays(session, user_id), rest.plays()
    mine, told = await anext(ours, None), next(theirs, None)
    while mine is not None or told is not None:
        if told is None or (mine is not None and _place(mine) < _place(told)):
            restored.note(f"{mine.id if mine else ''} is not in the file")
            mine = await anext(ours, None)
        elif mine is None or _place(told) < _place(mine):
            restored.note(f"{told.id} does not follow from the file")
            told = next(theirs, None)
        else:
            if mine != told:
                restored.note(f"{told.id} has another {', '.join(_differing(mine, told))}")
            mine, told = await anext(ours, None), next(theirs, None)


def _place(play: Play) -> tuple[int, str]:
    return play.ended_s, play.id.hex


def _differing(mine: Play, told: Play) -> list[str]:
    theirs = asdict(told)
    return [name for name, value in asdict(mine).items() if value != theirs[name]]


async def _restore_records(
    session: Session, user_id: UserId, export: Export, subject: Subject
) -> int:
    """Store what a file of the export holds, and return how many lines that were."""
    count = 0
    put = _PUT.get(subject.name, _put_own)
    found = export.records(subject)
    while batch := [asdict(record) for record in islice(found, _AT_ONCE)]:
        await put(session, user_id, subject.name, batch)
        count += len(batch)
    return count


_Rows = list[dict[str, Any]]


async def _put_profile(session: Session, user_id: UserId, _name: str, rows: _Rows) -> None:
    profile = Profile(**rows[0])
    await queries.describe(session, user_id=user_id, email=profile.email, zone=profile.time_zone)


async def _put_catalogue(session: Session, _user_id: UserId, name: str, rows: _Rows) -> None:
    await queries.add_to_catalogue_all_users(session, name, rows)


async def _put_costs(session: Session, user_id: UserId, _name: str, rows: _Rows) -> None:
    await queries.add_costs(session, rows, user_id=user_id)


async def _put_runs(session: Session, user_id: UserId, name: str, rows: _Rows) -> None:
    """A run under way when the export was made is not one here."""
    ended = [row for row in rows if row["state"] == RunState.ENDED]
    await queries.add(session, name, ended, user_id=user_id)


async def _put_own(session: Session, user_id: UserId, name: str, rows: _Rows) -> None:
    own = [{key: row[key] for key in row if key not in _FOR_READERS} for row in rows]
    await queries.add(session, name, own, user_id=user_id)


_PUT: Mapping[str, Callable[..., Any]] = {
    "profile": _put_profile,
    **dict.fromkeys(_CATALOGUE, _put_catalogue),
    "sync_runs": _put_runs,
    "costs": _put_costs,
}
