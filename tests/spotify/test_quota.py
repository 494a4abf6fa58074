"""The allowance all users of a developer account share."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from src.runtime import Runtime
from src.spotify.errors import QuotaExhausted
from src.spotify.models import QuotaBucket, QuotaSlot
from src.spotify.quota import OTHER, SHOW_PAGES, Quota
from tests.utils.stepped_clock import SteppedClock

DAY_S = 86_400


def quota_of(runtime: Runtime, ceiling: int = 500, *, account: str = "app") -> Quota:
    """Return the quota as one process sees it."""
    return Quota(runtime, account=account, show_pages_per_day=ceiling)


async def take(quota: Quota, times: int, bucket: str = SHOW_PAGES) -> int:
    """Take as often as asked, and return how often it was granted."""
    granted = 0
    for _ in range(times):
        try:
            await quota.take(bucket)
        except QuotaExhausted:
            continue
        granted += 1
    return granted


@pytest.mark.slow
async def test_tasks_together_take_exactly_the_ceiling(runtime: Runtime) -> None:
    """600 takes by several tasks of several processes grant what is allowed, not one more."""
    quotas = [quota_of(runtime, 100) for _ in range(4)]

    granted = await asyncio.gather(*(take(quota, 150) for quota in quotas))
    state = await quotas[0].state()

    assert 100 == sum(granted)
    assert (100, 100, None, 0) == (state.used, state.ceiling, state.parked_until, state.left)


async def test_the_window_rolls(runtime: Runtime, clock: SteppedClock) -> None:
    """Calls count for 24 hours; there is no midnight at which all is forgotten."""
    quota = quota_of(runtime, 10)
    first = await take(quota, 6)
    await clock.step(DAY_S / 2)
    second = await take(quota, 6)
    await clock.step(DAY_S / 2 + 600)
    third = await take(quota, 10)

    assert (6, 4, 6) == (first, second, third)


async def test_a_full_window_says_when_it_frees(runtime: Runtime, clock: SteppedClock) -> None:
    """Whoever comes back after the time that was told is let through."""
    quota = quota_of(runtime, 1)
    await quota.take(SHOW_PAGES)

    with pytest.raises(QuotaExhausted) as caught:
        await quota.take(SHOW_PAGES)
    wait_s = caught.value.retry_after_s or 0
    await clock.step(wait_s - 1)
    early = await take(quota, 1)
    await clock.step(1)
    late = await take(quota, 1)

    assert DAY_S <= wait_s <= DAY_S + 300
    assert (0, 1) == (early, late)


async def test_other_calls_have_no_ceiling(runtime: Runtime) -> None:
    """Listings and single episodes are counted, not stopped."""
    quota = quota_of(runtime, 1)

    granted = await take(quota, 20, OTHER)
    state = await quota.state(OTHER)

    assert 20 == granted
    assert (20, None, None) == (state.used, state.ceiling, state.left)


async def test_accounts_are_apart(runtime: Runtime) -> None:
    """Another app of another developer has an allowance of its own."""
    full = quota_of(runtime, 1)
    await take(full, 1)
    await full.park(SHOW_PAGES, retry_after_s=600)

    granted = await take(quota_of(runtime, 1, account="theirs"), 2)

    assert 1 == granted


async def test_parking_stops_every_bucket_of_every_process(
    runtime: Runtime, clock: SteppedClock
) -> None:
    """One refusal is enough; what was open before the park and what starts later both rest."""
    hit, bystander = quota_of(runtime), quota_of(runtime)
    await take(hit, 1)
    await hit.park(SHOW_PAGES, retry_after_s=50_400)

    granted = [
        await take(quota, 1, bucket) for quota in (hit, bystander) for bucket in (OTHER, SHOW_PAGES)
    ]
    state = await quota_of(runtime).state()

    assert [0, 0, 0, 0] == granted
    assert state.parked_until is not None
    assert 50_430 <= (state.parked_until - clock.now()).total_seconds() <= 50_700
    assert 0 == state.left


async def test_parking_survives_a_restart(runtime: Runtime, clock: SteppedClock) -> None:
    """A new process on the same database knows, and goes on when the time has come."""
    await quota_of(runtime).park(SHOW_PAGES, retry_after_s=3_600)
    again = Runtime.open(runtime.settings, clock=clock, entropy=runtime.entropy)

    before = await take(quota_of(again), 1)
    await clock.step(3_600 + 300)
    after = await take(quota_of(again), 1)
    await again.close()

    assert (0, 1) == (before, after)


async def test_a_shorter_park_does_not_end_a_longer_one(
    runtime: Runtime, clock: SteppedClock
) -> None:
    """Of two refusals the longer holds, in whatever order they were written."""
    first, second = quota_of(runtime), quota_of(runtime)
    await first.park(SHOW_PAGES, retry_after_s=7_200)
    await second.park(SHOW_PAGES, retry_after_s=60)
    await clock.step(3_600)

    granted = await take(quota_of(runtime), 1)

    assert 0 == granted


async def test_the_ceiling_is_learnt_and_rises_again(runtime: Runtime, clock: SteppedClock) -> None:
    """Twenty below what was used when Spotify said no; 5 % more for each quiet day."""
    quota = quota_of(runtime, 120)
    await take(quota, 100)
    await quota.park(SHOW_PAGES, retry_after_s=0)
    await quota.park(SHOW_PAGES, retry_after_s=0)
    learnt = (await quota.state()).ceiling
    await clock.step(300 + DAY_S)
    one_day = (await quota.state()).ceiling
    await clock.step(30 * DAY_S)
    later = (await quota.state()).ceiling

    assert (80, 84, 120) == (learnt, one_day, later)


async def test_the_ceiling_never_falls_below_fifty(runtime: Runtime) -> None:
    """A refusal after few calls, as another app of the account causes it, is no reason to stop."""
    quota = quota_of(runtime)
    await take(quota, 30)
    await quota.park(SHOW_PAGES, retry_after_s=60)

    state = await quota.state()

    assert 50 == state.ceiling


async def test_a_changed_setting_counts_at_once(runtime: Runtime) -> None:
    """The ceiling that is stored is what was learnt, not what was set."""
    await take(quota_of(runtime, 5), 5)

    raised = await take(quota_of(runtime, 8), 5)
    lowered = await take(quota_of(runtime, 3), 5)

    assert (3, 0) == (raised, lowered)


async def test_old_slots_are_forgotten(runtime: Runtime, clock: SteppedClock) -> None:
    """A bucket keeps a day of slots and no more."""
    quota = quota_of(runtime)
    for _ in range(30):
        await quota.take(SHOW_PAGES)
        await clock.step(7_200)

    async with runtime.database.shared() as session:
        slots = await session.scalar(select(func.count()).select_from(QuotaSlot))

    assert 13 == slots


async def test_long_periods_can_be_shortened(runtime: Runtime, clock: SteppedClock) -> None:
    """Under LONG_PERIOD_DIVISOR a day of the window passes in minutes."""
    settings = runtime.settings.model_copy(update={"long_period_divisor": 1_440})
    short = Runtime(settings, clock, runtime.entropy, runtime.database, runtime.vault)
    quota = quota_of(short, 3)
    first = await take(quota, 4)
    await clock.step(61)
    second = await take(quota, 4)

    assert (3, 3) == (first, second)


async def test_a_park_is_read_by_the_schedule(runtime: Runtime, clock: SteppedClock) -> None:
    """The row says until when, and why, to whoever claims users."""
    await quota_of(runtime).park(OTHER, retry_after_s=600)

    async with runtime.database.shared() as session:
        rows = (await session.scalars(select(QuotaBucket))).all()

    assert {OTHER, SHOW_PAGES} == {row.bucket for row in rows}
    assert all(row.parked_until > clock.now() + timedelta(seconds=600) for row in rows)
    assert {"quota_exceeded"} == {row.reason for row in rows}
