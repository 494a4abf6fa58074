"""What the policy of the pages allows, and what follows from it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from src.spotify.config import SpotifySettings
from src.spotify.models import QuotaBucket
from src.users.schemas import Notice
from src.web import assets
from src.web.rendering import content_policy, cover
from tests.spotify.sync_parts import Stage, spotify_settings
from tests.web.conftest import connect
from tests.web.markup import judged

REAL = SpotifySettings(_env_file=None)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://i.scdn.co/image/ab67", True),
        ("http://i.scdn.co/image/ab67", False),
        ("https://i.scdn.co.evil.example/x", False),
        ("https://i.scdn.co@evil.example/x", False),
        ("https://i.scdn.co:8443/x", False),
        ("http://127.0.0.1:8801/image/x.svg", False),
        ("javascript:alert(1)", False),
        ("data:image/svg+xml,<svg/>", False),
        ("", False),
        (None, False),
    ],
)
def test_covers_come_from_spotify_alone(url: str | None, shown: bool) -> None:
    """A picture from anywhere else would tell others who looks, so it is not shown."""
    assert (url if shown else None) == cover(url, REAL)


def test_a_simulator_may_show_its_covers() -> None:
    """The demo's pictures come from this machine."""
    url = "http://127.0.0.1:8801/image/x.svg"

    assert url == cover(url, spotify_settings())


def test_the_policy_names_the_accounts_service() -> None:
    """The button that connects is a form, and a form may lead nowhere else."""
    policy = content_policy(REAL)

    assert "form-action 'self' https://accounts.spotify.com;" in policy
    assert "img-src 'self' data: https://i.scdn.co;" in policy


def test_stylesheet_and_script_stay_small() -> None:
    """A first visit on a slow line stays quick: 25 KB and 6 KB at most, uncompressed."""
    folder = Path(assets.__file__).parent / "static"

    assert (folder / "app.css").stat().st_size <= 25_000
    assert (folder / "app.js").stat().st_size <= 6_000


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"paused": True}, "Syncing is paused, as you set it."),
        ({"failures": 2}, "The last sync did not get through. It is tried again by itself."),
    ],
)
async def test_the_first_sentence_says_whether_it_works(
    stage: Stage, ada: httpx2.AsyncClient, values: dict[str, Any], words: str
) -> None:
    """What is wrong is said at the top, in words."""
    user_id = await connect(stage, ada)
    await stage.sync(user_id)
    await stage.reschedule(user_id, **values)

    assert words in (await ada.get("/")).text


async def test_a_parked_quota_says_until_when(stage: Stage, ada: httpx2.AsyncClient) -> None:
    """Everybody waits for the same instant, and the page names it."""
    user_id = await connect(stage, ada)
    await stage.sync(user_id)
    until = stage.clock.now() + timedelta(hours=7, minutes=14)
    async with stage.runtime.database.shared(write=True) as session:
        parked = QuotaBucket(
            account=stage.spotify.account, bucket="parked", ceiling=1, parked_until=until
        )
        await session.merge(parked)

    reply = await ada.get("/")

    judged(reply.text)
    assert "quota is used up; we wait and then go on." in reply.text
    assert f">{until:%H:%M}</time>" in reply.text


async def test_the_most_urgent_notices_come_first(app: FastAPI, ada: httpx2.AsyncClient) -> None:
    """Two are shown, the rest lies one press behind them."""

    async def source(*_: object) -> list[Notice]:
        kinds: list[Any] = ["ok", "warn", "stop", "warn"]
        return [Notice(kind=kind, head=f"Head {n}", text="<i>") for n, kind in enumerate(kinds)]

    app.state.notice_sources.append(source)

    text = (await ada.get("/")).text

    judged(text)
    assert text.index("Head 2") < text.index("Head 1") < text.index("2 more notices")
    assert text.index("2 more notices") < text.index("Head 3") < text.index("Head 0")
    assert "<i>" not in text
