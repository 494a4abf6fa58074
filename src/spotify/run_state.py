"""One run of a user's sync under way: its claim, its calls, its progress, its transactions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import structlog

from src.cost_tracking.prices import Service
from src.database import Session
from src.spotify.calls import CallBudget
from src.spotify.client import UserClient
from src.spotify.errors import LeaseLost
from src.spotify.library_models import ListOrder
from src.spotify.planner import ShowState
from src.spotify.queries import store
from src.spotify.queries import sync as queries
from src.spotify.service import Spotify
from src.spotify.storing import OnPage, Stored
from src.utils.types import UserId

log = structlog.get_logger()

LEASE_S = 60.0
HEARTBEAT_S = 15.0


class Phase(StrEnum):
    """What a run is doing; a run that is continued begins at its phase."""

    WAITING = "waiting"
    SHOWS = "shows"
    SAVED_EPISODES = "saved_episodes"
    EPISODES = "episodes"
    DONE = "done"


@dataclass(kw_only=True)
class Run:
    """A run and what it has come to.

    Attributes:
        spotify: The process's Spotify.
        user_id: Whose library.
        fence: Number of the claim; no other may write.
        run_id: The run's row.
        phase: What it is doing.
        is_first: Whether this user never had a run that got through.
        budget: Calls made, and how many there may be.
        client: Spotify as the user sees it.
        on_page: Told of every page's resume points; None tells nobody.
        shows: State of each saved show, by id; filled once the library is listed.
        seen: Ids on the pages of each show read by this run, by show and offset.
        counts: Rows stored so far, as columns of `SyncRun`.
    """

    spotify: Spotify
    user_id: UserId
    fence: int
    run_id: UUID
    phase: Phase
    is_first: bool
    budget: CallBudget
    client: UserClient
    on_page: OnPage | None
    shows: dict[str, ShowState] = field(default_factory=dict)
    seen: dict[str, dict[int, set[str]]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    @classmethod
    async def load(
        cls,
        spotify: Spotify,
        *,
        user_id: UserId,
        fence: int,
        run_id: UUID,
        on_page: OnPage | None,
    ) -> "Run":
        """Read where the run stands; calls are those of the ledger, so that none is forgotten.

        Raises:
            LeaseLost: The claim, or the run, is not ours any more.
        """
        async with spotify.runtime.database.transaction(user_id, write=False) as session:
            row = await queries.run_of(session, user_id=user_id, run_id=run_id)
            schedule = await queries.schedule_of(session, user_id=user_id)
            if row is None or schedule is None or schedule.fence != fence:
                raise LeaseLost
            calls, unsent, cost_micro = await queries.calls_of_run(
                session, user_id=user_id, run_id=run_id, service=Service.SPOTIFY_API
            )
        budget = CallBudget(run_id, row.max_calls)
        budget.calls, budget.cost_micro = max(calls, row.calls), max(cost_micro, row.cost_micro)
        budget.unsent = unsent
        return cls(
            spotify=spotify,
            user_id=user_id,
            fence=fence,
            run_id=run_id,
            phase=Phase(row.phase),
            is_first=schedule.last_ok_at is None,
            budget=budget,
            client=spotify.client.for_user(user_id, budget),
            on_page=on_page,
            counts={name: getattr(row, name) for name in _COUNTS},
        )

    async def reloaded(self) -> "Run":
        """Return the run as it is stored: where it stands once a transaction came to nothing.

        Raises:
            LeaseLost: The claim, or the run, is not ours any more.
        """
        return await Run.load(
            self.spotify,
            user_id=self.user_id,
            fence=self.fence,
            run_id=self.run_id,
            on_page=self.on_page,
        )

    @property
    def now(self) -> datetime:
        """The present instant, aware UTC."""
        return self.spotify.runtime.clock.now()

    def _lease_until(self) -> datetime:
        return self.now + timedelta(seconds=LEASE_S)

    @asynccontextmanager
    async def writing(self, phase: Phase | None = None) -> AsyncIterator[Session]:
        """Open a transaction that only the claim's holder can commit, and renew the lease.

        Progress is written at its end, with what the block stored.

        Args:
            phase: What the run goes on to, if this transaction ends a phase.

        Raises:
            LeaseLost: Somebody else holds the claim; nothing was written.
        """
        async with self.spotify.runtime.database.transaction(self.user_id) as session:
            await self._hold(session)
            yield session
            values = self.progress() | {"phase": phase or self.phase}
            await queries.update_run(
                session, user_id=self.user_id, run_id=self.run_id, values=values
            )
        self.phase = phase or self.phase

    async def _hold(self, session: Session) -> None:
        held = await queries.hold(
            session, user_id=self.user_id, fence=self.fence, lease_until=self._lease_until()
        )
        if not held:
            raise LeaseLost

    def progress(self) -> dict[str, Any]:
        """Return the columns of `SyncRun` that tell how far the run is."""
        shows = self.shows.values()
        pending = sum(show.newest_pending for show in shows)
        return {
            **self.counts,
            "calls": self.budget.calls,
            "cost_micro": self.budget.cost_micro,
            "shows_total": len(self.shows) or self.counts["shows_total"],
            "shows_done": len(self.shows) - pending,
            "newest_pending": pending,
            "backfill_pending": sum(show.backfill_offset is not None for show in shows),
        }

    def count(self, stored: Stored, *, quarantined: int = 0) -> None:
        """Add what a page stored to the run's counts; call it inside `writing`."""
        added = {
            "episodes_stored": stored.episodes,
            "episodes_new": stored.new,
            "plays_changed": stored.plays_changed,
            "quarantined": quarantined,
        }
        self.counts |= {name: self.counts[name] + more for name, more in added.items()}

    async def load_shows(self, session: Session) -> None:
        """Read the state of every saved show."""
        rows = await store.library(session, user_id=self.user_id)
        self.shows = {
            saved.show_id: ShowState(
                show_id=saved.show_id,
                added_at=saved.added_at,
                order=ListOrder(order),
                total=total,
                known=known,
                misses=misses,
                listed_total=saved.listed_total,
                newest_pending=saved.newest_pending,
                newest_at=saved.newest_at,
                backfill_offset=saved.backfill_offset,
                pass_started_at=saved.pass_started_at,
                heard_at=saved.heard_at,
                missed=saved.missed_run_id == self.run_id,
            )
            for saved, order, total, misses, known in rows
        }

    def give_up(self, show_id: str) -> None:
        """Leave a show alone for the rest of the run."""
        self.shows[show_id] = replace(self.shows[show_id], given_up=True)

    @asynccontextmanager
    async def heartbeat(self) -> AsyncIterator[None]:
        """Renew the lease every 15 s while the block runs, however long a call takes."""
        beating = asyncio.ensure_future(self._beat())
        try:
            yield
        finally:
            beating.cancel()
            await asyncio.wait({beating})  # unlike `await beating` it keeps our own cancellation

    async def _beat(self) -> None:
        database = self.spotify.runtime.database
        while True:
            await self.spotify.runtime.clock.sleep(HEARTBEAT_S)
            try:
                async with database.transaction(self.user_id) as session:
                    await self._hold(session)
            except LeaseLost:
                return  # the run finds out at its next write
            except Exception:
                log.exception("lease_not_renewed", user_id=self.user_id)


_COUNTS = (
    "shows_total",
    "episodes_stored",
    "episodes_new",
    "plays_changed",
    "quarantined",
)
