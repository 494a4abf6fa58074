"""Requests and replies about edits of the history."""

from datetime import UTC, datetime
from uuid import UUID

from pydantic import BaseModel, Field

from src.history.merge.event import EditKind
from src.history.models import HistoryEdit
from src.schemas import Strict


class SplitRequest(Strict):
    """Which source of the event tells of another listening."""

    source: UUID = Field(description="`key` of one of the event's sources, not of its first")


class JoinRequest(Strict):
    """Which other event is the same listening."""

    event: UUID = Field(description="`id` of another event of the same episode")


class EditReply(BaseModel):
    """An edit: `key_a` and `key_b` name what it is about; it holds until `revoked_at`."""

    id: UUID
    kind: EditKind
    key_a: UUID
    key_b: UUID | None
    created_at: datetime
    revoked_at: datetime | None


def edit_reply(edit: HistoryEdit) -> EditReply:
    """Return an edit as it is told."""
    revoked_s = edit.revoked_s
    return EditReply(
        id=edit.id,
        kind=EditKind(edit.kind),
        key_a=edit.key_a,
        key_b=edit.key_b,
        created_at=datetime.fromtimestamp(edit.created_s, UTC),
        revoked_at=None if revoked_s is None else datetime.fromtimestamp(revoked_s, UTC),
    )
