"""Routes about money."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from src.auth import SessionDep, UserDep, require_scope, runtime_of
from src.cost_tracking import ledger
from src.cost_tracking.schemas import CostSummary

router = APIRouter(prefix="/api/costs", tags=["costs"])

Days = Annotated[int, Query(ge=1, le=366, description="UTC days, today included.")]


@router.get("/summary", dependencies=[Depends(require_scope("read"))])
async def summary(
    request: Request, session: SessionDep, user: UserDep, days: Days = 30
) -> CostSummary:
    """Return what your Spotify calls cost, in micro-dollars, by UTC day and by operation."""
    now = runtime_of(request).clock.now()
    return await ledger.summary(
        session,
        user.id,
        since=now.date() - timedelta(days=days - 1),
        until=now.date(),
        now=now,
    )
