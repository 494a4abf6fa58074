"""Ways to drive a simulator as a client would, written for its own tests."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2

from simulator.app import Simulator, build
from simulator.clock import SimClock
from simulator.settings import DEFAULT_CLIENT_ID, Settings

VERIFIER = "a-verifier-of-enough-characters.0123456789~abc"
REDIRECT = "http://127.0.0.1:8123/api/spotify/auth/callback"
SCOPES = (
    "user-library-read user-read-playback-position user-read-currently-playing "
    "user-read-playback-state user-read-recently-played"
)
START = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
BASE = "http://simulator"


def challenge(verifier: str = VERIFIER) -> str:
    """Return the S256 challenge of a verifier."""
    digest = sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def request_to_authorize(**changed: str | None) -> dict[str, str]:
    """Return the parameters of a right request; None drops one."""
    right: dict[str, str | None] = {
        "client_id": DEFAULT_CLIENT_ID,
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "scope": SCOPES,
        "state": "the state/é",
        "code_challenge_method": "S256",
        "code_challenge": challenge(),
    }
    return {name: value for name, value in (right | changed).items() if value is not None}


def redirected(reply: httpx2.Response) -> dict[str, str]:
    """Return the query of the address a reply sends the browser to."""
    return dict(parse_qsl(urlsplit(reply.headers["location"]).query))


def listing(reply: httpx2.Response) -> list[Any]:
    """Return the items of a page."""
    items = reply.json()["items"]
    assert isinstance(items, list)
    return items


@dataclass
class Driver:
    """A simulator, a browser and an app in one.

    Attributes:
        simulator: What is driven.
        http: Client whose requests reach the service in process.
    """

    simulator: Simulator
    http: httpx2.AsyncClient

    async def code(self, listener: int = 0, **changed: str | None) -> str:
        """Let a listener consent and return the code."""
        form = request_to_authorize(**changed) | {"listener": str(listener), "decision": "allow"}
        return redirected(await self.http.post("/authorize", data=form))["code"]

    async def exchange(self, **changed: str | None) -> httpx2.Response:
        """Ask for tokens with a code; None drops a field."""
        right: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "redirect_uri": REDIRECT,
            "client_id": DEFAULT_CLIENT_ID,
            "code_verifier": VERIFIER,
        }
        form = {name: value for name, value in (right | changed).items() if value is not None}
        return await self.http.post("/api/token", data=form)

    async def refresh(self, refresh_token: str) -> httpx2.Response:
        """Ask for a new access token."""
        form = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": DEFAULT_CLIENT_ID,
        }
        return await self.http.post("/api/token", data=form)

    async def tokens(self, listener: int = 0, *, scope: str = SCOPES) -> dict[str, Any]:
        """Connect a listener and return the token endpoint's reply."""
        reply = await self.exchange(code=await self.code(listener, scope=scope))
        told: dict[str, Any] = reply.json()
        return told

    async def connected(self, listener: int = 0, *, scope: str = SCOPES) -> Caller:
        """Connect a listener and return a caller with its access token."""
        tokens = await self.tokens(listener, scope=scope)
        return Caller(self.http, tokens["access_token"])


@dataclass
class Caller:
    """Calls the Web API with one access token."""

    http: httpx2.AsyncClient
    token: str

    async def get(self, path: str, **parameters: str | int) -> httpx2.Response:
        """Call a path below `/v1`."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.http.get(f"/v1{path}", params=parameters or None, headers=headers)


def drive(settings: Settings | None = None, *, at: datetime = START) -> Driver:
    """Build a small simulator whose clock stands still and connect a client to it."""
    settings = settings or Settings(shows=60, listeners=6, shows_per_listener=8)
    clock = SimClock(base=lambda: 0.0, start=at, frozen=True)
    simulator = build(settings, clock)
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(simulator.service), base_url=BASE)
    return Driver(simulator, http)
