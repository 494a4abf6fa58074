"""Signing in and out, over HTTP."""

import asyncio

import pytest

from src.runtime import Runtime
from src.users.schemas import Notice
from tests.users.clients import (
    PASSWORD,
    app_on,
    bearer_of,
    browser,
    login,
    program,
    register,
    signed_in,
    told,
)
from tests.utils.stepped_clock import SteppedClock

COOKIE = "__Host-playhead-8000"
TEN_MINUTES_S = 600


async def test_first_account_owns_and_second_does_not(runtime: Runtime) -> None:
    """On one's own machine the first to register is the owner."""
    client = browser(app_on(runtime))

    first, second = await register(client, "Ada"), await register(client, "grace")

    assert (201, "ada", "owner") == (first.status_code, first.json()["name"], first.json()["role"])
    assert (201, "user") == (second.status_code, second.json()["role"])
    assert "password" not in first.text


async def test_taken_name_is_told_whatever_its_case(runtime: Runtime) -> None:
    """Names are kept case-folded, so `ADA` is `ada`."""
    client = browser(app_on(runtime))
    await register(client, "ada")

    assert (409, "username_taken") == told(await register(client, "ADA"))


async def test_two_who_want_one_name_get_one_account(runtime: Runtime) -> None:
    """The database decides, not a look beforehand."""
    client = browser(app_on(runtime))

    replies = await asyncio.gather(*(register(client, "ada") for _ in range(3)))

    assert [201, 409, 409] == sorted(reply.status_code for reply in replies)


async def test_easy_password_is_refused(runtime: Runtime) -> None:
    """The reply says what would be better and does not repeat the password."""
    reply = await register(browser(app_on(runtime)), password="playhead123")

    assert (422, "password_refused") == told(reply)
    assert "playhead123" not in reply.text


async def test_sign_in_sets_a_guarded_cookie(runtime: Runtime) -> None:
    """The cookie is bound to this host, hidden from scripts, and not sent by other sites."""
    client = browser(app_on(runtime))
    await register(client)

    reply = await login(client)

    cookie = reply.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert 43 == len(client.cookies[COOKIE])
    assert reply.json()["token"] is None


async def test_each_sign_in_gives_a_new_cookie_and_ends_the_old(runtime: Runtime) -> None:
    """A cookie planted or copied before the sign-in is worth nothing after it."""
    app = app_on(runtime)
    client = await signed_in(app)
    old = client.cookies[COOKIE]

    await login(client)

    assert old != client.cookies[COOKIE]
    copied = browser(app)
    copied.cookies.set(COOKIE, old)
    assert (401, "signed_out") == told(await copied.get("/api/auth/me"))


async def test_sign_in_gives_a_program_its_token(runtime: Runtime) -> None:
    """With `token` a bearer token comes too; it works without any cookie."""
    app = app_on(runtime)
    client = browser(app)
    await register(client)

    token = (await login(client, token=True)).json()["token"]

    assert "ada" == (await program(app, bearer=token).get("/api/auth/me")).json()["name"]


async def test_wrong_password_and_unknown_name_look_the_same(runtime: Runtime) -> None:
    """Nobody learns who has an account here; a hash is compared in both cases."""
    app = app_on(runtime)
    client = browser(app)
    await register(client)
    before = app.state.passwords.verified

    wrong = await login(client, password="another long password")
    unknown = await login(client, "nobody")

    assert (401, "bad_credentials") == told(wrong) == told(unknown)
    assert wrong.json()["detail"] == unknown.json()["detail"]
    assert 2 == app.state.passwords.verified - before


@pytest.mark.parametrize("name", ["", "   ", "x" * 200, "\u0130", "' or 1=1 --"])
async def test_name_that_cannot_be_one_is_simply_unknown(runtime: Runtime, name: str) -> None:
    """The rules for new names do not matter at the door."""
    reply = await login(browser(app_on(runtime)), name)

    assert (401, "bad_credentials") == told(reply)


async def test_signing_out_ends_the_session(runtime: Runtime) -> None:
    """The row is gone and the cookie is taken away."""
    client = await signed_in(app_on(runtime))

    reply = await client.post("/api/auth/logout")

    assert 204 == reply.status_code
    assert "Max-Age=0" in reply.headers["set-cookie"]
    assert (401, "not_signed_in") == told(await client.get("/api/auth/me"))


