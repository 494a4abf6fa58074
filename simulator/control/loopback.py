"""Doors that open to this machine alone."""

from __future__ import annotations

import ipaddress

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class LoopbackOnly:
    """Refuses every peer that is not on a loopback address, before anything else.

    The Host header has to name a loopback address too, so that no web page can
    reach in through a name that was pointed here.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a local request on; answer 403 to any other."""
        if scope["type"] == "http" and not _local(scope):
            reply = JSONResponse({"error": "only for peers on this machine"}, status_code=403)
            await reply(scope, receive, send)
            return
        await self._app(scope, receive, send)


def is_loopback(host: str) -> bool:
    """True for an IPv4 or IPv6 loopback literal."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _local(scope: Scope) -> bool:
    client = scope.get("client")
    if client is None or not is_loopback(client[0]):
        return False
    host = next((v.decode("latin-1") for k, v in scope["headers"] if k == b"host"), "")
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name == "localhost" or is_loopback(name)
