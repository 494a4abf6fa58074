"""The pages, from the first visit to a library."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from fastapi import FastAPI

from src.spotify.models import Episode, SavedShow, Show
from src.spotify.scheduling import begin_run
from src.utils.types import UserId
from src.web.overview import SHOWS_A_PAGE
from tests.spotify.sync_parts import SIMULATOR_URL, Stage
from tests.users.clients import PASSWORD, bearer_of, program
from tests.utils.stepped_clock import SteppedClock
from tests.web.conftest import connect
from tests.web.markup import judged

ADA = UserId(1)


async def test_from_nothing_to_a_library(stage: Stage, person: httpx2.AsyncClient) -> None:
    """Register, connect, sync: every step is a page and a form, and no script is needed."""
    first = await person.get("/")
    registered = await person.post(
        "/register", data={"username": "Ada", "password": PASSWORD, "time_zone": "Europe/Lisbon"}
    )
    arrived = await person.get(registered.headers["location"])
    steps = await person.get(arrived.headers["location"])
    await connect(stage, person)
    waiting = await person.get("/?connected=1")
    await stage.sync(ADA)
    home = await person.get("/")

    for reply in (first, steps, waiting, home):
        assert 200 == reply.status_code
        judged(reply.text)
    assert "This account owns this Playhead" in first.text
    assert "Signed in as ada, owner. Times are shown in Europe/Lisbon time." in steps.text
    assert "Spotify is connected" in waiting.text
    assert "Your shows appear here as the sync reads them." in waiting.text
    assert '<meta http-equiv="refresh" content="3; url=/">' in waiting.text
    shows = await stage.shows(ADA)
    assert len(shows) >= 10
    assert set(shows) == set(re.findall(r'href="/shows/(\w+)"', home.text))
    assert "Everything is working." in home.text


async def test_every_page_is_sealed(ada: httpx2.AsyncClient) -> None:
    """Nothing inline may run, forms lead here or to the accounts service, caches keep nothing."""
    reply = await ada.get("/")

    policy = reply.headers["content-security-policy"]
    assert f"form-action 'self' {SIMULATOR_URL};" in policy
    assert "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';" in policy
    assert "unsafe" not in policy
    assert "no-store" == reply.headers["cache-control"]


async def test_connect_leads_to_spotify(ada: httpx2.AsyncClient) -> None:
    """The button answers 303 to the accounts service, with this Playhead's own address."""
    reply = await ada.post("/connect")

    assert 303 == reply.status_code
    address = urlsplit(reply.headers["location"])
    assert SIMULATOR_URL == f"{address.scheme}://{address.netloc}"
    asked = dict(parse_qsl(address.query))
    assert "http://127.0.0.1:8000/api/spotify/auth/callback" == asked["redirect_uri"]


async def test_a_title_is_text(stage: Stage, ada: httpx2.AsyncClient) -> None:
    """What Spotify names cannot become an element, on the list or on its page."""
    user_id = await connect(stage, ada)
    await stage.sync(user_id)
    show_id = next(iter(await stage.shows(user_id)))
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"
    async with stage.runtime.database.transaction(user_id) as session:
        show = await session.get(Show, show_id)
        episode_id = next(iter(await stage.episodes(user_id, show_id)))
        episode = await session.get(Episode, episode_id)
        assert show is not None
        assert episode is not None
        show.name = show.publisher = show.description = episode.name = evil
        show.image_url = "https://elsewhere.example/cover.jpg"

    pages = [await ada.get("/"), await ada.get(f"/shows/{show_id}")]

    for page in pages:
        found = judged(page.text)
        assert "&lt;script&gt;alert(1)" in page.text
        assert "<script>alert" not in page.text
        assert "elsewhere.example" not in page.text
        assert all(image["src"].startswith(SIMULATOR_URL) for image in found.all("img"))


async def test_search_and_order(stage: Stage, ada: httpx2.AsyncClient) -> None:
    """A search keeps its words, names are sorted, and finding nothing says how much there is."""
    await stage.sync(await connect(stage, ada))
    by_name = await ada.get("/?sort=name&q=")
    titles = re.findall(r'<h3><a href="/shows/\w+">(.*?)</a>', by_name.text)
    name = unescape(titles[0])
    found = await ada.get("/", params={"q": name.upper()})
    nothing = await ada.get("/", params={"q": "no such <show>", "sort": "bogus"})

    assert sorted(titles, key=str.lower) == titles
    assert 1 <= len(re.findall(r'<h3><a href="/shows/', found.text)) < len(titles)
    assert "No show matches “no such &lt;show&gt;”." in nothing.text


