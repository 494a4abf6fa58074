"""A person with a browser, as far as the demo needs one: the same requests, over real HTTP."""

from dataclasses import dataclass
from html.parser import HTMLParser
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx2

from src.errors import PlayheadError

TIMEOUT_S = 20.0


class DemoFailed(PlayheadError):
    """A step of the demo was answered otherwise than it should be."""

    code = "demo_failed"
    title = "Demo failed"


@dataclass(frozen=True, slots=True)
class LibraryCount:
    """What a record holds: saved shows, their stored episodes, and listening events."""

    shows: int
    episodes: int
    plays: int


class _Form(HTMLParser):
    """Collects the hidden fields of the consent page's form."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep name and value of a hidden input."""
        given = dict(attrs)
        if tag == "input" and given.get("type") == "hidden":
            self.fields[given.get("name") or ""] = given.get("value") or ""


def browser() -> httpx2.AsyncClient:
    """Return a client that keeps Secure cookies on loopback too, as browsers do."""
    jar = CookieJar(DefaultCookiePolicy(secure_protocols=("http", "https")))
    return httpx2.AsyncClient(cookies=jar, timeout=TIMEOUT_S, trust_env=False)


class Visitor:
    """Signs in at one Playhead and uses it.

    Args:
        client: Made by `browser`.
        origin: Address of the Playhead, without a slash at its end.
    """

    def __init__(self, client: httpx2.AsyncClient, origin: str) -> None:
        self._client = client
        self._origin = origin

    async def sign_in(self, username: str, password: str) -> None:
        """Register when the name is new, then sign in.

        Raises:
            DemoFailed: Playhead refused.
        """
        account = {"username": username, "password": password}
        registered = await self._post("/api/auth/register", account)
        if registered.status_code != httpx2.codes.CONFLICT:
            self._expect(registered, httpx2.codes.CREATED)
        self._expect(await self._post("/api/auth/login", account), httpx2.codes.OK)

    async def is_connected(self) -> bool:
        """Tell whether an account is connected and Spotify still lets us read it."""
        answer = await self._client.get(f"{self._origin}/api/spotify/connection")
        if answer.status_code != httpx2.codes.OK:
            return False
        return bool(answer.json().get("state") == "active")

    async def connect(self, *, listener: int) -> None:
        """Go through the consent page as `listener`, there and back again.

        Raises:
            DemoFailed: A step was refused.
        """
        url = (await self.get("/api/spotify/auth/url"))["url"]
        page = self._expect(await self._client.get(url), httpx2.codes.OK)
        form = _Form()
        form.feed(page.text)
        decision = {**form.fields, "listener": str(listener), "decision": "allow"}
        allowed = await self._client.post(str(page.url.copy_with(query=None)), data=decision)
        back = await self._client.get(self._expect(allowed, httpx2.codes.FOUND).headers["location"])
        there = self._expect(back, httpx2.codes.SEE_OTHER).headers["location"]
        if "connect_error" in there:
            raise DemoFailed(f"Playhead did not connect: {there}")

    async def sync(self) -> None:
        """Ask for a sync now; one that runs already is as good."""
        self._expect(await self._post("/api/spotify/sync", {}), httpx2.codes.ACCEPTED)

    async def count(self) -> LibraryCount:
        """Count what the library holds, page by page, and all that was heard, by the API."""
        shows = episodes = 0
        cursor: str | None = None
        while True:
            more = f"&cursor={cursor}" if cursor else ""
            page = await self.get(f"/api/spotify/podcasts?limit=200{more}")
            kept = [show for show in page["items"] if show["removed_at"] is None]
            shows += len(kept)
            episodes += sum(show["stored_episodes"] for show in kept)
            cursor = page["next_cursor"]
            if cursor is None:
                break
        heard = await self.get("/api/history/statistics")
        return LibraryCount(shows, episodes, heard["totals"]["events"])

    async def has_imported(self) -> bool:
        """Tell whether an export was imported, or is about to be."""
        return bool((await self.get("/api/history/imports?limit=1"))["items"])

    async def upload(self, name: str, export: bytes) -> str:
        """Hand in an export and return the path at which its import can be watched."""
        begun = await self._client.post(
            f"{self._origin}/api/history/imports?name={name}",
            content=export,
            headers={"origin": self._origin},
        )
        return f"/api/history/imports/{self._expect(begun, httpx2.codes.ACCEPTED).json()['id']}"

    async def spent(self) -> tuple[int, int]:
        """Return Web API calls of the last 30 days and their cost in micro-dollars."""
        total = (await self.get("/api/costs/summary?days=30"))["total"]
        return total["calls"], total["amount_micro"]

    async def get(self, path: str) -> Any:
        """Return the JSON at `path`.

        Raises:
            DemoFailed: Playhead refused.
        """
        answer = await self._client.get(self._origin + path)
        return self._expect(answer, httpx2.codes.OK).json()

    async def _post(self, path: str, body: dict[str, Any]) -> httpx2.Response:
        headers = {"origin": self._origin}
        return await self._client.post(self._origin + path, json=body, headers=headers)

    def _expect(self, answer: httpx2.Response, status: int) -> httpx2.Response:
        if answer.status_code != status:
            words = answer.text[:300]
            raise DemoFailed(f"{answer.url.path} answered {answer.status_code}: {words}")
        return answer
