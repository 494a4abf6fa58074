"""What users are told about their connection, and the daily work that age brings.

Spotify ends a grant six months after consent. A user is told 30, 7 and 1 days
before and when it ends; what stays on the page is worked out when it is shown.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from src.database import Session
from src.runtime import Runtime
from src.spotify.config import CONSENT_LIFETIME
from src.spotify.connecting import forget_unfollowed
from src.spotify.grants import CONSENT_EXPIRED, words_for
from src.spotify.models import ConnectionState, SpotifyConnection
from src.spotify.queries import connection as queries
from src.spotify.queries import consent
from src.spotify.service import Spotify
from src.utils.types import UserId

log = structlog.get_logger()

NOTICE_DAYS = (30, 7, 1, 0)
METADATA_LIFETIME = timedelta(days=90)
"""How long facts from Spotify are kept unrefreshed under a connection that has lapsed."""
_DAY = timedelta(days=1)


class NoticeKind(StrEnum):
    """How urgent a notice is: something to do soon, or something that has stopped."""

    WARN = "warn"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing a user should know, with what it leads to.

    `ends_at` (UTC) and `days_left` tell of the consent; none is left once it ended.
    """

    kind: NoticeKind
    code: str
    text: str
    ends_at: datetime
    days_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """What one round of `maintain` did: users told, parked, relieved of old facts; shows gone."""

    told: int
    parked: int
    relieved: int
    shows_forgotten: int


def consent_ends_at(runtime: Runtime, row: SpotifyConnection) -> datetime:
    """Return when Spotify ends the grant of `row` (UTC)."""
    return row.consented_at + runtime.long(CONSENT_LIFETIME)


def consent_days_left(runtime: Runtime, row: SpotifyConnection) -> int:
    """Return the days of consent that are left, a begun one counting whole; 0 when it is over."""
    left = consent_ends_at(runtime, row) - runtime.clock.now()
    return max(0, -(-left // runtime.long(_DAY)))


async def notices_for(runtime: Runtime, session: Session, user_id: UserId) -> list[Notice]:
    """Return what a user should know of their connection now, most urgent first.

    Args:
        runtime: Clock and periods.
        session: Open transaction of the caller, opened for `user_id`.
        user_id: Whose connection.
    """
    row = await queries.connection_of(session, user_id=user_id)
    if row is None:
        return []
    ends_at, days_left = consent_ends_at(runtime, row), consent_days_left(runtime, row)
    if row.state != ConnectionState.ACTIVE:
        kind, code, text = NoticeKind.STOP, f"spotify_{row.reason}", words_for(row.reason)
    elif days_left == 0:
        kind, code, text = NoticeKind.STOP, f"spotify_{CONSENT_EXPIRED}", words_for(CONSENT_EXPIRED)
    elif days_left <= NOTICE_DAYS[0]:
        kind, code, text = NoticeKind.WARN, "spotify_consent_ends", _ends_words(ends_at, days_left)
    else:
        return []
    return [Notice(kind=kind, code=code, text=text, ends_at=ends_at, days_left=days_left)]


def _ends_words(ends_at: datetime, days_left: int) -> str:
    when = "within a day" if days_left == 1 else f"in {days_left} days"
    return (
        f"Your Spotify consent ends on {ends_at.day} {ends_at:%B}, {when}. Renewing takes one "
        "click and keeps everything."
    )


async def maintain(spotify: Spotify) -> Maintenance:
    """Do what age brings: announce, park, and forget; run it daily, safe at any time.

    Any number of processes may run it at once: each announcement is made by one.
    """
    told = parked = 0
    for days in reversed(NOTICE_DAYS):
        for user_id in await _to_announce(spotify, days):
            if not await _announce(spotify, user_id=user_id, days=days):
                continue
            told += 1
            parked += days == 0
    relieved = await forget_stale_metadata_all_users(spotify)
    return Maintenance(
        told=told,
        parked=parked,
        relieved=relieved,
        shows_forgotten=await forget_unfollowed(spotify),
    )


def _consented_by(runtime: Runtime, days: int) -> datetime:
    """Return the newest consent that has `days` days left or fewer."""
    return runtime.clock.now() - runtime.long(CONSENT_LIFETIME - days * _DAY)


async def _to_announce(spotify: Spotify, days: int) -> list[UserId]:
    consented_by = _consented_by(spotify.runtime, days)
    async with spotify.runtime.database.scheduling() as session:
        return list(
            await consent.consents_to_announce_all_users(
                session, consented_by=consented_by, days_left=days
            )
        )


async def _announce(spotify: Spotify, *, user_id: UserId, days: int) -> bool:
    """Tell one user, once; at the end of consent park the connection as well."""
    runtime = spotify.runtime
    async with runtime.database.transaction(user_id) as session:
        is_first = await consent.mark_announced(
            session, user_id=user_id, consented_by=_consented_by(runtime, days), days_left=days
        )
        row = await queries.connection_of(session, user_id=user_id) if is_first else None
        if row is not None and days == 0:
            await queries.park(
                session,
                user_id=user_id,
                refresh_sealed=row.refresh_sealed,
                reason=CONSENT_EXPIRED,
                now=runtime.clock.now(),
            )
    if row is None:
        return False
    log.info("consent_notice", user_id=user_id, days=days, ends_at=consent_ends_at(runtime, row))
    return True


async def forget_stale_metadata_all_users(spotify: Spotify) -> int:
    """Delete facts that a connection lapsed for 90 days has not refreshed since.

    Nothing may be kept for ever under a grant that has ended. Whatever another
    user's sync keeps fresh stays.

    Returns:
        How many users had such rows.
    """
    runtime = spotify.runtime
    long_ago = runtime.clock.now() - runtime.long(METADATA_LIFETIME)
    async with runtime.database.scheduling() as session:
        lapsed = await consent.lapsed_all_users(session, lapsed_by=long_ago)
    relieved = 0
    for user_id in lapsed:
        async with runtime.database.transaction(user_id) as session:
            rows = await consent.forget_stale(session, user_id=user_id, fetched_by=long_ago)
        if rows:
            relieved += 1
            log.info("stale_metadata_forgotten", user_id=user_id, rows=rows)
    return relieved
