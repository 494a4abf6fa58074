"""How large a request may be."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.config import Settings
from src.errors import PlayheadError
from src.middleware.problems import refusal

JSON_LIMIT = 256 * 1024
FORM_LIMIT = 64 * 1024
"""Largest request bodies in bytes; forms are those of the pages."""

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_IMPORTS, _UPLOADS = "/api/history/imports", "/api/history/uploads/"


class BodyTooLarge(PlayheadError):
    """More bytes came than this address takes."""

    status = 413
    code = "body_too_large"
    title = "Too large"


class UnsupportedEncoding(PlayheadError):
    """The body is compressed, which could grow without bound when opened."""

    status = 415
    code = "unsupported_encoding"
    title = "Compressed body"


class BodyLimit:
    """Counts what really arrives and stops reading at the limit."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        """Guard `app`; `settings` say how large an import may be."""
        self._app = app
        self._import_limit = settings.import_limit_mib << 20

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a body that is compressed, announces too much or goes on too long."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        limit = self._limit(scope, headers)
        if headers.get("content-encoding", "identity").lower() != "identity":
            error = UnsupportedEncoding("Send the body uncompressed: leave out Content-Encoding.")
            return await refusal(error, scope)(scope, receive, send)
        too_large = BodyTooLarge(f"A body here may have {limit // 1024} KiB at most.")
        announced = headers.get("content-length", "0")
        if announced.isdecimal() and int(announced[:20]) > limit:
            return await refusal(too_large, scope)(scope, receive, send)
        if not await _counted(self._app, scope, receive, send, limit):
            return await refusal(too_large, scope)(scope, receive, send)
        return None

    def _limit(self, scope: Scope, headers: Headers) -> int:
        """Return how many bytes a body may have; the routes of imports write it to the disk."""
        method, path = scope["method"], scope["path"]
        if (method, path) == ("POST", _IMPORTS) or (
            method == "PATCH" and path.startswith(_UPLOADS)
        ):
            return self._import_limit
        return FORM_LIMIT if headers.get("content-type", "").startswith(_FORMS) else JSON_LIMIT


async def _counted(app: ASGIApp, scope: Scope, receive: Receive, send: Send, limit: int) -> bool:
    """Run `app`; false when the body passed `limit` and nothing was answered yet."""
    seen, passed, answered = 0, False, False

    async def counting() -> Message:
        nonlocal seen, passed
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit and not answered:
            passed = True
            raise _TooMuch
        return message

    async def holding(message: Message) -> None:
        nonlocal answered
        if not passed:  # what the route makes of the broken body is nobody's concern
            answered = True
            await send(message)

    try:
        await app(scope, counting, holding)
    except _TooMuch:
        return False
    return not passed


class _TooMuch(Exception):
    """Ends reading; known only to the limit itself."""
