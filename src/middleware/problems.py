"""Errors as problem details (RFC 9457)."""

import json
from collections.abc import Callable
from math import ceil

from starlette.responses import Response
from starlette.types import Scope

from src.errors import PlayheadError
from src.schemas import FieldError, Problem

Tell = Callable[[PlayheadError, Scope], Response]
"""Renders an error for whoever asked."""


def problem_of(
    error: PlayheadError, scope: Scope, *, errors: list[FieldError] | None = None
) -> Problem:
    """Describe `error` as problem details.

    Args:
        error: What happened; its message is shown to the reader.
        scope: The request's scope, for its id.
        errors: Which fields were wrong, if that is what happened.
    """
    return Problem(
        title=error.title,
        status=error.status,
        code=error.code,
        detail=error.message,
        request_id=scope.get("state", {}).get("request_id"),
        retry_after_s=error.retry_after_s,
        errors=errors,
    )


def problem_response(error: PlayheadError, problem: Problem) -> Response:
    """Reply with `problem`, under the headers that belong to its status."""
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, ceil(error.retry_after_s)))
    if error.status == 401:  # noqa: PLR2004 - the status that asks for credentials
        headers["WWW-Authenticate"] = "Bearer"
    return Response(
        json.dumps(problem.model_dump(exclude_none=True)),
        status_code=error.status,
        headers=headers,
        media_type="application/problem+json",
    )


def refusal(error: PlayheadError, scope: Scope) -> Response:
    """Reply to the request of `scope` that it was refused, and why."""
    return problem_response(error, problem_of(error, scope))
