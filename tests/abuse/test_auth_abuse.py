"""What a stranger, another site or a curious user would try at the door."""

import asyncio

import pytest
from fastapi import Depends, FastAPI

from src.auth import require_scope
from src.runtime import Runtime
from src.users.service import issue_setup_code
from tests.fixtures import DatabaseUrls
from tests.users.clients import (
    PASSWORD,
    app_on,
    bearer_of,
    browser,
    login,
    program,
    register,
    row_counts,
    signed_in,
    told,
    under,
)
from tests.utils.stepped_clock import SteppedClock

COOKIE = "__Host-playhead-8000"
COUNTERS = frozenset({"login_throttle"})
WRONG = "another long password"


async def test_sixth_wrong_password_is_throttled(
    runtime: Runtime, database_urls: DatabaseUrls
) -> None:
    """Case 1: five guesses are free; then even the right one has to wait."""
    client = browser(app_on(runtime))
    await register(client)
    before = row_counts(database_urls, without=COUNTERS)

    guesses = [await login(client, password=WRONG) for _ in range(5)]
    sixth, right = await login(client, password=WRONG), await login(client)

    assert {(401, "bad_credentials")} == {told(guess) for guess in guesses}
    assert (429, "throttled") == told(sixth) == told(right)
    assert "2" == sixth.headers["retry-after"]
    assert before == row_counts(database_urls, without=COUNTERS)


async def test_right_password_gets_in_after_a_hundred_failures_under(
    runtime: Runtime, clock: SteppedClock
) -> None:
    """Case 2: guessing from other networks slows the user down and locks nobody out."""
    app = app_on(runtime)
    home = browser(app)
    await register(home)
    for network in range(20):
        stranger = program(app, address=f"198.51.{network}.9")
        for _ in range(5):
            assert 401 == (await clock.run(login(stranger, password=WRONG))).status_code

    reply = await clock.run(login(home))

    assert 200 == reply.status_code


async def test_many_sign_ins_at_once_are_answered(runtime: Runtime) -> None:
    """Case 3: some may be asked to come back; nobody gets anything else."""
    app = app_on(runtime)
    names = [f"user{number}" for number in range(30)]
    for name in names:
        await register(browser(app), name)

    replies = await asyncio.gather(*(login(browser(app), name) for name in names))

    statuses = [reply.status_code for reply in replies]
    assert {200, 503} >= set(statuses)
    assert 22 <= statuses.count(200)
    assert all((503, "busy") == told(reply) for reply in replies if reply.status_code == 503)


async def test_unknown_name_costs_as_much_as_a_wrong_password(
    runtime: Runtime, database_urls: DatabaseUrls
) -> None:
    """Case 4: one hash is compared each time, so that the time tells nothing."""
    app = app_on(runtime)
    await register(browser(app))
    before = row_counts(database_urls, without=COUNTERS)
    verified = []
    for name in ("ada", "nobody"):
        start = app.state.passwords.verified
        assert (401, "bad_credentials") == told(await login(browser(app), name, password=WRONG))
        verified.append(app.state.passwords.verified - start)

    assert [1, 1] == verified
    assert before == row_counts(database_urls, without=COUNTERS)


async def test_one_setup_code_makes_one_owner(
    runtime: Runtime, database_urls: DatabaseUrls
) -> None:
    """Case 5: of two who set up at once with one code, one is told that it is done."""
    public = under(runtime, public_url="https://podcasts.example.org")
    code = await issue_setup_code(public)
    app = app_on(public)

    replies = await asyncio.gather(
        register(browser(app), "ada", setup_code=code),
        register(browser(app), "grace", setup_code=code),
    )

    won, lost = sorted(replies, key=lambda reply: reply.status_code)
    assert (201, "owner") == (won.status_code, won.json()["role"])
    assert (409, "setup_done") == told(lost)
    assert 1 == row_counts(database_urls)["users"]


@pytest.mark.parametrize("policy", ["closed", "invite"])
async def test_stranger_gets_no_account(
    runtime: Runtime, database_urls: DatabaseUrls, policy: str
) -> None:
    """Case 6: a public address takes nobody without a code, its first visitor included."""
    public = under(runtime, public_url="https://podcasts.example.org", registration=policy)
    app = app_on(public)
    before = row_counts(database_urls)

    replies = [
        await register(browser(app)),
        await register(browser(app), setup_code="guessed"),
        await register(browser(app), invite="guessed"),
    ]

    assert {(403, "registration_closed")} == {told(reply) for reply in replies}
    assert before == row_counts(database_urls)


async def test_nobody_names_themselves_owner(runtime: Runtime, database_urls: DatabaseUrls) -> None:
    """Case 7: fields that are not asked for are refused, not ignored."""
    before = row_counts(database_urls)

    reply = await register(browser(app_on(runtime)), role="owner")

    assert (422, "invalid_input") == told(reply)
    assert [{"field": "role", "message": "Extra inputs are not permitted"}] == reply.json()[
        "errors"
    ]
    assert before == row_counts(database_urls)


