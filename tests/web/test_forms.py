"""Every form: what it does, what it says when it cannot, and where it leads."""

import httpx2
import pytest
from fastapi import FastAPI

from src.config import Settings
from src.main import create_app
from src.runtime import Runtime
from src.spotify.config import SpotifySettings
from src.spotify.queries import sync as queries
from src.spotify.service import Spotify
from src.users.service import issue_invite, issue_setup_code
from src.utils.types import UserId
from tests.spotify.sync_parts import Stage
from tests.users.clients import PASSWORD, browser, quick_passwords
from tests.web.conftest import connect
from tests.web.markup import judged

ADA = UserId(1)
SIGN_IN = {"username": "ada", "password": PASSWORD}


def _without_spotify(runtime: Runtime) -> FastAPI:
    """The application where no client id is set."""
    spotify = Spotify.open(
        runtime, SpotifySettings(_env_file=None), transport=httpx2.MockTransport(_refuse)
    )
    app = create_app(runtime, spotify=spotify, background=False)
    app.state.passwords = quick_passwords()
    return app


def _refuse(_request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(503)


# Signing in.


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/", "/"),
        ("/shows/abc", "/shows/abc"),
        ("/?q=a&sort=name#library", "/?q=a&sort=name#library"),
        ("", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/a\\b", "/"),
        ("/\t/evil.example", "/"),
        ("/\n/evil.example", "/"),
        ("/\x7f", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("evil", "/"),
    ],
)
async def test_signing_in_leads_to_this_site_alone(
    ada: httpx2.AsyncClient, target: str, expected: str
) -> None:
    """`next` is a path of ours or nothing, in the form, in the field and in the last step."""
    await ada.post("/sign-out")
    door = await ada.get("/", params={"next": target})
    fields = {one.get("name"): one.get("value") for one in judged(door.text).all("input")}
    signed_in = await ada.post("/sign-in", data=SIGN_IN | {"next": target})
    arrived = await ada.get(signed_in.headers["location"])
    again = await ada.get("/", params={"next": target})

    assert (None if expected == "/" else expected) == fields.get("next")
    assert 303 == signed_in.status_code
    assert signed_in.headers["location"].startswith("/?signed_in=1")
    assert expected == arrived.headers["location"]
    assert expected == again.headers["location"]


async def test_a_wrong_password_is_told_beside_the_form(ada: httpx2.AsyncClient) -> None:
    """401, the name stays, the password does not."""
    reply = await ada.post("/sign-in", data=SIGN_IN | {"password": "quite another one"})

    judged(reply.text)
    assert 401 == reply.status_code
    assert "This name and password do not belong together." in reply.text
    assert 'value="ada"' in reply.text
    assert "quite another one" not in reply.text


async def test_too_many_guesses_are_told_when_to_come_back(ada: httpx2.AsyncClient) -> None:
    """429 with Retry-After and the seconds in words."""
    for _ in range(5):
        await ada.post("/sign-in", data=SIGN_IN | {"password": "quite another one"})

    reply = await ada.post("/sign-in", data=SIGN_IN)

    assert 429 == reply.status_code
    assert int(reply.headers["retry-after"]) >= 1
    assert "That was a lot at once." in reply.text


@pytest.mark.parametrize("path", ["/sign-in", "/register"])
@pytest.mark.parametrize(
    ("sent", "field"),
    [({}, "username"), ({"username": "a\0b", "password": PASSWORD}, "username")],
)
async def test_fields_are_told_what_is_wrong_with_them(
    ada: httpx2.AsyncClient, path: str, sent: dict[str, str], field: str
) -> None:
    """422, each sentence tied to its field."""
    await ada.post("/sign-out")

    reply = await ada.post(path, data=sent)

    assert 422 == reply.status_code
    wrong = [one for one in judged(reply.text).all("input") if one.get("aria-invalid") == "true"]
    assert field in {one["name"] for one in wrong}
    assert all(one["aria-describedby"] for one in wrong)


async def test_a_body_that_is_no_form_is_refused(ada: httpx2.AsyncClient) -> None:
    """Nobody reads JSON, or a broken multipart, as a form."""
    json = await ada.post("/sign-in", json=SIGN_IN)
    broken = await ada.post(
        "/sign-in", content=b"--x", headers={"Content-Type": "multipart/form-data; boundary=y"}
    )

    assert [422, 422] == [json.status_code, broken.status_code]


async def test_a_lost_cookie_is_told(person: httpx2.AsyncClient) -> None:
    """Who was just signed in and comes back without a cookie learns why nothing happened."""
    reply = await person.get("/?signed_in=1")

    judged(reply.text)
    assert "Your browser did not keep the cookie" in reply.text


async def test_signing_out_ends_the_session(ada: httpx2.AsyncClient) -> None:
    """The cookie is taken away and worth nothing any more."""
    cookie = dict(ada.cookies)
    reply = await ada.post("/sign-out")
    ada.cookies.update(cookie)
    after = await ada.get("/")

    assert "/" == reply.headers["location"]
    assert "Sign in" in after.text


# Opening an account.


async def test_a_weak_password_and_a_taken_name(ada: httpx2.AsyncClient) -> None:
    """422 and 409, each beside its field."""
    await ada.post("/sign-out")

    weak = await ada.post("/register", data={"username": "bob", "password": "short"})
    taken = await ada.post("/register", data={"username": "ADA", "password": PASSWORD})

    assert 422 == weak.status_code
    assert 'id="r-pass-e"' in weak.text
    assert "at least 10 characters" in weak.text
    assert 409 == taken.status_code
    assert 'id="r-name-e"' in taken.text


async def test_a_zone_nobody_knows_is_utc(person: httpx2.AsyncClient) -> None:
    """What a browser's script sends cannot keep anybody out."""
    form = {"username": "ada", "password": PASSWORD, "time_zone": "Mars/Olympus"}
    await person.post("/register", data=form)

    assert "Times are shown in UTC time." in (await person.get("/")).text


async def test_elsewhere_the_first_account_needs_its_code(
    settings: Settings, runtime: Runtime
) -> None:
    """Where others can reach the page, the code printed at start makes the owner, once."""
    away = settings.model_copy(update={"public_url": "https://pods.example.org"})
    app = _without_spotify(_with(runtime, away))
    code = await issue_setup_code(runtime)
    form = {"username": "ada", "password": PASSWORD}
    async with browser(app) as person:
        bare = await person.get("/")
        refused = await person.post("/register", data=form)
        offered = await person.get("/", params={"setup_code": code})
        wrong = await person.post("/register", data=form | {"setup_code": "guess"})
        done = await person.post("/register", data=form | {"setup_code": str(code)})
    async with browser(app) as late:
        later = await late.post("/register", data=form | {"setup_code": str(code)})

    assert "Nobody owns this Playhead yet" in bare.text
    assert "/register" not in bare.text
    assert [403, 403, 303, 409] == [r.status_code for r in (refused, wrong, done, later)]
    hidden = {
        one["name"]: one["value"]
        for one in judged(offered.text).all("input")
        if one["type"] == "hidden"
    }
    assert code == hidden["setup_code"]
    assert 'value="guess"' in wrong.text


async def test_an_invite_opens_one_account(settings: Settings, runtime: Runtime) -> None:
    """Others come by invite; without one the page says whom to ask."""
    away = settings.model_copy(update={"public_url": "https://pods.example.org"})
    app = _without_spotify(_with(runtime, away))
    code = str(await issue_setup_code(runtime))
    async with browser(app) as owner:
        await owner.post("/register", data=SIGN_IN | {"setup_code": code})
    invite = await issue_invite(runtime)
    async with browser(app) as guest:
        bare = await guest.get("/")
        offered = await guest.get("/", params={"invite": invite})
        joined = await guest.post(
            "/register", data={"username": "bob", "password": PASSWORD, "invite": invite}
        )
        home = await guest.get("/")

    assert "Ask the owner of this Playhead for an invite." in bare.text
    assert "Open an account" in offered.text
    assert 303 == joined.status_code
    assert "Signed in as bob." in home.text


def _with(runtime: Runtime, settings: Settings) -> Runtime:
    return Runtime(
        settings=settings,
        clock=runtime.clock,
        entropy=runtime.entropy,
        database=runtime.database,
        vault=runtime.vault,
    )


# Spotify.


@pytest.mark.parametrize("path", ["/connect", "/sync", "/schedule", "/disconnect"])
async def test_forms_of_nobody_change_nothing(person: httpx2.AsyncClient, path: str) -> None:
    """401 and the way in; the page says that nothing was done."""
    reply = await person.post(path, data={"word": "disconnect"})

    judged(reply.text)
    assert 401 == reply.status_code
    assert "so nothing was changed" in reply.text


@pytest.mark.parametrize("path", ["/sign-in", "/connect", "/sync", "/schedule", "/disconnect"])
async def test_forms_of_another_site_are_refused(ada: httpx2.AsyncClient, path: str) -> None:
    """A page elsewhere, or on another port, cannot press our buttons."""
    reply = await ada.post(
        path, data={"word": "disconnect"}, headers={"Sec-Fetch-Site": "same-site"}
    )

    assert 403 == reply.status_code


async def test_without_an_app_the_steps_name_the_address(runtime: Runtime) -> None:
    """The exact redirect URI is there to copy, and the button would say the same."""
    async with browser(_without_spotify(runtime)) as person:
        await person.post("/register", data=SIGN_IN)
        steps = await person.get("/")
        pressed = await person.post("/connect")

    judged(steps.text)
    assert '<code id="uri">http://127.0.0.1:8000/api/spotify/auth/callback</code>' in steps.text
    assert "SPOTIFY_CLIENT_ID" in steps.text
    assert "Connect Spotify</button>" not in steps.text
    assert 409 == pressed.status_code
    assert "Playhead has no Spotify app yet; that takes three steps." in pressed.text


async def test_sync_now_asks_once(stage: Stage, ada: httpx2.AsyncClient) -> None:
    """Before connecting it is refused; then it queues one run, however often it is pressed."""
    early = await ada.post("/sync")
    user_id = await connect(stage, ada)
    replies = [await ada.post("/sync") for _ in range(2)]

    assert 409 == early.status_code
    assert "Spotify is not connected yet." in early.text
    assert [303, 303] == [reply.status_code for reply in replies]
    async with stage.runtime.database.transaction(user_id, write=False) as session:
        assert 1 == len(await queries.runs(session, user_id=user_id, before=None, limit=9))


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"interval_hours": "12"}, (12, False)),
        ({"interval_hours": "", "paused": "true"}, (None, True)),
        ({}, (None, False)),
    ],
)
async def test_the_schedule_is_kept(
    stage: Stage,
    ada: httpx2.AsyncClient,
    sent: dict[str, str],
    expected: tuple[int | None, bool],
) -> None:
    """Interval and pause are as they were set; an empty interval is this Playhead's own."""
    user_id = await connect(stage, ada)
    reply = await ada.post("/schedule", data=sent)
    page = await ada.get(reply.headers["location"])

    judged(page.text)
    assert "Your schedule is as you set it." in page.text
    async with stage.runtime.database.transaction(user_id, write=False) as session:
        kept = await queries.schedule_of(session, user_id=user_id)
    assert kept is not None
    assert expected == (kept.interval_hours, kept.paused)


