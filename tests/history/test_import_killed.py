"""Imports that are killed at any step and gone on with lose nothing and double nothing."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from src.database import Session
from src.history import importer, importing, settling, undoing
from src.history.errors import WorkTakenOver
from src.history.importer import import_files
from src.history.models import RunState
from src.history.undoing import undo
from src.history.work import Work
from src.runtime import Runtime
from tests.history.imports import Listener, Row, acc_row, ext_row, write_zip

STEPS = 40
"""More than an import of these files takes."""


class Killed(Exception):
    """The process ended here."""


@dataclass
class Fuse:
    """Ends the work at one of its transactions: before its commit, or right after."""

    left: int
    is_committed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MortalWork(Work):
    """Work of a process that is killed at some step."""

    fuse: Fuse

    @asynccontextmanager
    async def step(
        self, values: Mapping[str, Any] | None = None, *, derives: bool = False
    ) -> AsyncIterator[Session]:
        """Open a step; the fuse says whether it is the last."""
        self.fuse.left -= 1
        async with Work.step(self, values, derives=derives) as session:
            yield session
            if self.fuse.left == 0 and not self.fuse.is_committed:
                raise Killed
        if self.fuse.left == 0:
            raise Killed


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commit often, so that there are many places to be killed at."""
    monkeypatch.setattr(importer, "PLAYS_AT_ONCE", 3)
    monkeypatch.setattr(settling, "EPISODES_AT_ONCE", 2)
    monkeypatch.setattr(undoing, "AT_ONCE", 4)


def files(folder: Path, random: Random) -> list[Path]:
    """Draw an archive of several members in both formats, and one more file."""

    def row(number: int) -> Row:
        uri = f"spotify:episode:{random.randrange(4):022d}"
        hour, minute = divmod(number * 17, 60)
        if random.randrange(3):
            name = f"E{uri[-1]}"
            return ext_row(
                f"{hour:02d}:{minute:02d}:10", random.choice([0, 61_000]), uri=uri, name=name
            )
        return acc_row(f"{hour:02d}:{minute:02d}", 61_000, name=f"E{uri[-1]}")

    rows = [row(number) for number in range(24)]
    members = {
        "ext_0.json": [one for one in rows[:9] if "ts" in one],
        "ext_1.json": [one for one in rows[6:] if "ts" in one],
        "acc.json": [one for one in rows if "endTime" in one] * 2,
    }
    one = write_zip(folder / "export.zip", members)
    other = write_zip(folder / "other.zip", {"again.json": members["ext_0.json"]})
    return [one, other]


async def ends(work: Work, random: Random, *, undoes: bool = False) -> int:
    """Let work end, however often it is killed on the way; return how often it was."""
    killed = 0
    while True:
        fuse = Fuse(random.randrange(1, 8), bool(random.randrange(2)))
        mortal = MortalWork(
            runtime=work.runtime,
            user_id=work.user_id,
            run_id=work.run_id,
            fence=work.fence,
            fuse=fuse,
        )
        try:
            await (undo if undoes else import_files)(mortal)
        except Killed:
            killed += 1
            assert killed < 20 * STEPS
            if (await _state(work)) in {RunState.DONE, RunState.UNDONE}:
                return killed
            continue
        return killed


async def _state(work: Work) -> str:
    return (await Listener(work.runtime, work.user_id, Path()).run(work.run_id)).state


async def compared(runtime: Runtime, folder: Path, random: Random) -> None:
    """Import the same files undisturbed and killed, undo, and find no difference."""
    paths = files(folder, random)
    calm = await Listener.made(runtime, folder, "calm")
    hurt = await Listener.made(runtime, folder, "hurt")
    calm_run = await calm.imported(*paths)
    work = await hurt.begun(*paths)
    killed = await ends(work, random)

    assert killed > 0
    assert await calm.tally(calm_run) == await hurt.tally(work.run_id)
    assert await calm.told() == await hurt.told()
    tables = ("observation", "observation_support", "event_source", "history_name", "touched")
    assert await calm.count(*tables) == await hurt.count(*tables)
    assert [row[1:] for row in await calm.rows("coverage")] == [
        row[1:] for row in await hurt.rows("coverage")
    ]

    async with runtime.database.transaction(hurt.user_id) as session:
        await importing.request_undo(session, user_id=hurt.user_id, run_id=work.run_id)
    await ends(work, random, undoes=True)

    assert [0] * 8 == await hurt.count(
        *tables, "listening_event", "history_episode", "history_show"
    )


async def test_an_import_killed_at_any_step_is_gone_on_with(
    runtime: Runtime, tmp_path: Path, fault_seed: int
) -> None:
    """Killed again and again, before and after commits, it ends as if it had not been."""
    await compared(runtime, tmp_path, Random(fault_seed))


@pytest.mark.endurance
@pytest.mark.parametrize("round_", range(50))
async def test_fifty_imports_killed_at_any_step(
    runtime: Runtime, tmp_path: Path, fault_seed: int, round_: int
) -> None:
    """The same, fifty times over."""
    await compared(runtime, tmp_path, Random(fault_seed * 1_000 + round_))


async def test_work_that_was_taken_over_writes_nothing(runtime: Runtime, tmp_path: Path) -> None:
    """A worker whose fence is old stops at its next step."""
    ada = await Listener.made(runtime, tmp_path)
    work = await ada.begun(ada.file([ext_row("10:00", 60_000)]))
    await runtime.clock.step(61)  # type: ignore[attr-defined]
    (claim,) = await importing.claim_due(runtime, limit=1)

    with pytest.raises(WorkTakenOver):
        await import_files(work)
    assert [0] == await ada.count("observation")

    await importing.handle(runtime, claim)

    assert [1] == await ada.count("listening_event")
