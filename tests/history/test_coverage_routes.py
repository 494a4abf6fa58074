"""What is known of which time, as the API tells it."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from src.history.models import CoverageSpan
from src.history.queries import events, spans
from src.history.settling import swept
from src.runtime import Runtime
from src.spotify.models import SpotifyConnection, SyncRun
from tests.history.record import DAY_S, Heard, Person, utc_s
from tests.utils.stepped_clock import SteppedClock

COVERAGE = "/api/history/coverage"
PERIOD = {"from": "2024-01-01", "to": "2024-03-10"}


async def told(
    ada: Person, *found: tuple[str, str, str], kind: str = "import", **more: Any
) -> UUID:
    """Let a run tell of times: from, to and class."""
    run_id = await ada.heard([], kind=kind)
    async with ada.runtime.database.transaction(ada.user_id) as session:
        for from_, to, known in found:
            session.add(
                CoverageSpan(
                    user_id=ada.user_id,
                    run_id=run_id,
                    from_s=utc_s(from_),
                    to_s=utc_s(to),
                    class_=known,
                    **more,
                )
            )
    await swept_again(ada)
    return run_id


async def swept_again(ada: Person) -> None:
    """Write the merged result, as a run does when it ends."""
    async with ada.runtime.database.transaction(ada.user_id) as session:
        await events.bump(session, user_id=ada.user_id)
        left = await spans.all_spans(session, user_id=ada.user_id)
        await spans.replace_coverage(session, user_id=ada.user_id, spans=swept(left))


async def connected(ada: Person, since: str, *, state: str = "active") -> None:
    """Connect Spotify, as far as coverage looks at it."""
    now = ada.runtime.clock.now()
    async with ada.runtime.database.transaction(ada.user_id) as session:
        session.add(
            SpotifyConnection(
                user_id=ada.user_id,
                spotify_id="listener",
                account_key="key",
                state=state,
                scope="",
                access_sealed="",
                refresh_sealed="",
                key_version=1,
                expires_at=now,
                lease_until=now,
                connected_at=datetime.fromisoformat(since).replace(tzinfo=UTC),
                consented_at=now,
            )
        )


async def synced(ada: Person, *ended: tuple[str, str]) -> None:
    """Let syncs end at an instant with an outcome."""
    async with ada.runtime.database.transaction(ada.user_id) as session:
        for at, outcome in ended:
            instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
            session.add(
                SyncRun(
                    id=uuid4(),
                    user_id=ada.user_id,
                    trigger="schedule",
                    state="ended",
                    outcome=outcome,
                    created_at=instant,
                    ended_at=instant,
                    max_calls=100,
                )
            )


async def test_classes_sum_to_the_period(runtime: Runtime) -> None:
    """Case 14: an export and two syncs, and what is left when the export is undone."""
    async with Person.signed_in(runtime) as ada:
        export = await told(ada, ("2024-01-01", "2024-03-01", "exact"))
        await told(ada, ("2024-02-20", "2024-02-28", "inferred"), kind="sync", asked=40, known=16)
        await told(ada, ("2024-02-28", "2024-03-05", "inferred"), kind="sync")

        found = await ada.get(COVERAGE, **PERIOD)
        async with runtime.database.transaction(ada.user_id) as session:
            await spans.replace_spans(session, user_id=ada.user_id, run_id=export, spans=[])
        await swept_again(ada)
        undone = await ada.get(COVERAGE, **PERIOD)

        expected = {"exact": 5_184_000, "minute": 0, "inferred": 345_600, "none": 432_000}
        assert expected == found["seconds"]
        left = {"exact": 0, "minute": 0, "inferred": 1_209_600, "none": 4_752_000}
        assert left == undone["seconds"]
        assert 69 * DAY_S == sum(found["seconds"].values())
        assert [("import", None), ("sync", 16), ("sync", None)] == [
            (one["kind"], one["read"]) for one in found["sources"]
        ]


@pytest.mark.parametrize(
    ("day", "seconds"), [("2024-03-31", 82_800), ("2024-10-27", 90_000), ("2024-06-01", DAY_S)]
)
async def test_day_has_the_hours_of_its_clock(runtime: Runtime, day: str, seconds: int) -> None:
    """Case 13 (c): the classes of a day sum to its 23, 24 or 25 hours."""
    async with Person.signed_in(runtime, zone="Europe/Berlin") as ada:
        await told(ada, (f"{day}T05:00", f"{day}T07:00", "minute"))

        found = await ada.get(COVERAGE, **{"from": "2024-01-01", "to": "2025-01-01"})

        [one] = [one for one in found["days"] if one["day"] == day]
        assert seconds == sum(one["seconds"].values())
        assert (7_200, "none") == (one["seconds"]["minute"], one["known"])
        assert 366 == len(found["days"])
        assert sum(found["seconds"].values()) == sum(
            sum(each["seconds"].values()) for each in found["days"]
        )


async def test_gaps_say_why_nothing_is_known(runtime: Runtime) -> None:
    """Before the connection, while it had lapsed, without quota, and since the last sync."""
    async with Person.signed_in(runtime) as ada:
        await connected(ada, "2026-10-01T08:30")
        await told(ada, ("2026-10-02", "2026-10-10", "inferred"), kind="sync")
        await told(ada, ("2026-10-12", "2026-10-20", "inferred"), kind="sync")
        await told(ada, ("2026-10-21", "2026-10-25", "inferred"), kind="sync")
        await told(ada, ("2026-10-26", "2026-11-01", "inferred"), kind="sync")
        await synced(
            ada,
            ("2026-10-11T04:00", "consent_expired"),
            ("2026-10-20T04:00", "quota_parked"),
            ("2026-10-25T04:00", "unreachable"),
            ("2026-10-25T08:00", "complete"),
        )

        found = await ada.get(COVERAGE, **{"from": "2026-09-30"})

        assert [
            ("2026-09-30T00:00:00Z", "2026-10-01T08:30:00Z", "never_connected", True),
            ("2026-10-01T08:30:00Z", "2026-10-02T00:00:00Z", "not_recorded", True),
            ("2026-10-10T00:00:00Z", "2026-10-12T00:00:00Z", "consent_lapsed", True),
            ("2026-10-20T00:00:00Z", "2026-10-21T00:00:00Z", "quota_parked", True),
            ("2026-10-25T00:00:00Z", "2026-10-26T00:00:00Z", "error", True),
            ("2026-11-01T00:00:00Z", "2026-11-01T12:00:00Z", "not_read_yet", False),
        ] == [
            (gap["from_at"], gap["to_at"], gap["cause"], gap["only_export"])
            for gap in found["gaps"]
        ]
        assert found["seconds"]["none"] == sum(gap["seconds"] for gap in found["gaps"])


async def test_export_closes_a_gap(runtime: Runtime) -> None:
    """What only an export could tell is a gap no longer when it arrives."""
    async with Person.signed_in(runtime) as ada:
        await told(ada, ("2024-01-01", "2024-01-05", "minute"))
        await told(ada, ("2024-01-05", "2024-01-08", "none"), kind="sync", cause="consent_lapsed")
        before = await ada.get(COVERAGE, **PERIOD)
        await told(ada, ("2024-01-01", "2024-03-10", "exact"))
        after = await ada.get(COVERAGE, **PERIOD)

        assert ["consent_lapsed", "never_connected"] == [gap["cause"] for gap in before["gaps"]]
        assert all(gap["only_export"] for gap in before["gaps"])
        assert [] == after["gaps"]


async def test_without_a_time_it_is_all_of_the_record(
    runtime: Runtime, clock: SteppedClock
) -> None:
    """From the first event or span up to the present hour; nothing of the future is told."""
    async with Person.signed_in(runtime) as ada:
        nothing = await ada.get(COVERAGE)
        await told(ada, ("2024-05-01T06:00", "2024-05-02", "exact"))
        await ada.heard([Heard("e", "Maps", utc_s("2024-05-03T10:00"), 60_000)])
        clock.jump(1_800)

        found = await ada.get(COVERAGE)
        future = await ada.get(COVERAGE, **{"from": "2030-01-01", "to": "2031-01-01"})

        assert ["never_connected"] == [gap["cause"] for gap in nothing["gaps"]]
        assert ("2024-05-01T06:00:00Z", "2026-11-01T12:00:00Z") == (
            found["from_at"],
            found["to_at"],
        )
        assert ([], 0) == (future["days"], sum(future["seconds"].values()))


async def test_unchanged_coverage_is_not_sent_again(runtime: Runtime, clock: SteppedClock) -> None:
    """304 until an event, a span, the zone, a sync or the hour is another."""
    async with Person.signed_in(runtime) as ada:
        await told(ada, ("2024-01-01", "2024-01-05", "exact"))
        tags = [(await ada.client.get(COVERAGE)).headers["etag"]]
        same = await ada.client.get(COVERAGE, headers={"If-None-Match": tags[0]})
        await told(ada, ("2024-01-07", "2024-01-08", "exact"))
        tags.append((await ada.client.get(COVERAGE)).headers["etag"])
        await ada.move("Asia/Calcutta")
        tags.append((await ada.client.get(COVERAGE)).headers["etag"])
        await synced(ada, ("2026-10-11T04:00", "failed"))
        tags.append((await ada.client.get(COVERAGE)).headers["etag"])
        clock.jump(3_600)
        again = await ada.client.get(COVERAGE, headers={"If-None-Match": tags[-1]})

        assert (304, b"", tags[0]) == (same.status_code, same.content, same.headers["etag"])
        assert 200 == again.status_code
        assert 5 == len({*tags, again.headers["etag"]})
