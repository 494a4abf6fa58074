"""Figures that explain themselves: each carries the request that lists the events behind it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from src.history.queries.filters import Events
from src.history.queries.statistics import Sum
from src.history.zones import day_of, midnight_s

Milliseconds = Annotated[int, Field(ge=0, description="Milliseconds heard")]

Fields = dict[str, object]
"""The fields of a `Figure`: a year has hundreds, and making each twice would show."""

Parameters = dict[str, str]


class EventsQuery(BaseModel):
    """A request that lists exactly the events behind a figure.

    The `share_ms` of all its pages sum to the figure's `ms`; as many of its items are `counted`
    as the figure has `events`.
    """

    path: Literal["/api/history"] = "/api/history"
    parameters: Parameters = Field(description="Its query parameters; days are of your time zone")


class Figure(BaseModel):
    """Listening summed up, and the request that lists it."""

    ms: Milliseconds
    known_ms: int = Field(
        ge=0,
        description="Milliseconds heard at a time known to the second or minute; "
        "the truth lies between this and `ms`",
    )
    events: int = Field(ge=0, description="Events that ended in the time")
    query: EventsQuery


@dataclass(frozen=True, slots=True)
class Asked:
    """The time that statistics are about, from `from_s` up to and without `to_s` (UTC epoch)."""

    zone: ZoneInfo
    from_s: int
    to_s: int
    show: int | None = None

    @property
    def events(self) -> Events:
        """The events that ended in it."""
        return Events(zone=self.zone, from_s=self.from_s, to_s=self.to_s, show=self.show)

    def figure(self, found: Sum, **more: str) -> Fields:
        """Return the figure of the events of `GET /api/history` with these further parameters."""
        return self._figure(found, self.from_s, self.to_s, more)

    def part(self, found: Sum, from_s: int, to_s: int) -> Fields:
        """Return the figure of what was heard within a part of the time."""
        return self._figure(found, from_s, to_s, {"overlaps": "true"})

    def _figure(self, found: Sum, from_s: int, to_s: int, more: Parameters) -> Fields:
        asked: Parameters = {
            "from": written(from_s, self.zone),
            "to": written(to_s, self.zone),
        }
        if self.show is not None:
            asked["show"] = str(self.show)
        query = {"parameters": asked | more}
        return {"ms": found.ms, "known_ms": found.known_ms, "events": found.events, "query": query}


@lru_cache(maxsize=20_000)
def written(second: int, zone: ZoneInfo) -> str:
    """Return an instant as `from` and `to` take it: a date if a local day begins with it."""
    day = day_of(second, zone)
    if midnight_s(day, zone) == second:
        return day.isoformat()
    return instant(second).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant(second: int) -> datetime:
    """Return UTC epoch seconds as an aware instant."""
    return datetime.fromtimestamp(second, UTC)
