"""What the account's routes take and return."""

from typing import Annotated

from pydantic import BaseModel, Field

from src.schemas import Strict
from src.utils.text import CleanText


class Erasure(Strict):
    """The account's own name, typed: what is erased cannot be brought back."""

    name: Annotated[CleanText, Field(max_length=200)]


class ErasureReply(BaseModel):
    """What is gone, and the page at Spotify on which its last trace can be removed."""

    message: str
    plays: int
    spotify_page: str
