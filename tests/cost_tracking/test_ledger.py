"""The ledger: one row an attempt, and sums that add up."""

from datetime import timedelta
from typing import Any

import pytest

from src.cost_tracking import ledger
from src.cost_tracking.ledger import Attempt
from src.cost_tracking.prices import Service
from src.cost_tracking.schemas import CostSummary
from src.errors import NoUser
from src.runtime import Runtime
from src.utils.types import UserId
from tests.factories import add_user
from tests.utils.stepped_clock import SteppedClock

DAY = timedelta(days=1)


def attempt(runtime: Runtime, user_id: UserId, **changes: Any) -> Attempt:
    """Return a good call to the Web API made now, or what `changes` make of it."""
    facts: dict[str, Any] = {
        "id": runtime.entropy.uuid(),
        "user_id": user_id,
        "service": Service.SPOTIFY_API,
        "operation": "show",
        "outcome": "ok",
        "at": runtime.clock.now(),
        "status": 200,
    }
    return Attempt(**{**facts, **changes})


async def spend(runtime: Runtime, user_id: UserId, times: int = 1, **changes: Any) -> None:
    """Record some attempts."""
    for _ in range(times):
        await ledger.record(runtime.database, attempt(runtime, user_id, **changes))


async def summary_of(runtime: Runtime, user_id: UserId, days: int = 3) -> CostSummary:
    """Return the user's spending of the last days."""
    now = runtime.clock.now()
    async with runtime.database.transaction(user_id, write=False) as session:
        return await ledger.summary(
            session, user_id, since=now.date() - (days - 1) * DAY, until=now.date(), now=now
        )


async def test_recording_twice_changes_nothing(runtime: Runtime) -> None:
    """An attempt has an identity; a repeated settlement is no second charge."""
    user_id = await add_user(runtime, "ada")
    made = attempt(runtime, user_id)

    amounts = [await ledger.record(runtime.database, made) for _ in range(3)]
    summary = await summary_of(runtime, user_id)

    assert [100, 100, 100] == amounts
    assert (1, 100) == (summary.total.calls, summary.total.amount_micro)


async def test_sums_add_up(runtime: Runtime, clock: SteppedClock) -> None:
    """Money adds up over days and operations; calls are those sent to the Web API alone."""
    user_id = await add_user(runtime, "ada")
    await spend(runtime, user_id, 2)
    await clock.step(2 * 86_400)
    await spend(runtime, user_id, 3, operation="saved_shows")
    await spend(runtime, user_id, outcome="spotify_bad_gateway", status=503)
    await spend(runtime, user_id, outcome="not_sent", status=None)
    await spend(runtime, user_id, service=Service.SPOTIFY_ACCOUNTS, operation="token_refresh")

    found = await summary_of(runtime, user_id)

    assert (6, 1, 600) == (found.total.calls, found.total.failed, found.total.amount_micro)
    assert [2, 0, 4] == [day.calls for day in found.by_day]
    assert [200, 0, 400] == [day.amount_micro for day in found.by_day]
    assert (4, 1, 400) == (found.today.calls, found.today.failed, found.today.amount_micro)
    assert [("saved_shows", 3), ("show", 3), ("token_refresh", 1)] == [
        (one.operation, one.calls) for one in found.by_operation
    ]
    assert 600 == sum(one.amount_micro for one in found.by_operation)
    assert ["show"] == [one.operation for one in found.by_day[0].by_operation]


async def test_a_period_leaves_out_what_lies_before_it(
    runtime: Runtime, clock: SteppedClock
) -> None:
    """The last day of the period is included, the one before the first is not."""
    user_id = await add_user(runtime, "ada")
    await spend(runtime, user_id, 5)
    await clock.step(3 * 86_400)
    await spend(runtime, user_id)

    found = await summary_of(runtime, user_id, days=3)

    assert 1 == found.total.calls
    assert 3 == len(found.by_day)


async def test_a_day_turns_at_midnight_utc(runtime: Runtime, clock: SteppedClock) -> None:
    """The accounting day is that of the instant at which the attempt was handed to the wire."""
    user_id = await add_user(runtime, "ada")
    await clock.step(12 * 3_600 - 1)
    await spend(runtime, user_id)
    await clock.step(1)
    await spend(runtime, user_id)

    found = await summary_of(runtime, user_id, days=2)

    assert [1, 1] == [day.calls for day in found.by_day]
    assert 1 == found.today.calls


