"""Statements that read a user's history as an export has it, row by row."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased

from src.account.queries.records import AT_ONCE
from src.database import Session
from src.history.models import (
    CoverageSpan,
    EventSource,
    HistoryEdit,
    HistoryEpisode,
    HistoryFile,
    HistoryName,
    HistoryRun,
    HistoryShow,
    ListeningEvent,
    ObservationRow,
    ObservationSupport,
    Touched,
)
from src.history.queries.runs import OPEN
from src.utils.types import UserId


async def _rows(session: Session, chosen: Any) -> AsyncIterator[Any]:
    found = await session.stream(chosen.execution_options(yield_per=AT_ONCE))
    async for some in found.partitions():
        for row in some:
            yield row


async def is_settled(session: Session, *, user_id: UserId) -> bool:
    """Tell whether every observation has its events: nothing imports, nothing is touched."""
    open_runs = select(HistoryRun.id).where(
        HistoryRun.user_id == user_id, HistoryRun.state.in_(OPEN)
    )
    touched = select(Touched.episode_ref).where(Touched.user_id == user_id)
    busy = select(or_(open_runs.exists(), touched.exists()))
    return not (await session.execute(busy)).scalar_one()


def runs(session: Session, *, user_id: UserId) -> AsyncIterator[Any]:
    """Yield the user's runs, oldest first."""
    run = HistoryRun
    return _rows(
        session,
        select(
            *(run.id, run.kind, run.state, run.name, run.format, run.counts, run.message),
            *(run.created_s, run.began_s, run.ended_s, run.undone_s),
            *(run.span_from_s, run.span_to_s, run.total_bytes, run.progress_bytes),
        )
        .where(run.user_id == user_id)
        .order_by(run.created_s, run.id),
    )


async def files(session: Session, *, user_id: UserId) -> list[tuple[UUID, Any]]:
    """Return the files of all runs: the run, and name, size, digest, state and report."""
    file = HistoryFile
    found = await session.execute(
        select(file.run_id, file.name, file.size_bytes, file.sha256, file.state, file.counts)
        .where(file.user_id == user_id)
        .order_by(file.run_id, file.position)
    )
    return [(row.run_id, row) for row in found]


def shows(session: Session, *, user_id: UserId) -> AsyncIterator[Any]:
    """Yield the shows that the user's history names."""
    show = HistoryShow
    return _rows(
        session,
        select(show.name_norm, show.name, show.show_id)
        .where(show.user_id == user_id)
        .order_by(show.id),
    )


def episodes(session: Session, *, user_id: UserId) -> AsyncIterator[Any]:
    """Yield the episodes of the user's history, those known by name only first."""
    episode, target, show = HistoryEpisode, aliased(HistoryEpisode), HistoryShow
    return _rows(
        session,
        select(
            *(episode.identity, episode.episode_id, episode.name, show.name_norm),
            *(episode.duration_ms, episode.published_day),
            *(target.identity.label("target"), episode.link_reason),
        )
        .outerjoin(show, (show.user_id == episode.user_id) & (show.id == episode.show_ref))
        .outerjoin(target, (target.user_id == episode.user_id) & (target.id == episode.linked_to))
        .where(episode.user_id == user_id)
        .order_by(episode.episode_id.is_not(None), episode.id),
    )


def names(session: Session, *, user_id: UserId) -> AsyncIterator[Any]:
    """Yield what each run calls episodes."""
    name, episode, show = HistoryName, HistoryEpisode, HistoryShow
    return _rows(
        session,
        select(
            *(name.run_id, episode.identity, show.name_norm, name.name, name.title, name.named_s)
        )
        .join(episode, (episode.user_id == name.user_id) & (episode.id == name.episode_ref))
        .outerjoin(show, (show.user_id == name.user_id) & (show.id == name.show_ref))
        .where(name.user_id == user_id)
        .order_by(name.run_id, name.episode_ref),
    )


def observations(session: Session, *, user_id: UserId) -> AsyncIterator[Any]:
    """Yield each observation once for every run that supports it; those follow each other."""
    row, episode, support = ObservationRow, HistoryEpisode, ObservationSupport
    return _rows(
        session,
        select(
            *(row.id, episode.identity, row.source, row.ended_s, row.began_s, row.ms, row.n),
            *(row.position_ms, row.flags, support.run_id),
        )
        .join(episode, (episode.user_id == row.user_id) & (episode.id == row.episode_ref))
        .outerjoin(support, (support.user_id == row.user_id) & (support.observation_id == row.id))
        .where(row.user_id == user_id)
        .order_by(
            *(episode.episode_id.is_not(None), row.episode_ref, row.source),
            *(row.ended_s, row.ms, row.n, row.apart_s, support.run_id),
        ),
    )


def edits(session: Session, *, user_id: UserId) -> AsyncIterator[Any]:
    """Yield the user's edits, revoked ones too, oldest first."""
    edit = HistoryEdit
    return _rows(
        session,
        select(
            *(edit.id, edit.kind, edit.key_a, edit.key_b, edit.identity),
            *(edit.created_s, edit.revoked_s),
        )
        .where(edit.user_id == user_id)
        .order_by(edit.created_s, edit.id),
    )


def spans(session: Session, *, user_id: UserId) -> AsyncIterator[Any]:
    """Yield the times of which runs tell something."""
    span = CoverageSpan
    return _rows(
        session,
        select(
            *(span.run_id, span.from_s, span.to_s, span.class_),
            *(span.asked, span.known, span.cause),
        )
        .where(span.user_id == user_id)
        .order_by(span.id),
    )


def events(session: Session, *, user_id: UserId) -> AsyncIterator[Any]:
    """Yield each event once for every further source; by end and id, those follow each other."""
    event, episode, show = ListeningEvent, HistoryEpisode, HistoryShow
    source, row, told = EventSource, ObservationRow, aliased(HistoryEpisode)
    return _rows(
        session,
        select(
            *(event.id, episode.identity, show.name.label("show"), episode.name),
            *(event.began_s, event.ended_s, event.earliest_s, event.latest_s, event.ms),
            *(event.certainty, event.rule, event.doubtful, event.at_least, event.clamped),
            *(event.hidden, source.role, row.source),
            *(row.ended_s.label("source_ended_s"), row.began_s.label("source_began_s")),
            *(row.ms.label("source_ms"), row.n, told.identity.label("source_identity")),
        )
        .join(episode, (episode.user_id == event.user_id) & (episode.id == event.episode_ref))
        .outerjoin(show, (show.user_id == event.user_id) & (show.id == event.show_ref))
        .outerjoin(source, (source.user_id == event.user_id) & (source.event_id == event.id))
        .outerjoin(row, (row.user_id == event.user_id) & (row.id == source.observation_id))
        .outerjoin(told, (told.user_id == event.user_id) & (told.id == row.episode_ref))
        .where(event.user_id == user_id)
        .order_by(event.ended_s, event.id),
    )


async def count_events(session: Session, *, user_id: UserId) -> int:
    """Return how many events the user has."""
    counted = select(func.count()).where(ListeningEvent.user_id == user_id)
    return (await session.execute(counted)).scalar_one()