async def test_show_more_goes_on(stage: Stage, ada: httpx2.AsyncClient) -> None:
    """The next page holds what the first did not, and ends."""
    await stage.sync(await connect(stage, ada))
    now = stage.clock.now()
    async with stage.runtime.database.transaction(ADA) as session:
        for n in range(SHOWS_A_PAGE):
            session.add(Show(id=f"more{n}", name=f"Show {n}", fetched_at=now))
            await session.flush()
            session.add(
                SavedShow(user_id=ADA, show_id=f"more{n}", added_at=now + timedelta(seconds=n))
            )

    first = await ada.get("/")
    more = next(a["href"] for a in judged(first.text).all("a") if "cursor=" in a["href"])
    second = await ada.get(more)

    pattern = r'<h3><a href="/shows/(\w+)">'
    one, two = re.findall(pattern, first.text), re.findall(pattern, second.text)
    assert SHOWS_A_PAGE == len(one)
    assert set() == set(one) & set(two)
    assert len(await stage.shows(ADA)) == len(one) + len(two)
    assert "cursor=" not in second.text


async def test_a_foreign_cursor_is_refused(stage: Stage, ada: httpx2.AsyncClient) -> None:
    """A place of another list is no place here, told as a page."""
    await connect(stage, ada)

    reply = await ada.get("/?cursor=abc")

    assert 400 == reply.status_code
    judged(reply.text)


async def test_a_show_has_its_episodes(stage: Stage, ada: httpx2.AsyncClient) -> None:
    """Each with its length and where its listener stopped."""
    user_id = await connect(stage, ada)
    await stage.sync(user_id)
    plays = await stage.plays(user_id)
    begun = next(play for play in plays.values() if not play.fully_played and play.position_ms)

    reply = await ada.get(f"/shows/{begun.show_id}")

    judged(reply.text)
    assert 200 == reply.status_code
    assert "stopped at " in reply.text
    assert f'href="https://open.spotify.com/show/{begun.show_id}"' in reply.text


@pytest.mark.parametrize("show_id", ["unknown", "a'b", "x" * 70])
async def test_an_unknown_show_is_a_page(ada: httpx2.AsyncClient, show_id: str) -> None:
    """Nothing there, told in words with two ways on."""
    reply = await ada.get(f"/shows/{show_id}")

    assert reply.status_code in {404, 422}
    assert "Go home" in reply.text
    judged(reply.text)


async def test_a_run_is_seen_while_it_lasts(stage: Stage, ada: httpx2.AsyncClient) -> None:
    """Its figures are on the page; without scripts the page comes again by itself."""
    user_id = await connect(stage, ada)
    idle = await ada.get("/progress")
    claim = next(one for one in await stage.claim() if one.user_id == user_id)
    await begin_run(stage.spotify, user_id=user_id, fence=claim.fence)

    home, words = await ada.get("/"), await ada.get("/progress")

    judged(home.text)
    assert 204 == idle.status_code
    assert '<noscript><meta http-equiv="refresh" content="3; url=/"></noscript>' in home.text
    assert 'data-live="/api/spotify/sync/events"' in home.text
    told = words.json()
    assert "running" == told["state"]
    assert [0, 1] == told["bar"]
    assert "$0" == told["cost"]
    for field in set(told) - {"sentence", "bar"}:
        assert f'data-bind="{field}">{told[field]}<' in home.text
    assert "A sync is under way" in home.text


async def test_no_refresh_without_a_run(stage: Stage, ada: httpx2.AsyncClient) -> None:
    """A page at rest stays."""
    await stage.sync(await connect(stage, ada))

    assert "http-equiv" not in (await ada.get("/")).text


async def test_consent_that_ended_is_told_first(
    stage: Stage, clock: SteppedClock, ada: httpx2.AsyncClient
) -> None:
    """After six months the page says so, keeps the library, and offers the one way on."""
    await stage.sync(await connect(stage, ada))
    clock.jump(timedelta(days=181).total_seconds())
    await ada.post("/sign-in", data={"username": "ada", "password": PASSWORD})

    reply = await ada.get("/")

    judged(reply.text)
    assert "Syncing has stopped" in reply.text
    assert "Connect Spotify again" in reply.text
    assert 1 == reply.text.count("btn first")


async def test_static_files_are_kept_for_good(person: httpx2.AsyncClient) -> None:
    """Their names hold their content; another name is not found."""
    page = judged((await person.get("/")).text)
    names = [link["href"] for link in page.all("link")] + [s["src"] for s in page.all("script")]

    for name in names:
        reply = await person.get(name)
        assert 200 == reply.status_code
        assert "public, max-age=31536000, immutable" == reply.headers["cache-control"]
        assert "nosniff" == reply.headers["x-content-type-options"]
    assert 404 == (await person.get("/static/app.0123456789abcdef.css")).status_code
    assert "image/svg+xml" == (await person.get("/favicon.ico")).headers["content-type"]


async def test_pages_mean_nothing_to_a_token(app: FastAPI) -> None:
    """A program's token opens the API, not the forms of a person."""
    async with await bearer_of(app, scopes=["read", "sync", "account"]) as owner:
        page = await owner.get("/")
        reply = await owner.post("/disconnect", data={"word": "disconnect"})

    async with program(app, bearer="ph_mistyped") as stranger:
        refused = await stranger.get("/")

    assert "Sign in" in page.text
    assert "Sign in" in refused.text
    assert 401 == reply.status_code
