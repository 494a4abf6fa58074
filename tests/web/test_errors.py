"""Errors are pages for people and problem details for programs."""

import httpx2
import pytest

from tests.web.markup import judged


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing/here", 404), ("GET", "/sign-in", 405), ("DELETE", "/", 405)],
)
async def test_a_browser_gets_a_page(
    person: httpx2.AsyncClient, method: str, path: str, status: int
) -> None:
    """It says what is so, names the request, and has two ways on."""
    reply = await person.request(method, path)

    page = judged(reply.text)
    assert status == reply.status_code
    assert "text/html; charset=utf-8" == reply.headers["content-type"]
    assert {"/", "/#library"} <= {link["href"] for link in page.all("a")}
    assert reply.headers["x-request-id"] in reply.text


@pytest.mark.parametrize(
    ("path", "accept"), [("/nothing/here", "application/json"), ("/api/nothing", "text/html")]
)
async def test_a_program_gets_a_problem(person: httpx2.AsyncClient, path: str, accept: str) -> None:
    """So does whoever asks for an address of the API."""
    reply = await person.get(path, headers={"Accept": accept})

    assert "application/problem+json" == reply.headers["content-type"]
    assert "not_found" == reply.json()["code"]


async def test_an_unsigned_visit_to_a_show_comes_back_to_it(person: httpx2.AsyncClient) -> None:
    """The sign-in leads on to where one wanted to go."""
    reply = await person.get("/shows/abc")

    assert 303 == reply.status_code
    assert "/?next=/shows/abc" == reply.headers["location"]