@pytest.mark.parametrize("way", ["logout", "password"])
async def test_old_cookie_is_worth_nothing(
    runtime: Runtime, database_urls: DatabaseUrls, way: str
) -> None:
    """Case 8: a copied cookie ends with the session it was copied from."""
    app = app_on(runtime)
    client = await signed_in(app)
    thief = browser(app)
    thief.cookies.set(COOKIE, client.cookies[COOKIE])
    form = {"current_password": PASSWORD, "new_password": "quite another set of words"}
    await client.post(f"/api/auth/{way}", json=form if way == "password" else None)
    before = row_counts(database_urls)

    assert (401, "signed_out") == told(await thief.get("/api/auth/me"))
    assert (401, "signed_out") == told(await thief.post("/api/auth/tokens", json={"name": "x"}))
    assert before == row_counts(database_urls)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "null"},
        {},
    ],
    ids=["neighbour port", "other site", "neighbour, old browser", "no origin", "no headers"],
)
async def test_other_pages_change_nothing(
    runtime: Runtime, database_urls: DatabaseUrls, headers: dict[str, str]
) -> None:
    """Cases 15 and 16: the browser adds the cookie, and what else it says gives it away."""
    app = app_on(runtime)
    cookie = (await signed_in(app)).cookies[COOKIE]
    page = program(app)
    page.cookies.set(COOKIE, cookie)
    before = row_counts(database_urls)

    replies = [
        await page.post("/api/auth/tokens", json={"name": "stolen"}, headers=headers),
        await page.patch("/api/auth/me", json={"time_zone": "UTC"}, headers=headers),
        await page.delete("/api/auth/tokens", headers=headers),
        await page.post("/api/auth/logout", headers=headers),
    ]

    assert {(403, "cross_site")} == {told(reply) for reply in replies}
    assert before == row_counts(database_urls)


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "none"}, {"Origin": "http://127.0.0.1:8000"}]
)
async def test_own_pages_are_believed(runtime: Runtime, headers: dict[str, str]) -> None:
    """An older browser sends only Origin, and a bookmarked form says `none`."""
    app = app_on(runtime)
    page = program(app)
    page.cookies.set(COOKIE, (await signed_in(app)).cookies[COOKIE])

    reply = await page.patch("/api/auth/me", json={"time_zone": "UTC"}, headers=headers)

    assert 200 == reply.status_code


def with_sync_route(app: FastAPI) -> FastAPI:
    """Add a route that only tokens with the scope `sync` may call."""

    @app.post("/api/planted", dependencies=[Depends(require_scope("sync"))])
    async def planted() -> None: ...

    return app


async def test_token_does_only_what_it_was_made_for(
    runtime: Runtime, database_urls: DatabaseUrls
) -> None:
    """Case 17: a token that reads neither syncs nor touches the account."""
    app = with_sync_route(app_on(runtime))
    reader = await bearer_of(app, scopes=["read"])
    syncer = await bearer_of(app, "grace", scopes=["sync"])
    assert 200 == (await reader.get("/api/auth/me")).status_code
    before = row_counts(database_urls)

    refused = [
        await reader.post("/api/planted"),
        await reader.patch("/api/auth/me", json={"time_zone": "UTC"}),
        await reader.get("/api/auth/tokens"),
        await reader.delete("/api/auth/tokens"),
        await syncer.get("/api/auth/me"),
    ]

    assert {(403, "scope_missing")} == {told(reply) for reply in refused}
    assert 200 == (await syncer.post("/api/planted")).status_code
    assert before == row_counts(database_urls)


async def test_ended_mistyped_and_expired_tokens_are_refused(
    runtime: Runtime, database_urls: DatabaseUrls, clock: SteppedClock
) -> None:
    """Case 18: none of them says more than that it is not accepted."""
    app = app_on(runtime)
    client = await signed_in(app)
    made = [(await client.post("/api/auth/tokens", json={"name": n})).json() for n in "ab"]
    ended, kept = (token["token"] for token in made)
    await client.delete(f"/api/auth/tokens/{made[0]['id']}")
    before = row_counts(database_urls)
    mistyped = kept[:-1] + ("A" if kept[-1] != "A" else "B")

    replies = [
        await program(app, bearer=secret).get("/api/auth/me")
        for secret in (ended, mistyped, "ph_", "x" * 5000, kept.upper())
    ]
    clock.jump(91 * 86_400)
    replies.append(await program(app, bearer=kept).get("/api/auth/me"))

    assert {(401, "token_invalid")} == {told(reply) for reply in replies}
    assert 1 == len({reply.json()["detail"] for reply in replies})
    assert before == row_counts(database_urls)