async def test_program_signs_out_by_ending_its_token(runtime: Runtime) -> None:
    """The token that asks is the one that ends."""
    client = await bearer_of(app_on(runtime), scopes=["read"])

    assert 204 == (await client.post("/api/auth/logout")).status_code
    assert (401, "token_invalid") == told(await client.get("/api/auth/me"))


async def test_changing_the_password_ends_every_token(runtime: Runtime) -> None:
    """Whoever had the old one may have made tokens by it; those of sign-ins end too."""
    app = app_on(runtime)
    client = await signed_in(app)
    made = (await client.post("/api/auth/tokens", json={"name": "script"})).json()["token"]
    given = (await login(client, token=True)).json()["token"]
    form = {"current_password": PASSWORD, "new_password": "quite another set of words"}

    reply = await client.post("/api/auth/password", json=form)

    assert 204 == reply.status_code
    for bearer in (made, given):
        assert (401, "token_invalid") == told(await program(app, bearer=bearer).get("/api/auth/me"))
    assert [] == (await client.get("/api/auth/tokens")).json()


async def test_changing_the_password_signs_out_other_browsers(runtime: Runtime) -> None:
    """This browser goes on with a new cookie; the others have to sign in again."""
    app = app_on(runtime)
    here = await signed_in(app)
    there = browser(app)
    await login(there)
    form = {"current_password": PASSWORD, "new_password": "quite another set of words"}

    reply = await here.post("/api/auth/password", json=form)

    assert 204 == reply.status_code
    assert 200 == (await here.get("/api/auth/me")).status_code
    assert (401, "signed_out") == told(await there.get("/api/auth/me"))
    assert (401, "bad_credentials") == told(await login(there))
    assert 200 == (await login(there, password="quite another set of words")).status_code


@pytest.mark.parametrize(
    ("current", "new", "expected"),
    [
        ("not the right one", "quite another set of words", (401, "bad_credentials")),
        (PASSWORD, PASSWORD, (422, "password_refused")),
        (PASSWORD, "short", (422, "password_refused")),
    ],
)
async def test_password_is_kept_when_the_change_is_refused(
    runtime: Runtime, current: str, new: str, expected: tuple[int, str]
) -> None:
    """The present password has to be proved, and the new one has to be better."""
    client = await signed_in(app_on(runtime))

    reply = await client.post(
        "/api/auth/password", json={"current_password": current, "new_password": new}
    )

    assert expected == told(reply)
    assert 200 == (await login(client)).status_code


async def test_profile_changes_only_what_is_named(runtime: Runtime) -> None:
    """Old time zone names are names too."""
    client = await signed_in(app_on(runtime))
    await client.patch("/api/auth/me", json={"email": "ada@example.org"})

    reply = await client.patch("/api/auth/me", json={"time_zone": "US/Eastern"})

    assert 200 == reply.status_code
    assert ("ada@example.org", "US/Eastern") == (reply.json()["email"], reply.json()["time_zone"])
    assert reply.json() | {"notices": []} == (await client.get("/api/auth/me")).json()


@pytest.mark.parametrize(
    "change",
    [
        {"role": "owner"},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../../etc/passwd"},
        {"time_zone": None},
        {"email": "a@b.example, c@d.example"},
        {"email": "a@b.example\r\nBcc: c@d.example"},
    ],
)
async def test_profile_refuses_what_it_does_not_take(
    runtime: Runtime, change: dict[str, object]
) -> None:
    """Unknown fields, zones that are none, and more than one address."""
    client = await signed_in(app_on(runtime))

    assert (422, "invalid_input") == told(await client.patch("/api/auth/me", json=change))


async def test_address_needs_a_fresh_password(runtime: Runtime, clock: SteppedClock) -> None:
    """Messages about the account go to the address, so a borrowed browser cannot move it."""
    client = await signed_in(app_on(runtime))
    clock.jump(TEN_MINUTES_S)

    moved = await client.patch("/api/auth/me", json={"email": "eve@example.org"})
    zone = await client.patch("/api/auth/me", json={"time_zone": "Europe/Berlin"})

    assert (403, "reauthenticate") == told(moved)
    assert 200 == zone.status_code


