"""Replies every room shares: a page with a cursor, and a problem."""

from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Item = TypeVar("Item")


class Strict(BaseModel):
    """A request body: unknown fields are refused, so that nothing is assigned by accident."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Page(BaseModel, Generic[Item]):
    """One page of a list; `next_cursor` is null at the end."""

    items: list[Item]
    next_cursor: str | None = None


class FieldError(BaseModel):
    """One thing wrong with the input: where, and what."""

    field: str
    message: str


class Problem(BaseModel):
    """An error as RFC 9457 problem details; programs should look at `code`."""

    type: str = "about:blank"
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    code: str
    detail: str
    request_id: str | None = None
    retry_after_s: float | None = None
    errors: list[FieldError] | None = None
