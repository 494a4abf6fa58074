"""What the first page tells a signed-in person, read in one short transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Request

from src.auth import CurrentUser
from src.cost_tracking import ledger
from src.database import Session
from src.schemas import Page
from src.spotify import notices as consent
from src.spotify.library_schemas import Podcast
from src.spotify.models import ConnectionState, RunState, SpotifyConnection, SyncRun, SyncSchedule
from src.spotify.queries import connection as connections
from src.spotify.queries import library
from src.spotify.queries import sync as runs
from src.spotify.queries.library import ShowSort
from src.spotify.routes.library import list_podcasts
from src.spotify.service import Spotify
from src.users import service as users
from src.users.schemas import Notice

SHOWS_A_PAGE = 24
_RUNS_SHOWN = 6
_DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What the library list was asked for: `q` "" asks for all."""

    q: str = ""
    sort: ShowSort = ShowSort.ADDED
    cursor: str | None = None

    @classmethod
    def of(cls, request: Request) -> "Search":
        """Read the query; what makes no sense counts as not said."""
        given = request.query_params
        sort = given.get("sort", "")
        return cls(
            q=given.get("q", "").replace("\0", "").strip()[:200],
            sort=ShowSort(sort) if sort in set(ShowSort) else ShowSort.ADDED,
            cursor=given.get("cursor") or None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """Web API calls of the last 24 hours and their limit; micro-dollars of this day and month."""

    calls: int
    limit: int
    today_micro: int
    month_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything the first page shows of a person who connected Spotify.

    `parked_until` is set while the app's daily allowance is used up for everyone;
    `run` is the one under way, `runs` those that ended, newest first;
    `totals` are shows, stored episodes and heard episodes.
    """

    connection: SpotifyConnection
    ends_at: datetime
    days_left: int
    schedule: SyncSchedule | None
    parked_until: datetime | None
    run: SyncRun | None
    runs: Sequence[SyncRun]
    spending: Spending
    totals: tuple[int, int, int]
    shows: Page[Podcast]

    @property
    def is_active(self) -> bool:
        """Whether Spotify still lets us read."""
        return self.connection.state == ConnectionState.ACTIVE and self.days_left > 0

    @property
    def is_beginning(self) -> bool:
        """Whether the first sync of all is about to begin."""
        planned = self.schedule is not None and not self.schedule.paused
        return (
            self.is_active
            and planned
            and not self.run
            and not self.runs
            and self.parked_until is None
        )


async def notices(request: Request, session: Session, user: CurrentUser) -> list[Notice]:
    """Return what `user` should know now, most urgent first."""
    return await users.notices_of(
        request.app.state.runtime, session, user=user, sources=request.app.state.notice_sources
    )


async def overview(
    request: Request, session: Session, user: CurrentUser, *, search: Search
) -> Overview | None:
    """Return the first page's content, None when Spotify is not connected.

    Args:
        request: For the application's parts.
        session: Open transaction for `user`; reading is enough.
        user: Who looks.
        search: Which shows to list.

    Raises:
        CursorInvalid: The place to go on from belongs to another list.
    """
    spotify: Spotify = request.app.state.spotify
    runtime = spotify.runtime
    found = await connections.connection_of(session, user_id=user.id)
    if found is None:
        return None
    schedule = await runs.schedule_of(session, user_id=user.id)
    return Overview(
        connection=found,
        ends_at=consent.consent_ends_at(runtime, found),
        days_left=consent.consent_days_left(runtime, found),
        schedule=schedule,
        parked_until=_parked_until(schedule, runtime.clock.now()),
        run=await runs.open_run(session, user_id=user.id),
        runs=await _ended(session, user),
        spending=await _spending(spotify, session, user, found),
        totals=await library.counts(session, user_id=user.id),
        shows=await list_podcasts(
            request,
            session,
            user,
            limit=SHOWS_A_PAGE,
            cursor=search.cursor,
            q=search.q or None,
            sort=search.sort,
        ),
    )


async def _ended(session: Session, user: CurrentUser) -> list[SyncRun]:
    newest = await runs.runs(session, user_id=user.id, before=None, limit=_RUNS_SHOWN + 1)
    return [run for run in newest if run.state == RunState.ENDED][:_RUNS_SHOWN]


def _parked_until(schedule: SyncSchedule | None, now: datetime) -> datetime | None:
    if schedule is None:
        return None
    return max((q.parked_until for q in schedule.quotas if q.parked_until > now), default=None)


async def _spending(
    spotify: Spotify, session: Session, user: CurrentUser, connection: SpotifyConnection
) -> Spending:
    runtime, settings = spotify.runtime, spotify.settings
    now = runtime.clock.now()
    since = now - runtime.long(_DAY)
    more = settings.first_sync_max_calls if connection.connected_at > since else 0
    month = await ledger.summary(
        session, user.id, since=now.date().replace(day=1), until=now.date(), now=now
    )
    return Spending(
        calls=await ledger.calls_since(session, user.id, since),
        limit=settings.user_calls_per_day + more,
        today_micro=month.today.amount_micro,
        month_micro=month.total.amount_micro,
    )
