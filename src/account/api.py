"""Taking everything along, and leaving for good."""

import asyncio
from collections.abc import AsyncIterator
from typing import IO

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from src.account import export, service
from src.account.schemas import Erasure, ErasureReply
from src.auth import ProvedUserDep, RuntimeDep, keep_signed_in

router = APIRouter(prefix="/api/account", tags=["account"])

SPOTIFY_PAGE = "https://www.spotify.com/account/apps/"
"""Where a person removes apps from their Spotify account."""

_PIECE_BYTES = 256 * 1024


class ZipResponse(StreamingResponse):
    """A zip that comes in pieces."""

    media_type = "application/zip"


@router.get("/export", response_class=ZipResponse)
async def take_along(user: ProvedUserDep, runtime: RuntimeDep) -> ZipResponse:
    """Return everything that is held of you as a zip; `README.txt` in it says what is where.

    It can be read back into an empty account of any Playhead. Needs a browser that just
    gave its password. The first bytes come when all of it is written.
    """
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
