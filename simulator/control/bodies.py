"""JSON bodies of the controls, read strictly."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request

MOST_BYTES = 64 * 1024


async def read(request: Request, **wanted: type | tuple[type, ...]) -> dict[str, object]:
    """Return the JSON object of a request.

    Args:
        request: The request; an empty body is an empty object.
        wanted: Names it may hold and what each may be.

    Raises:
        HTTPException: 400 for what is no JSON object, 422 for a name or a
            type that is not wanted.
    """
    raw = await request.body()
    if len(raw) > MOST_BYTES:
        raise HTTPException(413, f"at most {MOST_BYTES} bytes")
    try:
        value: object = json.loads(raw) if raw else {}
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "the body is not JSON") from error
    if not isinstance(value, dict):
        raise HTTPException(400, "the body is not a JSON object")
    for name, given in value.items():
        _check(name, given, wanted)
    return value


def _check(name: str, given: object, wanted: Mapping[str, type | tuple[type, ...]]) -> None:
    if name not in wanted:
        raise HTTPException(422, f"unknown field {name!r}; known are {', '.join(wanted)}")
    kinds = wanted[name]
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    wrong_bool = isinstance(given, bool) and bool not in kinds
    if wrong_bool or not isinstance(given, kinds):
        names = " or ".join(kind.__name__ for kind in kinds)
        raise HTTPException(422, f"{name} must be {names}")
