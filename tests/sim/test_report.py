"""What is told of a failure is enough to repeat it, and as small as it can be."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from src.cost_tracking import ledger
from tests.sim.plan import Fault, Kind, Plan, draw
from tests.sim.properties.property import Broken
from tests.sim.report import command_of, divergence, report, save, shrunk
from tests.sim.running import run
from tests.sim.shrinking import MOST_RUNS

_ROOT = Path(__file__).parents[2]
_OUTCOMES = {"spotify_bad_gateway", "spotify_not_found", "spotify_timed_out"}


def _plant(patch: pytest.MonkeyPatch) -> None:
    """Let the product fail once each of three outcomes was written down by one process."""
    real = ledger.record
    seen: dict[int, set[str]] = {}

    async def record(database: Any, attempt: Any) -> Any:
        outcomes = seen.setdefault(id(database), set())
        outcomes.add(attempt.outcome)
        if outcomes >= _OUTCOMES:
            raise KeyError("planted")
        return await real(database, attempt)

    patch.setattr(ledger, "record", record)


@pytest.mark.endurance
def test_bug_of_three_faults_in_the_product_is_made_small(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of dozens of faults five or fewer are left, in sixty runs or fewer, and they still do it."""
    _plant(monkeypatch)
    plans = (draw(seed, days=1.0, users=1, shows=3) for seed in range(1, 200))
    outcome = next(found for found in map(run, plans) if found.broken is not None)

    small, runs = shrunk(outcome)
    kept = Plan.from_json(save(small, tmp_path).read_text(encoding="utf-8"))
    again = run(kept)

    assert 5 >= len(small.plan.faults)
    assert MOST_RUNS >= runs
    assert again.broken is not None
    assert small.broken is not None
    assert (small.broken.name, small.log) == (again.broken.name, again.log)


@pytest.mark.slow
def test_report_says_how_to_repeat_it() -> None:
    """It holds the command, the plan, where the run parts from a calm one, and its end."""
    held = run(Plan(seed=1, days=0.01, users=1, shows=1, faults=(_HTML,)))
    outcome = replace(held, broken=Broken("planted", "as planned"))

    told = report(outcome, outcome, runs=0)

    assert f"repeat it: {command_of(outcome.plan)}" in told
    assert outcome.plan.to_json() in told
    assert "/v1/me/shows?limit=50&offset=0 502 html" in told
    assert outcome.lines[-1] in told


_HTML = Fault(kind=Kind.HTML, listener=0, call=2)


def test_first_divergence_is_found() -> None:
    """The last common event and the first that differ are shown."""
    lines = divergence(["a", "b", "c"], ["a", "b", "d"])

    assert ["b", "c", "d"] == [line.split()[1] for line in lines]
    assert ["a", "(ends)", "b"] == [line.split()[1] for line in divergence(["a"], ["a", "b"])]
    assert ["nothing", "a", "b"] == [line.split()[1] for line in divergence(["a"], ["b"])]


@pytest.mark.slow
def test_command_runs_a_plan_from_a_file(tmp_path: Path) -> None:
    """`--plan` replays what a file says, and what was hit is told."""
    plan = Plan(seed=1, days=0.01, users=1, shows=1, faults=(_HTML,))
    file = tmp_path / "plan.json"
    file.write_text(plan.to_json(), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "tests.sim", "--plan", str(file)],
        cwd=_ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert "seed 1, 0.01 days, 1 users: ok" in done.stdout
    assert "faults that hit: html:1" in done.stdout


def test_regression_file_can_be_read_by_others() -> None:
    """A kept plan is plain JSON."""
    told = json.loads(draw(1).to_json())

    assert {"seed", "days", "users", "shows", "calls_a_minute", "faults"} == set(told)
