"""The pages in a real browser, with scripts and without."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from src.cli.demo.stage import Script, on_stage
from src.utils.clock import SystemClock
from tests.web.webdriver import BROWSER, DRIVER, Browser, browsing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        BROWSER is None or DRIVER is None, reason="chromium and chromedriver are not installed"
    ),
]

PASSWORD = "four unrelated words here"
_SHOWN = "return document.querySelectorAll('.list h3 a').length > 5"
_AT_REST = "return !document.querySelector('[data-live]')"
_OVERFLOW = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    """A Playhead and a simulated Spotify on ports of their own, working in the background."""
    clock = SystemClock()
    script = Script(epoch=clock.now().isoformat(), username="-", password="-")
    async with on_stage(script, tmp_path / "data", port=0, clock=clock) as url:
        yield url


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
    browser.command("Emulation.setTimezoneOverride", timezoneId="Asia/Kathmandu")
    browser.open(address)
    _register(browser, "ada")
    assert "Asia/K" in browser.source
    _connect(browser)
    browser.wait(_SHOWN + " && !document.querySelector('[data-live]')")
    assert f"{address}/" == browser.url
    browser.click(".list h3 a")
    assert "/shows/" in browser.url
    return browser.complaints()


def _without_scripts(browser: Browser, address: str) -> list[str]:
    """The same person's page, search, pause and way out, by HTML alone; likewise."""
    browser.scripts(allowed=False)
    browser.resize(360, 740)
    browser.open(address)
    assert browser.run(_SHOWN)
    assert browser.run(_OVERFLOW) <= 0
    browser.type("#q", "zzzz")
    browser.click(".filters button")
    assert "No show matches" in browser.source
    browser.open(address)
    browser.click("input[name=paused]")
    browser.click("form[action='/schedule'] button")
    assert "Syncing is paused, as you set it." in browser.source
    browser.click("form[action='/sign-out'] button")
    assert browser.run("return !!document.querySelector('#s-pass')")
    return browser.complaints()


async def test_from_the_first_visit_to_signing_out(address: str, tmp_path: Path) -> None:
    """Scripts add live progress and nothing else; the console stays silent throughout."""

    def visit() -> list[str]:
        with browsing(tmp_path / "profile") as browser:
            return _with_scripts(browser, address) + _without_scripts(browser, address)

    assert [] == await asyncio.to_thread(visit)
