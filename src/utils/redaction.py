"""Take secrets out of what is about to be written down.

All patterns that ever see foreign text for this purpose stand here. Each repetition is bounded or
cannot fail after it, so the time grows with the length of the text and no faster.
"""

import math
import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import PurePath
from typing import Any
from uuid import UUID

HIDDEN = "[hidden]"
_DEEPEST = 8
_LARGEST_BITS = 64
_LONGEST = 50_000  # characters of one text; a log line is no place for more

_SECRET_KEYS = frozenset(
    {
        "apikey",
        "code",
        "credentials",
        "dsn",
        "key",
        "passphrase",
        "passwd",
        "proxyauthorization",
        "sealed",
        "setcookie",
        "state",
    }
)
_SECRET_ENDINGS = (
    "authorization",
    "cookie",
    "password",
    "secret",
    "secretkey",
    "token",
    "verifier",
)

_SCHEME = re.compile(r"(?i)\b(bearer|basic)(\s{1,8}|%20|\+)[A-Za-z0-9._~+/=-]+")
_OWN_TOKEN = re.compile(r"(?<![A-Za-z0-9])ph_[A-Za-z0-9_-]{20,}")
_FERNET = re.compile(r"gAAAA[A-Za-z0-9_=-]{16,}")
_SPOTIFY_TOKEN = re.compile(r"(?<![A-Za-z0-9_-])[AB]Q[A-Za-z0-9_-]{60,}")
_USERINFO = re.compile(r"://[^\s/]{1,512}@")
_HEADER = re.compile(
    r"""(?ix)
    ( (?: cookie | authorization ) \\{0,3} ["']? \s{0,3} [:=,] \s{0,3} (?: b? \\{0,3} ["'] )? )
    [^\r\n"'\\]+
    """
)
# A name, the sign after it (of Python, JSON, a query, a form, or a pair) and the value: quoted up
# to its quote, bare up to the next separator.
_NAMED = re.compile(
    r"""(?ix)
    (
        (?: token | secret | password | passwd | passphrase | verifier
          | (?<![a-z0-9_]) (?: code | state | key | sealed | dsn | api_?key ) )
        (?: \\{0,3} ["']? \s{0,3} (?: [=:] | %3d ) | \\{0,3} ["'] \s{0,3} , )
        \s{0,3}
    )
    (?:
        (b?") (?: [^"\\\r\n] | \\. )+
      | (b?') (?: [^'\\\r\n] | \\. )+
      | (\\{1,3}["']) [^"'\\\r\n]+
      | (?!\[hidden]) [^\s"'\\&,;<>)}\]]+
    )
    """
)


def redact_text(text: str) -> str:
    """Return `text` with everything that looks like a secret replaced, and cut at a length.

    Safe to call twice. Errs on the side of hiding too much.
    """
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}[cut]"
    text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
    text = _OWN_TOKEN.sub(HIDDEN, text)
    text = _FERNET.sub(HIDDEN, text)
    text = _SPOTIFY_TOKEN.sub(HIDDEN, text)
    text = _USERINFO.sub(f"://{HIDDEN}@", text)
    text = _HEADER.sub(rf"\1{HIDDEN}", text)
    return _NAMED.sub(_hide_value, text)


def is_secret_key(key: str) -> bool:
    """Whether a field called `key` is never shown, in any spelling: `accessToken`, `set-cookie`."""
    squashed = key.lower().replace("_", "").replace("-", "")
    return squashed in _SECRET_KEYS or squashed.endswith(_SECRET_ENDINGS)


def redact_value(value: object, *, depth: int = 0) -> object:
    """Return `value` as plain data fit for JSON, with secrets replaced.

    Mappings become dicts with text keys, other collections lists, and what JSON does not know
    its redacted `repr`. Nothing is changed in place.
    """
    if _plain(value):
        return value
    if isinstance(value, str):
        return redact_text(value)
    if depth >= _DEEPEST:
        return "[deep]"
    if isinstance(value, Mapping):
        return redact_mapping(value, depth=depth + 1)
    if isinstance(value, list | tuple | set | frozenset):
        return _redact_items(value, depth=depth + 1)
    return redact_text(_shown(value))


def redact_mapping(fields: Mapping[Any, object], *, depth: int = 0) -> dict[str, object]:
    """Return `fields` redacted by name and by content; see `redact_value`."""
    shown: dict[str, object] = {}
    for key, value in fields.items():
        name = redact_text(_shown(key))
        empty = value is None or isinstance(value, bool)
        secret = not empty and is_secret_key(_shown(key))
        shown[name] = HIDDEN if secret else redact_value(value, depth=depth)
    return shown


def _plain(value: object) -> bool:
    """Whether JSON writes `value` as it is: neither NaN nor a number of thousands of digits."""
    if isinstance(value, int):
        return value.bit_length() <= _LARGEST_BITS
    return value is None or (isinstance(value, float) and math.isfinite(value))


def _redact_items(values: Iterable[object], *, depth: int) -> list[object]:
    items = list(values)
    if len(items) == 2 and isinstance(items[0], str | bytes) and is_secret_key(_shown(items[0])):  # noqa: PLR2004 - a pair, of a header or a form
        return [_shown(items[0]), HIDDEN]
    return [redact_value(each, depth=depth) for each in items]


def _shown(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    try:
        return str(value) if isinstance(value, date | PurePath | UUID) else repr(value)
    except Exception:  # noqa: BLE001 - a log line must not fail because of a foreign repr
        return f"[unprintable {type(value).__name__}]"


def _hide_value(match: re.Match[str]) -> str:
    quote = match[2] or match[3] or match[4] or ""
    return f"{match[1]}{quote}{HIDDEN}"
