"""Reading the forms that pages send, and saying beside each field what is wrong with it."""

from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from src.errors import PlayheadError

_MOST_FIELDS = 20
_OURS = "Value error, "
_WORDS = {
    "missing": "is needed",
    "string_too_long": "is too long",
    "string_too_short": "is needed",
}

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormState:
    """A form as it is shown again: what was typed, and what is wrong.

    Attributes:
        values: Text of each field; secrets are left out.
        errors: Sentence for each field that has one.
        error: Sentence for the form as a whole.
        status: HTTP status of the page that shows it.
        retry_after_s: Seconds until another attempt makes sense.
    """

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    error: str | None = None
    status: int = 200
    retry_after_s: float | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Headers the status asks for."""
        if self.retry_after_s is None:
            return {}
        return {"Retry-After": str(max(1, -int(-self.retry_after_s // 1)))}


class FormInvalid(PlayheadError):
    """The form cannot be read, or fields of it are wrong.

    Attributes:
        errors: Sentence for each wrong field.
    """

    status = 422
    code = "invalid_input"
    title = "Check what you typed"

    def __init__(self, errors: dict[str, str]) -> None:
        """Name the fields and what is wrong with them."""
        super().__init__("Something in this form needs another look.")
        self.errors = errors


async def form_values(request: Request) -> dict[str, str]:
    """Return the text fields of a posted form, the last of a name; files do not count.

    Raises:
        FormInvalid: The body is no form.
    """
    try:
        async with request.form(max_files=1, max_fields=_MOST_FIELDS) as form:
            return {name: value for name, value in form.items() if isinstance(value, str)}
    except HTTPException as error:
        raise FormInvalid({}) from error


def parsed(model: type[Model], values: dict[str, Any], *, labels: dict[str, str]) -> Model:
    """Return `values` as `model`.

    Args:
        model: What they have to be.
        values: The fields as typed.
        labels: How the page calls each field.

    Raises:
        FormInvalid: Names every wrong field in words.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise FormInvalid(_sentences(error, labels)) from None


def _sentences(error: ValidationError, labels: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        name = str(one["loc"][0]) if one["loc"] else ""
        said = _WORDS.get(one["type"], one["msg"].removeprefix(_OURS))
        if not said.startswith(("is ", "must ")):
            said = "is not one of the choices"
        found.setdefault(name, f"{labels.get(name, name.replace('_', ' ').capitalize())} {said}.")
    return found
