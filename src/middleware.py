"""What stands before every route: who asks, from where, how much, and how the reply is sealed."""

import json
import re
import sys
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from math import ceil
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.config import Settings
from src.errors import PlayheadError
from src.runtime import Runtime
from src.schemas import FieldError, Problem
from src.users.browsers import bearer_in
from src.utils.types import UserId

log = structlog.get_logger()

JSON_LIMIT = 256 * 1024
FORM_LIMIT = 64 * 1024
"""Largest request bodies in bytes; forms are those of the pages."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_LOOPBACK_NAMES = frozenset({"127.0.0.1", "::1", "localhost"})
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_IMPORTS, _UPLOADS = "/api/history/imports", "/api/history/uploads/"
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_YEAR_S = 31_536_000


class HostRefused(PlayheadError):
    """The Host header names another service."""

    status = 400
    code = "host_refused"
    title = "Unknown host"


class CrossSite(PlayheadError):
    """Another site, or another port of this machine, tried to change something."""

    status = 403
    code = "cross_site"
    title = "Request from another site"


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


Tell = Callable[[PlayheadError, Scope], Response]
"""Renders an error for whoever asked."""


def problem_of(
    error: PlayheadError, scope: Scope, *, errors: list[FieldError] | None = None
) -> Problem:
    """Describe `error` as problem details.

    Args:
        error: What happened; its message is shown to the reader.
        scope: The request's scope, for its id.
        errors: Which fields were wrong, if that is what happened.
    """
    return Problem(
        title=error.title,
        status=error.status,
        code=error.code,
        detail=error.message,
        request_id=scope.get("state", {}).get("request_id"),
        retry_after_s=error.retry_after_s,
        errors=errors,
    )


def problem_response(error: PlayheadError, problem: Problem) -> Response:
    """Reply with `problem`, under the headers that belong to its status."""
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, ceil(error.retry_after_s)))
    if error.status == 401:  # noqa: PLR2004 - the status that asks for credentials
        headers["WWW-Authenticate"] = "Bearer"
    return Response(
        json.dumps(problem.model_dump(exclude_none=True)),
        status_code=error.status,
        headers=headers,
        media_type="application/problem+json",
    )


def _refusal(error: PlayheadError, scope: Scope) -> Response:
    return problem_response(error, problem_of(error, scope))


class SecurityHeaders:
    """Seals every reply against framing, sniffing, foreign scripts and shared caches."""

    def __init__(self, app: ASGIApp, *, settings: Settings, accounts_url: str) -> None:
        """Let forms lead to this site and to `accounts_url`, and nowhere else."""
        self._app = app
        parts = urlsplit(accounts_url)
        self._headers = {
            "Content-Security-Policy": (
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                "connect-src 'self'; form-action 'self' "
                f"{parts.scheme}://{parts.netloc}; base-uri 'none'; frame-ancestors 'none'"
            ),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
        }
        if settings.public_url.startswith("https://"):
            self._headers["Strict-Transport-Security"] = f"max-age={_YEAR_S}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers that the route did not set itself."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        private = scope["path"].startswith("/api")

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if private:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        return await self._app(scope, receive, sealed)


class PlainRefusals:
    """Lets a start that must fail say so in a sentence instead of a traceback."""

    def __init__(self, app: ASGIApp) -> None:
        """Watch the start of `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Replace what is told of an error that has words of its own."""
        if scope["type"] != "lifespan":
            return await self._app(scope, receive, send)

        async def plain(message: Message) -> None:
            error = sys.exc_info()[1]
            if message["type"] == "lifespan.startup.failed" and isinstance(error, PlayheadError):
                message = {**message, "message": error.message}
            await send(message)

        try:
            await self._app(scope, receive, plain)
        except PlayheadError:
            return None  # it has been told
        return None


class Edge:
    """Names each request, finds its true sender, writes its log line and catches what falls."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        runtime: Callable[[], Runtime],
        tell: Tell,
        acted: Callable[[UserId], None],
    ) -> None:
        """Believe forwarded headers of `settings.trusted_proxies` alone.

        Args:
            app: The next layer.
            settings: The process's settings.
            runtime: Returns the clock and entropy of the running application.
            tell: Renders what is left of a failure.
            acted: Told whose request has just been served, if it may have changed something.
        """
        self._app = app
        self._runtime = runtime
        self._tell = tell
        self._acted = acted
        self._proxies = [ip_network(text, strict=False) for text in settings.trusted_proxies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; a failure becomes a 500 that tells nothing but its number."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        runtime = self._runtime()
        state = scope.setdefault("state", {})
        peer, headers = scope.get("client"), Headers(scope=scope)
        trusted = peer is not None and is_within(peer[0], self._proxies)
        state["request_id"] = self._request_id(headers, runtime, trusted=trusted)
        if peer is not None and trusted:
            scope["client"] = (original_sender(headers, peer[0], self._proxies), 0)
        status, started_s = 0, runtime.clock.monotonic()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                told = MutableHeaders(scope=message)
                told["X-Request-ID"] = state["request_id"]
                if (allowance := state.get("allowance")) is not None:
                    told.update(allowance.headers())
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=state["request_id"]):
            try:
                await self._app(scope, receive, watched)
            except Exception:
                log.exception("request_failed")
                if status:
                    raise  # the reply is half sent: only a closed connection says so
                await self._tell(_failed(state["request_id"]), scope)(scope, receive, watched)
            finally:
                if "user_id" in state and scope["method"] not in SAFE_METHODS:
                    self._acted(state["user_id"])
                log.info(
                    "request_served",
                    method=scope["method"],
                    route=getattr(scope.get("route"), "path", None),
                    status=status,
                    ms=round((runtime.clock.monotonic() - started_s) * 1000, 1),
                    user_id=state.get("user_id"),
                )
        return None

    @staticmethod
    def _request_id(headers: Headers, runtime: Runtime, *, trusted: bool) -> str:
        given = headers.get("x-request-id", "")
        if trusted and _REQUEST_ID.fullmatch(given):
            return given
        return str(runtime.entropy.uuid())


def _failed(request_id: str) -> PlayheadError:
    return PlayheadError(f"This failed on our side and was written down as {request_id}.")


Networks = list[IPv4Network | IPv6Network]


def is_within(address: str, networks: Networks) -> bool:
    """Tell whether `address` lies in one of `networks`; what is no address lies in none."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def original_sender(headers: Headers, peer: str, proxies: Networks) -> str:
    """Return the nearest address that is no proxy of ours, reading from the right.

    What stands further left was written by the sender and proves nothing.
    """
    hops = [hop.strip() for hop in ",".join(headers.getlist("x-forwarded-for")).split(",")]
    for hop in reversed([hop for hop in hops if hop]):
        try:
            ip_address(hop)
        except ValueError:
            return peer
        if not is_within(hop, proxies):
            return hop
    return peer


class HostAllowList:
    """Answers only under PUBLIC_URL's host and this machine's own names."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        """Take the public name from `settings`."""
        self._app = app
        self._hosts = _LOOPBACK_NAMES | {urlsplit(settings.public_url).hostname}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse foreign names, by which a page elsewhere could read replies as its own."""
        if scope["type"] == "http" and not self._knows(Headers(scope=scope)):
            error = HostRefused(
                "This address is not one of Playhead's. Set PUBLIC_URL to the address people use."
            )
            return await _refusal(error, scope)(scope, receive, send)
        return await self._app(scope, receive, send)

    def _knows(self, headers: Headers) -> bool:
        hosts = headers.getlist("host")
        try:
            return len(hosts) == 1 and urlsplit(f"//{hosts[0]}").hostname in self._hosts
        except ValueError:
            return False


class SameOrigin:
    """Refuses changes that another site's page asks a signed-in browser to make.

    Compared with PUBLIC_URL and never with Host. Another port of the same host
    counts as another site: browsers send it our cookies.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings, cookie: str) -> None:
        """Take the own origin from `settings`; `cookie` is the session cookie's name."""
        self._app = app
        self._origin = settings.public_url
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let safe methods, bearer tokens and our own pages through."""
        if (
            scope["type"] == "http"
            and scope["method"] not in SAFE_METHODS
            and not self._is_ours(Headers(scope=scope))
        ):
            error = CrossSite(
                "This came from another site, so nothing was changed. Open Playhead itself and "
                "do it there; programs use a token instead of a cookie."
            )
            return await _refusal(error, scope)(scope, receive, send)
        return await self._app(scope, receive, send)

    def _is_ours(self, headers: Headers) -> bool:
        if bearer_in(headers.get("authorization")) is not None:
            return True  # no browser adds this by itself
        if (site := headers.get("sec-fetch-site")) is not None:
            return site in {"same-origin", "none"}
        if (origin := headers.get("origin")) is not None:
            return origin == self._origin
        return f"{self._cookie}=" not in headers.get("cookie", "")


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
            return await _refusal(error, scope)(scope, receive, send)
        too_large = BodyTooLarge(f"A body here may have {limit // 1024} KiB at most.")
        announced = headers.get("content-length", "0")
        if announced.isdecimal() and int(announced[:20]) > limit:
            return await _refusal(too_large, scope)(scope, receive, send)
        if not await _counted(self._app, scope, receive, send, limit):
            return await _refusal(too_large, scope)(scope, receive, send)
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
