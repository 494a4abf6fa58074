"""The daily allowance of one developer account: counted in SQL, parked when Spotify says so.

Spotify gives all users of an app's owner together so many calls in any 24 hours and
tells nobody how many. Calls are counted in slots of five minutes; where Spotify says
"enough", everything rests as long as it asked, and the ceiling is learnt downwards.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from src.cost_tracking import ledger
from src.cost_tracking.prices import Service
from src.database import Session
from src.runtime import Runtime
from src.spotify.errors import QuotaExhausted
from src.spotify.models import QuotaBucket
from src.spotify.queries import quota as queries

log = structlog.get_logger()

SHOW_PAGES = "show_pages"
"""Calls for a show or a page of its episodes."""

OTHER = "other"
"""Every other call to the Web API; has no ceiling but is parked with the rest."""

BUCKETS = (OTHER, SHOW_PAGES)
"""In the order in which they are locked."""

_SLOT_S = 300
_WINDOW_S = 86_400
_NO_CEILING = 2**31 - 1
_LEAST_CEILING = 50
_SHY_OF_THE_HIT = 20
_DAILY_RISE = 1.05
_FULLY_RISEN_DAYS = 200  # from the least ceiling to the highest setting
_EXTRA_REST_S = (30.0, 300.0)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class QuotaState:
    """Where a bucket stands.

    Attributes:
        used: Calls counted in the last 24 hours, rounded up to whole slots.
        ceiling: Most calls in 24 hours at present; None if there is none.
        parked_until: Instant (UTC) until which nothing may be called; None if it may.
    """

    used: int
    ceiling: int | None
    parked_until: datetime | None

    @property
    def left(self) -> int | None:
        """Calls that may still be made; None if there is no ceiling."""
        if self.parked_until is not None:
            return 0
        return None if self.ceiling is None else max(0, self.ceiling - self.used)


class Quota:
    """Counts the calls of one developer account, for all its users and processes."""

    def __init__(self, runtime: Runtime, *, account: str, show_pages_per_day: int) -> None:
        """Read nothing yet.

        Args:
            runtime: Clock, jitter and database.
            account: Key of the developer account.
            show_pages_per_day: Highest ceiling of the bucket `show_pages`.
        """
        self._runtime = runtime
        self._database = runtime.database
        self._account = account
        self._most = {SHOW_PAGES: show_pages_per_day}
        # Calls that wait in this process stop at once, before the park is even stored.
        self._parked_until = _NEVER

    async def take(self, bucket: str) -> None:
        """Count one call that is about to be made.

        Raises:
            QuotaExhausted: The account is parked or the ceiling reached; nothing was counted.
        """
        self.refuse_while_parked()
        async with self._database.shared(write=True) as session:
            row = await self._locked(session, bucket)
            self._parked_until = max(self._parked_until, row.parked_until)
            self.refuse_while_parked()
            slot = self._slot()
            first, used = await self._used(session, bucket, slot)
            if used >= self._ceiling(row):
                raise QuotaExhausted(retry_after_s=self._until_free_s(first))
            in_slot = await queries.count_all_users(
                session, account=self._account, bucket=bucket, slot=slot
            )
            if in_slot == 1:
                await queries.forget_slots_all_users(
                    session, account=self._account, bucket=bucket, until=_outside(slot)
                )

    async def park(self, bucket: str, *, retry_after_s: float) -> None:
        """Let the whole account rest, since Spotify says that its quota is used up.

        Idempotent in effect: parking again only lengthens the rest.

        Args:
            bucket: Where it was said; its ceiling is lowered below what was used.
            retry_after_s: Seconds Spotify asked for; up to five minutes are added.
        """
        now = self._runtime.clock.now()
        extra_s = self._runtime.entropy.uniform(*_EXTRA_REST_S)
        rest = timedelta(seconds=retry_after_s) + self._runtime.long(timedelta(seconds=extra_s))
        self._parked_until = max(self._parked_until, now + rest)
        async with self._database.shared(write=True) as session:
            for name in BUCKETS:
                row = await self._locked(session, name)
                ceiling = self._ceiling(row)
                if name == bucket and name in self._most:
                    _, used = await self._used(session, name, self._slot())
                    least = min(_LEAST_CEILING, self._most[name])
                    ceiling = max(least, min(ceiling, used - _SHY_OF_THE_HIT))
                await queries.park_bucket_all_users(
                    session,
                    account=self._account,
                    bucket=name,
                    ceiling=ceiling,
                    until=max(row.parked_until, self._parked_until),
                    reason="quota_exceeded",
                )
        log.warning("quota_parked", bucket=bucket, until=self._parked_until.isoformat())

    async def state(self, bucket: str = SHOW_PAGES) -> QuotaState:
        """Return where a bucket stands now; changes nothing."""
        async with self._database.shared() as session:
            row = await queries.bucket_all_users(session, account=self._account, bucket=bucket)
            _, used = await self._used(session, bucket, self._slot())
        if row is not None:
            self._parked_until = max(self._parked_until, row.parked_until)
        ceiling = self._most.get(bucket, _NO_CEILING) if row is None else self._ceiling(row)
        parked = self._parked_until > self._runtime.clock.now()
        return QuotaState(
            used=used,
            ceiling=ceiling if bucket in self._most else None,
            parked_until=self._parked_until if parked else None,
        )

    async def unrecorded(self, since: datetime) -> int:
        """Return how many calls may have been sent since `since` (UTC) without a cost entry.

        A call is counted here before it goes out and recorded there when it ended: what
        is counted only was under way when its process was killed. Whole slots are
        compared, so that some of them may be older than `since`.
        """
        first = self._slot(since)
        begun = datetime.fromtimestamp(first / self._runtime.settings.long_period_divisor, tz=UTC)
        async with self._database.shared() as session:
            found = [
                await queries.used_slots_all_users(
                    session, account=self._account, bucket=bucket, after=first - 1
                )
                for bucket in BUCKETS
            ]
        counted = sum(used for _, used in filter(None, found))
        recorded = await ledger.count_since(self._database, Service.SPOTIFY_API, since=begun)
        return max(0, counted - recorded)

    def refuse_while_parked(self) -> None:
        """Do nothing unless this process knows that the account is parked.

        Raises:
            QuotaExhausted: It is; `retry_after_s` says for how long.
        """
        left_s = (self._parked_until - self._runtime.clock.now()).total_seconds()
        if left_s > 0:
            raise QuotaExhausted(retry_after_s=left_s)

    async def _locked(self, session: Session, bucket: str) -> QuotaBucket:
        return await queries.locked_bucket_all_users(
            session,
            account=self._account,
            bucket=bucket,
            ceiling=self._most.get(bucket, _NO_CEILING),
        )

    async def _used(self, session: Session, bucket: str, slot: int) -> tuple[int, int]:
        """Return the first slot that counts, and the calls of all that do."""
        found = await queries.used_slots_all_users(
            session, account=self._account, bucket=bucket, after=_outside(slot)
        )
        return found or (slot, 0)

    def _ceiling(self, row: QuotaBucket) -> int:
        """Return a bucket's ceiling now: what was learnt, risen 5 % for each quiet day since."""
        if row.bucket not in self._most:
            return _NO_CEILING
        quiet = self._runtime.clock.now() - row.parked_until
        days = min(max(0, quiet // self._runtime.long(_DAY)), _FULLY_RISEN_DAYS)
        return min(self._most[row.bucket], int(row.ceiling * _DAILY_RISE**days))

    def _instant_s(self, at: datetime | None = None) -> float:
        """Return epoch seconds (by default of now), faster where long periods are shortened."""
        divisor = self._runtime.settings.long_period_divisor
        return (at or self._runtime.clock.now()).timestamp() * divisor

    def _slot(self, at: datetime | None = None) -> int:
        return int(self._instant_s(at) // _SLOT_S * _SLOT_S)

    def _until_free_s(self, first_slot: int) -> float:
        """Return the seconds until the calls of `first_slot` count no more."""
        free_s = first_slot + _WINDOW_S + _SLOT_S - self._instant_s()
        return max(1.0, free_s / self._runtime.settings.long_period_divisor)


def _outside(slot: int) -> int:
    """Return the newest slot that lies wholly before the 24 hours that end in `slot`."""
    return slot - _WINDOW_S - _SLOT_S
