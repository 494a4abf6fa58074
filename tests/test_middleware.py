"""What stands before the routes, tried on routes that do next to nothing."""

import asyncio
import logging
from ipaddress import IPv4Network

import pytest
import structlog
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from src.main import create_app
from src.middleware.edge import Edge, is_within, original_sender
from src.middleware.telling import tell
from src.runtime import Runtime
from src.spotify.config import SpotifySettings
from src.spotify.service import Spotify
from tests.users.clients import app_on, browser, program, signed_in, told, under

SIMULATOR = "http://127.0.0.1:9001"
PROXY = "198.51.100.1"


@pytest.mark.parametrize("path", ["/health/live", "/api/auth/me", "/nowhere", "/"])
async def test_every_reply_is_sealed(runtime: Runtime, path: str) -> None:
    """Errors and pages too: no foreign scripts, no frames, no guessing of types."""
    headers = (await program(app_on(runtime)).get(path)).headers

    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "form-action 'self' https://accounts.spotify.com;" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "nosniff" == headers["x-content-type-options"]
    assert "same-origin" == headers["referrer-policy"]
    assert "strict-transport-security" not in headers
    assert "no-store" == headers.get("cache-control") or not path.startswith("/api")


async def test_https_is_demanded_for_a_year(runtime: Runtime) -> None:
    """Only where the public address is https: elsewhere it would shut people out."""
    app = app_on(under(runtime, public_url="https://podcasts.example.org"))

    reply = await program(app).get("/health/live")

    assert "max-age=31536000" == reply.headers["strict-transport-security"]


async def test_forms_may_lead_to_the_simulator_when_it_stands_in(runtime: Runtime) -> None:
    """The connect form is answered by a redirect to the accounts service in use."""
    settings = SpotifySettings(_env_file=None, spotify_accounts_url=SIMULATOR)
    app = create_app(runtime, spotify=Spotify.open(runtime, settings), background=False)

    reply = await program(app).get("/health/live")

    assert f"form-action 'self' {SIMULATOR};" in reply.headers["content-security-policy"]


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:8000", "LOCALHOST:1"])
async def test_own_names_are_answered(runtime: Runtime, host: str) -> None:
    """This machine's own names always do, whatever the port a proxy or a tunnel uses."""
    reply = await program(app_on(runtime)).get("/health/live", headers={"Host": host})

    assert 200 == reply.status_code


async def test_public_name_is_answered_and_others_are_not(runtime: Runtime) -> None:
    """The name people use comes from PUBLIC_URL alone."""
    app = app_on(under(runtime, public_url="https://podcasts.example.org"))
    public = await program(app).get("/health/live", headers={"Host": "podcasts.example.org"})
    other = await program(app).get("/health/live", headers={"Host": "example.org"})

    assert 200 == public.status_code
    assert (400, "host_refused") == told(other)


async def test_request_id_is_made_and_told(runtime: Runtime) -> None:
    """Each request has its own, in the header and in the problem."""
    client = program(app_on(runtime))

    first, second = await client.get("/nowhere"), await client.get("/nowhere")

    assert first.headers["x-request-id"] == first.json()["request_id"]
    assert first.json()["request_id"] != second.json()["request_id"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("0123-abcd-XYZ", True), ("short", False), ("x" * 65, False), ("with space", False)],
)
async def test_request_id_of_our_proxy_is_kept(runtime: Runtime, given: str, kept: bool) -> None:
    """If it is one: it ends up in logs and headers."""
    app = app_on(under(runtime, trusted_proxies=[PROXY]))

    reply = await program(app, address=PROXY).get("/health/live", headers={"X-Request-ID": given})

    assert kept is (given == reply.headers["x-request-id"])


@pytest.mark.parametrize(
    ("forwarded", "sender"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, 198.51.100.2", "192.0.2.1"),
        ("198.51.100.2", PROXY),
        ("nonsense", PROXY),
        ("", PROXY),
        ("6.6.6.6, <script>", PROXY),
    ],
)
def test_sender_is_the_nearest_that_is_no_proxy(forwarded: str, sender: str) -> None:
    """What stands further left was written by the sender and proves nothing."""
    headers = Headers({"x-forwarded-for": forwarded})

    assert sender == original_sender(headers, PROXY, [IPv4Network("198.51.100.0/24")])


