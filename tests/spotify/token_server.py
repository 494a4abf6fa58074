"""An accounts service that answers as it is told, and remembers what it was asked."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import httpx2
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from src.runtime import Runtime
from src.spotify.config import SpotifySettings
from src.spotify.oauth import SpotifyOAuth
from src.spotify.wire import Wire

CLIENT_ID = "0123456789abcdef0123456789abcdef"


class TokenServer:
    """ASGI app of `POST /api/token`.

    Attributes:
        forms: What was posted, in order.
        answers: Answers to give before the usual one: a response, or an exception to raise.
        rotates: Whether each refresh brings a new refresh token.
        during: Awaited while a request is being answered.
    """

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        self.answers: deque[Response | Exception] = deque()
        self.rotates = False
        self.during: Callable[[], Awaitable[None]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        self.forms.append(dict(parse_qsl((await request.body()).decode())))
        number = len(self.forms)
        if self.during is not None:
            await self.during()
        answer = self.answers.popleft() if self.answers else self._usual(number)
        if isinstance(answer, Exception):
            raise answer
        await answer(scope, receive, send)

    def _usual(self, number: int) -> Response:
        body: dict[str, Any] = {
            "access_token": f"access-new-{number}",
            "token_type": "Bearer",
            "expires_in": 3600,
            "scope": "user-library-read",
        }
        if self.rotates:
            body["refresh_token"] = f"refresh-new-{number}"
        return JSONResponse(body)

    def oauth(self, runtime: Runtime) -> SpotifyOAuth:
        """Return an `SpotifyOAuth` whose calls end here."""
        wire = Wire(runtime, transport=httpx2.ASGITransport(app=self))
        return SpotifyOAuth(
            runtime,
            settings=SpotifySettings(_env_file=None, spotify_client_id=CLIENT_ID),
            send=wire.send,
        )


def refusal(error: str, status: int = 400) -> Response:
    """Return a flat OAuth error."""
    return JSONResponse({"error": error, "error_description": "no"}, status_code=status)


def page(status: int = 200) -> Response:
    """Return something that is no JSON."""
    return PlainTextResponse("<html>", status_code=status)


async def pause(turns: int = 50) -> None:
    """Let every other task run for a while."""
    for _ in range(turns):
        await asyncio.sleep(0)
