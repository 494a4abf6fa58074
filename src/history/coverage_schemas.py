"""Replies about what is known of which time."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, Field

from src.history.coverage import Known


class Cause(StrEnum):
    """Why nothing is known of a time."""

    NEVER_CONNECTED = "never_connected"
    """Spotify was not connected yet, or is not now."""
    CONSENT_LAPSED = "consent_lapsed"
    QUOTA_PARKED = "quota_parked"
    ERROR = "error"
    """Syncs failed for another reason."""
    NOT_READ_YET = "not_read_yet"
    """The next sync will tell."""
    NOT_RECORDED = "not_recorded"
    """Nobody read the library often enough, or before it could be read."""


class Seconds(BaseModel):
    """Seconds of each class; they sum to the whole time."""

    exact: int = Field(ge=0, description="Seconds that an extended export covers")
    minute: int = Field(ge=0, description="Seconds that an account export covers")
    inferred: int = Field(ge=0, description="Seconds between two reads of the resume points")
    none: int = Field(ge=0, description="Seconds of which nothing is known")


class CoveredDay(BaseModel):
    """A local day; `known` is the class of most of its seconds."""

    day: date
    known: Known
    seconds: Seconds


class Gap(BaseModel):
    """A time of which nothing is known, for one reason."""

    from_at: datetime = Field(description="First instant, UTC")
    to_at: datetime = Field(description="First instant after it, UTC")
    seconds: int = Field(ge=1, description="Its length in seconds")
    cause: Cause
    only_export: bool = Field(
        description="Whether nothing but an export of Spotify's can still tell of it"
    )


class CoveredBy(BaseModel):
    """What a run tells of a time: only a part where `read` is less than `asked`."""

    run_id: UUID
    kind: str = Field(description="import or sync")
    name: str
    from_at: datetime = Field(description="First instant, UTC")
    to_at: datetime = Field(description="First instant after it, UTC")
    known: Known
    asked: int | None = Field(description="Shows that were asked for")
    read: int | None = Field(description="Shows that were read")


class CoverageReply(BaseModel):
    """What is known of which time, and from what; classes and gaps sum to all of it."""

    zone: str
    from_at: datetime = Field(description="First instant of the time, UTC")
    to_at: datetime = Field(description="First instant after it, UTC")
    seconds: Seconds
    days: list[CoveredDay] = Field(description="Every day of your time zone, in order")
    gaps: list[Gap] = Field(description="In order; with `seconds.none` they have the same sum")
    sources: list[CoveredBy]
