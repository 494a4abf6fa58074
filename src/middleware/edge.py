"""The outermost layer: each request gets a name, its true sender and a line in the log."""

import re
import sys
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.config import Settings
from src.errors import PlayheadError
from src.middleware.origins import SAFE_METHODS
from src.middleware.problems import Tell
from src.runtime import Runtime
from src.utils.types import UserId

log = structlog.get_logger()

_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


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
