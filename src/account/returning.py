"""The lines of a history on their way back into the tables, a few at a time."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from src.account.errors import ExportDamaged
from src.account.export import HISTORY
from src.account.lines import (
    Correction,
    Covered,
    Episode,
    Header,
    Line,
    Name,
    Observed,
    Run,
    Show,
    Title,
)
from src.account.queries import restoring as queries
from src.account.telling import observation_key
from src.database import Session
from src.history.events import derive_episodes
from src.history.models import RunState
from src.history.observations import Source
from src.history.queries import events as events_queries
from src.history.queries import observations as stored
from src.history.queries import spans as spans_queries
from src.history.queries import titles as titles_queries
from src.history.queries.observations import Named, Seen
from src.history.settling import EPISODES_AT_ONCE, swept
from src.utils.types import UserId

_AT_ONCE = 1_000
_UNDER_WAY = {
    RunState.UPLOADING: (RunState.UNDONE, "This upload had not ended when the export was made."),
    RunState.QUEUED: (RunState.FAILED, "This import had not ended when the export was made."),
    RunState.RUNNING: (RunState.FAILED, "This import had not ended when the export was made."),
    RunState.UNDOING: (RunState.FAILED, "This was being undone when the export was made."),
}


class Returning:
    """Stores the lines of a history, but its events, in one open transaction.

    Args:
        session: Writing, for the user; who commits is the caller.
        user_id: Whose account; it holds no history.
    """

    def __init__(self, session: Session, user_id: UserId) -> None:
        self.counts = Counter[str]()
        self._session = session
        self._user_id = user_id
        self._waiting: list[Line] = []
        self._runs = set[UUID]()
        self._shows: dict[str, int] = {}
        self._episodes: dict[str, int] = {}
        self._links: list[Title] = []
        self._has_titles = False

    async def take(self, line: Line) -> None:
        """Store a line, with others of its kind.

        Raises:
            ExportDamaged: It tells of something that no line before it told of.
        """
        if self._waiting and (
            type(self._waiting[0]) is not type(line) or len(self._waiting) >= _AT_ONCE
        ):
            await self._store()
        self.counts[line.__struct_config__.tag] += 1  # type: ignore[index]  # every line has one
        self._waiting.append(line)

    async def settle(self) -> None:
        """Derive the events of what was stored, and sum up which time is known."""
        await self._store()
        await self._link()
        session, user_id = self._session, self._user_id
        await events_queries.bump(session, user_id=user_id)
        refs = sorted(self._episodes.values())
        for place in range(0, len(refs), EPISODES_AT_ONCE):
            some = refs[place : place + EPISODES_AT_ONCE]
            await derive_episodes(session, user_id=user_id, refs=some, has_titles=self._has_titles)
        await queries.forget_touched(session, user_id=user_id, runs=self._runs)
        told = await spans_queries.all_spans(session, user_id=user_id)
        await spans_queries.replace_coverage(session, user_id=user_id, spans=swept(told))

    async def _store(self) -> None:
        lines, self._waiting = self._waiting, []
        if not lines:
            return
        if self._links and not isinstance(lines[0], Title | Episode):
            await self._link()
        try:
            await self._put(lines)
        except KeyError as error:
            raise ExportDamaged(HISTORY, f"no line tells what {error} is") from error
        except ValueError as error:
            raise ExportDamaged(HISTORY, str(error)) from error

    async def _put(self, lines: Sequence[Any]) -> None:
        match lines[0]:
            case Run():
                await self._put_runs(lines)
            case Show():
                rows = [
                    {"name_norm": one.key, "name": one.name, "show_id": one.show_id}
                    for one in lines
                ]
                self._shows |= await queries.add_shows(self._session, rows, user_id=self._user_id)
            case Title() | Episode():
                await self._put_episodes(lines)
            case Name():
                await self._put_names(lines)
            case Observed():
                await self._put_observations(lines)
            case Correction():
                await self._add("edits", [_edit(one) for one in lines])
            case Covered():
                await self._add("spans", [self._span(one) for one in lines])
            case _:
                raise ExportDamaged(HISTORY, "its lines are not in their order")

    async def _add(self, kind: str, rows: Sequence[dict[str, Any]]) -> None:
        await queries.add(self._session, kind, rows, user_id=self._user_id)

    async def _put_runs(self, runs: Sequence[Run]) -> None:
        await self._add("runs", [_run(one) for one in runs])
        files = [
            {
                "run_id": run.id,
                "position": position,
                "name": file.name,
                "size_bytes": file.size_bytes,
                "received_bytes": file.size_bytes,
                "sha256": file.sha256,
                "state": file.state,
                "counts": bytes(file.counts).decode(),
            }
            for run in runs
            for position, file in enumerate(run.files)
        ]
        await self._add("files", files)
        self._runs |= {run.id for run in runs}

    async def _put_episodes(self, lines: Sequence[Title | Episode]) -> None:
        rows = []
        for one in lines:
            row: dict[str, Any] = {
                "identity": one.key,
                "name": one.name,
                "show_ref": self._show(one.show),
                "episode_id": None,
                "duration_ms": None,
                "published_day": None,
                "link_reason": None,
            }
            if isinstance(one, Episode):
                row["episode_id"] = one.id
                row["duration_ms"], row["published_day"] = one.duration_ms, one.published_day
            else:
                self._has_titles = True
                row["link_reason"] = one.link_reason
                self._links += [one] if one.linked_to is not None else []
            rows.append(row)
        self._episodes |= await queries.add_episodes(self._session, rows, user_id=self._user_id)

    async def _link(self) -> None:
        links, self._links = self._links, []
        for title in links:
            target = self._episodes.get(title.linked_to or "")
            if target is None:
                raise ExportDamaged(HISTORY, f"no line tells what {title.linked_to} is")
            await titles_queries.link(
                self._session,
                user_id=self._user_id,
                episode_ref=self._episodes[title.key],
                linked_to=target,
                reason=title.link_reason,
            )

    def _show(self, key: str | None) -> int | None:
        return None if key is None else self._shows[key]

    def _known(self, run_id: UUID) -> UUID:
        if run_id not in self._runs:
            raise KeyError(str(run_id))
        return run_id

    async def _put_names(self, names: Sequence[Name]) -> None:
        for run_id, some in groupby(names, key=lambda one: one.run):
            told = [
                Named(
                    self._episodes[one.episode],
                    self._show(one.show),
                    one.name,
                    one.title,
                    one.named_s,
                )
                for one in some
            ]
            await stored.put_names(
                self._session, user_id=self._user_id, run_id=self._known(run_id), names=told
            )

    async def _put_observations(self, lines: Sequence[Observed]) -> None:
        by_run: defaultdict[UUID, list[Seen]] = defaultdict(list)
        for one in lines:
            _demand_sound(one)
            seen = Seen(
                episode_ref=self._episodes[one.episode],
                source=one.source,
                ended_s=one.ended_s,
                began_s=one.began_s,
                ms=one.ms,
                n=one.n,
                position_ms=one.position_ms,
                flags=one.flags,
                apart_s=one.began_s if one.source == Source.WINDOW else 0,
            )
            for run_id in one.runs:
                by_run[self._known(run_id)].append(seen)
        for run_id, rows in by_run.items():
            await stored.put_observations(
                self._session, user_id=self._user_id, run_id=run_id, rows=rows
            )

    def _span(self, one: Covered) -> dict[str, Any]:
        return {
            "run_id": self._known(one.run),
            "from_s": one.from_s,
            "to_s": one.to_s,
            "class": one.class_,
            "asked": one.asked,
            "known": one.known,
            "cause": one.cause,
        }


def _demand_sound(one: Observed) -> None:
    """Check that an observation is what its key says, and that a run brought it.

    Raises:
        ValueError: It is not.
    """
    key = observation_key(one.source, one.episode, one.ended_s, one.began_s, ms=one.ms, n=one.n)
    if key != one.key or not one.runs:
        raise ValueError(f"observation {one.key} was changed")


def _run(run: Run) -> dict[str, Any]:
    """Return a run as it is stored; what was under way is not any more."""
    state, message = _UNDER_WAY.get(RunState(run.state), (run.state, run.message))
    return {
        "id": run.id,
        "kind": run.kind,
        "state": str(state),
        "name": run.name,
        "format": run.format,
        "counts": bytes(run.counts).decode(),
        "message": message,
        "created_s": run.created_s,
        "began_s": run.began_s,
        "ended_s": run.ended_s,
        "undone_s": run.undone_s,
        "span_from_s": run.from_s,
        "span_to_s": run.to_s,
        "total_bytes": run.total_bytes,
        "progress_bytes": run.progress_bytes,
        "lease_until_s": 0,
        "fence": 0,
    }


def _edit(edit: Correction) -> dict[str, Any]:
    return {
        "id": edit.id,
        "kind": edit.kind,
        "key_a": edit.key_a,
        "key_b": edit.key_b,
        "identity": edit.episode,
        "created_s": edit.created_s,
        "revoked_s": edit.revoked_s,
    }


def demand_header(line: Line | None) -> Header:
    """Return the first line of a history, if it is one that can be read.

    Raises:
        ExportDamaged: It is another line.
    """
    if not isinstance(line, Header):
        raise ExportDamaged(HISTORY, "its first line is not its header")
    return line
