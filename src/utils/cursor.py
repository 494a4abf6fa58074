"""Opaque places in a listing, valid for one user and one query only."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from src.errors import PlayheadError

_MAC_BYTES = 16
_LEAST_SECRET_BYTES = 16
_LONGEST = 512


class CursorInvalid(PlayheadError):
    """The cursor was not made here, or for another user or query."""

    status = 400
    code = "cursor_invalid"
    title = "Cursor invalid"

    def __init__(self) -> None:
        """Say what to do; why exactly it is refused is nobody's business."""
        super().__init__("This cursor does not belong to this listing. Start from its first page.")


@dataclass(frozen=True, slots=True)
class CursorKey:
    """Makes and checks cursors.

    They are signed, not sealed: the payload is readable and must hold nothing secret.
    """

    secret: bytes = field(repr=False)
    """At least 16 random bytes, used for nothing else."""

    def __post_init__(self) -> None:
        """Refuse a secret that could be guessed."""
        if len(self.secret) < _LEAST_SECRET_BYTES:
            raise ValueError(f"a cursor key needs {_LEAST_SECRET_BYTES} bytes")

    def encode(self, payload: Sequence[str | int], *, user_id: int, query: str) -> str:
        """Return a cursor of at most 512 characters of `A-Z a-z 0-9 - _`.

        Args:
            payload: Sort values of the last row shown, as `decode` gives them back.
            user_id: Whose listing it is.
            query: Everything that decides what is listed and in which order, in a fixed form.

        Raises:
            ValueError: The payload does not fit; sort values are short.
        """
        text = json.dumps(list(payload), separators=(",", ":"), ensure_ascii=False)
        body = text.encode("utf-8", "surrogatepass")
        mac = self._mac(body, user_id=user_id, query=query)
        text = base64.urlsafe_b64encode(mac + body).rstrip(b"=").decode("ascii")
        if len(text) > _LONGEST:
            raise ValueError("the payload is too long for a cursor")
        return text

    def decode(self, text: str, *, user_id: int, query: str) -> list[str | int]:
        """Return the payload that `encode` was given for the same user and query.

        Raises:
            CursorInvalid: Anything else, be it one bit.
        """
        signed = _bytes_of(text)
        mac, body = signed[:_MAC_BYTES], signed[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body, user_id=user_id, query=query)):
            raise CursorInvalid
        payload: list[str | int] = json.loads(body)
        return payload

    def _mac(self, body: bytes, *, user_id: int, query: str) -> bytes:
        # Both parts before the body have a fixed length, so no two inputs look alike.
        owner = user_id.to_bytes(8, "big", signed=True)
        listing = hashlib.sha256(query.encode("utf-8", "surrogatepass")).digest()
        return hmac.digest(self.secret, owner + listing + body, "sha256")[:_MAC_BYTES]


def _bytes_of(text: str) -> bytes:
    """Undo base64; only the one spelling that `encode` writes is taken."""
    if len(text) > _LONGEST or not text.isascii():
        raise CursorInvalid
    try:
        signed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise CursorInvalid from error
    if base64.urlsafe_b64encode(signed).rstrip(b"=").decode("ascii") != text:
        raise CursorInvalid
    return signed