def test_what_is_no_address_lies_nowhere() -> None:
    """A Unix socket has no address."""
    assert not is_within("testclient", [IPv4Network("0.0.0.0/0")])


async def test_each_request_is_one_line(runtime: Runtime) -> None:
    """The route's pattern and the user's number; neither the path with its ids nor a query."""
    app = app_on(runtime)
    client = await signed_in(app)

    with capture_logs() as lines:
        await client.delete("/api/auth/tokens/4711?code=secret")

    (line,) = [line for line in lines if line["event"] == "request_served"]
    assert ("DELETE", "/api/auth/tokens/{token_id}") == (line["method"], line["route"])
    assert (404, 1) == (line["status"], line["user_id"])
    assert 0 <= line["ms"]
    assert "4711" not in str(line)
    assert "secret" not in str(line)


async def test_log_context_ends_with_the_request(runtime: Runtime) -> None:
    """Background work that starts later must not inherit a request's number."""
    app = app_on(runtime)
    seen = {}

    @app.get("/planted")
    async def planted() -> None:
        seen.update(structlog.contextvars.get_contextvars())

    reply = await program(app).get("/planted")

    assert {"request_id": reply.headers["x-request-id"]} == seen
    assert {} == structlog.contextvars.get_contextvars()


async def test_failure_tells_its_number_and_nothing_else(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    """The text of an exception may hold anything; it goes to the log alone."""
    app = app_on(runtime)

    @app.get("/api/planted")
    async def planted() -> None:
        raise RuntimeError("planted secret")

    with caplog.at_level(logging.CRITICAL), capture_logs() as lines:
        reply = await program(app).get("/api/planted")

    assert (500, "internal_error") == told(reply)
    assert reply.headers["x-request-id"] in reply.json()["detail"]
    assert "planted" not in reply.text
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert ["request_failed", "request_served"] == [line["event"] for line in lines]


async def test_reply_that_breaks_half_way_is_not_patched_up(runtime: Runtime) -> None:
    """What was sent cannot be taken back: the server must cut the connection."""
    sent = []

    async def breaking(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("planted")

    async def send(message: Message) -> None:
        sent.append(message["type"])

    edge = Edge(
        breaking,
        settings=runtime.settings,
        runtime=lambda: runtime,
        tell=tell,
        acted=lambda _user_id: None,
    )
    scope: Scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "client": None}
    with pytest.raises(RuntimeError, match="planted"), capture_logs():
        await edge(scope, _nothing, send)

    assert ["http.response.start"] == sent


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


async def test_body_at_the_limit_is_read(runtime: Runtime) -> None:
    """The limit itself is allowed: what fails here is the content."""
    reply = await browser(app_on(runtime)).post(
        "/api/auth/login",
        content=b'"' + b"x" * (256 * 1024 - 2) + b'"',
        headers={"content-type": "application/json"},
    )

    assert (422, "invalid_input") == told(reply)


@pytest.mark.parametrize("length", ["-1", "1e9", "9" * 400, "٣"])
async def test_strange_lengths_do_no_harm(runtime: Runtime, length: str) -> None:
    """What is no number counts for nothing: the bytes themselves are counted."""
    reply = await browser(app_on(runtime)).post(
        "/api/auth/login",
        content=b"{}",
        headers=[(b"content-type", b"application/json"), (b"content-length", length.encode())],
    )

    assert reply.status_code in {413, 422}


async def test_other_origins_read_with_a_token_only(runtime: Runtime) -> None:
    """A listed origin is allowed, others are not, and cookies never travel with it."""
    app = app_on(under(runtime, cors_origins=["https://notes.example"]))
    asked = {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }

    allowed, refused = await asyncio.gather(
        *(
            program(app).options("/api/auth/me", headers={"Origin": origin, **asked})
            for origin in ("https://notes.example", "https://evil.example")
        )
    )

    assert "https://notes.example" == allowed.headers["access-control-allow-origin"]
    assert "access-control-allow-origin" not in refused.headers
    assert "access-control-allow-credentials" not in allowed.headers


async def test_without_the_setting_no_origin_is_allowed(runtime: Runtime) -> None:
    """Pages and API share one origin, so nothing has to be opened."""
    reply = await program(app_on(runtime)).get(
        "/health/live", headers={"Origin": "https://a.example"}
    )

    assert not [name for name in reply.headers if name.startswith("access-control")]
