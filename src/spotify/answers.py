"""What Spotify's answers mean: from status, headers and text to a reply or a typed error. Pure."""

import json
import math
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import NoReturn

from src.cost_tracking.prices import Service
from src.spotify.errors import (
    BadGateway,
    CallRefused,
    CallRemoved,
    Garbled,
    GrantRefused,
    NotAllowed,
    PremiumLapsed,
    QuotaExhausted,
    ScopeMissing,
    Slowed,
    SpotifyNotFound,
    TokenRejected,
)

_SLOW_DOWN_S = 5.0  # a window 429 may be plain text without a header
_LONGEST_WINDOW_S = 60.0  # no window is longer, so asking for more is the quota
_QUOTA_REST_S = 3600.0  # a quota 429 that names no time
_LONGEST_REST_S = 30 * 86_400.0  # bounds what is written down

Json = Mapping[str, object]


def read_json(body: bytes) -> object:
    """Parse a whole body.

    Raises:
        Garbled: It is no JSON: cut, HTML, empty, or nested out of all proportion.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        # Not `from` the cause, which carries the body and with it perhaps tokens.
        raise Garbled from None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds a `Retry-After` header asks for, as a number or a date.

    Args:
        headers: Names in lower case.
        now: Current instant, for dates.

    Returns:
        Seconds between 0 and 30 days; None if there is no such header or it is no time.
    """
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - now).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    if math.isnan(seconds):
        return None
    return min(max(0.0, seconds), _LONGEST_REST_S)


def refuse(
    *, service: Service, status: int, headers: Mapping[str, str], body: bytes, now: datetime
) -> NoReturn:
    """Raise the error that an answer outside 200 to 299 stands for.

    Args:
        service: Who answered.
        status: HTTP status.
        headers: Names in lower case.
        body: The whole body.
        now: Current instant, aware UTC.

    Raises:
        SpotifyError: One of its subclasses, always.
    """
    wait_s = retry_after(headers, now)
    envelope = _envelope(body)
    if status >= 500:  # noqa: PLR2004 - the border of the class
        raise BadGateway(
            f"Spotify answered with an error of its own ({status}). We try again later.",
            retry_after_s=wait_s,
        )
    if status < 400:  # noqa: PLR2004 - as above
        raise Garbled(f"Spotify pointed to another address ({status}), which we do not follow.")
    if service is Service.SPOTIFY_ACCOUNTS:
        _refuse_grant(status, envelope, wait_s)
    if status == 429:  # noqa: PLR2004 - as above
        _refuse_limit(envelope, wait_s)
    _refuse_call(status, envelope, body)


def _envelope(body: bytes) -> Json | None:
    """Return the JSON object of a refusal, None if it is something else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _detail(envelope: Json | None, name: str) -> str:
    """Return one text of `{"error": {...}}`, "" if it is not there."""
    inner = envelope.get("error") if envelope else None
    value = inner.get(name) if isinstance(inner, dict) else None
    return value if isinstance(value, str) else ""


def _refuse_grant(status: int, envelope: Json | None, wait_s: float | None) -> NoReturn:
    if status == 429:  # noqa: PLR2004 - as above
        raise Slowed(retry_after_s=_SLOW_DOWN_S if wait_s is None else wait_s)
    code = envelope.get("error") if envelope else None
    if status == 404 and not isinstance(code, str):  # noqa: PLR2004 - as above
        raise BadGateway("Spotify's sign-in service could not be found. We try again later.")
    raise GrantRefused(code if isinstance(code, str) else "", http_status=status)


def _refuse_limit(envelope: Json | None, wait_s: float | None) -> NoReturn:
    if _detail(envelope, "reason") == "QUOTA_EXCEEDED" or (wait_s or 0.0) > _LONGEST_WINDOW_S:
        raise QuotaExhausted(
            retry_after_s=_QUOTA_REST_S if wait_s is None else wait_s,
        )
    raise Slowed(retry_after_s=_SLOW_DOWN_S if wait_s is None else wait_s)


def _refuse_call(status: int, envelope: Json | None, body: bytes) -> NoReturn:
    if status == 401:  # noqa: PLR2004 - as above
        raise TokenRejected
    if status == 403:  # noqa: PLR2004 - as above
        _refuse_access(envelope, body)
    if status == 404:  # noqa: PLR2004 - as above
        raise SpotifyNotFound
    raise CallRefused(f"Spotify refused the call ({status}). Nothing was changed.")


def _refuse_access(envelope: Json | None, body: bytes) -> NoReturn:
    """Tell the four kinds of 403 apart: two are plain text, two are JSON."""
    said = (_detail(envelope, "message") or body[:2000].decode("utf-8", "replace")).lower()
    if "premium" in said:
        raise PremiumLapsed
    if "scope" in said:
        raise ScopeMissing
    if envelope is None or "regist" in said:
        raise NotAllowed
    raise CallRemoved
