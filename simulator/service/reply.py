"""What goes back to a client."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

JSON = "application/json; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"


@dataclass(slots=True)
class Reply:
    """One HTTP answer.

    Attributes:
        status: HTTP status.
        body: Whole body.
        content_type: Media type; empty for an answer without a body.
        headers: Further headers, lower-case names.
    """

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


def encode(value: object) -> bytes:
    """Return compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def ok(value: object) -> Reply:
    """Answer 200 with JSON."""
    return Reply(200, encode(value))


def api_error(status: int, message: str, *, reason: str | None = None) -> Reply:
    """Answer in the Web API's error envelope."""
    error: dict[str, object] = {"status": status, "message": message}
    if reason is not None:
        error["reason"] = reason
    return Reply(status, encode({"error": error}))


def flat_error(error: str, description: str, *, status: int = 400) -> Reply:
    """Answer in the accounts service's flat error shape."""
    return Reply(status, encode({"error": error, "error_description": description}))


def plain(status: int, text: str) -> Reply:
    """Answer in plain text, as the service's edge does."""
    return Reply(status, text.encode(), PLAIN)
