"""What somebody would send to break the service: too much, too deep, misnamed, misaddressed."""

import asyncio
from collections.abc import AsyncIterator
from itertools import product

import httpx2
import pytest
from fastapi import FastAPI

from src.runtime import Runtime
from src.users.browsers import safe_next
from tests.fixtures import DatabaseUrls
from tests.users.clients import (
    PASSWORD,
    app_on,
    browser,
    login,
    program,
    row_counts,
    signed_in,
    told,
    under,
)

WRONG = "another long password"
JSON = {"content-type": "application/json"}


async def pieces(size: int) -> AsyncIterator[bytes]:
    """A body that comes in parts and announces no length."""
    for _ in range(0, size, 1024):
        yield b"x" * 1024


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("media_type", "limit"),
    [("application/json", 256 * 1024), ("application/x-www-form-urlencoded", 64 * 1024)],
)
async def test_body_stops_at_the_limit(
    runtime: Runtime, database_urls: DatabaseUrls, chunked: bool, media_type: str, limit: int
) -> None:
    """Case 21: what arrives is counted, whatever was announced."""
    client = browser(app_on(runtime))
    before = row_counts(database_urls)
    size = limit + 1024

    reply = await client.post(
        "/api/auth/register",
        content=pieces(size) if chunked else b"x" * size,
        headers={"content-type": media_type},
    )

    assert (413, "body_too_large") == told(reply)
    assert before == row_counts(database_urls)


@pytest.mark.parametrize(
    ("depth", "expected"), [(900, (422, "invalid_input")), (100_000, (400, "malformed_json"))]
)
async def test_deep_json_is_refused(
    runtime: Runtime, database_urls: DatabaseUrls, depth: int, expected: tuple[int, str]
) -> None:
    """Case 22: depth neither crashes the process nor is stored."""
    client = browser(app_on(runtime))
    before = row_counts(database_urls)
    body = b'{"username":' + b"[" * depth + b"]" * depth + b"}"

    async def send() -> httpx2.Response:
        return await client.post("/api/auth/register", content=body, headers=JSON)

    # Python counts the callers too: a server calls from a few frames, pytest from many.
    reply = await asyncio.to_thread(asyncio.run, send())

    assert expected == told(reply)
    assert before == row_counts(database_urls)


async def test_what_a_database_cannot_hold_is_refused(
    runtime: Runtime, database_urls: DatabaseUrls
) -> None:
    """Case 23: numbers out of range, NUL and half characters, in values and names of fields."""
    client = browser(app_on(runtime))
    values = ["NaN", "Infinity", "9223372036854775808", r'"a\u0000b"', r'"\ud800ab"']
    before = row_counts(database_urls)

    for field, value in product(["username", "password", "email", "invite", r"\ud800"], values):
        fields = {"username": '"ada"', "password": f'"{PASSWORD}"', field: value}
        body = "{" + ",".join(f'"{name}":{text}' for name, text in fields.items()) + "}"
        reply = await client.post("/api/auth/register", content=body.encode(), headers=JSON)

        assert (422, "invalid_input") == told(reply), body
        assert PASSWORD not in reply.text
    assert before == row_counts(database_urls)


async def test_number_beyond_64_bits_is_refused_in_an_address(runtime: Runtime) -> None:
    """Case 23: both databases keep 64 bits."""
    client = await signed_in(app_on(runtime))

    assert (422, "invalid_input") == told(await client.delete(f"/api/auth/tokens/{2**63}"))


async def test_compressed_body_is_refused(runtime: Runtime, database_urls: DatabaseUrls) -> None:
    """Case 24: nobody here opens what could be a bomb."""
    before = row_counts(database_urls)

    reply = await browser(app_on(runtime)).post(
        "/api/auth/register", content=b"\x1f\x8b", headers={**JSON, "content-encoding": "gzip"}
    )

    assert (415, "unsupported_encoding") == told(reply)
    assert before == row_counts(database_urls)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "[::1", "a b"]
)
async def test_foreign_host_is_refused(
    runtime: Runtime, database_urls: DatabaseUrls, host: str
) -> None:
    """Case 37: a name that was bent to this machine gets no reply it could read as its own."""
    client = await signed_in(app_on(runtime))
    before = row_counts(database_urls)

    replies = [
        await client.get("/api/auth/me", headers={"Host": host}),
        await client.delete("/api/auth/tokens", headers={"Host": host}),
        await client.get("/health/live", headers={"Host": host}),
    ]

    assert {(400, "host_refused")} == {told(reply) for reply in replies}
    assert before == row_counts(database_urls)


async def guesses(app: FastAPI, *, forwarded: bool) -> list[httpx2.Response]:
    """Six wrong passwords from one peer that names another sender each time."""
    client = program(app, address="198.51.100.1")
    replies = []
    for number in range(6):
        sender = {"X-Forwarded-For": f"192.0.{number}.1", "X-Forwarded-Host": "evil.example"}
        client.headers.update(sender if forwarded else {})
        replies.append(await login(client, password=WRONG))
    return replies


async def test_forwarded_headers_of_strangers_are_ignored(runtime: Runtime) -> None:
    """Case 38: who could name their own address would never be throttled."""
    app = app_on(runtime)

    replies = await guesses(app, forwarded=True)
    named = await program(app).get("/health/live", headers={"X-Request-ID": "chosen-by-me"})

    assert [401] * 5 + [429] == [reply.status_code for reply in replies]
    assert "chosen-by-me" != named.headers["x-request-id"]


async def test_forwarded_headers_of_our_proxy_are_believed(runtime: Runtime) -> None:
    """The same headers from a proxy that the settings name part the senders."""
    app = app_on(under(runtime, trusted_proxies=["198.51.100.0/24"]))

    replies = await guesses(app, forwarded=True)

    assert [401] * 6 == [reply.status_code for reply in replies]


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/a\\..\\evil",
        "\\\\evil",
        "https://evil.example",
        "javascript:alert(1)",
        "evil",
        "",
        None,
    ],
)
def test_nobody_is_led_to_another_site(target: str | None) -> None:
    """Case 39: what is not clearly a path of ours becomes the start page."""
    assert "/" == safe_next(target)


@pytest.mark.parametrize("target", ["/", "/history?q=a//b", "/show/4rOoJ6Egrf8K2IrywzwOMk#x"])
def test_own_paths_are_followed(target: str) -> None:
    """Paths of ours are kept as they are."""
    assert target == safe_next(target)
