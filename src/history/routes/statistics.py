"""Endpoints that sum up listening."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from src.auth import RuntimeDep, SessionDep, UserDep, require_scope
from src.history.figures import Asked
from src.history.routes.asking import From, Show, To, second_of, zone_of
from src.history.statistics import record_of, statistics
from src.history.statistics_schemas import Statistics
from src.history.zones import Unit, day_of

router = APIRouter(
    prefix="/api/history", tags=["history"], dependencies=[Depends(require_scope("read"))]
)


class StatisticsAsked(BaseModel):
    """Which time statistics are about; by default the whole history."""

    from_: From = None
    to: To = None
    show: Show = None
    unit: Unit = Field(Unit.MONTH, description="Into what parts the time is cut")


@router.get("/statistics")
async def get_statistics(
    session: SessionDep,
    user: UserDep,
    runtime: RuntimeDep,
    asked: Annotated[StatisticsAsked, Query()],
) -> Statistics:
    """Sum up your listening in your time zone; each figure says how to list its events.

    Totals are a range: `known_ms` is what was heard at times known to the second or minute,
    `ms` has the windows between two looks at your library too.
    """
    zone, now_s = zone_of(user), int(runtime.clock.now().timestamp())
    from_s, to_s = second_of(asked.from_, zone), second_of(asked.to, zone)
    begins_s, ends_s = await record_of(session, user_id=user.id, zone=zone, now_s=now_s)
    time = Asked(
        zone=zone,
        from_s=begins_s if from_s is None else from_s,
        to_s=ends_s if to_s is None else to_s,
        show=asked.show,
    )
    return await statistics(
        session, user_id=user.id, asked=time, unit=asked.unit, today=day_of(now_s, zone)
    )
