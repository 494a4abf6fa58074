"""The page that lists the API's calls tells of all of them, and of what each takes."""

import re

import httpx2
from fastapi import FastAPI

from src.web.pages.calls import Field, groups_of
from tests.api.routes import operations
from tests.web.markup import judged


async def test_every_call_is_listed(app: FastAPI, ada: httpx2.AsyncClient) -> None:
    """Once, by method and path, and the pages lead there."""
    reply = await ada.get("/docs")

    assert 200 == reply.status_code
    judged(reply.text)
    listed = re.findall(r"<h3><code>([A-Z]+ [^<]+)</code></h3>", reply.text)
    assert sorted(one.name for one in operations(app)) == sorted(listed)
    assert '<a href="/docs">API</a>' in reply.text
    assert 'href="/openapi.json"' in reply.text


async def test_strangers_are_led_to_the_door(person: httpx2.AsyncClient) -> None:
    """What there is to call is told to those who are signed in."""
    reply = await person.get("/docs")

    assert (303, "/?next=%2Fdocs") == (reply.status_code, reply.headers["location"])


def test_calls_say_what_they_take(app: FastAPI) -> None:
    """Parameters and fields of the body, without what a docstring tells programmers."""
    groups = groups_of(app.openapi())
    found = {(call.method, call.path): call for calls in groups.values() for call in calls}
    search, made = found["GET", "/api/spotify/podcasts"], found["POST", "/api/auth/tokens"]

    assert ["limit", "cursor", "q", "sort"] == [field.name for field in search.takes]
    assert (Field("name", required=True), Field("scopes", required=False)) == made.takes
    assert ("List the shows of your library", "removed_at") == (
        search.words[0][0].partition(",")[0],
        search.words[1][1],
    )
    assert "Raises" not in str(groups)
