"""`kill -9` at random moments of `playhead import`: nothing lost, nothing doubled."""

import contextlib
import random
import sys
from pathlib import Path
from uuid import UUID

import pytest

from src.history import importing
from src.history.queries import runs
from src.runtime import Runtime
from tests.faults.processes import LOOK_AGAIN_S, Program, ProgramFailed, clean_environment
from tests.fixtures import DatabaseUrls
from tests.history.imports import Listener, Row, acc_row, ext_row, write_zip
from tests.utils.stepped_clock import SteppedClock

ROWS = 6_000
LONGEST_AFTER_THE_BEGINNING_S = 1.0
FAR_S = 400 * 86_400
"""The program's clock is the machine's; its lease is over by far."""

TABLES = (
    *("observation", "observation_support", "event_source", "history_episode"),
    *("history_show", "history_name", "touched", "coverage_span", "coverage"),
)


def members(chance: random.Random) -> dict[str, list[Row]]:
    """Draw an archive in both formats, with episodes heard again and again."""
    extended, account = [], []
    for _ in range(ROWS):
        hour, minute, second = (chance.randrange(most) for most in (24, 60, 60))
        number, ms = chance.randrange(900), chance.randrange(4_000_000)
        uri, name = f"spotify:episode:{number:022d}", f"Episode {number % 850}"
        extended.append(ext_row(f"{hour:02d}:{minute:02d}:{second:02d}", ms, uri=uri, name=name))
        if chance.randrange(3) == 0:
            account.append(acc_row(f"{hour:02d}:{minute:02d}", ms, name=name))
    half = ROWS // 2
    return {"ext_0.json": extended[:half], "acc.json": account, "ext_1.json": extended[half:]}


async def has_begun(listener: Listener) -> bool:
    """Tell whether the program's import is there."""
    async with listener.runtime.database.transaction(listener.user_id, write=False) as session:
        return await runs.open_import(session, user_id=listener.user_id) is not None


async def lasts(program: Program, seconds: float) -> None:
    """Give a program so much real time, or until it ends."""
    with contextlib.suppress(ProgramFailed):
        await program.ended(within_s=seconds)


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [0, *(pytest.param(part, marks=pytest.mark.endurance) for part in range(1, 26))],
)
async def test_killed_import_is_gone_on_with(
    runtime: Runtime,
    clock: SteppedClock,
    database_urls: DatabaseUrls,
    tmp_path: Path,
    fault_seed: int,
    part: int,
) -> None:
    """What the next process makes of it is what an import makes that nobody disturbed."""
    chance = random.Random(f"{fault_seed}-{part}")
    path = write_zip(tmp_path / "export.zip", members(chance))
    clock.jump(FAR_S)
    calm = await Listener.made(runtime, tmp_path, "calm")
    hurt = await Listener.made(runtime, tmp_path, "hurt")
    calm_run = await calm.imported(path)
    environment = clean_environment(
        tmp_path,
        DATABASE_URL=database_urls.runtime,
        DATABASE_SCHEDULER_URL=database_urls.scheduler,
    )
    command = [sys.executable, "-m", "src", "import", str(path), "--user", "hurt"]

    with Program(command, log=tmp_path / "import.log", environment=environment) as program:
        while not await has_begun(hurt) and program.code is None:
            await lasts(program, LOOK_AGAIN_S)
        await lasts(program, chance.uniform(0, LONGEST_AFTER_THE_BEGINNING_S))
        program.kill()
    while await has_begun(hurt):  # PostgreSQL may need a moment to see that the program is gone
        for claim in await importing.claim_due(runtime, limit=5):
            await importing.handle(runtime, claim)

    [run] = await hurt.rows("history_run")
    found = await hurt.tally(UUID(str(run.id)))
    assert await calm.tally(calm_run) == found
    assert await calm.told() == await hurt.told()
    assert await calm.count(*TABLES) == await hurt.count(*TABLES)
