"""Spotify's JSON as typed values, tolerant of what is missing, null or dead.

A list is read item by item: what cannot be used is counted, and never costs the
rest of the page.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, AliasPath, BaseModel, BeforeValidator, ConfigDict, Field

T = TypeVar("T")

_LONGEST_MS = 7 * 86_400_000  # a week: no episode is longer
_LARGEST_COUNT = 10_000_000
_LONGEST_URL = 2048
_ID = r"[0-9A-Za-z]{1,64}"
_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # no database and no encoder takes these


def is_id(text: str) -> bool:
    """Tell whether `text` can be an id of Spotify's, and so be part of an address."""
    return re.fullmatch(_ID, text) is not None


def _text(longest: int) -> BeforeValidator:
    """Read a text: nothing for null, what cannot be stored left out, cut at `longest`."""

    def clean(value: object) -> object:
        if value is None:
            return ""
        return _UNSTORABLE.sub("", value)[:longest] if isinstance(value, str) else value

    return BeforeValidator(clean)


def _or(default: object) -> BeforeValidator:
    """Read null as `default`."""
    return BeforeValidator(lambda value: default if value is None else value)


def _count(value: object) -> int | None:
    """Read a number of things; what is none is not known."""
    known = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_COUNT
    return value if known else None  # type: ignore[return-value]  # narrowed one line above


def _image(value: object) -> str | None:
    """Return the address of the first image, which is the largest."""
    for image in value if isinstance(value, list) else ():
        url = image.get("url") if isinstance(image, dict) else None
        if isinstance(url, str) and url.startswith(("https://", "http://")):
            return _UNSTORABLE.sub("", url) if len(url) <= _LONGEST_URL else None
    return None


def _languages(value: object) -> list[str]:
    found = value if isinstance(value, list) else []
    return [text[:35] for text in found if isinstance(text, str) and _storable(text)][:20]


def _storable(text: str) -> bool:
    return bool(text) and not _UNSTORABLE.search(text)


def _date(value: str) -> str:
    if not _DATE.fullmatch(value) or value.startswith("0000"):
        raise ValueError("no release date")
    return value


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _live(value: object) -> object:
    """Read a show that has no id, as dead episodes carry it, as none."""
    return None if isinstance(value, Mapping) and value.get("id") is None else value


Id = Annotated[str, Field(pattern=f"^{_ID}$")]
Name = Annotated[str, _text(1_000)]
Description = Annotated[str, _text(20_000)]
Milliseconds = Annotated[int, Field(ge=0, le=_LONGEST_MS)]
Flag = Annotated[bool, _or(default=False)]
Count = Annotated[int | None, BeforeValidator(_count)]
Image = Annotated[str | None, BeforeValidator(_image), Field(validation_alias="images")]
Languages = Annotated[list[str], BeforeValidator(_languages)]
Instant = Annotated[datetime, AfterValidator(_utc)]


class Payload(BaseModel):
    """Something Spotify told us; fields we do not use are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


PAGE = 50
"""Items asked for at once, the most Spotify allows."""


@dataclass(frozen=True, kw_only=True)
class Listing(Generic[T]):
    """One page of a list.

    Attributes:
        items: What could be used, in Spotify's order.
        quarantined: How many items could not: null, dead, or damaged.
        total: Items in the whole list, None if Spotify did not say.
        offset: Position of the page in the list, 0 is the start.
        limit: Items asked for, 1 to 50.
        has_next: Whether Spotify says that more follow.
    """

    items: list[T] = field(default_factory=list)
    quarantined: int = 0
    total: int | None = None
    offset: int = 0
    limit: int = 50
    has_next: bool = False


def read_listing(value: object, read: Callable[[Any], T]) -> Listing[T]:
    """Read one page of a list, item by item.

    Args:
        value: The parsed JSON of the page.
        read: Makes one item of its JSON; raises ValueError for what cannot be used.

    Raises:
        ValueError: It is no page at all.
    """
    if not isinstance(value, Mapping) or not isinstance(value.get("items"), list):
        raise ValueError("not a page of a list")  # noqa: TRY004 - as pydantic's own errors
    items = list(_usable(value["items"], read))
    return Listing(
        items=items,
        quarantined=len(value["items"]) - len(items),
        total=_count(value.get("total")),
        offset=_count(value.get("offset")) or 0,
        limit=_count(value.get("limit")) or 50,
        has_next=bool(value.get("next")),
    )


def _usable(values: list[object], read: Callable[[Any], T]) -> Iterator[T]:
    for value in values:
        try:
            yield read(value)
        except ValueError:
            continue


def _embedded(value: object) -> object:
    if value is None or isinstance(value, Listing):
        return value
    try:
        return read_listing(value, EpisodePayload.model_validate)
    except ValueError:
        return None


class ProfilePayload(Payload):
    """Who signed in. `account_id` never changes; where it is missing, `id` stands in."""

    id: Annotated[str, Field(min_length=1, max_length=200), _text(201)]
    account_id: Annotated[str, _text(200)] = ""
    display_name: Name = ""

    @property
    def account_key(self) -> str:
        """What accounts are told apart by."""
        return self.account_id or self.id


class ResumePointPayload(Payload):
    """How far the user is in an episode, in milliseconds; says nothing of when."""

    fully_played: Flag = False
    position_ms: Annotated[
        Milliseconds, _or(default=0), Field(validation_alias="resume_position_ms")
    ] = 0


class ShowPayload(Payload):
    """A podcast; `total_episodes` tells whether its list changed.

    `episodes` is the first page of its episodes, None where Spotify embeds none.
    """

    id: Id
    name: Name = ""
    publisher: Annotated[str, _text(500)] = ""
    description: Description = ""
    languages: Languages = []
    media_type: Annotated[str, _text(50)] = ""
    explicit: Flag = False
    image_url: Image = None
    total_episodes: Count = None
    episodes: Annotated["Listing[EpisodePayload] | None", BeforeValidator(_embedded)] = None


class EpisodePayload(Payload):
    """An episode. `resume_point` is None without the scope for it; `show` where it goes without.

    `release_date` has four, seven or ten characters: year, month or day.
    """

    id: Id
    name: Name = ""
    description: Description = ""
    duration_ms: Milliseconds | None = None
    release_date: Annotated[str, AfterValidator(_date)]
    explicit: Flag = False
    is_playable: Annotated[bool, _or(default=True)] = True
    languages: Languages = []
    image_url: Image = None
    resume_point: ResumePointPayload | None = None
    show: Annotated[ShowPayload | None, BeforeValidator(_live)] = None

    @property
    def release_precision(self) -> str:
        """How exact the release date is: `year`, `month` or `day`."""
        return ("year", "month", "day")[self.release_date.count("-")]


class SavedShowPayload(Payload):
    """A show in the user's library, and since when (UTC)."""

    added_at: Instant
    show: ShowPayload


class SavedEpisodePayload(Payload):
    """An episode in the user's library, and since when (UTC)."""

    added_at: Instant
    episode: EpisodePayload


def _episode_or_none(value: object) -> object:
    """Choose what is playing by its type: music, adverts and the unknown are none of ours."""
    return value if isinstance(value, Mapping) and value.get("type") == "episode" else None


class PlayerPayload(Payload):
    """What is being heard at this moment; `item` is None unless it is an episode.

    The resume point inside `item` is stale by nature; `progress_ms` is the position.
    """

    is_playing: Flag = False
    progress_ms: Milliseconds | None = None
    item: Annotated[EpisodePayload | None, BeforeValidator(_episode_or_none)] = None
    show_uri: Annotated[str | None, Field(validation_alias=AliasPath("context", "uri"))] = None
