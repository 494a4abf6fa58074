"""The pages in a real browser, with scripts and without."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from simulator.app import build
from simulator.clock import SimClock
from simulator.serving import free_socket, serving
from simulator.settings import DEFAULT_CLIENT_ID
from simulator.settings import Settings as World
from src.config import Settings
from src.main import create_app
from src.runtime import Runtime
from src.spotify.config import SpotifySettings
from src.spotify.service import Spotify
from src.utils.clock import SystemClock
from tests.fixtures import DatabaseUrls
from tests.web.webdriver import BROWSER, DRIVER, Browser, browsing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        BROWSER is None or DRIVER is None, reason="chromium and chromedriver are not installed"
    ),
]

PASSWORD = "four unrelated words here"
_SHOWN = "return document.querySelectorAll('.list h3 a').length > 5"
_OVERFLOW = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"


class _Server(uvicorn.Server):
    """Says when it answers, and leaves signals to the tests."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answers = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        self.answers.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@pytest.fixture
async def address(sqlite_database: DatabaseUrls, tmp_path: Path) -> AsyncIterator[str]:
    """A Playhead and a simulated Spotify on ports of their own, working in the background."""
    clock = SystemClock()
    simulator = build(World(shows=60, shows_per_listener=10), SimClock(start=clock.now()))
    async with serving(simulator, control_port=None, truth_port=None) as urls:
        listener = free_socket(0)
        port = int(listener.getsockname()[1])
        settings = Settings(
            _env_file=None,
            public_url=f"http://127.0.0.1:{port}",
            data_dir=tmp_path / "data",
            database_url=sqlite_database.runtime,
        )
        runtime = Runtime.open(settings, clock=clock)
        spotify = Spotify.open(
            runtime,
            SpotifySettings(
                _env_file=None,
                spotify_client_id=DEFAULT_CLIENT_ID,
                spotify_api_url=urls.web_api,
                spotify_accounts_url=urls.service,
            ),
        )
        app = create_app(runtime, spotify=spotify)
        server = _Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=2))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        await asyncio.wait_for(server.answers.wait(), timeout=20)
        yield settings.public_url
        server.should_exit = True
        await task
        listener.close()
        await runtime.close()


def _register(browser: Browser, name: str) -> None:
    browser.type("#r-name", name)
    browser.type("#r-pass", PASSWORD)
    browser.click("form[action='/register'] button")


def _connect(browser: Browser) -> None:
    """Press *Connect Spotify* and consent on the simulator's page."""
    browser.click("form[action='/connect'] button")
    browser.click("button[value=allow]")


def _with_scripts(browser: Browser, address: str) -> list[str]:
    """From nothing to a library that fills by itself; returns what the console said."""
    browser.resize(1280, 900)
    browser.command("Emulation.setTimezoneOverride", timezoneId="Asia/Kathmandu")
    browser.open(address)
    _register(browser, "ada")
    browser.wait_for("Asia/Kat")
    _connect(browser)
    browser.wait(_SHOWN + " && !document.querySelector('[data-live]')")
    assert f"{address}/" == browser.url
    browser.click(".list h3 a")
    browser.wait_for("Heard or begun")
    assert "/shows/" in browser.url
    return browser.complaints()


def _without_scripts(browser: Browser, address: str) -> list[str]:
    """The same person's page, search, pause and way out, by HTML alone; likewise."""
    browser.scripts(allowed=False)
    browser.resize(360, 740)
    browser.open(address)
    browser.wait(_SHOWN)
    assert browser.run(_OVERFLOW) <= 0
    browser.type("#q", "zzzz")
    browser.click(".filters button")
    browser.wait_for("No show matches")
    browser.open(address)
    browser.click("input[name=paused]")
    browser.click("form[action='/schedule'] button")
    browser.wait_for("Syncing is paused, as you set it.")
    browser.click("form[action='/sign-out'] button")
    browser.wait("return document.querySelector('#s-pass') !== null")
    return browser.complaints()


async def test_from_the_first_visit_to_signing_out(address: str, tmp_path: Path) -> None:
    """Scripts add live progress and nothing else; the console stays silent throughout."""

    def visit() -> list[str]:
        with browsing(tmp_path / "profile") as browser:
            return _with_scripts(browser, address) + _without_scripts(browser, address)

    assert [] == await asyncio.to_thread(visit)
