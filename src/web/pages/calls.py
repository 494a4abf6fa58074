"""The API for people: every call there is, made from the OpenAPI document."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from src.web.rendering import page
from src.web.visitors import VisitorDep, times_of

router = APIRouter(include_in_schema=False)

_SEE_OTHER = 303
_HEADS = {
    "auth": "Accounts and tokens",
    "connection": "Connection to Spotify",
    "library": "Library",
    "sync": "Syncing",
    "costs": "Costs",
    "health": "For supervisors",
}


@dataclass(frozen=True, slots=True)
class Field:
    """Something a call takes: its name, and whether it must be there."""

    name: str
    required: bool


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its paragraphs, and parameters of the address before fields of the body.

    Every second span of a paragraph is code.
    """

    method: str
    path: str
    words: tuple[tuple[str, ...], ...]
    takes: tuple[Field, ...]


@router.get("/docs")
async def calls(request: Request, user: VisitorDep) -> Response:
    """List the calls of the API, to those who are signed in."""
    if user is None:
        return RedirectResponse("/?next=%2Fdocs", status_code=_SEE_OTHER)
    context = {
        "here": "docs",
        "user": user,
        "times": times_of(request, user),
        "groups": groups_of(request.app.openapi()),
    }
    return page(request, "calls.html", context)


def groups_of(document: Mapping[str, Any]) -> dict[str, list[Call]]:
    """Return the calls of an OpenAPI document under the heads of their rooms, in its order."""
    found: dict[str, list[Call]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = operation["tags"][0]
            call = Call(
                method=method.upper(),
                path=path,
                words=_paragraphs(operation.get("description", "")),
                takes=tuple(_takes(operation, document)),
            )
            found.setdefault(_HEADS.get(tag, tag.capitalize()), []).append(call)
    return found


def _paragraphs(text: str) -> tuple[tuple[str, ...], ...]:
    """Return the paragraphs of a docstring in spans, without what is meant for programmers."""
    told = re.split(r"\n\s*(?:Args|Raises|Returns):", text)[0]
    parts = (" ".join(part.split()) for part in told.split("\n\n") if part.strip())
    return tuple(tuple(part.split("`")) for part in parts)


def _takes(operation: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Field]:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query":
            yield Field(parameter["name"], parameter["required"])
    for content in operation.get("requestBody", {}).get("content", {}).values():
        name = content["schema"].get("$ref", "").rpartition("/")[2]
        schema = document["components"]["schemas"].get(name, content["schema"])
        required = schema.get("required", ())
        yield from (Field(one, one in required) for one in schema.get("properties", {}))
