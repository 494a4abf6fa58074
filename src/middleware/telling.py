"""How errors are told: as a page to people, as problem details to programs."""

from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import Scope

from src.errors import NotFound, PlayheadError
from src.middleware.problems import problem_of, problem_response
from src.schemas import FieldError
from src.web import errors as error_pages

_LONGEST_FIELD_NAME = 100
_UNPARSABLE = "There was an error parsing the body"  # FastAPI's words for JSON too deep to read


class InvalidInput(PlayheadError):
    """The request is not what this address takes; `errors` says where."""

    status = 422
    code = "invalid_input"
    title = "Input not accepted"


class MalformedJson(PlayheadError):
    """The body cannot be read at all."""

    status = 400
    code = "malformed_json"
    title = "Unreadable body"


class MethodNotAllowed(PlayheadError):
    """The address exists, but not for this method."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"


def tell(error: PlayheadError, scope: Scope, *, errors: list[FieldError] | None = None) -> Response:
    """Render `error` as a page for people, and as problem details for programs."""
    problem = problem_of(error, scope, errors=errors)
    response = problem_response(error, problem)
    request = Request(scope)
    if not error_pages.wants_page(request):
        return response
    return error_pages.page(request, problem, headers=dict(response.headers))


def tell_errors(app: FastAPI) -> None:
    """Let `app` tell every error in these words, its own and those of the framework."""

    @app.exception_handler(PlayheadError)
    async def known(request: Request, error: PlayheadError) -> Response:
        if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            raise error  # the edge writes it down and tells its number only
        return tell(error, request.scope)

    @app.exception_handler(HTTPException)
    async def routing(request: Request, error: HTTPException) -> Response:
        response = tell(_of_routing(error), request.scope)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, error: RequestValidationError) -> Response:
        found = error.errors()
        if any(item["type"] == "json_invalid" for item in found):
            return tell(_malformed(), request.scope)
        fields = [
            FieldError(field=_field(item["loc"]), message=words_of(item["msg"])) for item in found
        ]
        told = InvalidInput("Something in the request is missing or cannot be used; see errors.")
        return tell(told, request.scope, errors=fields)


def _of_routing(error: HTTPException) -> PlayheadError:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound("There is nothing at this address.")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed("This address does not take this method.")
    if error.detail == _UNPARSABLE:
        return _malformed()
    return _Other.of(error)


class _Other(PlayheadError):
    """What the framework refuses by itself, under its own status."""

    @classmethod
    def of(cls, error: HTTPException) -> PlayheadError:
        phrase = HTTPStatus(error.status_code).phrase
        fields = {"status": error.status_code, "code": f"http_{error.status_code}", "title": phrase}
        kind: type[PlayheadError] = type(cls.__name__, (cls,), fields)
        return kind(f"{phrase}.")


def _malformed() -> MalformedJson:
    return MalformedJson("The body is no JSON that can be read: look for a missing quote or brace.")


def _field(location: tuple[int | str, ...]) -> str:
    """Name a field by its path without the part of the request it was in."""
    name = ".".join(map(str, location[1:])) or str(location[0])
    return name.encode("utf-8", "replace").decode("utf-8")[:_LONGEST_FIELD_NAME]


def words_of(message: str) -> str:
    """Return what a check of values says, without what pydantic puts before it."""
    return message.removeprefix("Value error, ")
