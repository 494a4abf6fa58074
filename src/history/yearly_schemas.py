"""Replies about a year, and about one day through the years."""

from datetime import date

from pydantic import BaseModel, Field

from src.history.coverage import Known
from src.history.coverage_schemas import Seconds
from src.history.figures import Figure
from src.history.listing_schemas import HistoryEvent
from src.history.statistics_schemas import EPISODES, ByCertainty, ByShow, Streak, Time


class YearTotals(Figure):
    """Everything that ended in the year, whole."""

    episodes: int = EPISODES
    shows: int = Field(ge=0, description="Distinct shows")
    days: int = Field(ge=0, description="Local days with any listening")


class DayOfYear(Figure):
    """What was heard within a local day, and how well most of the day is known."""

    day: date
    known: Known


class Year(BaseModel):
    """A year of listening in your time zone."""

    year: int
    years: list[int] = Field(description="Years that the history reaches over")
    zone: str
    totals: YearTotals
    certainty: list[ByCertainty]
    shows: list[ByShow] = Field(description="The ten most heard, most first")
    months: Time = Field(description="Months, and their sum: what was heard within the year")
    days: list[DayOfYear] = Field(description="Every day up to the present one, in order")
    longest_streak: Streak | None
    seconds: Seconds = Field(description="What is known of the year, up to the present")


class SameDay(Figure):
    """The day in another year."""

    year: int
    day: date
    listened: list[HistoryEvent] = Field(description="The latest 200 events, latest end first")


class OnThisDay(BaseModel):
    """What was heard on the same day of other years, the latest year first."""

    zone: str
    day: date
    years: list[SameDay] = Field(description="Years with listening on that day")
