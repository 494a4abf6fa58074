"""Requests and replies about runs and their schedule."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from src.schemas import Strict
from src.spotify.models import Outcome, RunState, Trigger


class RunReply(BaseModel):
    """One run: its progress while it lasts, its report after.

    `phase` is what it is doing. `calls` were sent to Spotify's Web API, `cost_micro`
    what they cost in millionths of a US dollar. `newest_pending` and `backfill_pending`
    count shows whose newest or older episodes are still to be read. `outcome` and
    `message` are null until it ended.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    trigger: Trigger
    state: RunState
    phase: str
    outcome: Outcome | None
    message: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    next_sync_at: datetime | None
    max_calls: int
    calls: int
    cost_micro: int
    shows_total: int
    shows_done: int
    episodes_stored: int
    episodes_new: int
    plays_changed: int
    quarantined: int
    newest_pending: int
    backfill_pending: int


class ScheduleReply(BaseModel):
    """When the next sync is due, and what decides it.

    `interval_hours` is the user's own, null for the installation's, which is
    `default_interval_hours`. `parked_until` is set while Spotify's daily quota keeps
    everybody waiting. `active` is false while there is no usable connection.
    """

    interval_hours: int | None
    default_interval_hours: int
    paused: bool
    active: bool
    next_sync_at: datetime | None
    parked_until: datetime | None
    last_started_at: datetime | None
    last_ok_at: datetime | None
    failures: int


class ScheduleChange(Strict):
    """The user's own schedule: an interval of 1 to 24 hours or null, and a pause."""

    interval_hours: Annotated[int, Field(ge=1, le=24)] | None
    paused: bool


class StatusReply(BaseModel):
    """The schedule (null before the first connection), and the current or else last run."""

    schedule: ScheduleReply | None
    run: RunReply | None
