"""The test process cannot leave this machine."""

import asyncio
import socket
from collections.abc import Callable

import pytest

from tests.network import NetworkRefused

ELSEWHERE = "192.0.2.1"  # RFC 5737: an address that documentation may use and nobody has


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: socket.create_connection((ELSEWHERE, 80), timeout=0.1),
        lambda: socket.getaddrinfo("example.org", 443),
        lambda: socket.gethostbyname("example.org"),
        lambda: asyncio.run(_open_stream(ELSEWHERE, 80)),
    ],
    ids=["connect", "getaddrinfo", "gethostbyname", "asyncio"],
)
def test_the_world_is_out_of_reach(attempt: Callable[[], object]) -> None:
    """Neither a connection nor a look-up of a name gets out."""
    with pytest.raises(NetworkRefused):
        attempt()


def test_a_datagram_does_not_get_out() -> None:
    """Sending without connecting is refused as well."""
    with socket.socket(type=socket.SOCK_DGRAM) as sender, pytest.raises(NetworkRefused):
        sender.sendto(b"hello", (ELSEWHERE, 9))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_this_machine_is_within_reach(host: str) -> None:
    """Simulators and servers on loopback answer."""
    server = await asyncio.start_server(_greet, host, 0, family=socket.AF_INET)
    async with server:
        greeting = await _open_stream(host, server.sockets[0].getsockname()[1])

    assert b"hello" == greeting


async def _greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello")
    writer.close()
    await writer.wait_closed()


async def _open_stream(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    greeting = await reader.read()
    writer.close()
    await writer.wait_closed()
    return greeting