@pytest.mark.parametrize("hours", ["0", "25", "soon", "-1"])
async def test_an_interval_out_of_range_is_told(
    stage: Stage, ada: httpx2.AsyncClient, hours: str
) -> None:
    """422 beside the field; nothing is written."""
    await connect(stage, ada)

    reply = await ada.post("/schedule", data={"interval_hours": hours})

    judged(reply.text)
    assert 422 == reply.status_code
    assert 'id="hours-e"' in reply.text


async def test_there_is_no_schedule_before_connecting(ada: httpx2.AsyncClient) -> None:
    """409, and the page says what comes first."""
    reply = await ada.post("/schedule", data={"interval_hours": "4"})

    judged(reply.text)
    assert 409 == reply.status_code
    assert "Spotify is not connected" in reply.text


async def test_an_unreadable_form_disconnects_nothing(
    stage: Stage, ada: httpx2.AsyncClient
) -> None:
    """422, and the connection stands."""
    await connect(stage, ada)

    reply = await ada.post(
        "/disconnect",
        content=b"--x",
        headers={"Content-Type": "multipart/form-data; boundary=y"},
    )

    assert 422 == reply.status_code
    assert "Disconnect Spotify" in reply.text


async def test_disconnecting_needs_the_word(stage: Stage, ada: httpx2.AsyncClient) -> None:
    """Without it nothing is deleted; with it the page starts anew."""
    user_id = await connect(stage, ada)
    await stage.sync(user_id)
    unsure = await ada.post("/disconnect", data={"word": "yes"})
    before = len(await stage.shows(user_id))
    sure = await ada.post("/disconnect", data={"word": " Disconnect "})
    page = await ada.get(sure.headers["location"])

    judged(unsure.text)
    assert 422 == unsure.status_code
    assert "Type disconnect here; nothing was deleted." in unsure.text
    assert before > 0
    assert {} == await stage.shows(user_id)
    assert "Spotify is disconnected" in page.text
    judged(page.text)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("access_denied", "You chose not to connect, and Spotify told us so."),
        ("state_invalid", "This sign-in was not started from this page."),
        ("state_expired", "That sign-in was open for more than ten minutes"),
        ("already_connected", "connected to another user here"),
        ("other_account", "another Spotify account than the one connected here"),
        ("spotify_not_allowed", "The app&#39;s owner has to add your Spotify e-mail"),
        ("spotify_premium_lapsed", "Premium"),
        ("spotify_timed_out", "Spotify took too long to answer."),
        ("spotify_grant_refused", "Spotify did not accept the sign-in."),
        ("<b>anything</b>", "Connecting did not work this time."),
    ],
)
async def test_coming_back_without_a_connection(
    ada: httpx2.AsyncClient, code: str, words: str
) -> None:
    """Each reason has its words, and the address itself is never shown."""
    reply = await ada.get("/", params={"connect_error": code})

    judged(reply.text)
    assert words in reply.text
    assert "anything" not in reply.text