async def test_the_first_sync_is_told_apart(runtime: Runtime, clock: SteppedClock) -> None:
    """It is the run of the oldest entry that belongs to one, whenever it was."""
    user_id = await add_user(runtime, "ada")
    first, second = runtime.entropy.uuid(), runtime.entropy.uuid()
    await spend(runtime, user_id, operation="profile")
    before = await summary_of(runtime, user_id)
    await clock.step(10)
    await spend(runtime, user_id, 3, run_id=first)
    await clock.step(400 * 86_400)
    await spend(runtime, user_id, 2, run_id=second)

    after = await summary_of(runtime, user_id)

    assert before.first_sync is None
    assert after.first_sync is not None
    assert (3, 300) == (after.first_sync.calls, after.first_sync.amount_micro)


async def test_what_never_left_is_no_call(runtime: Runtime) -> None:
    """It is on record, but in no sum; the first sync is the first run that called Spotify."""
    user_id = await add_user(runtime, "ada")
    offline, first = runtime.entropy.uuid(), runtime.entropy.uuid()
    await spend(runtime, user_id, 4, run_id=offline, outcome="not_sent", status=None)
    before = await summary_of(runtime, user_id)
    await spend(runtime, user_id, run_id=first, outcome="not_sent", status=None)
    await spend(runtime, user_id, 2, run_id=first)

    after = await summary_of(runtime, user_id)

    assert (0, 0, None) == (before.total.calls, before.total.failed, before.first_sync)
    assert [] == before.by_operation
    assert after.first_sync is not None
    assert (2, 0, 200) == (
        after.first_sync.calls,
        after.first_sync.failed,
        after.first_sync.amount_micro,
    )


async def test_spending_is_ones_own(runtime: Runtime) -> None:
    """Nobody sees what another user spent, and nobody can charge another."""
    ada, bob = await add_user(runtime, "ada"), await add_user(runtime, "bob")
    await spend(runtime, ada, 4)

    found = await summary_of(runtime, bob)

    assert 0 == found.total.calls
    with pytest.raises(NoUser):
        await spend(runtime, UserId(0))


async def test_calls_are_counted_from_an_instant_on(runtime: Runtime, clock: SteppedClock) -> None:
    """Failed ones count; what never left and the accounts service's do not."""
    user_id = await add_user(runtime, "ada")
    await spend(runtime, user_id, 2)
    await clock.step(60)
    since = clock.now()
    await spend(runtime, user_id)
    await spend(runtime, user_id, outcome="spotify_timed_out", status=None)
    await spend(runtime, user_id, outcome="not_sent", status=None)
    await spend(runtime, user_id, service=Service.SPOTIFY_ACCOUNTS)

    async with runtime.database.transaction(user_id, write=False) as session:
        count = await ledger.calls_since(session, user_id, since)

    assert 2 == count


async def test_recent_attempts_of_everybody_are_known(
    runtime: Runtime, clock: SteppedClock
) -> None:
    """What the limiter is primed with: sent to the Web API, by anybody, newest first."""
    ada, bob = await add_user(runtime, "ada"), await add_user(runtime, "bob")
    await spend(runtime, ada)
    await clock.step(100)
    await spend(runtime, ada)
    await spend(runtime, ada, outcome="not_sent", status=None)
    await spend(runtime, ada, service=Service.SPOTIFY_ACCOUNTS)
    await clock.step(5)
    await spend(runtime, bob)
    since = clock.now() - timedelta(seconds=61)

    found = await ledger.sent_since(runtime.database, Service.SPOTIFY_API, since=since, limit=180)
    newest = await ledger.sent_since(runtime.database, Service.SPOTIFY_API, since=since, limit=1)
    counted = await ledger.count_since(runtime.database, Service.SPOTIFY_API, since=since)

    assert [clock.now(), clock.now() - timedelta(seconds=5)] == list(found)
    assert [clock.now()] == list(newest)
    assert 3 == counted
