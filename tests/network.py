"""A fence around the test process: it may talk to this machine and to nothing else.

An audit hook sees every connection and look-up that Python makes, asyncio's too. It does not see
those made in C (libpq) or by child processes.
"""

import ipaddress
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_GUARDED = frozenset(
    {"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"}
)
_opened = False
_installed = False


class NetworkRefused(RuntimeError):
    """A test tried to leave this machine. No OSError: nothing may mistake it for an outage."""


def _is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host in {"", "localhost"}:
        return True
    if not isinstance(host, str):
        return False
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse_strangers(event: str, arguments: tuple[object, ...]) -> None:
    if event not in _GUARDED or _opened:
        return
    # A connection's audit names the socket first, then its address; a look-up names the host.
    target = arguments[1] if event in {"socket.connect", "socket.sendto"} else arguments[0]
    if isinstance(target, tuple):
        target = target[0]
    elif event in {"socket.connect", "socket.sendto"}:
        return  # a path: a socket of this machine
    if not _is_local(target):
        raise NetworkRefused(f"A test tried to reach {target!r} ({event}).")


def close_network() -> None:
    """Refuse, from now on, all that is not loopback. Python offers no way to remove the hook."""
    global _installed  # noqa: PLW0603 - one process, one fence
    if not _installed:
        sys.addaudithook(_refuse_strangers)
        _installed = True


@contextmanager
def opened_network() -> Iterator[None]:
    """Let the body reach the world: for tests marked `live`."""
    global _opened  # noqa: PLW0603 - as above
    _opened = True
    try:
        yield
    finally:
        _opened = False
