"""What must be true after every fault, by the books of the product and the simulator's memory."""

from urllib.parse import parse_qsl

import httpx2

from src.spotify.outcomes import GOT_THROUGH
from tests.faults.books import Books
from tests.faults.spotify_process import SpotifyProcess

OK = httpx2.codes.OK
PAGE = 50
CALLS_A_MINUTE = 180


def check_library(books: Books, spotify: SpotifyProcess) -> None:
    """Every saved show and every saved episode that lives is stored, each once."""
    for listener, user_id in enumerate(books.user_ids()):
        true = spotify.library(listener)

        assert sorted(one["id"] for one in true["shows"]) == sorted(books.saved_shows(user_id))
        stored = books.saved_episodes(user_id)
        assert len(set(stored)) == len(stored)
        assert {one["id"] for one in true["episodes"] if not one["tombstone"]} >= set(stored)


def check_pages(books: Books, spotify: SpotifyProcess, *, in_flight: int) -> None:
    """Of every show exactly those episodes are stored whose pages were read, or that are saved.

    A page among those `in_flight` at a fault may wait for a later run, when the cap of
    calls left no room to read it again; then the show says that it is not complete.
    """
    waiting = set()
    pending = books.pending_shows()
    singles = {one for user_id in books.user_ids() for one in books.saved_episodes(user_id)}
    read = pages_read(spotify)

    assert read
    for show_id, pages in read.items():
        stored = books.episodes(show_id)
        assert len(set(stored)) == len(stored)
        assert pages >= set(stored) - singles
        if not pages <= set(stored):
            waiting.add(show_id)
    assert waiting <= pending
    assert in_flight >= len(waiting)


def pages_read(spotify: SpotifyProcess) -> dict[str, set[str]]:
    """Return, by show, the true episodes on every page of it that was handed out."""
    read: dict[str, set[str]] = {}
    for one in spotify.requests():
        if one["status"] == OK and one["path"].startswith("/v1/shows/"):
            show_id = one["path"].split("/")[3]
            offset = int(dict(parse_qsl(one["query"])).get("offset", 0))
            page = spotify.episodes(show_id)[offset : offset + PAGE]
            read.setdefault(show_id, set()).update(page)
    return read


def check_ledger(books: Books, spotify: SpotifyProcess, *, in_flight: int) -> None:
    """A row for each request that arrived, but for those that were `in_flight` at a fault."""
    requests = spotify.requests()
    for service in ("api", "accounts"):
        arrived = sum(
            one["service"] == service and not one["endpoint"].startswith("authorize")
            for one in requests
        )
        recorded = books.attempts(f"spotify_{service}")

        assert 0 <= arrived - recorded <= in_flight
    assert 0 == books.repeated_attempts()
    assert CALLS_A_MINUTE >= spotify.summary()["max_api_calls_in_any_60_s"]


def check_runs(books: Books) -> None:
    """Each killed run was continued under its own row; none was begun beside it."""
    for user_id in books.user_ids():
        [run] = books.runs(user_id)

        assert "first" == run["trigger"]
        assert run["outcome"] in GOT_THROUGH
        assert run["max_calls"] >= run["calls"]
