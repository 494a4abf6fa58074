"""Types for what comes in from outside: text and numbers that both databases can store."""

from typing import Annotated
from unicodedata import normalize

from pydantic import AfterValidator, Field

_NO_NUL = "^[^\\u0000]*$"


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the character NUL")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError("must not contain half of a surrogate pair") from error
    return text


def folded(text: str) -> str:
    """Return the form in which texts are compared: alike for every case and way of writing."""
    return normalize("NFKC", normalize("NFKC", text).casefold())


CleanText = Annotated[str, AfterValidator(_storable), Field(json_schema_extra={"pattern": _NO_NUL})]
"""Text without NUL, which PostgreSQL refuses, and lone surrogates, which no encoding holds.

Has no bound of its own: add one, `Annotated[CleanText, Field(max_length=80)]`.
"""

ShortText = Annotated[CleanText, Field(min_length=1, max_length=200)]
"""A name or label: 1 to 200 characters."""

LongText = Annotated[CleanText, Field(max_length=4000)]
"""A note, address or search: up to 4000 characters."""

RowId = Annotated[int, Field(ge=1, le=2**63 - 1)]
"""A primary key; 64 bits, as both databases store them."""

PageLimit = Annotated[int, Field(ge=1, le=200)]
"""How many rows a reply holds at most."""
