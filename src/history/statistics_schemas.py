"""Replies about sums of listening."""

from datetime import date, datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from src.history.figures import Figure
from src.history.queries.filters import Catalogue, Completion
from src.history.zones import Unit

EPISODES = Field(ge=0, description="Distinct episodes")
FROM = Field(description="First instant of the time, UTC")
TO = Field(description="First instant after it, UTC")


class CertaintyName(StrEnum):
    """How well the time of an event is known."""

    EXACT = "exact"
    MINUTE = "minute"
    WINDOW = "window"


class ShowName(BaseModel):
    """A show of the history; `name` is the library's where it has one, else an export's."""

    id: int = Field(description="What `show` of `GET /api/history` takes")
    name: str
    spotify_id: str | None


class Totals(Figure):
    """Everything that ended in the time, whole."""

    plays: int = Field(
        ge=0,
        description="Sittings of at least 30 s: events of one episode with pauses of at most "
        "30 minutes, by the events that ended in the time",
    )
    episodes: int = EPISODES
    shows: int = Field(ge=0, description="Distinct shows")


class ByCertainty(Figure):
    """What was heard at times known so well."""

    certainty: CertaintyName


class ByShow(Figure):
    """What was heard of a show; `show` is null for episodes whose show nothing names."""

    show: ShowName | None
    episodes: int = EPISODES


class ByPeriod(Figure):
    """What was heard within a local day, week, month or year.

    An event that goes on over midnight gives each day its part, in proportion to time; it is
    counted where it ended.
    """

    first: date = Field(description="First day of the whole period, in your time zone")
    from_at: datetime = FROM
    to_at: datetime = TO


class Time(Figure):
    """What was heard within the time, in parts whose `ms` sum to its own.

    It differs from the totals by what crosses the borders of the time.
    """

    unit: Unit
    periods: list[ByPeriod] = Field(description="In order; those without listening are left out")


class ByHour(Figure):
    """What ended in one hour of the week, whole, by the clock of your time zone."""

    weekday: int = Field(ge=1, le=7, description="1 is Monday")
    hour: int = Field(ge=0, le=23, description="0 is from midnight to one")


class Hours(BaseModel):
    """The week by hours; cells and `unknown` sum to the totals."""

    cells: list[ByHour] = Field(description="Those with listening, from Monday's first hour on")
    unknown: Figure = Field(description="Events of which the hour is not known")


class ByCompletion(Figure):
    """What was heard of episodes of which so much was heard within the time."""

    completion: Completion
    episodes: int = EPISODES


class ByCatalogue(Figure):
    """What was heard of episodes that old: new is up to seven days after publication."""

    catalogue: Catalogue


class Streak(Figure):
    """Local days in a row with at least 30 s of listening each."""

    first: date
    last: date
    days: int = Field(ge=1)


class Streaks(BaseModel):
    """The longest streak of the time, and the one that is on: it reaches today or yesterday."""

    longest: Streak | None
    current: Streak | None


class Backlog(BaseModel):
    """Episodes of followed shows of which nothing was ever heard: no events lie behind it."""

    episodes: int = EPISODES
    ms: int = Field(ge=0, description="Their length in milliseconds, where it is known")


class Statistics(BaseModel):
    """Listening summed up in every way, in your time zone."""

    zone: str
    from_at: datetime = FROM
    to_at: datetime = TO
    totals: Totals
    certainty: list[ByCertainty]
    shows: list[ByShow] = Field(description="Most heard first; they sum to the totals")
    time: Time
    hours: Hours
    completion: list[ByCompletion]
    catalogue: list[ByCatalogue]
    streaks: Streaks
    backlog: Backlog
