"""What surrounds the wire, put together as in production: the faults a client must survive."""

import socket

import httpx2
import pytest
from pydantic import SecretStr

from src.errors import PlayheadError
from src.spotify.client import web_api
from src.spotify.errors import (
    BadGateway,
    Garbled,
    NotAllowed,
    QuotaExhausted,
    ReconnectNeeded,
    SpotifyBusy,
    SpotifyNotFound,
    TimedOut,
    Unreachable,
)
from src.spotify.pace import Pace
from src.spotify.service import Spotify
from src.spotify.wire import Wire
from src.utils.circuit_breaker import BreakerRegistry
from tests.spotify.fault_server import Answer, drip, refusal, reply, reset
from tests.spotify.wire_parts import ONE_ENGINE, Room, call_to, settings_for
from tests.utils.stepped_clock import SteppedClock

pytestmark = ONE_ENGINE

EXPIRED = refusal(401, "The access token expired")
FRESH = reply(200, {"access_token": "fresh", "token_type": "Bearer", "expires_in": 3600})
FOUR_HOURS_QUOTA = refusal(429, reason="QUOTA_EXCEEDED", retry_after="50400")


async def test_scenario_1_errors_that_pass_are_retried(room: Room) -> None:
    """Two 500s cost two more attempts and some waiting, and then it works."""
    room.server.answers.extend([refusal(500), refusal(500)])

    profile = await room.clock.run(room.client.profile())

    assert "ada" == profile.id
    assert ["spotify_bad_gateway"] * 2 + ["ok"] == [cost[1] for cost in await room.costs()]
    assert ("closed", 2, 3) == room.breaker
    assert 0 < room.clock.monotonic() <= 3
    assert (3, 300) == (room.budget.calls, room.budget.cost_micro)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(refusal(503), BadGateway, id="1: 503 for ever"),
        pytest.param(reset, Unreachable, id="4: reset in mid-body"),
        pytest.param(reply(200, '{"id": "ad'), Garbled, id="5: truncated"),
        pytest.param(reply(200, "<html>"), Garbled, id="6: HTML with 200"),
    ],
)
async def test_errors_that_stay_are_given_up_after_four_attempts(
    room: Room, answer: Answer, error: type[PlayheadError]
) -> None:
    """Each attempt is charged; four do not open the breaker."""
    room.server.always = answer

    with pytest.raises(error):
        await room.clock.run(room.client.profile())

    assert [("spotify_api", error.code, 100)] * 4 == await room.costs()
    assert ("closed", 4, 4) == room.breaker
    assert 0 < room.clock.monotonic() <= 7


async def test_scenario_2_a_body_that_drips_ends_with_the_deadline(
    room: Room, clock: SteppedClock
) -> None:
    """Attempts of ten seconds fit three times into 25; none is begun that cannot end."""
    room.server.always = drip
    room.server.during = lambda: clock.jump(10)
    breaker = BreakerRegistry(clock, room.runtime.entropy).get("drip")
    wire = Wire(room.runtime, attempt_s=0.05)
    send = web_api(
        wire.send,
        runtime=room.runtime,
        breaker=breaker,
        quota=room.spotify.quota,
        pace=Pace(room.runtime, quota=room.spotify.quota, calls_per_minute=180),
    )
    call = call_to(room.server.url, room.user_id, deadline=25.0)

    with pytest.raises(TimedOut):
        await clock.run(send(call))
    await wire.close()

    assert [("spotify_api", "spotify_timed_out", 100)] * 3 == await room.costs()
    assert 3 == breaker.get_stats()["failures"]


class NoSuchHost(httpx2.AsyncBaseTransport):
    """A network whose resolver knows nothing."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Fail as a look-up does."""
        raise httpx2.ConnectError("[Errno -2] Name or service not known", request=request)


