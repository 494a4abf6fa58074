"""Statements on coverage: the spans that runs leave, and what they sum up to."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, select

from src.database import Session
from src.history.models import CoverageSpan
from src.history.queries.raw import Insert, Statement
from src.utils.types import UserId

Told = tuple[int, int, str]
"""First second, first second after it (UTC epoch), and class."""


async def replace_spans(
    session: Session, *, user_id: UserId, run_id: UUID, spans: Sequence[Told]
) -> None:
    """Put `spans` in the place of what a run said of which time is known."""
    await session.execute(
        delete(CoverageSpan)
        .where(CoverageSpan.user_id == user_id, CoverageSpan.run_id == run_id)
        .execution_options(synchronize_session=False)
    )
    await _PUT_SPANS.put(session, spans, user_id, run_id)


_PUT_SPANS = Insert(
    "coverage_span",
    same={"user_id": "bigint", "run_id": "uuid"},
    columns={"from_s": "bigint", "to_s": "bigint", "class": "text"},
)


async def all_spans(session: Session, *, user_id: UserId) -> list[Told]:
    """Return the spans of all runs of the user, in order."""
    rows = await session.execute(
        select(CoverageSpan.from_s, CoverageSpan.to_s, CoverageSpan.class_)
        .where(CoverageSpan.user_id == user_id)
        .order_by(CoverageSpan.from_s, CoverageSpan.id)
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def replace_coverage(session: Session, *, user_id: UserId, spans: Sequence[Told]) -> None:
    """Put `spans`, side by side, in the place of the user's coverage."""
    await _DELETE_COVERAGE.change(session, user_id)
    await _PUT_COVERAGE.put(session, spans, user_id)


_DELETE_COVERAGE = Statement("delete from coverage where user_id = ?")
_PUT_COVERAGE = Insert(
    "coverage",
    same={"user_id": "bigint"},
    columns={"from_s": "bigint", "to_s": "bigint", "class": "text"},
)
