"""Endpoints of imports: files in, how it gets on, the report, and taking it back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from src.auth import SessionDep, UserDep, require_scope
from src.history import import_stream, importing
from src.history.import_schemas import (
    ImportDetailReply,
    ImportReply,
    detail_reply,
    import_reply,
)
from src.history.queries import observations, runs
from src.history.receiving import Receiver, body_of
from src.schemas import Page
from src.spotify.routes.connection import SpotifyDep
from src.spotify.routes.sync import one_stream
from src.spotify.sync_stream import Listener, SignedOut
from src.utils.cursor import CursorInvalid, CursorKey
from src.utils.text import CleanText

router = APIRouter(prefix="/api/history/imports", tags=["history"])
_read = Depends(require_scope("read"))
_import = Depends(require_scope("import"))

Cursor = Annotated[str | None, Query(max_length=600, description="`next_cursor` of the last page")]
Limit = Annotated[int, Query(ge=1, le=200)]
FileName = Annotated[
    CleanText, Query(max_length=255, description="What to call a file that is the whole body")
]
_QUERY = "imports"
_FORM = "multipart/form-data"
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            _FORM: {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                        }
                    },
                }
            },
        },
    }
}


@router.post("", status_code=202, dependencies=[_import], openapi_extra=_BODY)
async def begin(
    request: Request, user: UserDep, spotify: SpotifyDep, *, name: FileName = "upload"
) -> ImportReply:
    """Import Spotify's data export: the zip as it was sent, or its JSON files.

    The body is the file, or a form with at most 20 of them. It is read as a stream, stored,
    and worked on in the background; ask for the import, or listen to its events, to see it
    end. Files are told by their content. No call to Spotify is made.
    """
    runtime = spotify.runtime
    length = request.headers.get("content-length", "0")
    run_id = await importing.begin_upload(
        runtime,
        user_id=user.id,
        name=name,
        announced_bytes=int(length) if length.isdecimal() else 0,
    )
    try:
        with Receiver(runtime.settings, run_id) as receiver:
            kind = request.headers.get("content-type", "")
            if kind.startswith(_FORM):
                await receiver.take_form(body_of(request.receive), content_type=kind)
            else:
                await receiver.take_body(body_of(request.receive), name=name)
        run = await importing.finish_upload(
            runtime, user_id=user.id, run_id=run_id, files=receiver.rows()
        )
    except BaseException:
        await importing.drop_upload(runtime, user_id=user.id, run_id=run_id)
        raise
    spotify.bell.ring()
    return import_reply(run)


@router.get("", dependencies=[_read])
async def list_imports(
    request: Request,
    session: SessionDep,
    user: UserDep,
    *,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ImportReply]:
    """List your imports, newest first. Follow `next_cursor` until it is null."""
    key = CursorKey(request.app.state.runtime.vault.derive("cursor"))
    before = None if cursor is None else _place(key.decode(cursor, user_id=user.id, query=_QUERY))
    rows = await runs.imports(session, user_id=user.id, before=before, limit=limit + 1)
    shown = rows[:limit]
    next_cursor = None
    if len(rows) > limit:
        place: list[str | int] = [shown[-1].created_s, str(shown[-1].id)]
        next_cursor = key.encode(place, user_id=user.id, query=_QUERY)
    return Page(items=[import_reply(row) for row in shown], next_cursor=next_cursor)


def _place(payload: list[str | int]) -> tuple[int, UUID]:
    try:
        created_s, run_id = payload
        return int(created_s), UUID(str(run_id))
    except ValueError as error:
        raise CursorInvalid from error


@router.get("/{import_id}", dependencies=[_read])
async def get_import(import_id: UUID, session: SessionDep, user: UserDep) -> ImportDetailReply:
    """Return one import: its progress, or its report."""
    run = await runs.run_of(session, user_id=user.id, run_id=import_id)
    if run is None:
        raise importing.no_import()
    files = await runs.files(session, user_id=user.id, run_id=import_id)
    left = await observations.count_touched(session, user_id=user.id, run_id=import_id)
    return detail_reply(run, files, episodes_left=left)


async def _there(import_id: UUID, user: UserDep, spotify: SpotifyDep) -> None:
    """Refuse an import that is not there, before a stream begins."""
    async with spotify.runtime.database.transaction(user.id, write=False) as session:
        if await runs.run_of(session, user_id=user.id, run_id=import_id) is None:
            raise importing.no_import()


@router.get(
    "/{import_id}/events",
    response_class=EventSourceResponse,
    dependencies=[_read, Depends(_there)],
)
async def events(
    import_id: UUID,
    request: Request,
    user: UserDep,
    nudged: Annotated[asyncio.Event, Depends(one_stream)],
    spotify: SpotifyDep,
) -> AsyncIterator[ServerSentEvent]:
    """Stream one import: an event `progress` with each change, until it is over.

    `signed_out` is the last event once you are not signed in any more. A stream lasts ten
    minutes at most.
    """
    listener = Listener(user_id=user.id, session_id=user.session_id, token_id=user.token_id)
    async for told in import_stream.follow(
        spotify.runtime,
        listener,
        run_id=import_id,
        stopping=request.app.state.stopping,
        nudged=nudged,
    ):
        if isinstance(told, SignedOut):
            yield ServerSentEvent(event="signed_out", data={})
        else:
            yield ServerSentEvent(event="progress", data=told)


@router.delete("/{import_id}", status_code=202, dependencies=[_import])
async def undo(import_id: UUID, user: UserDep, spotify: SpotifyDep) -> ImportReply:
    """Take an import back: what it alone brought goes, in the background.

    What other imports or syncs tell of as well stays. An upload that is not whole yet is
    deleted at once.
    """
    async with spotify.runtime.database.transaction(user.id) as session:
        run = await importing.request_undo(session, user_id=user.id, run_id=import_id)
        reply = import_reply(run)
    if run.state in runs.OPEN:
        spotify.bell.ring()
    else:
        await importing.drop_upload(spotify.runtime, user_id=user.id, run_id=import_id)
    return reply
