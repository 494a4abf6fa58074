"""Endpoints that sum up listening."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from src.auth import RuntimeDep, SessionDep, UserDep, require_scope
from src.history.figures import Asked
from src.history.routes.asking import Day, From, Show, To, second_of, zone_of
from src.history.statistics import record_of, statistics
from src.history.statistics_schemas import Statistics
from src.history.yearly import on_this_day, year_of
from src.history.yearly_schemas import OnThisDay, Year
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


@router.get("/year/{year}")
async def get_year(
    session: SessionDep,
    user: UserDep,
    runtime: RuntimeDep,
    year: Annotated[int, Path(ge=1970, le=2199, description="A year of your time zone")],
) -> Year:
    """Sum up a year of your listening: days, months, shows, and how well it is known."""
    now_s = int(runtime.clock.now().timestamp())
    return await year_of(session, user_id=user.id, number=year, zone=zone_of(user), now_s=now_s)


@router.get("/on-this-day")
async def get_on_this_day(
    session: SessionDep,
    user: UserDep,
    runtime: RuntimeDep,
    day: Annotated[Day | None, Query(description="By default the present day")] = None,
) -> OnThisDay:
    """Tell what you heard on the same day of other years, the latest year first."""
    zone, now_s = zone_of(user), int(runtime.clock.now().timestamp())
    meant = day_of(now_s, zone) if day is None else date.fromisoformat(day)
    return await on_this_day(session, user_id=user.id, day=meant, zone=zone, now_s=now_s)