async def test_notices_come_most_urgent_first(runtime: Runtime) -> None:
    """Rooms above tell what the user should know; here two of them do."""
    app = app_on(runtime)

    async def mild(*_asked: object) -> list[Notice]:
        return [Notice(kind="ok", head="Fine", text="All is well.")]

    async def grave(*_asked: object) -> list[Notice]:
        return [Notice(kind="stop", head="Stopped", text="Connect again.")]

    app.state.notice_sources = [mild, grave]
    client = await signed_in(app)

    me = (await client.get("/api/auth/me")).json()

    assert ["stop", "ok"] == [notice["kind"] for notice in me["notices"]]


async def test_token_is_shown_once_and_listed_without_its_secret(runtime: Runtime) -> None:
    """The list helps to tell tokens apart, not to use them."""
    client = await signed_in(app_on(runtime))
    form = {"name": "notes", "scopes": ["sync", "read"]}

    made = await client.post("/api/auth/tokens", json=form)
    listed = await client.get("/api/auth/tokens")

    token = made.json()["token"]
    assert (201, 52, "ph_") == (made.status_code, len(token), token[:3])
    assert [token[:8]] == [row["prefix"] for row in listed.json()]
    assert ["read", "sync"] == listed.json()[0]["scopes"]
    assert token not in listed.text


async def test_token_needs_a_browser_with_a_fresh_password(
    runtime: Runtime, clock: SteppedClock
) -> None:
    """Neither a token nor a browser left open for ten minutes makes tokens."""
    app = app_on(runtime)
    client = await signed_in(app)
    token = (await login(client, token=True)).json()["token"]
    by_token = await program(app, bearer=token).post("/api/auth/tokens", json={"name": "more"})
    clock.jump(TEN_MINUTES_S)

    late = await client.post("/api/auth/tokens", json={"name": "late"})

    assert (403, "reauthenticate") == told(by_token) == told(late)


async def test_ending_tokens(runtime: Runtime) -> None:
    """One by its number, or all at once; an ended one is no longer found."""
    app = app_on(runtime)
    client = await signed_in(app)
    made = [(await client.post("/api/auth/tokens", json={"name": name})).json() for name in "abc"]

    one = await client.delete(f"/api/auth/tokens/{made[0]['id']}")
    again = await client.delete(f"/api/auth/tokens/{made[0]['id']}")
    left = (await client.get("/api/auth/tokens")).json()
    rest = await client.delete("/api/auth/tokens")

    assert [204, 404, 204] == [one.status_code, again.status_code, rest.status_code]
    assert ["c", "b"] == [row["name"] for row in left]
    assert [] == (await client.get("/api/auth/tokens")).json()
    assert (401, "token_invalid") == told(
        await program(app, bearer=made[1]["token"]).get("/api/auth/me")
    )


async def test_token_of_somebody_else_looks_missing(runtime: Runtime) -> None:
    """Another user's number is answered like one that never was."""
    app = app_on(runtime)
    ada, grace = await signed_in(app, "ada"), await signed_in(app, "grace")
    theirs = (await ada.post("/api/auth/tokens", json={"name": "ada's"})).json()

    foreign = await grace.delete(f"/api/auth/tokens/{theirs['id']}")
    missing = await grace.delete("/api/auth/tokens/999999")

    assert (404, "not_found") == told(foreign) == told(missing)
    assert foreign.json()["detail"] == missing.json()["detail"]
    assert 1 == len((await ada.get("/api/auth/tokens")).json())


async def test_two_users_at_once_see_themselves(runtime: Runtime) -> None:
    """Requests of several users in flight together never mix."""
    app = app_on(runtime)
    names = ["ada", "grace", "mary"]
    clients = [await signed_in(app, name) for name in names]

    replies = await asyncio.gather(
        *(client.get("/api/auth/me") for _ in range(8) for client in clients)
    )

    assert names * 8 == [reply.json()["name"] for reply in replies]


async def test_bearer_makes_the_cookie_count_for_nothing(runtime: Runtime) -> None:
    """A wrong token is refused even where the cookie would do."""
    client = await signed_in(app_on(runtime))

    reply = await client.get("/api/auth/me", headers={"Authorization": "Bearer ph_wrong"})

    assert (401, "token_invalid") == told(reply)
    assert "Bearer" == reply.headers["www-authenticate"]
