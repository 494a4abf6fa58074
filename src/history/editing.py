"""A user's word on what the merge made: split, join, hide, and taking that back.

An edit names observations by key, so it survives every re-merge, and sleeps while what it
names is away.
"""

from uuid import UUID

from src.database import Session
from src.errors import NotFound
from src.history.errors import EditRefused
from src.history.events import derive_episodes
from src.history.listing import look_into
from src.history.merge.event import EditKind
from src.history.models import HistoryEdit, ListeningEvent
from src.history.queries import events as queries
from src.runtime import Runtime
from src.utils.types import UserId

_MOST_EDITS = 10_000
"""Edits in force of one user; all are read whenever something is derived."""


async def hide(
    runtime: Runtime, session: Session, *, user_id: UserId, event_id: UUID
) -> HistoryEdit:
    """Neither show nor count the event any more.

    Raises:
        NotFound: The user has no such event.
    """
    event = await _event(session, user_id=user_id, event_id=event_id)
    return await _add(
        runtime, session, user_id=user_id, kind=EditKind.HIDE, event=event, other=None
    )


async def split(
    runtime: Runtime, session: Session, *, user_id: UserId, event_id: UUID, source: UUID
) -> HistoryEdit:
    """Say that one of an event's further sources, by key, tells of another listening.

    Raises:
        NotFound: The user has no such event.
        EditRefused: It is no further source of the event.
    """
    event = await _event(session, user_id=user_id, event_id=event_id)
    detail = await look_into(session, user_id=user_id, event_id=event_id)
    if source == event_id or source not in {one.key for one in detail.sources}:
        raise EditRefused("Only another source of the same event can be split from it.")
    return await _add(
        runtime, session, user_id=user_id, kind=EditKind.SPLIT, event=event, other=source
    )


async def join(
    runtime: Runtime, session: Session, *, user_id: UserId, event_id: UUID, other_id: UUID
) -> HistoryEdit:
    """Say that two events of one episode are one listening; the better source has the say.

    Raises:
        NotFound: The user has no such event.
        EditRefused: The two are the same, or of different episodes.
    """
    event = await _event(session, user_id=user_id, event_id=event_id)
    other = await _event(session, user_id=user_id, event_id=other_id)
    if event.id == other.id or event.episode_ref != other.episode_ref:
        raise EditRefused("Only two different events of one episode can be joined.")
    return await _add(
        runtime, session, user_id=user_id, kind=EditKind.JOIN, event=event, other=other_id
    )


async def revoke(
    runtime: Runtime, session: Session, *, user_id: UserId, edit_id: UUID
) -> HistoryEdit:
    """Take an edit back; idempotent.

    Raises:
        NotFound: The user made no such edit.
    """
    await queries.bump(session, user_id=user_id)
    edit = await queries.edit_of(session, user_id=user_id, edit_id=edit_id)
    if edit is None:
        raise NotFound("There is no such edit of yours.")
    if edit.revoked_s is None:
        edit.revoked_s = int(runtime.clock.now().timestamp())
        await queries.revoke_edit(session, user_id=user_id, edit_id=edit_id, now_s=edit.revoked_s)
        ref = await queries.episode_of(session, user_id=user_id, identity=edit.identity)
        if ref is not None:
            await derive_episodes(session, user_id=user_id, refs=[ref])
    return edit


async def _event(session: Session, *, user_id: UserId, event_id: UUID) -> ListeningEvent:
    await queries.bump(session, user_id=user_id)
    event = await queries.event_of(session, user_id=user_id, event_id=event_id)
    if event is None:
        raise NotFound("There is no such event in your history.")
    return event


async def _add(
    runtime: Runtime,
    session: Session,
    *,
    user_id: UserId,
    kind: EditKind,
    event: ListeningEvent,
    other: UUID | None,
) -> HistoryEdit:
    """Store an edit and derive its episode again."""
    if len(await queries.edits(session, user_id=user_id)) >= _MOST_EDITS:
        raise EditRefused(f"{_MOST_EDITS:,} edits are in force already. Revoke some first.")
    identity = await queries.identity_of(session, user_id=user_id, episode_ref=event.episode_ref)
    edit = HistoryEdit(
        id=runtime.entropy.uuid(),
        kind=kind.value,
        key_a=event.id,
        key_b=other,
        identity=identity or "",
        created_s=int(runtime.clock.now().timestamp()),
    )
    await queries.add_edit(session, user_id=user_id, edit=edit)
    await derive_episodes(session, user_id=user_id, refs=[event.episode_ref])
    return edit
