"""A user's history as the lines of an export, read row by row."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

from msgspec import Raw

from src.account.lines import (
    SCHEMA,
    Correction,
    Covered,
    Episode,
    File,
    Footer,
    Header,
    Line,
    Name,
    Observed,
    Origin,
    Play,
    Run,
    Show,
    Title,
)
from src.account.queries import history as queries
from src.database import Session
from src.history.merge.derive import RULES_VERSION
from src.history.observations import Observation, Source
from src.history.queries.events import version_of
from src.runtime import Runtime
from src.users.queries import user
from src.utils.types import UserId


async def history_lines(
    runtime: Runtime, session: Session, *, user_id: UserId
) -> AsyncIterator[Line]:
    """Yield every line of `history.jsonl`, header and footer included."""
    owner = await user(session, user_id=user_id)
    version = await version_of(session, user_id=user_id)
    settled = await queries.is_settled(session, user_id=user_id)
    yield Header(
        schema=SCHEMA,
        rules_version=RULES_VERSION,
        user_zone=owner.time_zone if owner is not None else "UTC",
        exported_at=runtime.clock.now(),
    )
    counts, ms = Counter[str](), 0
    for part in _PARTS:
        async for line in part(session, user_id):
            counts[line.__struct_config__.tag] += 1  # type: ignore[index]  # every line has one
            ms += line.ms if isinstance(line, Play) else 0
            yield line
    # What came meanwhile may be told in part: on PostgreSQL each part has its own instant.
    unchanged = version == await version_of(session, user_id=user_id)
    settled = settled and unchanged and await queries.is_settled(session, user_id=user_id)
    yield Footer(counts=dict(counts), ms=ms, settled=settled)


async def _runs(session: Session, user_id: UserId) -> AsyncIterator[Line]:
    files: defaultdict[UUID, list[File]] = defaultdict(list)
    for run_id, file in await queries.files(session, user_id=user_id):
        files[run_id].append(
            File(
                name=file.name,
                size_bytes=file.size_bytes,
                sha256=file.sha256,
                state=file.state,
                counts=Raw(file.counts.encode()),
            )
        )
    async for row in queries.runs(session, user_id=user_id):
        yield Run(
            id=row.id,
            kind=row.kind,
            state=row.state,
            name=row.name,
            format=row.format,
            counts=Raw(row.counts.encode()),
            message=row.message,
            created_s=row.created_s,
            began_s=row.began_s,
            ended_s=row.ended_s,
            undone_s=row.undone_s,
            from_s=row.span_from_s,
            to_s=row.span_to_s,
            total_bytes=row.total_bytes,
            progress_bytes=row.progress_bytes,
            files=tuple(files[row.id]),
        )


async def _shows(session: Session, user_id: UserId) -> AsyncIterator[Line]:
    async for row in queries.shows(session, user_id=user_id):
        yield Show(key=row.name_norm, name=row.name, show_id=row.show_id)


async def _episodes(session: Session, user_id: UserId) -> AsyncIterator[Line]:
    async for row in queries.episodes(session, user_id=user_id):
        if row.episode_id is None:
            yield Title(
                key=row.identity,
                name=row.name,
                show=row.name_norm,
                linked_to=row.target,
                link_reason=row.link_reason,
            )
        else:
            yield Episode(
                key=row.identity,
                id=row.episode_id,
                uri=f"spotify:episode:{row.episode_id}",
                name=row.name,
                show=row.name_norm,
                duration_ms=row.duration_ms,
                published_day=row.published_day,
            )


async def _names(session: Session, user_id: UserId) -> AsyncIterator[Line]:
    async for row in queries.names(session, user_id=user_id):
        yield Name(
            run=row.run_id,
            episode=row.identity,
            show=row.name_norm,
            name=row.name,
            title=row.title,
            named_s=row.named_s,
        )


async def _observations(session: Session, user_id: UserId) -> AsyncIterator[Line]:
    async for rows in _together(queries.observations(session, user_id=user_id)):
        row = rows[0]
        yield Observed(
            key=observation_key(
                row.source, row.identity, row.ended_s, row.began_s, ms=row.ms, n=row.n
            ),
            episode=row.identity,
            source=row.source,
            ended_s=row.ended_s,
            began_s=row.began_s,
            ms=row.ms,
            n=row.n,
            position_ms=row.position_ms,
            flags=row.flags,
            runs=tuple(one.run_id for one in rows if one.run_id is not None),
        )


async def _edits(session: Session, user_id: UserId) -> AsyncIterator[Line]:
    async for row in queries.edits(session, user_id=user_id):
        yield Correction(
            id=row.id,
            kind=row.kind,
            key_a=row.key_a,
            key_b=row.key_b,
            episode=row.identity,
            created_s=row.created_s,
            revoked_s=row.revoked_s,
        )


async def _spans(session: Session, user_id: UserId) -> AsyncIterator[Line]:
    async for row in queries.spans(session, user_id=user_id):
        yield Covered(
            run=row.run_id,
            from_s=row.from_s,
            to_s=row.to_s,
            class_=row.class_,
            asked=row.asked,
            known=row.known,
            cause=row.cause,
        )


async def plays(session: Session, user_id: UserId) -> AsyncIterator[Play]:
    """Yield the user's events, by end and id."""
    async for rows in _together(queries.events(session, user_id=user_id)):
        row = rows[0]
        yield Play(
            id=row.id,
            episode=row.identity,
            show=row.show,
            name=row.name,
            began_s=row.began_s,
            ended_s=row.ended_s,
            earliest_s=row.earliest_s,
            latest_s=row.latest_s,
            ms=row.ms,
            certainty=row.certainty,
            rule=row.rule,
            doubtful=row.doubtful,
            at_least=row.at_least,
            clamped=row.clamped,
            hidden=row.hidden,
            sources=tuple(sorted(_origin(one) for one in rows if one.role is not None)),
        )


def _origin(row: Any) -> Origin:
    key = observation_key(
        *(row.source, row.source_identity, row.source_ended_s, row.source_began_s),
        ms=row.source_ms,
        n=row.n,
    )
    return Origin(key=key, role=row.role)


def observation_key(
    source: str, episode: str, ended_s: int, began_s: int, *, ms: int, n: int
) -> UUID:
    """Return the key of an observation; see `Observation.key`."""
    told = Observation(
        source=Source(source), episode=episode, ended_s=ended_s, began_s=began_s, ms=ms, n=n
    )
    return told.key


async def _together(rows: AsyncIterator[Any]) -> AsyncIterator[list[Any]]:
    """Yield together the rows with the same `id`, which follow each other."""
    found: list[Any] = []
    async for row in rows:
        if found and found[0].id != row.id:
            yield found
            found = []
        found.append(row)
    if found:
        yield found


_PARTS: tuple[Callable[[Session, UserId], AsyncIterator[Line]], ...] = (
    _runs,
    _shows,
    _episodes,
    _names,
    _observations,
    _edits,
    _spans,
    plays,
)
