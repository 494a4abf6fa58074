"""One request, parsed as far as every handler needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from simulator.service.reply import Reply, api_error

if TYPE_CHECKING:
    from simulator.service.grants import AccessToken
    from simulator.truth.requests import RequestRecord


class Refused(Exception):
    """The request ends here, with this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


@dataclass(slots=True)
class Page:
    """The part of a list that was asked for."""

    limit: int
    offset: int


class Call:
    """A request on its way through the service.

    Attributes:
        method: Upper-case HTTP method.
        path: Path without query.
        headers: Lower-case names to values; of repeated ones the last.
        at: World time of arrival.
        wire_s: Wire time of arrival.
        ordinal: How many calls the same listener made before.
        record: Its line in the request log.
        token: The access token it came with, when known to the service.
        body: Whole request body; empty for GET.
    """

    def __init__(self, scope: Mapping[str, Any], *, at: datetime, wire_s: float) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.raw_query: str = scope["query_string"].decode("latin-1")
        self.headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        self.base = f"{scope.get('scheme', 'http')}://{self.headers.get('host', 'simulator')}"
        self.at = at
        self.wire_s = wire_s
        self.ordinal = 0
        self.token: AccessToken | None = None
        self.body = b""
        self.record: RequestRecord

    @cached_property
    def query(self) -> dict[str, str]:
        """Query parameters; of a repeated one the last."""
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))

    @cached_property
    def form(self) -> dict[str, str]:
        """Form fields of the body; empty unless it is form-encoded."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            return {}
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @property
    def listener(self) -> int:
        """Index of the listener; only behind the stage that checks the token."""
        if self.token is None:
            raise Refused(api_error(401, "No token provided"))
        return self.token.grant.listener

    @cached_property
    def tells_position(self) -> bool:
        """True when the token may see resume points."""
        return self.has_scope("user-read-playback-position")

    def has_scope(self, *any_of: str) -> bool:
        """True when the token carries one of the scopes."""
        return self.token is not None and not self.token.grant.scopes.isdisjoint(any_of)

    def page(self, *, most: int = 50, default: int = 20) -> Page:
        """Return the page asked for.

        Raises:
            Refused: `limit` is outside 1 to `most`, or `offset` is negative.
        """
        limit = self.number("limit", default, message="Invalid limit")
        offset = self.number("offset", 0, message="Invalid offset")
        if not 1 <= limit <= most:
            raise Refused(api_error(400, "Invalid limit"))
        if offset < 0:
            raise Refused(api_error(400, "Invalid offset"))
        return Page(limit, offset)

    def number(self, name: str, default: int, *, message: str) -> int:
        """Return a whole number of the query.

        Raises:
            Refused: It is there and not a number of at most 15 digits.
        """
        text = self.query.get(name)
        if text is None:
            return default
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):  # noqa: PLR2004
            raise Refused(api_error(400, message))
        return int(text)
