"""The doors of a connection: where browsers are sent, and what programs are told."""

from urllib.parse import parse_qs, quote, urlsplit

import httpx2
import pytest
from fastapi import FastAPI

from src.main import create_app
from tests.fixtures import DatabaseUrls
from tests.spotify.sign_ins import redirected
from tests.spotify.sync_parts import Stage
from tests.users.clients import (
    bearer_of,
    browser,
    program,
    quick_passwords,
    row_counts,
    signed_in,
    told,
)
from tests.utils.stepped_clock import SteppedClock
from tests.web.markup import judged

CALLBACK = "/api/spotify/auth/callback"
PAGE = {"accept": "text/html,application/xhtml+xml"}
FROM_SPOTIFY = {**PAGE, "sec-fetch-site": "cross-site"}


@pytest.fixture
def app(stage: Stage) -> FastAPI:
    """The whole application in front of the simulator."""
    made = create_app(stage.runtime, spotify=stage.spotify, background=False)
    made.state.passwords = quick_passwords()
    return made


async def begun(stage: Stage, client: httpx2.AsyncClient, *, listener: int = 0) -> dict[str, str]:
    """Ask for an address, consent there, and return what comes back."""
    reply = await client.get("/api/spotify/auth/url")
    assert 200 == reply.status_code, reply.text
    return await redirected(stage.simulator, reply.json()["url"], listener=listener)


def sent_to(reply: httpx2.Response) -> str:
    """Return where a browser is sent; fails when it is not."""
    assert 303 == reply.status_code, reply.text
    return str(reply.headers["location"])


async def test_a_browser_connects_and_ends_at_a_clean_address(stage: Stage, app: FastAPI) -> None:
    """No code or state stays in the address; the connection is shown with its days."""
    client = await signed_in(app)
    before = await client.get("/api/spotify/connection")
    back = await begun(stage, client)

    reply = await client.get(CALLBACK, params=back, headers=FROM_SPOTIFY)

    found = (await client.get("/api/spotify/connection")).json()
    assert {"state": "not_connected", "configured": True} == {
        name: value for name, value in before.json().items() if value is not None
    }
    assert "/?connected=1" == sent_to(reply)
    assert "no-store" == reply.headers["cache-control"]
    assert ("active", None, 180) == (
        found["state"],
        found["reason"],
        found["consent_days_left"],
    )
    assert found["display_name"]
    assert not any("sealed" in name or "token" in name for name in found)


async def test_a_callback_without_a_session_leads_to_the_door(
    stage: Stage, app: FastAPI, database_urls: DatabaseUrls
) -> None:
    """Case 12: nothing is used up, and after signing in the way leads back here."""
    client = await signed_in(app)
    back = await begun(stage, client)
    before = row_counts(database_urls)

    reply = await browser(app).get(CALLBACK, params=back, headers=FROM_SPOTIFY)
    next_path = parse_qs(urlsplit(sent_to(reply)).query)["next"][0]

    assert before == row_counts(database_urls)
    assert sent_to(reply).startswith(f"/?next={quote(CALLBACK, safe='')}")
    assert "/?connected=1" == sent_to(await client.get(next_path, headers=FROM_SPOTIFY))


async def test_a_denied_consent_changes_nothing(
    stage: Stage, app: FastAPI, database_urls: DatabaseUrls
) -> None:
    """Case 13: the browser ends at an explanation, the connection is as it was."""
    client = await signed_in(app)
    await begun(stage, client)
    before = row_counts(database_urls)

    replies = [
        await client.get(CALLBACK, params={"error": error, "state": "x"}, headers=FROM_SPOTIFY)
        for error in ("access_denied", "<script>")
    ]

    assert ["/?connect_error=access_denied", "/?connect_error=spotify_grant_refused"] == [
        sent_to(reply) for reply in replies
    ]
    assert before == row_counts(database_urls)


@pytest.mark.parametrize(
    "query",
    [
        f"code={'c' * 10_000}&state=s",
        "code=a&code=b&state=s",
        "code=a&state=s&state=t",
        "code=a",
        "state=s",
        "code=%00&state=s",
        "",
    ],
    ids=["huge", "two codes", "two states", "no state", "no code", "nul", "nothing"],
)
async def test_a_malformed_callback_is_refused(app: FastAPI, query: str) -> None:
    """Case 14: too long, repeated or missing parameters are input errors."""
    client = await signed_in(app)

    reply = await client.get(f"{CALLBACK}?{query}")

    assert (422, "invalid_input") == told(reply)


async def test_another_users_state_is_refused(
    stage: Stage, app: FastAPI, database_urls: DatabaseUrls
) -> None:
    """Case 9: Eve's account is not connected to Ada, who is tricked into Eve's address."""
    ada, eve = await signed_in(app, "ada"), await signed_in(app, "eve")
    back = await begun(stage, eve)
    before = row_counts(database_urls)

    as_program = await ada.get(CALLBACK, params=back)
    as_browser = await ada.get(CALLBACK, params=back, headers=FROM_SPOTIFY)

    assert (403, "state_invalid") == told(as_program)
    assert "/?connect_error=state_invalid" == sent_to(as_browser)
    assert before == row_counts(database_urls)


