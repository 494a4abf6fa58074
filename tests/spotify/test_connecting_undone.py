"""Disconnecting: what came from Spotify goes at once, what others follow stays."""

import asyncio
from datetime import timedelta

from sqlalchemy import select, update

from src.database import Base
from src.runtime import Runtime
from src.spotify.connecting import begin, disconnect
from src.spotify.models import Episode, Play, SavedEpisode, SavedShow, Show, SyncRun, SyncSchedule
from src.spotify.queries.sync import hold
from src.utils.types import UserId
from tests.factories import add_saved_show, add_user
from tests.fixtures import DatabaseUrls
from tests.spotify.sign_ins import connect, schedule_of
from tests.spotify.sync_parts import Stage
from tests.users.clients import row_counts
from tests.utils.stepped_clock import SteppedClock


async def add_listening(runtime: Runtime, user_id: UserId, show_id: str) -> None:
    """Store a followed show with an episode, heard and saved, and a run under way."""
    now = runtime.clock.now()
    episode_id = f"{show_id}-episode"
    await add_saved_show(runtime, user_id, show_id)
    async with runtime.database.transaction(user_id) as session:
        if await session.get(Episode, episode_id) is None:
            session.add(
                Episode(
                    id=episode_id,
                    show_id=show_id,
                    name="e",
                    release_date="2026",
                    first_seen_at=now,
                    fetched_at=now,
                )
            )
            await session.flush()
        session.add(SavedEpisode(user_id=user_id, episode_id=episode_id, added_at=now))
        session.add(
            Play(
                user_id=user_id,
                episode_id=episode_id,
                show_id=show_id,
                fully_played=False,
                position_ms=1,
                seen_at=now,
                changed_at=now,
            )
        )


async def test_disconnecting_leaves_nothing_behind(
    stage: Stage, ada: UserId, database_urls: DatabaseUrls, clock: SteppedClock
) -> None:
    """Only what is not Spotify's stays: the user, costs, audit, and the schedule, stopped."""
    await connect(stage.spotify, stage.simulator, user_id=ada)
    await add_listening(stage.runtime, ada, "show")
    await begin(stage.spotify, user_id=ada, session_id=None)
    async with stage.runtime.database.transaction(ada) as session:
        run = SyncRun(
            id=stage.runtime.entropy.uuid(),
            user_id=ada,
            trigger="first",
            state="running",
            created_at=clock.now(),
            max_calls=50,
        )
        session.add(run)
        await session.execute(
            update(SyncSchedule).values(lease_until=clock.now() + timedelta(minutes=1), fence=3)
        )

    existed = await disconnect(stage.spotify, user_id=ada)

    counts = row_counts(database_urls)
    kept = {"users", "user_session", "cost_entry", "audit_event", "sync_schedule"}
    shared = {"quota_bucket", "quota_slot", "installation", "alembic_version"}
    schedule = await schedule_of(stage.runtime, ada)
    assert existed
    assert kept == {table for table, rows in counts.items() if rows} - shared
    assert set(counts) == set(Base.metadata.tables)
    assert (False, 4) == (schedule.active, schedule.fence)
    assert 2 == counts["cost_entry"]


async def test_disconnecting_keeps_what_others_follow(
    stage: Stage, ada: UserId, database_urls: DatabaseUrls
) -> None:
    """A show that somebody else saved stays with its episodes; the other user's rows do too."""
    eve = await add_user(stage.runtime, "eve")
    await connect(stage.spotify, stage.simulator, user_id=ada, listener=0)
    await connect(stage.spotify, stage.simulator, user_id=eve, listener=1)
    for user, show in ((ada, "both"), (eve, "both"), (ada, "own")):
        await add_listening(stage.runtime, user, show)

    await disconnect(stage.spotify, user_id=ada)

    counts = row_counts(database_urls)
    async with stage.runtime.database.shared() as session:
        shows = (await session.scalars(select(Show.id))).all()
        episodes = (await session.scalars(select(Episode.id))).all()
    assert (["both"], ["both-episode"]) == (shows, episodes)
    assert [1, 1, 1, 1] == [
        counts[table] for table in ("spotify_connection", "saved_show", "saved_episode", "play")
    ]


async def test_disconnecting_twice_changes_nothing_more(stage: Stage, ada: UserId) -> None:
    """It is safe to repeat, and allows connecting again at once."""
    await connect(stage.spotify, stage.simulator, user_id=ada)

    found = [await disconnect(stage.spotify, user_id=ada) for _ in range(2)]
    again = await connect(stage.spotify, stage.simulator, user_id=ada, listener=1)

    assert [True, False] == found
    assert "active" == again.state
    assert (await schedule_of(stage.runtime, ada)).active


async def test_a_show_that_somebody_follows_at_that_moment_stays(stage: Stage, ada: UserId) -> None:
    """Disconnecting beside a sync that has just linked the same show breaks neither."""
    runtime = stage.runtime
    eve = await add_user(runtime, "eve")
    await connect(stage.spotify, stage.simulator, user_id=ada)
    await add_listening(runtime, ada, "show")

    async with runtime.database.transaction(eve) as session:
        session.add(SavedShow(user_id=eve, show_id="show", added_at=runtime.clock.now()))
        await session.flush()
        leaving = asyncio.ensure_future(disconnect(stage.spotify, user_id=ada))
        await asyncio.wait({leaving}, timeout=0.3)
    existed = await leaving

    async with runtime.database.transaction(eve, write=False) as session:
        own = select(SavedShow.show_id).where(SavedShow.user_id == eve)
        linked = (await session.scalars(own)).all()
        shows = (await session.scalars(select(Show.id))).all()
    assert existed
    assert (["show"], ["show"]) == (linked, shows)


async def test_a_page_that_a_run_is_just_storing_goes_too(
    stage: Stage, ada: UserId, database_urls: DatabaseUrls
) -> None:
    """Disconnecting waits for the transaction under way, and deletes what it brought."""
    runtime = stage.runtime
    await connect(stage.spotify, stage.simulator, user_id=ada)
    await add_saved_show(runtime, await add_user(runtime, "eve"), "show")
    fence = (await schedule_of(runtime, ada)).fence

    async with runtime.database.transaction(ada) as session:
        assert await hold(session, user_id=ada, fence=fence, lease_until=runtime.clock.now())
        session.add(SavedShow(user_id=ada, show_id="show", added_at=runtime.clock.now()))
        await session.flush()
        leaving = asyncio.ensure_future(disconnect(stage.spotify, user_id=ada))
        await asyncio.wait({leaving}, timeout=0.3)
    await leaving

    assert 1 == row_counts(database_urls)["saved_show"]
