"""Which addresses an app may be sent back to."""

from __future__ import annotations

from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "::1"})


def insecure(uri: str) -> bool:
    """True for an address no app may use: plain HTTP beyond a loopback literal."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError:
        return True
    if host is None or host == "localhost" or host.endswith(".localhost"):
        return True
    return not (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))


def registered(uri: str, known: tuple[str, ...]) -> bool:
    """True when `uri` is one of `known`.

    The match is exact, except that an address registered on a loopback
    literal without a port stands for the same address on every port.
    """
    return not insecure(uri) and (uri in known or _without_port(uri) in known)


def _without_port(uri: str) -> str | None:
    """Return a loopback address without its port, or None for any other."""
    parts = urlsplit(uri)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK or "@" in parts.netloc:
        return None
    try:
        port = parts.port
    except ValueError:
        return None
    if port is None:
        return None
    return uri.replace(f":{port}", "", 1) if parts.hostname == "127.0.0.1" else _six(uri, port)


def _six(uri: str, port: int) -> str:
    return uri.replace(f"]:{port}", "]", 1)


def source(uri: str) -> str:
    """Return what a Content-Security-Policy calls the place `uri` leads to.

    A policy has no notation for IPv6 literals; the scheme has to do for them.
    """
    parts = urlsplit(uri)
    if ":" in (parts.hostname or ""):
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{parts.netloc}"