async def test_a_state_used_twice_is_refused(stage: Stage, app: FastAPI) -> None:
    """Case 10: reloading the callback does nothing more."""
    client = await signed_in(app)
    back = await begun(stage, client)
    await client.get(CALLBACK, params=back)

    assert (403, "state_invalid") == told(await client.get(CALLBACK, params=back))


async def test_a_state_after_ten_minutes_is_refused(
    stage: Stage, app: FastAPI, clock: SteppedClock
) -> None:
    """Case 11: the sign-in was open for too long."""
    client = await signed_in(app)
    back = await begun(stage, client)
    clock.jump(600)

    assert (403, "state_expired") == told(await client.get(CALLBACK, params=back))


async def test_a_programs_sign_in_is_confirmed_by_a_press(stage: Stage, app: FastAPI) -> None:
    """The callback asks first and uses nothing up; the form finishes it."""
    bot = await bearer_of(app, scopes=["account"])
    back = await begun(stage, bot)
    person = browser(app)
    form = {"username": "ada", "password": "four unrelated words here"}
    await person.post("/api/auth/login", json=form)

    asked = await person.get(CALLBACK, params=back, headers=FROM_SPOTIFY)
    foreign = await person.post(
        f"{CALLBACK}/confirm", data=back, headers={"sec-fetch-site": "cross-site"}
    )
    pressed = await person.post(f"{CALLBACK}/confirm", data=back, headers=PAGE)

    assert 200 == asked.status_code
    markup = judged(asked.text)
    assert ["stylesheet", "icon"] == [link["rel"] for link in markup.all("link")]
    assert [f"{CALLBACK}/confirm"] == [form["action"] for form in markup.all("form")]
    assert back == {field["name"]: field["value"] for field in markup.all("input")}
    assert (403, "cross_site") == told(foreign)
    assert "/?connected=1" == sent_to(pressed)


async def test_the_confirmation_shows_foreign_text_as_text(stage: Stage, app: FastAPI) -> None:
    """What stands in the address cannot become part of the page."""
    bot = await bearer_of(app, scopes=["account"])
    back = await begun(stage, bot)
    person = browser(app)
    form = {"username": "ada", "password": "four unrelated words here"}
    await person.post("/api/auth/login", json=form)

    asked = await person.get(CALLBACK, params={**back, "code": '"><b id=x>'})

    assert "<b id=x>" not in asked.text
    assert "&#34;&gt;&lt;b id=x&gt;" in asked.text


async def test_a_program_cannot_press_connect(stage: Stage, app: FastAPI) -> None:
    """A token alone never finishes a sign-in; nothing is used up."""
    bot = await bearer_of(app, scopes=["account"])
    back = await begun(stage, bot)

    replies = [
        await bot.get(CALLBACK, params=back),
        await bot.post(f"{CALLBACK}/confirm", data=back),
    ]

    assert [(403, "state_invalid")] * 2 == [told(reply) for reply in replies]


async def test_a_token_needs_the_scope_to_connect(app: FastAPI) -> None:
    """Reading is not enough to begin a sign-in or to disconnect; it is for looking."""
    bot = await bearer_of(app, scopes=["read"])

    refused = [
        await bot.get("/api/spotify/auth/url"),
        await bot.delete("/api/spotify/connection"),
    ]
    looked = await bot.get("/api/spotify/connection")

    assert [(403, "scope_missing")] * 2 == [told(reply) for reply in refused]
    assert 200 == looked.status_code


async def test_disconnecting_by_the_api_forgets_the_account(stage: Stage, app: FastAPI) -> None:
    """204, also the second time; afterwards another account may be connected."""
    client = await signed_in(app)
    await client.get(CALLBACK, params=await begun(stage, client))

    codes = [(await client.delete("/api/spotify/connection")).status_code for _ in range(2)]
    state = (await client.get("/api/spotify/connection")).json()["state"]
    again = await client.get(CALLBACK, params=await begun(stage, client, listener=1))

    assert [204, 204] == codes
    assert "not_connected" == state
    assert "/?connected=1" == sent_to(again)


async def test_another_users_account_is_refused_with_words(stage: Stage, app: FastAPI) -> None:
    """The second user is told that the account is in use here."""
    ada, eve = await signed_in(app, "ada"), await signed_in(app, "eve")
    await ada.get(CALLBACK, params=await begun(stage, ada))

    reply = await eve.get(CALLBACK, params=await begun(stage, eve))

    assert (409, "already_connected") == told(reply)


async def test_strangers_are_asked_to_sign_in(app: FastAPI) -> None:
    """Nothing of a connection is shown to or changed by who is nobody."""
    stranger = program(app)

    replies = [
        await stranger.get("/api/spotify/auth/url"),
        await stranger.get("/api/spotify/connection"),
        await stranger.delete("/api/spotify/connection"),
        await stranger.post(f"{CALLBACK}/confirm", data={"code": "c", "state": "s"}),
    ]

    assert {(401, "not_signed_in")} == {told(reply) for reply in replies}
