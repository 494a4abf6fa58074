"""The steps a person takes by hand, with curl and with a browser, on a real port."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.endtoend.conftest import Installation
from tests.faults.processes import until

pytestmark = pytest.mark.slow

WITH_CURL, WITH_A_BROWSER = 0, 1
PASSWORD = "a long enough password"
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


@dataclass(frozen=True)
class Answer:
    """What curl got: the status, where it is sent to, and the body."""

    status: int
    location: str
    body: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def hidden(self) -> dict[str, str]:
        """The hidden fields of the form on the page."""
        return {name: html.unescape(value) for name, value in _HIDDEN.findall(self.body)}


@dataclass(frozen=True)
class Curl:
    """The program `curl` with a jar for its cookies."""

    program: str
    jar: Path

    def __call__(self, url: str, *arguments: str) -> Answer:
        """Make one request, following no redirection."""
        command = [self.program, "-sS", "--noproxy", "*", "-b", str(self.jar), "-c", str(self.jar)]
        command += ["-w", "\n%{http_code} %{redirect_url}", *arguments, url]
        ran = subprocess.run(command, capture_output=True, check=True, text=True, timeout=30)
        body, _, last = ran.stdout.rpartition("\n")
        status, _, location = last.partition(" ")
        return Answer(int(status), location, body)


@pytest.fixture
def curl(tmp_path: Path) -> Curl:
    """The `curl` of this machine, with an empty jar."""
    found = shutil.which("curl")
    if found is None:
        pytest.skip("there is no curl on this machine")
    return Curl(found, tmp_path / "cookies")


def _json(**body: Any) -> tuple[str, ...]:
    return ("-X", "POST", "-H", "Content-Type: application/json", "-d", json.dumps(body))


def _form(**fields: str) -> tuple[str, ...]:
    return tuple(
        part for name, text in fields.items() for part in ("--data-urlencode", f"{name}={text}")
    )


async def test_four_steps_with_curl_end_with_the_podcasts(
    installation: Installation, curl: Curl
) -> None:
    """Register, log in for a token, open the consent page, come back, list the podcasts."""
    url = installation.playhead.url
    account = {"username": "curl-user", "password": PASSWORD}

    registered = curl(f"{url}/api/auth/register", *_json(**account))
    logged_in = curl(f"{url}/api/auth/login", *_json(**account, token=True))
    bearer = ("-H", f"Authorization: Bearer {logged_in.json['token']}")
    begun = curl(f"{url}/api/spotify/auth/url", *bearer)

    assert [201, 200, 200] == [registered.status, logged_in.status, begun.status]

    consent_url = begun.json["url"]
    consent = curl(consent_url)
    decision = {**consent.hidden, "listener": str(WITH_CURL), "decision": "allow"}
    allowed = curl(consent_url.partition("?")[0], *_form(**decision))
    back = curl(allowed.location)
    confirmed = curl(
        f"{url}/api/spotify/auth/callback/confirm", *_form(**back.hidden), "-H", f"Origin: {url}"
    )

    assert [200, 302, 200, 303] == [answer.status for answer in (consent, allowed, back, confirmed)]
    assert f"{url}/?connected=1" == confirmed.location

    def podcasts() -> list[str] | None:
        page = curl(f"{url}/api/spotify/podcasts?limit=200", *bearer).json["items"]
        return [one["id"] for one in page] or None

    true = installation.spotify.library(WITH_CURL)["shows"]
    assert sorted(one["id"] for one in true) == sorted(await until(podcasts, "the podcasts"))


async def test_the_same_steps_in_a_browser(installation: Installation) -> None:
    """A browser that holds the session needs no second confirmation, and sees its own library."""
    async with installation.playhead.visitor("browser-user") as visitor:
        await visitor.connect(listener=WITH_A_BROWSER)
        user_id = installation.books.user_ids()[-1]
        await until(lambda: user_id not in installation.books.unsynced(), "the first sync")

        page = await visitor.get("/api/spotify/podcasts?limit=200")
        status = await visitor.get("/api/spotify/sync/status")

    true = installation.spotify.library(WITH_A_BROWSER)["shows"]
    assert sorted(one["id"] for one in true) == sorted(one["id"] for one in page["items"])
    assert 3 >= status["run"]["calls"]
    assert len(true) == status["run"]["shows_total"]


async def test_without_a_token_nothing_is_told(installation: Installation, curl: Curl) -> None:
    """Every step after the sign-in demands it, in problem details that say so."""
    url = installation.playhead.url

    answers = [
        curl(f"{url}{path}")
        for path in ("/api/spotify/auth/url", "/api/spotify/podcasts", "/api/auth/me")
    ]

    assert [401, 401, 401] == [answer.status for answer in answers]
    assert {"not_signed_in"} == {answer.json["code"] for answer in answers}
