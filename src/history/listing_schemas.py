"""Replies that list events."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from src.history.merge.event import Certainty, Role, Rule
from src.history.observations import Source
from src.history.statistics_schemas import ShowName


class EpisodeName(BaseModel):
    """An episode of the history; `name` is the library's where it has one, else an export's."""

    id: int = Field(description="What `episode` of `GET /api/history` takes")
    name: str
    spotify_id: str | None
    duration_ms: int | None = Field(description="Its length in milliseconds, if known")


class HistoryEvent(BaseModel):
    """One stream of one episode, as a row of an export has it. All instants are UTC."""

    id: UUID = Field(description="Stays the same however often histories are merged")
    episode: EpisodeName
    show: ShowName | None
    began_at: datetime = Field(description="Start, pauses included; as good as `certainty` says")
    ended_at: datetime = Field(description="End; with certainty `minute` the middle of it")
    earliest_at: datetime = Field(description="It did not end, or a window not begin, before")
    latest_at: datetime = Field(description="It did not end after")
    ms: int = Field(ge=0, description="Milliseconds heard")
    share_ms: int = Field(
        ge=0, description="Milliseconds of them within `from` and `to`; all, without `overlaps`"
    )
    counted: bool = Field(description="Whether it ended within `from` and `to`")
    certainty: Certainty
    rule: Rule = Field(description="What made the sources one event")
    source: Source | None = Field(description="Whose time and milliseconds it has")
    doubtful: bool = Field(description="Perhaps counted twice; the two can be joined")
    at_least: bool = Field(description="More was heard than `ms`")
    clamped: bool = Field(description="A source states more milliseconds than the time allows")
    hidden: bool = Field(description="Neither shown nor counted, as you said")


class RunName(BaseModel):
    """A run that brought an observation."""

    id: UUID
    kind: str
    name: str


class EventSource(BaseModel):
    """What one source said of an event, unchanged. Instants are UTC."""

    key: UUID = Field(description="Its name, which splitting and joining take")
    source: Source
    role: Role
    began_at: datetime
    ended_at: datetime = Field(description="End; of account rows the start of its minute")
    ms: int = Field(ge=0, description="Milliseconds heard, as the source states them")
    n: int = Field(ge=0, description="Number among equal rows of one file, from 0")
    position_ms: int | None = Field(description="Position in the episode at the end, milliseconds")
    runs: list[RunName] = Field(description="Imports and syncs that brought it")


class EventDetail(HistoryEvent):
    """An event with its sources, the one that it has its time from first."""

    sources: list[EventSource]
