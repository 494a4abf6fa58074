"""Each property notices when the product breaks it: bugs are planted in the product itself."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from src.cost_tracking import ledger
from src.jobs import handlers
from src.spotify import grants, outcomes, pace, scheduling, show_pages, storing, tokens
from src.spotify.calls import CallBudget
from src.spotify.library_models import SavedEpisode, SavedShow
from src.spotify.models import SpotifyConnection, SyncRun
from src.spotify.queries import connection, forgetting, quota, store, sync
from tests.sim.plan import Fault, Kind, Plan
from tests.sim.properties.registry import ALL
from tests.sim.running import run

Plant = Callable[[pytest.MonkeyPatch], None]
SHORT = Plan(seed=1, days=0.05, users=1, shows=4)


def _lose_cost_rows(patch: pytest.MonkeyPatch) -> None:
    real = ledger.record

    async def record(database: Any, attempt: Any) -> Any:
        if attempt.operation == "saved_shows":
            return None
        return await real(database, attempt)

    patch.setattr(ledger, "record", record)


def _hurry(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pace, "windows", lambda _calls: [(10_000, 61.0)])


def _refresh_always(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(tokens, "REFRESH_BEFORE_S", 3600.0)


def _turn_fences_back(patch: pytest.MonkeyPatch) -> None:
    real = connection.store_grant

    async def store_grant(session: Any, *, user_id: Any, **rest: Any) -> Any:
        kept = await real(session, user_id=user_id, **rest)
        await session.execute(
            update(SpotifyConnection).where(SpotifyConnection.user_id == user_id).values(fence=0)
        )
        return kept

    patch.setattr(connection, "store_grant", store_grant)


def _run_twice(patch: pytest.MonkeyPatch) -> None:
    real = handlers.sync_user

    async def twice(*claim: Any) -> None:
        await asyncio.gather(real(*claim), real(*claim))

    patch.setattr(handlers, "sync_user", twice)


def _forget_the_budget(patch: pytest.MonkeyPatch) -> None:
    def hold(_self: CallBudget) -> AbstractContextManager[None]:
        return nullcontext()

    async def allowed(*_: Any) -> int:
        return 3

    patch.setattr(CallBudget, "left", 1000)
    patch.setattr(CallBudget, "hold", hold)
    patch.setattr(scheduling, "_allowed_calls", allowed)


def _fail_oddly(patch: pytest.MonkeyPatch) -> None:
    async def mark_heard(*_: Any, **__: Any) -> None:
        raise KeyError("planted")

    patch.setattr(store, "mark_heard", mark_heard)


def _never_again(patch: pytest.MonkeyPatch) -> None:
    def next_sync_at(_ending: Any, timing: Any, **_: Any) -> Any:
        return timing.now + timedelta(days=30)

    patch.setattr(outcomes, "next_sync_at", next_sync_at)


def _lose_a_show(patch: pytest.MonkeyPatch) -> None:
    real = store.link_shows

    async def link_shows(session: Any, *, user_id: Any, added: Any) -> None:
        await real(session, user_id=user_id, added=dict(list(added.items())[1:]))

    patch.setattr(store, "link_shows", link_shows)


def _lose_an_episode(patch: pytest.MonkeyPatch) -> None:
    real = storing.store_episodes

    async def store_episodes(session: Any, pairs: Any, **rest: Any) -> Any:
        return await real(session, pairs[:-1], **rest)

    patch.setattr(show_pages, "store_episodes", store_episodes)


def _misremember(patch: pytest.MonkeyPatch) -> None:
    real = storing._point

    def point(*told: Any, **rest: Any) -> Any:
        found = real(*told, **rest)
        return found and replace(found, position_ms=found.position_ms + 1000)

    patch.setattr(storing, "_point", point)


def _lose_a_saved_episode(patch: pytest.MonkeyPatch) -> None:
    real = store.link_episodes

    async def link_episodes(session: Any, *, user_id: Any, added: Any) -> None:
        await real(session, user_id=user_id, added=dict(list(added.items())[1:]))

    patch.setattr(store, "link_episodes", link_episodes)


def _remove_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(store, "_REMOVED_AFTER", 1)


def _count_twice(patch: pytest.MonkeyPatch) -> None:
    real = quota.count_all_users

    async def count_all_users(session: Any, **slot: Any) -> int:
        await real(session, **slot)
        return await real(session, **slot)

    patch.setattr(quota, "count_all_users", count_all_users)


def _report_calls_of_others(patch: pytest.MonkeyPatch) -> None:
    real = sync.calls_of_run

    async def calls_of_run(session: Any, **of: Any) -> tuple[int, int, int]:
        calls, unsent, cost_micro = await real(session, **of)
        return calls + 3, unsent, cost_micro

    patch.setattr(sync, "calls_of_run", calls_of_run)


def _lose_rotated_tokens(patch: pytest.MonkeyPatch) -> None:
    real = grants.sealed_columns

    def sealed_columns(*told: Any, **rest: Any) -> dict[str, Any]:
        columns = real(*told, **rest)
        columns.pop("refresh_sealed", None)
        return columns

    patch.setattr(tokens, "sealed_columns", sealed_columns)


def _keep_plays(patch: pytest.MonkeyPatch) -> None:
    async def delete_connection(session: Any, *, user_id: Any) -> bool:
        for model in (SavedEpisode, SavedShow, SyncRun, SpotifyConnection):
            await session.execute(delete(model).where(model.user_id == user_id))
        return True

    patch.setattr(forgetting, "delete_connection", delete_connection)


def _refresh_without_lease(patch: pytest.MonkeyPatch) -> None:
    async def take_lease(session: Any, *, user_id: Any, **_: Any) -> Any:
        return await connection.connection_of(session, user_id=user_id)

    patch.setattr(connection, "take_lease", take_lease)


def _renew_no_lease(patch: pytest.MonkeyPatch) -> None:
    real = sync.hold

    async def hold(session: Any, **claim: Any) -> bool:
        schedule = await sync.schedule_of(session, user_id=claim["user_id"])
        assert schedule is not None
        return await real(session, **claim | {"lease_until": schedule.lease_until})

    patch.setattr(sync, "hold", hold)


def _with(plan: Plan, kind: Kind, at_s: float, value: float) -> Plan:
    """Return a plan in which one thing happens to the only listener."""
    return plan.with_faults([Fault(kind=kind, listener=0, at_s=at_s, value=value)])


PLANTED: dict[str, tuple[Plant, Plan]] = {
    "cost_rows": (_lose_cost_rows, SHORT),
    "calls_a_minute": (_hurry, replace(SHORT, users=5, shows=60)),
    "one_refresh_an_expiry": (_refresh_always, SHORT),
    "fences": (_turn_fences_back, SHORT),
    "one_run_at_a_time": (_run_twice, SHORT),
    "budget": (_forget_the_budget, SHORT),
    "no_surprise": (_fail_oddly, SHORT),
    "everybody_synced": (_never_again, replace(SHORT, days=0.1)),
    "library": (_lose_a_show, SHORT),
    "episodes": (_lose_an_episode, SHORT),
    "resume_points": (_misremember, SHORT),
    "saved_episodes": (_lose_a_saved_episode, _with(SHORT, Kind.SAVE_EPISODE, 900.0, 0.5)),
    "removals": (_remove_at_once, _with(SHORT, Kind.UNSAVE, 900.0, 0.5)),
    "quota_count": (_count_twice, SHORT),
    "one_writer": (_run_twice, _with(SHORT, Kind.STALL, 0.0, 2.0)),
    "claims_kept": (_renew_no_lease, replace(SHORT, users=5, shows=12, calls_a_minute=12)),
    "reports": (_report_calls_of_others, SHORT),
    "parked_for_cause": (_lose_rotated_tokens, _with(SHORT, Kind.ROTATION, 900.0, 28_800.0)),
    "disconnected": (_keep_plays, _with(SHORT, Kind.DISCONNECT, 900.0, 600.0)),
}

FURTHER: dict[str, tuple[Plant, Plan]] = {
    "calls_a_minute": (_hurry, replace(SHORT, users=3, calls_a_minute=10)),
    "one_refresh_an_expiry": (_refresh_without_lease, _with(SHORT, Kind.CROWD, 7000.0, 1.0)),
}
"""Other bugs for properties that have one already."""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "bug"), [*PLANTED.items(), *FURTHER.items()])
def test_property_notices_what_breaks_it(
    name: str, bug: tuple[Plant, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug of the kind that the property is for is told under its name."""
    plant, plan = bug
    plant(monkeypatch)

    outcome = run(plan)

    assert outcome.broken is not None
    assert name == outcome.broken.name


def test_every_property_has_a_bug_planted_for_it() -> None:
    """A property that was never seen to fail proves nothing."""
    assert {kind.name for kind in ALL} == set(PLANTED)


@pytest.mark.slow
def test_product_as_it_is_breaks_none() -> None:
    """The same short run holds everything when nothing is planted."""
    assert run(SHORT).broken is None
