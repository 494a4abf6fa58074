"""What browsers and programs bring and are given: names of cookies, bearer tokens, ways on."""

from urllib.parse import urlsplit

from src.config import Settings

_BEARER = "bearer "
_CONTROLS = frozenset(map(chr, (*range(0x20), *range(0x7F, 0xA0))))


def is_secure(settings: Settings) -> bool:
    """Tell whether browsers may be told to send the cookie over protected ways alone."""
    return settings.public_url.startswith("https://") or settings.is_local


def cookie_name(settings: Settings) -> str:
    """Return the session cookie's name; it holds the port, since cookies do not part ports."""
    return _named(settings, "playhead")


def device_cookie_name(settings: Settings) -> str:
    """Return the name of the cookie by which a browser that signed in before is known."""
    return _named(settings, "playhead-device")


def _named(settings: Settings, name: str) -> str:
    if not is_secure(settings):
        return f"{name}_insecure"
    parts = urlsplit(settings.public_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"__Host-{name}" if port == 443 else f"__Host-{name}-{port}"  # noqa: PLR2004 - https


def bearer_in(authorization: str | None) -> str | None:
    """Return the token of an Authorization header, or None if it speaks of something else."""
    if authorization is None or authorization[: len(_BEARER)].lower() != _BEARER:
        return None
    return authorization[len(_BEARER) :].strip()


def safe_next(target: str | None) -> str:
    """Return `target` if it is a path on this site, else `/`: nobody is led elsewhere."""
    if (
        target is None
        or not target.startswith("/")
        or target[1:2] in {"/", "\\"}
        or "\\" in target
        or not _CONTROLS.isdisjoint(target)
    ):
        return "/"
    return target
