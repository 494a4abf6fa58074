"""Endpoints by which a user corrects what was made of the sources."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request

from src.auth import SessionDep, UserDep, require_scope
from src.history import editing
from src.history.edit_schemas import EditReply, JoinRequest, SplitRequest, edit_reply
from src.history.queries import events as queries

router = APIRouter(prefix="/api/history", tags=["history"])
_read = Depends(require_scope("read"))
_import = Depends(require_scope("import"))


@router.post("/events/{event_id}/hide", status_code=201, dependencies=[_import])
async def hide(event_id: UUID, request: Request, session: SessionDep, user: UserDep) -> EditReply:
    """Hide an event: it is neither shown nor counted, until the edit is revoked."""
    runtime = request.app.state.runtime
    return edit_reply(await editing.hide(runtime, session, user_id=user.id, event_id=event_id))


@router.post("/events/{event_id}/split", status_code=201, dependencies=[_import])
async def split(
    event_id: UUID, asked: SplitRequest, request: Request, session: SessionDep, user: UserDep
) -> EditReply:
    """Split a source from an event: the two tell of different listening."""
    runtime = request.app.state.runtime
    return edit_reply(
        await editing.split(
            runtime, session, user_id=user.id, event_id=event_id, source=asked.source
        )
    )


@router.post("/events/{event_id}/join", status_code=201, dependencies=[_import])
async def join(
    event_id: UUID, asked: JoinRequest, request: Request, session: SessionDep, user: UserDep
) -> EditReply:
    """Join two events of one episode: they are the same listening."""
    runtime = request.app.state.runtime
    return edit_reply(
        await editing.join(
            runtime, session, user_id=user.id, event_id=event_id, other_id=asked.event
        )
    )


@router.get("/edits", dependencies=[_read])
async def list_edits(session: SessionDep, user: UserDep) -> list[EditReply]:
    """List your edits in force, oldest first: at most 10,000."""
    return [edit_reply(edit) for edit in await queries.edits(session, user_id=user.id)]


@router.delete("/edits/{edit_id}", dependencies=[_import])
async def revoke(edit_id: UUID, request: Request, session: SessionDep, user: UserDep) -> EditReply:
    """Revoke an edit: the rules have the say again."""
    runtime = request.app.state.runtime
    return edit_reply(await editing.revoke(runtime, session, user_id=user.id, edit_id=edit_id))
