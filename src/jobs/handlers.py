"""What each kind of job does."""

from datetime import timedelta

import structlog

from src.history import importing
from src.jobs import queries
from src.spotify import notices
from src.spotify.errors import LeaseLost
from src.spotify.queries.sync import Claim
from src.spotify.scheduling import begin_run
from src.spotify.service import Spotify
from src.spotify.sync import run_sync

log = structlog.get_logger()

_KEPT_S = 2 * 86_400
"""Seconds that counters outlive the widest window they are counted in (a day)."""


async def sync_user(spotify: Spotify, claim: Claim) -> None:
    """Run the sync that a claim gives the right to.

    A claim that went to somebody else ends it silently. What the run itself cannot name
    is logged; its lease lapses, and the run is claimed again and continued.
    """
    with structlog.contextvars.bound_contextvars(user_id=claim.user_id, job="sync"):
        try:
            run_id = await begin_run(spotify, user_id=claim.user_id, fence=claim.fence)
            await run_sync(spotify, user_id=claim.user_id, fence=claim.fence, run_id=run_id)
        except LeaseLost:
            log.info("run_taken_over", fence=claim.fence)
        except Exception:
            log.exception("run_broke_off", fence=claim.fence)


async def maintain(spotify: Spotify) -> None:
    """Do the day's housekeeping; safe to repeat, and in several processes at once."""
    runtime = spotify.runtime
    now = runtime.clock.now()
    await notices.maintain(spotify)
    async with runtime.database.scheduling() as session:
        await queries.forget_counters_all_users(
            session,
            slots_before=int(now.timestamp()) - _KEPT_S,
            throttles_before=now - timedelta(seconds=_KEPT_S),
        )
        user_ids = await queries.users_to_sweep_all_users(session, now=now)
    gone = 0
    for user_id in user_ids:
        async with runtime.database.transaction(user_id) as session:
            gone += await queries.forget_expired(session, user_id=user_id, now=now)
    uploads = await importing.sweep(runtime)
    log.info("maintained", expired_rows=gone, uploads=uploads)
