"""What the routes about a connection return."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field


class SignInReply(BaseModel):
    """Where to send the user's browser, and until when it may come back."""

    url: str
    expires_at: datetime


class ConnectionReply(BaseModel):
    """The state of a connection; everything but `state` and `configured` is null without one.

    `reason` says why a new sign-in is needed: `revoked`, `consent_expired` or
    `tokens_unreadable`. Consent ends six months after it was given.
    """

    state: Literal["not_connected", "active", "reconnect_needed"]
    configured: bool = Field(description="Whether this Playhead has a Spotify app")
    reason: str | None = None
    display_name: str | None = None
    connected_at: datetime | None = None
    consented_at: datetime | None = None
    consent_ends_at: datetime | None = None
    consent_days_left: Annotated[int, Field(ge=0)] | None = None
