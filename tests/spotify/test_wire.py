"""One attempt: read whole, named when it fails, written down whatever happens."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator

import httpx2
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from src.cost_tracking.prices import Service
from src.runtime import Runtime
from src.spotify.calls import CallBudget
from src.spotify.errors import (
    CallRefused,
    CallRemoved,
    Garbled,
    GrantRefused,
    NotAllowed,
    PremiumLapsed,
    QuotaExhausted,
    ScopeMissing,
    Slowed,
    SpotifyBusy,
    SpotifyError,
    SpotifyNotFound,
    TimedOut,
    TokenRejected,
    Unreachable,
)
from src.spotify.wire import Wire
from src.utils.types import UserId
from tests.factories import add_user
from tests.spotify.fault_server import Answer, FaultServer, drip, hang, refusal, reply, reset
from tests.spotify.wire_parts import ONE_ENGINE, call_to, entries
from tests.utils.stepped_clock import SteppedClock

pytestmark = ONE_ENGINE

PLANTED = "planted-token-aJ83kd"


@pytest.fixture
async def wire(runtime: Runtime) -> AsyncIterator[Wire]:
    """A wire with real connections, whose attempts end after a fifth of a second."""
    opened = Wire(runtime, attempt_s=0.2)
    yield opened
    await opened.close()


@pytest.fixture
async def listener(runtime: Runtime) -> UserId:
    """Somebody who pays."""
    return await add_user(runtime, "ada")


async def test_a_good_answer_is_parsed_and_charged(
    runtime: Runtime, server: FaultServer, wire: Wire, listener: UserId
) -> None:
    """A call costs 100 micro-dollars, in the ledger and in the budget of the work it is for."""
    budget = CallBudget(runtime.entropy.uuid(), 3)
    call = call_to(server.url, listener, params={"limit": 50}, budget=budget, run_id=budget.run_id)

    answer = await wire.send(call)
    (entry,) = await entries(runtime, listener)

    assert {"id": "ada"} == answer.json
    assert ["/?limit=50"] == server.paths
    assert (100, "ok", 200) == (entry.amount_micro, entry.outcome, entry.status)
    assert ("spotify_api", "profile", budget.run_id) == (
        entry.service,
        entry.operation,
        entry.run_id,
    )
    assert (1, 100) == (budget.calls, budget.cost_micro)
    assert (runtime.clock.now(), runtime.clock.now().date()) == (entry.at, entry.day)


async def test_no_content_is_an_answer(server: FaultServer, wire: Wire, listener: UserId) -> None:
    """204 has no body to parse, and is fine."""
    server.answers.append(reply(204, b""))

    answer = await wire.send(call_to(server.url, listener))

    assert (204, None) == (answer.status, answer.json)


ANSWERED: list[tuple[Answer, type[SpotifyError], float | None]] = [
    (refusal(401, "The access token expired"), TokenRejected, None),
    (reply(403, "User not registered in the Developer Dashboard"), NotAllowed, None),
    (
        reply(403, "Active premium subscription required for the owner of the app."),
        PremiumLapsed,
        None,
    ),
    (refusal(403, "Insufficient client scope"), ScopeMissing, None),
    (refusal(403, "Forbidden"), CallRemoved, None),
    (refusal(404, "non existing id"), SpotifyNotFound, None),
    (refusal(400, "invalid id"), CallRefused, None),
    (refusal(429, retry_after="2"), Slowed, 2.0),
    (reply(429, "Too many requests"), Slowed, 5.0),
    (refusal(429, retry_after="soon"), Slowed, 5.0),
    (refusal(429, retry_after="nan"), Slowed, 5.0),
    (refusal(429, retry_after="0"), Slowed, 0.0),
    (refusal(429, retry_after="Sun, 01 Nov 2026 12:00:30 GMT"), Slowed, 30.0),
    (refusal(429, reason="QUOTA_EXCEEDED", retry_after="50400"), QuotaExhausted, 50_400.0),
    (refusal(429, reason="QUOTA_EXCEEDED"), QuotaExhausted, 3_600.0),
    (refusal(429, reason="QUOTA_EXCEEDED", retry_after="7"), QuotaExhausted, 7.0),
    (reply(429, "Too many requests", retry_after="61"), QuotaExhausted, 61.0),
    (refusal(429, retry_after="1e300"), QuotaExhausted, 30 * 86_400.0),
]


@pytest.mark.parametrize(("answer", "error", "wait_s"), ANSWERED)
async def test_refusals_are_told_apart(
    runtime: Runtime,
    server: FaultServer,
    wire: Wire,
    listener: UserId,
    answer: Answer,
    error: type[SpotifyError],
    wait_s: float | None,
) -> None:
    """Every refusal has an error of its own, costs a call, and says how long to wait if known."""
    server.answers.append(answer)

    with pytest.raises(SpotifyError) as caught:
        await wire.send(call_to(server.url, listener))
    (entry,) = await entries(runtime, listener)

    assert error is type(caught.value)
    assert wait_s == caught.value.retry_after_s
    assert (100, error.code) == (entry.amount_micro, entry.outcome)


FAILED: list[tuple[Answer, type[SpotifyError]]] = [
    (reset, Unreachable),
    (drip, TimedOut),
    (hang, TimedOut),
    (reply(200, '{"items": ['), Garbled),
    (reply(200, "<html>Sign in to the network</html>", content_type="text/html"), Garbled),
    (reply(200, ""), Garbled),
    (reply(200, "[" * 200_000), Garbled),
    (reply(200, b"no gzip at all", content_encoding="gzip"), Garbled),
    (reply(200, gzip.compress(b" " * 9_000_000 + b"1"), content_encoding="gzip"), Garbled),
    (reply(302, "", location="https://example.org/"), Garbled),
]


@pytest.mark.parametrize(("answer", "error"), FAILED)
async def test_broken_answers_are_told_apart(
    runtime: Runtime,
    server: FaultServer,
    wire: Wire,
    listener: UserId,
    answer: Answer,
    error: type[SpotifyError],
) -> None:
    """What was sent is charged, however the answer was lost."""
    server.answers.append(answer)

    with pytest.raises(error):
        await wire.send(call_to(server.url, listener))
    (entry,) = await entries(runtime, listener)

    assert (100, error.code) == (entry.amount_micro, entry.outcome)


async def test_a_refused_connection_costs_nothing(
    runtime: Runtime, wire: Wire, listener: UserId
) -> None:
    """What never left is written down as not sent, for nothing."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

    with pytest.raises(Unreachable):
        await wire.send(call_to(f"http://127.0.0.1:{port}", listener))
    (entry,) = await entries(runtime, listener)

    assert (0, "not_sent", None) == (entry.amount_micro, entry.outcome, entry.status)


