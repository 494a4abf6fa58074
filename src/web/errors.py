"""Errors as pages, for people; programs get the same as problem details."""

from fastapi import Request, Response

from src.schemas import Problem
from src.web.rendering import page as render

_HEADS = {
    401: "Sign in first",
    403: "This belongs to someone else",
    404: "There is nothing at this address",
    405: "This address does not work that way",
    413: "That is too much at once",
    429: "That was a lot at once",
    500: "This failed on our side",
    503: "Not just now",
}
_WORDS = {
    404: "The link may be old, or what it led to has left your library. Nothing is broken.",
    405: "It takes other requests than the one that came. Go on from the first page.",
}


def wants_page(request: Request) -> bool:
    """Tell whether a person's browser asks, and not for an address of the API."""
    accepted = request.headers.get("accept", "")
    return "text/html" in accepted and not request.url.path.startswith("/api")


def page(request: Request, problem: Problem, *, headers: dict[str, str] | None = None) -> Response:
    """Render a problem as a page: what is so, what to do, and two ways on.

    Args:
        request: The request that failed.
        problem: What happened, as it would be told to a program.
        headers: Headers the problem's own reply would have, such as Retry-After.
    """
    kept = {
        name: value
        for name, value in (headers or {}).items()
        if name.lower() in {"retry-after", "allow", "www-authenticate"}
    }
    context = {
        "status": problem.status,
        "head": _HEADS.get(problem.status, problem.title),
        "words": _WORDS.get(problem.status, problem.detail),
        "request_id": problem.request_id,
    }
    return render(request, "error.html", context, status=problem.status, headers=kept)
