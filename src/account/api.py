"""Taking everything along, and leaving for good."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import IO

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from src.account import export, service
from src.account.errors import ExportRunning
from src.account.schemas import Erasure, ErasureReply
from src.auth import ProvedUserDep, RuntimeDep, keep_signed_in
from src.utils.types import UserId

router = APIRouter(prefix="/api/account", tags=["account"])

SPOTIFY_PAGE = "https://www.spotify.com/account/apps/"
"""Where a person removes apps from their Spotify account."""

_PIECE_BYTES = 256 * 1024


class ZipResponse(StreamingResponse):
    """A zip that comes in pieces."""

    media_type = "application/zip"


@contextmanager
def _alone(request: Request, user_id: UserId) -> Iterator[None]:
    """Let one export of a user's be written at a time, in this process.

    Raises:
        ExportRunning: Another one is.
    """
    state = request.app.state
    if not hasattr(state, "exporting"):
        state.exporting = set[UserId]()
    if user_id in state.exporting:
        raise ExportRunning
    state.exporting.add(user_id)
    try:
        yield
    finally:
        state.exporting.discard(user_id)


@router.get("/export", response_class=ZipResponse)
async def take_along(request: Request, user: ProvedUserDep, runtime: RuntimeDep) -> ZipResponse:
    """Return everything that is held of you as a zip; `README.txt` in it says what is where.

    It can be read back into an empty account of any Playhead. Needs a browser that just
    gave its password. The first bytes come when all of it is written.
    """
    with _alone(request, user.id):
        file = await export.spooled(runtime, user_id=user.id)
    size = file.seek(0, 2)
    file.seek(0)
    day = runtime.clock.now().date().isoformat()
    return ZipResponse(
        _pieces(file),
        headers={
            "Content-Length": str(size),
            "Content-Disposition": f'attachment; filename="playhead-{day}.zip"',
        },
    )


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
            yield piece


@router.delete("")
async def leave(
    form: Erasure, request: Request, response: Response, user: ProvedUserDep, runtime: RuntimeDep
) -> ErasureReply:
    """Erase your account and everything in it, at once and for good.

    Takes your user name, typed. Needs a browser that just gave its password. The owner of
    a Playhead can leave it last.
    """
    plays = await service.erase(runtime, user_id=user.id, typed=form.name)
    keep_signed_in(response, runtime.settings, None)
    return ErasureReply(
        message=(
            f"Your account, {plays:,} plays, tokens and costs are gone. There is no copy here. "
            "Removing Playhead at Spotify is the last step; here is the page."
        ),
        plays=plays,
        spotify_page=SPOTIFY_PAGE,
    )