class NoSuchHost(httpx2.AsyncBaseTransport):
    """A network whose resolver knows nothing."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Fail as a look-up does."""
        raise httpx2.ConnectError("[Errno -2] Name or service not known", request=request)


async def test_a_name_that_does_not_resolve_costs_nothing(
    runtime: Runtime, listener: UserId
) -> None:
    """Without an address nothing was sent."""
    wire = Wire(runtime, transport=NoSuchHost())

    with pytest.raises(Unreachable):
        await wire.send(call_to("https://api.spotify.com/v1/me", listener))
    (entry,) = await entries(runtime, listener)

    assert (0, "not_sent") == (entry.amount_micro, entry.outcome)


async def test_a_cancelled_call_is_charged(
    runtime: Runtime, server: FaultServer, wire: Wire, listener: UserId
) -> None:
    """Whoever gives up after sending still pays, and the row is written before the task ends."""
    arrived = asyncio.Event()
    server.during, server.always = arrived.set, hang
    sending = asyncio.create_task(wire.send(call_to(server.url, listener)))
    await arrived.wait()

    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    (entry,) = await entries(runtime, listener)

    assert (100, "cancelled") == (entry.amount_micro, entry.outcome)


async def test_a_call_cancelled_while_it_is_written_down_is_written_down(
    runtime: Runtime, server: FaultServer, wire: Wire, listener: UserId
) -> None:
    """The ledger is busy, the caller gives up: the row comes all the same, then the task ends."""
    answered = asyncio.Event()
    server.during = answered.set
    async with runtime.database.transaction(listener):  # holds the one write lock of SQLite
        sending = asyncio.create_task(wire.send(call_to(server.url, listener)))
        await answered.wait()
        await asyncio.sleep(0.05)  # the answer is read; its row waits for the lock
        sending.cancel()
        await asyncio.sleep(0)
        waits = not sending.done()
    with pytest.raises(asyncio.CancelledError):
        await sending
    (entry,) = await entries(runtime, listener)

    assert waits
    assert (100, "ok") == (entry.amount_micro, entry.outcome)


