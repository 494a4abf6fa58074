"""Endpoints of uploads in parts, for archives that are large or lines that break."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response

from src.auth import UserDep, require_scope
from src.history import importing, uploads
from src.history.errors import UploadOffset
from src.history.import_schemas import UploadBegin, UploadReply
from src.history.models import HistoryFile
from src.history.receiving import append, body_of
from src.spotify.routes.connection import SpotifyDep

router = APIRouter(prefix="/api/history/uploads", tags=["history"])
_import = Depends(require_scope("import"))

Offset = Annotated[int, Header(ge=0, description="Where this part begins, in bytes")]


@router.post("", status_code=201, dependencies=[_import])
async def begin(upload: UploadBegin, user: UserDep, spotify: SpotifyDep) -> UploadReply:
    """Begin an upload in parts: send them with PATCH, each at the offset that was reached.

    It is an import under the same id, which begins when all bytes are there, and is
    deleted if they are not within a day.
    """
    importing.demand_size(spotify.runtime.settings, upload.size_bytes)
    run_id = await importing.begin_upload(
        spotify.runtime, user_id=user.id, name=upload.name, size_bytes=upload.size_bytes
    )
    return UploadReply(
        id=run_id,
        name=uploads.shown(upload.name),
        size_bytes=upload.size_bytes,
        offset_bytes=0,
        queued=False,
    )


@router.head("/{upload_id}", dependencies=[_import], include_in_schema=False)
@router.get("/{upload_id}", dependencies=[_import])
async def tell_offset(
    upload_id: UUID, user: UserDep, spotify: SpotifyDep, response: Response
) -> UploadReply:
    """Tell how much is there. HEAD tells it too: `Upload-Offset` of `Upload-Length` bytes."""
    file = await importing.upload_of(spotify.runtime, user_id=user.id, run_id=upload_id)
    offset = uploads.length(uploads.path_of(spotify.runtime.settings, file.path))
    response.headers["Upload-Offset"] = str(offset)
    response.headers["Upload-Length"] = str(file.size_bytes)
    return _reply(upload_id, file, offset)


@router.patch(
    "/{upload_id}",
    dependencies=[_import],
    openapi_extra={
        "requestBody": {
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            }
        }
    },
)
async def add_part(
    upload_id: UUID, request: Request, user: UserDep, spotify: SpotifyDep, upload_offset: Offset
) -> UploadReply:
    """Add a part; with the last one, the import is queued.

    What arrived before a line broke is kept: ask with HEAD where to go on. If the last part
    was refused with `import_running`, send an empty one at the end later.
    """
    runtime = spotify.runtime
    file = await importing.upload_of(runtime, user_id=user.id, run_id=upload_id)
    path = uploads.path_of(runtime.settings, file.path)
    with uploads.held(path) as length:
        if length is None or length != upload_offset:
            raise UploadOffset(uploads.length(path))
        offset = await append(
            body_of(request.receive),
            settings=runtime.settings,
            path=path,
            offset=length,
            size_bytes=file.size_bytes,
        )
        if offset == file.size_bytes:
            await importing.finish_upload(runtime, user_id=user.id, run_id=upload_id)
            spotify.bell.ring()
    return _reply(upload_id, file, offset, is_queued=offset == file.size_bytes)


def _reply(
    upload_id: UUID, file: HistoryFile, offset: int, *, is_queued: bool = False
) -> UploadReply:
    return UploadReply(
        id=upload_id,
        name=file.name,
        size_bytes=file.size_bytes,
        offset_bytes=offset,
        queued=is_queued,
    )
