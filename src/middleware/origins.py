"""Which hosts are ours, and from which pages changes may come."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from src.config import Settings
from src.errors import PlayheadError
from src.middleware.problems import refusal
from src.users.browsers import bearer_in

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_LOOPBACK_NAMES = frozenset({"127.0.0.1", "::1", "localhost"})


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
            return await refusal(error, scope)(scope, receive, send)
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
            return await refusal(error, scope)(scope, receive, send)
        return await self._app(scope, receive, send)

    def _is_ours(self, headers: Headers) -> bool:
        if bearer_in(headers.get("authorization")) is not None:
            return True  # no browser adds this by itself
        if (site := headers.get("sec-fetch-site")) is not None:
            return site in {"same-origin", "none"}
        if (origin := headers.get("origin")) is not None:
            return origin == self._origin
        return f"{self._cookie}=" not in headers.get("cookie", "")
