"""How often somebody may ask, and what goes on when they have asked too often."""

import asyncio

import httpx2

from src.runtime import Runtime
from src.users.throttle import Caller, Throttle
from tests.fixtures import DatabaseUrls
from tests.users.clients import (
    app_on,
    bearer_of,
    browser,
    login,
    program,
    register,
    row_counts,
    signed_in,
    told,
)
from tests.utils.stepped_clock import SteppedClock

ME = "/api/auth/me"
DEVICE = "__Host-playhead-device-8000"


async def spend(client: httpx2.AsyncClient) -> httpx2.Response:
    """Ask until the answer is no."""
    for _ in range(130):
        reply = await client.get(ME)
        if reply.status_code != 200:
            return reply
    raise AssertionError("130 requests were answered")


async def test_a_user_asks_a_hundred_and_twenty_times_a_minute(
    runtime: Runtime, clock: SteppedClock
) -> None:
    """Whatever they ask by counts together; the refusal says when to come back."""
    app = app_on(runtime)
    reader = await bearer_of(app, scopes=["read"])
    by_cookie = browser(app)
    await login(by_cookie)
    clock.jump(60)
    first = await reader.get(ME)
    for _ in range(118):
        assert 200 == (await by_cookie.get(ME)).status_code
    clock.jump(15)

    last, refused = await reader.get(ME), await reader.get(ME)
    clock.jump(int(refused.headers["retry-after"]))

    assert '"user";r=119;t=60' == first.headers["ratelimit"]
    assert '"user";r=0;t=45' == last.headers["ratelimit"]
    assert (429, "rate_limited") == told(refused)
    assert "45" == refused.headers["retry-after"]
    assert '"user";q=120;w=60' == refused.headers["ratelimit-policy"]
    assert 200 == (await reader.get(ME)).status_code


async def test_one_too_many_changes_nothing(
    runtime: Runtime, clock: SteppedClock, database_urls: DatabaseUrls
) -> None:
    """Refused before the route runs, whatever was asked for."""
    client = await signed_in(app_on(runtime))
    await spend(client)
    before = row_counts(database_urls)

    replies = [
        await client.post("/api/auth/tokens", json={"name": "one more"}),
        await client.delete("/api/auth/tokens"),
        await client.patch(ME, json={"time_zone": "UTC"}),
    ]

    assert {(429, "rate_limited")} == {told(reply) for reply in replies}
    assert before == row_counts(database_urls)


async def test_others_health_pages_and_sign_out_go_on(runtime: Runtime) -> None:
    """One user's haste is nobody else's wait, and does not keep anybody signed in."""
    app = app_on(runtime)
    client, other = await signed_in(app), await signed_in(app, "grace")
    await spend(client)

    assert 200 == (await other.get(ME)).status_code
    assert 200 == (await client.get("/health/live")).status_code
    assert 200 == (await client.get("/", headers={"accept": "text/html"})).status_code
    assert 204 == (await client.post("/api/auth/logout")).status_code


async def test_a_page_listens_on_however_often_its_user_asks(
    runtime: Runtime, clock: SteppedClock
) -> None:
    """A browser that reconnects its stream must not meet the refusal of other requests."""
    app = app_on(runtime)
    client = await signed_in(app)
    await spend(client)
    stream = asyncio.ensure_future(client.get("/api/spotify/sync/events"))

    async def stop() -> None:
        await clock.sleep(1)
        app.state.stopping.set()

    await clock.run(stop())

    assert 200 == (await stream).status_code


async def test_fifty_accounts_an_hour_come_from_one_network(
    runtime: Runtime, clock: SteppedClock, database_urls: DatabaseUrls
) -> None:
    """Then the network waits, before a password is hashed for it; others do not."""
    app = app_on(runtime)
    for number in range(50):
        await Throttle(runtime).admit_newcomer(address=f"203.0.113.{number}")
    before = row_counts(database_urls)

    refused = await register(browser(app))

    assert (429, "throttled") == told(refused)
    assert "72" == refused.headers["retry-after"]
    assert before == row_counts(database_urls)
    assert 201 == (await register(browser(app, address="198.51.100.1"), "grace")).status_code
    clock.jump(72)
    assert 201 == (await register(browser(app))).status_code


async def test_the_owners_browser_is_not_slowed_by_others_guesses(
    runtime: Runtime, clock: SteppedClock
) -> None:
    """It signed in before and has a mark of that; a stranger's, or another user's, waits."""
    app = app_on(runtime)
    home, eve = await signed_in(app), await signed_in(app, "eve", address="192.0.2.1")
    for number in range(40):
        await clock.run(Throttle(runtime).admit(name="ada", caller=Caller(f"10.0.{number}.1")))

    async def takes_s(client: httpx2.AsyncClient) -> float:
        before_s = clock.monotonic()
        assert 200 == (await clock.run(login(client))).status_code
        return round(clock.monotonic() - before_s, 3)

    assert 0 == await takes_s(home)
    assert 4 == await takes_s(eve)
    assert 4 == await takes_s(program(app, address="192.0.2.2"))


async def test_the_mark_of_a_browser_stays_when_it_signs_out(runtime: Runtime) -> None:
    """That is what it is for; it is sealed like the session's own cookie."""
    client = await signed_in(app_on(runtime))
    given = (await login(client)).headers.get_list("set-cookie")
    await client.post("/api/auth/logout")
    (text,) = [line for line in given if line.startswith(DEVICE)]

    assert DEVICE in client.cookies
    for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/", f"Max-Age={180 * 86_400}"):
        assert part in text
