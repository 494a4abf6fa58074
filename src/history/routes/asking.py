"""What can be asked of the history: times, filters, and whose days are meant."""

from datetime import UTC, date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, Field

from src.auth import CurrentUser
from src.history.merge.event import Certainty
from src.history.observations import Source
from src.history.queries.filters import Catalogue, Completion, Events
from src.history.zones import midnight_s, zone_named
from src.utils.text import CleanText

_YEARS = range(1970, 2200)
_INSTANT = "%Y-%m-%dT%H:%M:%SZ"
_DAY = r"^(19[7-9]\d|20\d\d|21\d\d)-\d\d-\d\d"
_PATTERN = _DAY + r"(T\d\d:\d\d:\d\dZ)?$"


def _moment(text: str) -> str:
    try:
        found = datetime.strptime(text, _INSTANT if "T" in text else "%Y-%m-%d")  # noqa: DTZ007 - the zone is another matter
    except ValueError:
        raise ValueError(_TAKES) from None
    if found.year not in _YEARS:
        raise ValueError(_TAKES)
    return text


def _day(text: str) -> str:
    if "T" in text:
        raise ValueError(_TAKES_DAY)
    return _moment(text)


_TAKES_DAY = "must be a day such as 2026-11-25"
_TAKES = "must be a day such as 2026-11-25, or an instant in UTC such as 2026-11-25T11:12:00Z"

Moment = Annotated[
    CleanText,
    AfterValidator(_moment),
    Field(max_length=20, json_schema_extra={"pattern": _PATTERN}),
]
"""A local day, which stands for its first instant, or an instant in UTC."""

Day = Annotated[
    CleanText,
    AfterValidator(_day),
    Field(max_length=10, json_schema_extra={"pattern": _DAY + "$"}),
]
"""A local day."""

From = Annotated[
    Moment | None,
    Field(
        alias="from",
        description="First day (of your time zone) or instant (UTC, to the second) of the time",
    ),
]
To = Annotated[
    Moment | None,
    Field(alias="to", description="First day or instant after the time: it is not part of it"),
]
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
Show = Annotated[
    int | None,
    Field(ge=0, le=2**63 - 1, description="`id` of a show; 0 for episodes without a known show"),
]


class EventsAsked(BaseModel):
    """The filters of `GET /api/history`; all that are given must fit."""

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=600, description="`next_cursor` of the last page")
    q: CleanText | None = Field(
        None, max_length=200, description="Part of an episode's or show's name"
    )
    show: Show = None
    episode: Id | None = Field(None, description="`id` of an episode")
    from_: From = None
    to: To = None
    overlaps: bool = Field(
        False,
        description="Also events with only a part in the time, whose milliseconds are `share_ms`; "
        "otherwise those that ended in it",
    )
    source: Source | None = Field(None, description="Something it told of")
    certainty: list[Certainty] = Field([], max_length=3, description="Any of these")
    weekday: int | None = Field(None, ge=1, le=7, description="Of the end, local; 1 is Monday")
    hour: int | None = Field(None, ge=0, le=23, description="Of the end, local")
    placed: bool | None = Field(None, description="Whether its hour is known")
    completion: Completion | None = Field(
        None, description="Of its episode, by all that was heard of it within the time"
    )
    catalogue: Catalogue | None = Field(None, description="Age of its episode when it was begun")
    doubtful: bool | None = Field(None, description="Whether it is perhaps counted twice")
    hidden: bool = Field(False, description="Those you hid, instead of the others")

    def events(self, zone: ZoneInfo, *, episodes: tuple[int, ...] | None) -> Events:
        """Return the choice that these filters make; `episodes` are those that `q` found."""
        return Events(
            zone=zone,
            from_s=second_of(self.from_, zone),
            to_s=second_of(self.to, zone),
            overlaps=self.overlaps,
            show=self.show,
            episode=self.episode,
            episodes=episodes,
            source=None if self.source is None else self.source.value,
            certainties=tuple(sorted(one.value for one in self.certainty)),
            weekday=self.weekday,
            hour=self.hour,
            placed=self.placed,
            completion=self.completion,
            catalogue=self.catalogue,
            doubtful=self.doubtful,
            hidden=self.hidden,
        )

    def listing(self, zone: ZoneInfo) -> str:
        """Return what decides the order and content of the list, in a fixed form."""
        asked = self.model_dump_json(exclude={"limit", "cursor"}, exclude_defaults=True)
        return f"history:{zone.key}:{asked}"


def zone_of(user: CurrentUser) -> ZoneInfo:
    """Return the user's time zone."""
    return zone_named(user.time_zone)


def second_of(moment: str | None, zone: ZoneInfo) -> int | None:
    """Return the instant that a `Moment` stands for, UTC epoch seconds."""
    if moment is None:
        return None
    if "T" not in moment:
        return midnight_s(date.fromisoformat(moment), zone)
    return int(datetime.strptime(moment, _INSTANT).replace(tzinfo=UTC).timestamp())