@pytest.mark.parametrize("fault", ["3: refused", "15: no such name"])
async def test_what_cannot_be_reached_costs_nothing(room: Room, fault: str) -> None:
    """Four attempts are written down and used up; none is charged, and none was a call."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    transport = NoSuchHost() if fault.startswith("15") else None
    spotify = Spotify.open(room.runtime, settings_for(url), transport=transport)

    with pytest.raises(Unreachable):
        await room.clock.run(spotify.client.for_user(room.user_id, room.budget).profile())
    await spotify.close()

    assert [("spotify_api", "not_sent", 0)] * 4 == await room.costs()
    assert ("closed", 4, 4) == room.breaker
    assert (0, 4, 0) == (room.budget.calls, room.budget.unsent, room.budget.cost_micro)
    assert 46 == room.budget.left


@pytest.mark.parametrize(
    ("answer", "wait_s"),
    [
        pytest.param(refusal(429, retry_after="2"), 2.0, id="7: with a header"),
        pytest.param(reply(429, "Too many requests"), 5.0, id="8: plain text without"),
    ],
)
async def test_a_short_limit_is_waited_for(room: Room, answer: Answer, wait_s: float) -> None:
    """Never shorter than asked, a tenth longer at most; the breaker sees a service that answers."""
    room.server.answers.append(answer)

    await room.clock.run(room.client.profile())

    assert ["spotify_slowed", "ok"] == [cost[1] for cost in await room.costs()]
    assert wait_s <= room.clock.monotonic() <= wait_s * 1.1 + 0.1
    assert ("closed", 0, 2) == room.breaker


async def test_a_limit_longer_than_patience_is_told(room: Room) -> None:
    """Half a minute and more is for the schedule to wait, not for a connection."""
    room.server.answers.append(refusal(429, retry_after="45"))

    with pytest.raises(SpotifyBusy) as caught:
        await room.clock.run(room.client.profile())

    assert (caught.value.retry_after_s or 0) >= 45
    assert 0 == room.clock.monotonic()
    assert 1 == len(room.server.paths)


async def test_a_short_limit_that_never_ends_is_told_as_busy(room: Room) -> None:
    """After four attempts the schedule takes over; callers know one word for it."""
    room.server.always = refusal(429, retry_after="1")

    with pytest.raises(SpotifyBusy):
        await room.clock.run(room.client.profile())

    assert ["spotify_slowed"] * 4 == [cost[1] for cost in await room.costs()]


async def test_what_may_do_harm_twice_is_tried_once(room: Room) -> None:
    """A code of a sign-in works once: its exchange is not repeated, whatever happened to it."""
    room.server.always = reset

    with pytest.raises(Unreachable):
        await room.clock.run(
            room.spotify.oauth.exchange(
                SecretStr("code"),
                verifier=SecretStr("verifier"),
                redirect_uri="http://127.0.0.1:8000/callback",
                user_id=room.user_id,
            )
        )

    assert [("spotify_accounts", "spotify_unreachable", 0)] == await room.costs()


async def test_scenario_9_the_quota_parks_everybody(room: Room) -> None:
    """One call hears of it; no other is made for anybody, and a new process knows too."""
    room.server.answers.append(FOUR_HOURS_QUOTA)

    with pytest.raises(QuotaExhausted) as caught:
        await room.clock.run(room.client.show("4XPl3uEEL9hvqMkoZrzbx5"))
    with pytest.raises(QuotaExhausted):
        await room.clock.run(room.client.profile())
    restarted = Spotify.open(room.runtime, room.spotify.settings)
    with pytest.raises(QuotaExhausted) as later:
        await room.clock.run(restarted.client.for_user(room.user_id, room.budget).profile())
    await restarted.close()

    assert 50_400 == caught.value.retry_after_s
    assert 50_430 <= (later.value.retry_after_s or 0) <= 50_700
    assert [("spotify_api", "quota_exhausted", 100)] == await room.costs()
    assert 1 == len(room.server.paths)


async def test_scenario_9_a_quota_refusal_is_an_answer(room: Room) -> None:
    """It neither trips the breaker nor is it retried."""
    room.server.answers.append(FOUR_HOURS_QUOTA)

    with pytest.raises(QuotaExhausted):
        await room.clock.run(room.client.profile())

    assert ("closed", 0, 1) == room.breaker
    assert 0 == room.clock.monotonic()


async def test_scenario_10_an_expired_token_is_refreshed_once(room: Room) -> None:
    """401, one refresh, and the same call again with the new token."""
    room.server.answers.extend([EXPIRED, FRESH])

    profile = await room.clock.run(room.client.profile())

    assert "ada" == profile.id
    assert ["/me", "/api/token", "/me"] == room.server.paths
    assert "Bearer fresh" == room.server.authorizations[-1]
    assert (2, 200) == (room.budget.calls, room.budget.cost_micro)
    assert 3 == len(await room.costs())


async def test_scenario_11_a_revoked_grant_asks_for_a_new_sign_in(room: Room) -> None:
    """After invalid_grant nothing is repeated."""
    room.server.answers.extend([EXPIRED, reply(400, {"error": "invalid_grant"})])

    with pytest.raises(ReconnectNeeded):
        await room.clock.run(room.client.profile())

    assert ["/me", "/api/token"] == room.server.paths
    assert ("closed", 0, 1) == room.breaker


async def test_a_fresh_token_that_is_rejected_asks_for_a_new_sign_in(room: Room) -> None:
    """One repeat and no more: a second 401 is no accident."""
    room.server.answers.extend([EXPIRED, FRESH, EXPIRED])

    with pytest.raises(ReconnectNeeded):
        await room.clock.run(room.client.profile())

    assert 3 == len(room.server.paths)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(reply(403, "User not registered"), NotAllowed, id="12: not allow-listed"),
        pytest.param(refusal(404, "non existing id"), SpotifyNotFound, id="13: 404"),
    ],
)
async def test_refusals_are_not_retried(
    room: Room, answer: Answer, error: type[PlayheadError]
) -> None:
    """Asking again changes nothing, or is for a later sync to try."""
    room.server.answers.append(answer)

    with pytest.raises(error):
        await room.clock.run(room.client.profile())

    assert [("spotify_api", error.code, 100)] == await room.costs()
    assert ("closed", 0, 1) == room.breaker


async def test_scenario_14_an_outage_costs_few_calls(room: Room) -> None:
    """Five minutes of one operation a second reach a dead service about twenty times."""
    room.server.always = refusal(503)
    room.budget.max_calls = 1000
    outcomes: list[str] = []

    async def offer(until_s: float) -> float:
        while room.clock.monotonic() < until_s:
            began_s = room.clock.monotonic()
            try:
                await room.client.profile()
            except PlayheadError as error:
                outcomes.append(error.code)
            else:
                return room.clock.monotonic()
            await room.clock.sleep(max(0.01, began_s + 1 - room.clock.monotonic()))
        return room.clock.monotonic()

    await room.clock.run(offer(300))
    failed = len(room.server.paths)
    room.server.always = reply(200, {"id": "ada"})
    ended_s = room.clock.monotonic()
    recovered_s = await room.clock.run(offer(ended_s + 300)) - ended_s

    assert failed <= 25
    assert recovered_s <= 75
    assert {"spotify_bad_gateway", "breaker_open"} == set(outcomes)
    assert failed + 1 == len(await room.costs())
