"""One run of a plan, from the first process to the verdict."""

import gc
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from tests.sim.loop import Deadlock, Killed, Spinning
from tests.sim.plan import Kind, Plan
from tests.sim.properties.property import Broken, Case
from tests.sim.script import Script
from tests.sim.sealed import sealed
from tests.sim.stage import Life, Stage, template
from tests.sim.verdict import Verdict

_RESTART_S = 60.0
_ALLOCATIONS = 100_000  # between two collections; the usual 700 take a fifth of a run's time


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run went.

    Attributes:
        plan: What was to happen.
        broken: The property that does not hold; None if all do.
        lines: Everything that happened.
        calls: Requests that reached the service.
        steps: Steps that tasks took.
        lives: Processes there were.
        took_s: Seconds of one processor core.
        hits: How often each kind of fault really hit.
        log: Hash of `lines`.
        dump: Hash of the database as SQL text.
        file: Hash of the database file, its log worked in.
    """

    plan: Plan
    broken: Broken | None
    lines: list[str]
    calls: int
    steps: int
    lives: int
    took_s: float
    hits: Counter[Kind]
    log: str
    dump: str
    file: str


def run(plan: Plan) -> Outcome:
    """Run a plan to its end, or to the first property that is broken."""
    template()
    with _collecting_seldom():
        return _run(plan)


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(_ALLOCATIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _run(plan: Plan) -> Outcome:
    began_s = process_time()
    with TemporaryDirectory(prefix="playhead-sim-") as folder:
        stage = Stage(plan, Path(folder))
        with sealed(plan.seed, stage.surroundings), stage.chronicle.listening():
            script = Script(stage)
            case = Case(stage, script)
            verdict = Verdict(case)
            stage.watchers.append(verdict.exchange)
            stage.chronicle.listeners += [script.event, verdict.event]
            try:
                _live(stage, script, verdict)
            except (Deadlock, Spinning) as stuck:
                verdict.broken = Broken(type(stuck).__name__.lower(), str(stuck))
            file = stage.keep_file(Path(folder) / "last")
            took_s = process_time() - began_s
            outcome = _outcome(stage, verdict.broken, took_s=took_s, file=file)
            case.close()
            stage.clear_away()
    return outcome


def _outcome(stage: Stage, broken: Broken | None, *, took_s: float, file: Path) -> Outcome:
    dump, digest = _hashes(file)
    return Outcome(
        plan=stage.plan,
        broken=broken,
        lines=stage.chronicle.lines,
        calls=len(stage.exchanges),
        steps=stage.life.loop.steps,
        lives=len(stage.lives),
        took_s=took_s,
        hits=stage.weather.hits,
        log=stage.chronicle.digest(),
        dump=dump,
        file=digest,
    )


def _hashes(file: Path) -> tuple[str, str]:
    """Return hashes of a database as SQL and as bytes, once its log is worked in."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
        dump = "\n".join(connection.iterdump())
    return sha256(dump.encode()).hexdigest(), sha256(file.read_bytes()).hexdigest()


def _live(stage: Stage, script: Script, verdict: Verdict) -> None:
    """Live one process after the other, until the script ends or a property is broken."""
    kills = sorted(fault.step or 0 for fault in stage.plan.faults if fault.kind is Kind.CRASH)
    while verdict.broken is None:
        life = stage.open_life()
        life.loop.kill_at = next((step for step in kills if step > life.loop.steps), None)
        try:
            life.loop.run_until_complete(life.loop.create_task(_one_life(life, script)))
        except Killed:
            if verdict.broken is None:
                stage.weather.hits[Kind.CRASH] += 1
                stage.chronicle.note("weather", f"crash at step {life.loop.steps}")
                verdict.death()
        except Exception as error:  # noqa: BLE001 - whatever ends a process that starts
            _ended_early(stage, verdict, error)
        else:
            verdict.end()
            return


def _ended_early(stage: Stage, verdict: Verdict, error: Exception) -> None:
    """Start a process anew that could not start because of its database, as supervisors do."""
    told = f"{type(error).__name__}: {str(error).splitlines()[0]}"
    stage.chronicle.note("weather", f"the process ended: {told}")
    if verdict.forgives(error):
        stage.stall(_RESTART_S)
        verdict.death()
    else:
        verdict.broken = Broken("process_ended", told)


async def _one_life(life: Life, script: Script) -> None:
    async with life.app.router.lifespan_context(life.app):
        await script.go_on(life)
