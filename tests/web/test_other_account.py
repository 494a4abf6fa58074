"""Coming back from Spotify with another account: one is kept or the other comes, never both."""

import httpx2
import pytest

from src.spotify.models import OAuthState, Play, SavedShow, SpotifyConnection
from src.utils.types import UserId
from tests.spotify.rows import select_rows
from tests.spotify.sync_parts import Stage
from tests.web.conftest import come_back, connect, consent
from tests.web.markup import judged

ASKED = "/?connect_error=other_account"
CHANGE = "/change-account?connect_error=other_account"


async def connection(stage: Stage, user_id: UserId) -> SpotifyConnection:
    """Return the stored connection."""
    [row] = await select_rows(stage.runtime, SpotifyConnection, user_id=user_id)
    return row


async def with_another_account(stage: Stage, client: httpx2.AsyncClient) -> tuple[UserId, str]:
    """Connect and sync the first account, then sign in to a second one; return where it led."""
    user_id = await connect(stage, client, listener=0)
    await stage.sync(user_id)
    pressed = await client.post("/connect")
    return user_id, await come_back(stage, client, pressed.headers["location"], listener=1)


async def test_another_account_is_asked_about_and_nothing_of_it_kept(
    stage: Stage, ada: httpx2.AsyncClient
) -> None:
    """The page names the connected account and offers exactly two ways on."""
    user_id, led_to = await with_another_account(stage, ada)

    reply = await ada.get(led_to)
    page = judged(reply.text)

    assert ASKED == led_to
    assert "That was another Spotify account" in reply.text
    assert [CHANGE] == [one.get("action") for one in page.all("form")]
    assert "Keep this account" in reply.text
    row = await connection(stage, user_id)
    assert row.display_name is not None
    assert f"Keep {row.display_name}" in reply.text
    assert stage.true_shows(user_id).keys() == (await stage.shows(user_id)).keys()
    assert [] == await select_rows(stage.runtime, OAuthState, user_id=user_id)


async def test_keeping_the_account_changes_nothing(stage: Stage, ada: httpx2.AsyncClient) -> None:
    """Its link leads home, where the next sync works with the first account's grant."""
    user_id, led_to = await with_another_account(stage, ada)
    before = await connection(stage, user_id)
    await ada.get(led_to)

    home = await ada.get("/")
    report = await stage.later_sync(user_id)

    after = await connection(stage, user_id)
    assert "That was another Spotify account" not in home.text
    assert (before.account_key, before.connected_at) == (after.account_key, after.connected_at)
    assert report.calls > 0
    assert stage.true_shows(user_id).keys() == (await stage.shows(user_id)).keys()


async def test_changing_deletes_the_first_before_the_second_comes(
    stage: Stage, ada: httpx2.AsyncClient
) -> None:
    """Between the two nothing is left of either; afterwards everything is the second's."""
    user_id, _ = await with_another_account(stage, ada)
    first = await connection(stage, user_id)
    firsts_shows = stage.true_shows(user_id).keys()

    pressed = await ada.post(CHANGE, data={"word": "disconnect"})
    left = [
        await select_rows(stage.runtime, model, user_id=user_id)
        for model in (SpotifyConnection, SavedShow, Play)
    ]
    led_to = await come_back(stage, ada, pressed.headers["location"], listener=1)
    stage.users[user_id] = 1
    await stage.sync(user_id)

    second = await connection(stage, user_id)
    assert [[], [], []] == left
    assert "/?connected=1" == led_to
    assert first.account_key != second.account_key
    assert firsts_shows != stage.true_shows(user_id).keys()
    assert stage.true_shows(user_id).keys() == (await stage.shows(user_id)).keys()


async def test_changing_needs_the_word(stage: Stage, ada: httpx2.AsyncClient) -> None:
    """Without it nothing is deleted, and the question stands as before."""
    user_id, _ = await with_another_account(stage, ada)

    unsure = await ada.post(CHANGE, data={"word": ""})

    judged(unsure.text)
    assert 422 == unsure.status_code
    assert "That was another Spotify account" in unsure.text
    assert "Type disconnect here; nothing was deleted." in unsure.text
    assert (await connection(stage, user_id)).display_name is not None


async def test_a_lapsed_account_is_kept_by_connecting_it_again(
    stage: Stage, ada: httpx2.AsyncClient
) -> None:
    """Keeping it still needs a new sign-in, to the right account this time."""
    user_id = await connect(stage, ada, listener=0)
    await stage.sync(user_id)
    await stage.clock.step(4 * 3600)
    stage.simulator.revoke(0)
    await stage.sync(user_id)

    reply = await ada.get(ASKED)

    judged(reply.text)
    assert "has to be connected again" in reply.text
    assert "Keep this account" not in reply.text


@pytest.mark.parametrize("connected", [True, False])
async def test_strangers_and_the_unconnected_are_asked_nothing(
    stage: Stage, ada: httpx2.AsyncClient, *, connected: bool
) -> None:
    """The question is for who is signed in and connected."""
    if connected:
        await connect(stage, ada)
        await ada.post("/sign-out")

    reply = await ada.get(ASKED)
    pressed = await ada.post(CHANGE, data={"word": ""})

    assert "That was another Spotify account" not in reply.text
    assert (401 if connected else 422) == pressed.status_code


async def test_programs_are_told_what_can_be_done(stage: Stage, ada: httpx2.AsyncClient) -> None:
    """409 with the code, and both choices in words."""
    await connect(stage, ada, listener=0)
    pressed = await ada.post("/connect")
    back = await consent(stage, pressed.headers["location"], listener=1)

    reply = await ada.get(back, headers={"Accept": "application/json"})

    problem = reply.json()
    assert (409, "other_account") == (problem["status"], problem["code"])
    assert "nothing of it was kept" in problem["detail"]
    assert "there is nothing to do. Or disconnect it first" in problem["detail"]
