"""Consent ages: told at 30, 7 and 1 days and at the end; old facts go 90 days after that."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
import structlog
from sqlalchemy import select, update

from src.config import Settings
from src.runtime import Runtime
from src.spotify.config import SpotifySettings
from src.spotify.models import SavedShow, Show, SpotifyConnection, SyncSchedule
from src.spotify.notices import Notice, maintain, notices_for
from src.spotify.service import Spotify
from src.users.models import AuditEvent
from src.utils.types import UserId
from tests.factories import add_connection, add_saved_show, add_user
from tests.utils.stepped_clock import SteppedClock

DAY_S = 86_400.0


@pytest.fixture
def spotify(runtime: Runtime) -> Spotify:
    """The Spotify parts of a process; nothing here calls Spotify."""
    return Spotify.open(runtime, SpotifySettings(_env_file=None))


@pytest.fixture
async def listener(runtime: Runtime) -> UserId:
    """A user who consented now and follows one show."""
    user_id = await add_user(runtime, "ada")
    await add_connection(runtime, user_id)
    await add_saved_show(runtime, user_id, "show")
    return user_id


async def shown(runtime: Runtime, user_id: UserId) -> list[Notice]:
    """Return the notices of a user."""
    async with runtime.database.transaction(user_id, write=False) as session:
        return await notices_for(runtime, session, user_id)


async def change(runtime: Runtime, user_id: UserId, model: Any, **values: Any) -> None:
    """Overwrite columns of a user's rows."""
    async with runtime.database.transaction(user_id) as session:
        await session.execute(update(model).where(model.user_id == user_id).values(values))


async def test_each_notice_is_given_once(
    spotify: Spotify, listener: UserId, clock: SteppedClock
) -> None:
    """Rounds on both sides of 30, 7 and 1 days and the end announce each of them one time."""
    rounds = (0, 149, 150, 151, 172, 173, 174, 178, 179, 179.5, 180, 181)
    with structlog.testing.capture_logs() as lines:
        for past, day in pairwise((0, *rounds)):
            clock.jump((day - past) * DAY_S)
            await maintain(spotify)

    told = [(line["days"], line["user_id"]) for line in lines if line["event"] == "consent_notice"]
    assert [(30, listener), (7, listener), (1, listener), (0, listener)] == told


async def test_the_end_of_consent_parks_the_connection(
    spotify: Spotify, listener: UserId, clock: SteppedClock
) -> None:
    """The schedule stops, the data stays, the user's record says why."""
    clock.jump(180 * DAY_S)

    done = await maintain(spotify)

    async with spotify.runtime.database.transaction(listener, write=False) as session:
        row = await session.get_one(SpotifyConnection, listener)
        schedule = await session.get_one(SyncSchedule, listener)
        audited = (await session.scalars(select(AuditEvent.detail))).all()
        shows = (await session.scalars(select(SavedShow.show_id))).all()
    assert (1, 1) == (done.told, done.parked)
    assert ("reconnect_needed", "consent_expired") == (row.state, row.reason)
    assert (False, ["consent_expired"], ["show"]) == (schedule.active, audited, shows)


async def test_a_renewed_consent_is_announced_anew(
    spotify: Spotify, listener: UserId, clock: SteppedClock
) -> None:
    """After a renewal nothing is due until its own thirty days are left."""
    clock.jump(160 * DAY_S)
    first = await maintain(spotify)
    await change(
        spotify.runtime,
        listener,
        SpotifyConnection,
        consented_at=clock.now(),
        consent_notice_days=None,
    )
    at_once = await maintain(spotify)
    clock.jump(151 * DAY_S)

    later = await maintain(spotify)

    assert [1, 0, 1] == [first.told, at_once.told, later.told]


@pytest.mark.parametrize(
    ("age_days", "expected"),
    [
        (0, []),
        (149, []),
        (150, [("warn", 30)]),
        (173.5, [("warn", 7)]),
        (179.5, [("warn", 1)]),
        (180, [("stop", 0)]),
        (400, [("stop", 0)]),
    ],
)
async def test_the_page_tells_how_many_days_are_left(
    spotify: Spotify,
    listener: UserId,
    clock: SteppedClock,
    age_days: float,
    expected: list[tuple[str, int]],
) -> None:
    """A begun day counts whole; from thirty days on there is a notice."""
    clock.jump(age_days * DAY_S)

    found = await shown(spotify.runtime, listener)

    assert expected == [(notice.kind, notice.days_left) for notice in found]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("revoked", "removed on its side"),
        ("consent_expired", "consent has ended"),
        ("tokens_unreadable", "cannot be opened"),
    ],
)
async def test_a_parked_connection_says_why(
    spotify: Spotify, listener: UserId, reason: str, words: str
) -> None:
    """Every reason has words of its own, and all ask to connect again."""
    await change(
        spotify.runtime, listener, SpotifyConnection, state="reconnect_needed", reason=reason
    )

    (notice,) = await shown(spotify.runtime, listener)

    assert ("stop", f"spotify_{reason}") == (notice.kind, notice.code)
    assert words in notice.text
    assert "onnect again" in notice.text


async def test_without_a_connection_there_is_nothing_to_tell(runtime: Runtime) -> None:
    """Somebody who never connected is not warned of anything."""
    assert [] == await shown(runtime, await add_user(runtime, "ada"))


async def test_stale_facts_go_ninety_days_after_the_connection_lapsed(
    spotify: Spotify, listener: UserId, clock: SteppedClock
) -> None:
    """What nobody refreshed is deleted; what another user keeps fresh stays, and so do they."""
    runtime = spotify.runtime
    eve = await add_user(runtime, "eve")
    await add_connection(runtime, eve)
    for user in (listener, eve):
        await add_saved_show(runtime, user, "fresh")
    await change(
        runtime,
        listener,
        SpotifyConnection,
        state="reconnect_needed",
        reason="revoked",
        lapsed_at=clock.now(),
    )
    clock.jump(89 * DAY_S)
    early = await maintain(spotify)
    clock.jump(DAY_S)
    async with runtime.database.shared(write=True) as session:
        await session.execute(update(Show).where(Show.id == "fresh").values(fetched_at=clock.now()))

    late = await maintain(spotify)

    async with runtime.database.transaction(listener, write=False) as session:
        own = select(SavedShow.show_id).where(SavedShow.user_id == listener)
        kept = (await session.scalars(own)).all()
        catalogue = (await session.scalars(select(Show.id))).all()
    assert [(0, 0), (1, 1)] == [(done.relieved, done.shows_forgotten) for done in (early, late)]
    assert (["fresh"], ["fresh"]) == (kept, catalogue)


async def test_a_live_connection_forgets_nothing(
    spotify: Spotify, listener: UserId, clock: SteppedClock
) -> None:
    """Facts under a grant that holds are refreshed by syncs, not deleted."""
    clock.jump(100 * DAY_S)

    done = await maintain(spotify)

    assert (0, 0) == (done.relieved, done.shows_forgotten)


async def test_long_periods_can_be_shortened(
    runtime: Runtime, listener: UserId, clock: SteppedClock
) -> None:
    """Tests with real processes live through six months in minutes."""
    fast = Runtime(
        settings=Settings(**(runtime.settings.model_dump() | {"long_period_divisor": 86_400})),
        clock=clock,
        entropy=runtime.entropy,
        database=runtime.database,
        vault=runtime.vault,
    )
    clock.jump(timedelta(seconds=150).total_seconds())

    found = await shown(fast, listener)

    assert [30] == [notice.days_left for notice in found]
