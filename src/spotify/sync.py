"""A run of a user's sync from its claim to its report.

Network first, then one short transaction a page. Whatever stops a run, what it stored
stays and the next one goes on; a run whose process died is continued under its own row.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from src.database import Session
from src.errors import NotFound
from src.spotify import listings, outcomes
from src.spotify.errors import (
    CallRefused,
    CallRemoved,
    LeaseLost,
    NotConnected,
    SpotifyNotFound,
)
from src.spotify.models import ConnectionState, Outcome, RunState, SyncRun, SyncSchedule
from src.spotify.outcomes import Ending, Timing
from src.spotify.queries import sync as queries
from src.spotify.run_state import Phase, Run
from src.spotify.service import Spotify
from src.spotify.show_pages import read_pages
from src.spotify.storing import OnPage
from src.utils.clashes import is_clash
from src.utils.types import UserId

log = structlog.get_logger()

_DAY_USED_UP = "All Spotify calls for one day are used up. The next sync goes on."
_NO_NEXT = frozenset({Outcome.RECONNECT_NEEDED, Outcome.CONSENT_EXPIRED, Outcome.DISCONNECTED})


async def run_sync(
    spotify: Spotify,
    *,
    user_id: UserId,
    fence: int,
    run_id: UUID,
    on_page: OnPage | None = None,
) -> SyncRun:
    """Run, or go on with, a user's sync until its part is done or something stops it.

    Idempotent: whatever is read twice is stored once.

    Args:
        spotify: The process's Spotify.
        user_id: Whose library.
        fence: Number of the claim; see `queries.sync.claim_due_all_users`.
        run_id: The run's row, as `scheduling.begin_run` returned it.
        on_page: Called inside each page's transaction with the resume points before and after.

    Returns:
        The run's row with its outcome, a message in plain words, and the next due time.

    Raises:
        LeaseLost: The claim went to somebody else; nothing was written since.
    """
    run = await Run.load(spotify, user_id=user_id, fence=fence, run_id=run_id, on_page=on_page)
    async with run.heartbeat():
        run, ending = await _worked(run)
    # Only now: a late heartbeat would renew the lease that the end gives back.
    return await _end(run, ending)


async def _worked(run: Run, *, clashes_left: int = 1) -> tuple[Run, Ending]:
    """Work until the end or what stops it; go on from what is stored if a page's writing clashed.

    Raises:
        LeaseLost: The claim went to somebody else.
    """
    try:
        return run, await _work(run)
    except LeaseLost:
        raise
    except Exception as error:  # noqa: BLE001 - the edge of a run: every end has a name
        if not (clashes_left and is_clash(error)):
            return run, await _ending_of(run, error)
    log.info("sync_page_clashed", user_id=run.user_id, run_id=str(run.run_id))
    return await _worked(await run.reloaded(), clashes_left=clashes_left - 1)


async def _work(run: Run) -> Ending:
    """List the library, read pages of shows, and say what is left."""
    if not run.budget.max_calls:
        return Ending(Outcome.CALL_CAP_REACHED, _DAY_USED_UP)
    if run.phase in {Phase.WAITING, Phase.SHOWS}:
        await listings.list_shows(run)
    if run.phase is Phase.SAVED_EPISODES:
        await _list_episodes(run)
    if not run.shows:
        async with run.writing() as session:
            await run.load_shows(session)
    await read_pages(run)
    progress = run.progress()
    return outcomes.ending_of_work(
        newest_pending=progress["newest_pending"],
        backfill_pending=progress["backfill_pending"],
        at_cap=not run.budget.left,
    )


async def _list_episodes(run: Run) -> None:
    """List the saved episodes; should Spotify refuse that, the shows are read all the same."""
    try:
        await listings.list_episodes(run)
    except (SpotifyNotFound, CallRefused, CallRemoved) as error:
        log.warning("saved_episodes_refused", user_id=run.user_id, code=error.code)
        async with run.writing(Phase.EPISODES):
            pass


async def _ending_of(run: Run, error: Exception) -> Ending:
    """Name what stopped the run; what nobody foresaw is logged with its trace."""
    reason = None
    async with run.spotify.runtime.database.transaction(run.user_id, write=False) as session:
        state = await queries.connection_state(session, user_id=run.user_id)
    if state is None:
        error = NotConnected()
    else:
        reason = state[1]
    ending = outcomes.ending_of(error, reason=reason)
    if ending.outcome is Outcome.FAILED:
        log.error("sync_failed", user_id=run.user_id, run_id=str(run.run_id), exc_info=error)
    return ending


async def _end(run: Run, ending: Ending) -> SyncRun:
    """Write the report and the next due time, and give the claim back."""
    async with run.writing(Phase.DONE) as session:
        schedule = await queries.schedule_of(session, user_id=run.user_id)
        if schedule is None:
            raise LeaseLost
        next_at = outcomes.next_sync_at(
            ending, _timing(run, schedule), entropy=run.spotify.runtime.entropy
        )
        stops = ending.outcome in _NO_NEXT and not await _is_active(run, session)
        values = {
            "state": RunState.ENDED,
            "outcome": ending.outcome,
            "message": ending.message,
            "ended_at": run.now,
            "next_sync_at": None if stops else next_at,
        }
        planned = {"next_sync_at": next_at} | ({"active": False} if stops else {})
        await _reschedule(run, session, ending, planned, schedule)
        await queries.update_run(session, user_id=run.user_id, run_id=run.run_id, values=values)
    log.info(
        "sync_ended",
        user_id=run.user_id,
        run_id=str(run.run_id),
        outcome=ending.outcome,
        calls=run.budget.calls,
    )
    async with run.spotify.runtime.database.transaction(run.user_id, write=False) as session:
        row = await queries.run_of(session, user_id=run.user_id, run_id=run.run_id)
    if row is None:
        raise NotFound("This sync is gone with the connection it belonged to.")
    return row


async def _is_active(run: Run, session: Session) -> bool:
    """Tell whether there is a connection in force, renewed perhaps since the run found it lost."""
    state = await queries.connection_state(session, user_id=run.user_id)
    return state is not None and state[0] == ConnectionState.ACTIVE


def _timing(run: Run, schedule: SyncSchedule) -> Timing:
    runtime, now = run.spotify.runtime, run.now
    hours = schedule.interval_hours or run.spotify.settings.sync_interval_hours
    parked = [quota.parked_until for quota in schedule.quotas if quota.parked_until > now]
    return Timing(
        now=now,
        interval=runtime.long(timedelta(hours=hours)),
        failures=schedule.failures,
        is_first=run.is_first,
        parked_until=max(parked, default=None),
    )


async def _reschedule(
    run: Run, session: Session, ending: Ending, values: dict[str, Any], schedule: SyncSchedule
) -> None:
    """Write the schedule: due again, free to claim, and what the outcome says of it."""
    got_through = ending.outcome in outcomes.GOT_THROUGH
    values |= {
        "lease_until": run.now,
        "requested": False,
        "failures": 0 if got_through else schedule.failures + 1,
    }
    if got_through:
        values["last_ok_at"] = run.now
    written = await queries.write_schedule(
        session, user_id=run.user_id, fence=run.fence, values=values
    )
    if not written:
        raise LeaseLost