async def test_cookies_of_one_user_are_not_sent_for_the_next(
    server: FaultServer, wire: Wire, listener: UserId
) -> None:
    """All users share the connections, so nothing may stick to them."""
    server.answers.append(reply(200, {}, set_cookie="sp_dc=ada; Path=/"))

    for _ in range(2):
        await wire.send(call_to(server.url, listener))

    assert ["cookie" in headers for headers in server.headers] == [False, False]


async def test_nothing_is_sent_after_the_deadline(
    runtime: Runtime, clock: SteppedClock, server: FaultServer, wire: Wire, listener: UserId
) -> None:
    """A call that waited too long is refused: no request, no row."""
    with pytest.raises(SpotifyBusy):
        await wire.send(call_to(server.url, listener, deadline=clock.monotonic()))

    assert [] == server.paths
    assert [] == await entries(runtime, listener)


async def test_the_ledger_of_an_erased_user_stays_empty(
    runtime: Runtime, server: FaultServer, wire: Wire
) -> None:
    """Somebody erased during a call leaves nothing behind, and the call does not fail for it."""
    stranger = UserId(4711)

    answer = await wire.send(call_to(server.url, stranger))

    assert 200 == answer.status
    assert [] == await entries(runtime, stranger)


async def test_the_accounts_service_names_its_refusal(
    runtime: Runtime, server: FaultServer, wire: Wire, listener: UserId
) -> None:
    """Its errors are flat; its calls are recorded, for nothing, and count in no budget of calls."""
    server.answers.append(reply(400, {"error": "invalid_grant", "error_description": "gone"}))
    call = call_to(
        server.url, listener, method="POST", service=Service.SPOTIFY_ACCOUNTS, form={"a": "b"}
    )

    with pytest.raises(GrantRefused) as caught:
        await wire.send(call)
    (entry,) = await entries(runtime, listener)

    assert "invalid_grant" == caught.value.error
    assert (0, "spotify_accounts") == (entry.amount_micro, entry.service)


async def test_proxies_of_the_environment_are_ignored(
    server: FaultServer, wire: Wire, listener: UserId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy variable would carry tokens through another machine, and hide faults."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    answer = await wire.send(call_to(server.url, listener))

    assert 200 == answer.status


@pytest.mark.parametrize(
    "answer", [reply(200, {}), refusal(401, PLANTED), reply(200, PLANTED), reset]
)
async def test_no_token_is_told(
    server: FaultServer, wire: Wire, listener: UserId, answer: Answer
) -> None:
    """Neither the log line of an attempt nor its error knows a token, a form or a body."""
    server.answers.append(answer)
    call = call_to(
        server.url, listener, token=SecretStr(PLANTED), method="POST", form={"code": PLANTED}
    )

    with capture_logs() as lines:
        try:
            told = repr(await wire.send(call))
        except SpotifyError as error:
            told = f"{error!r} {error} {error.__cause__!r}"

    assert [f"Bearer {PLANTED}"] == server.authorizations
    assert PLANTED not in f"{told} {lines} {call!r}"
    assert ["spotify_attempt"] == [line["event"] for line in lines]
    assert {"operation", "status", "ms", "outcome", "user_id", "run_id"} <= lines[0].keys()
