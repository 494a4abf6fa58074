"""What is told of a run that broke a property: all that is needed to repeat and to mend it."""

import subprocess
from pathlib import Path

from tests.sim.plan import Plan
from tests.sim.running import Outcome, run
from tests.sim.shrinking import Shrinking

LAST_LINES = 200
REGRESSIONS = Path(__file__).parent / "regressions"
_ROOT = Path(__file__).parents[2]


def command_of(plan: Plan, file: Path | None = None) -> str:
    """Return the command that repeats a run: by its seed, or by a plan in a file."""
    size = f"--days {plan.days:g} --users {plan.users} --shows {plan.shows}"
    if file is None:
        return f"python -m tests.sim --seed {plan.seed} {size}"
    return f"python -m tests.sim --plan {file}"


def shrunk(outcome: Outcome) -> tuple[Outcome, int]:
    """Return the smallest run that breaks the same property, and how many it took to find it."""
    if outcome.broken is None:
        raise ValueError("nothing is broken")
    name, smallest = outcome.broken.name, outcome

    def fails(plan: Plan) -> bool:
        nonlocal smallest
        tried = run(plan)
        if tried.broken is None or tried.broken.name != name:
            return False
        smallest = tried
        return True

    shrinking = Shrinking(outcome.plan, fails)
    shrinking.shrink()
    return smallest, shrinking.runs


def report(outcome: Outcome, small: Outcome, *, runs: int, file: Path | None = None) -> str:
    """Tell of a broken run: how to repeat it, its small form, where it parts from a calm one.

    Args:
        outcome: The run as it was found.
        small: What `shrunk` made of it.
        runs: How many runs that took.
        file: Where its plan came from; None if from its seed.
    """
    left = len(small.plan.faults)
    calm = run(small.plan.with_faults(()))
    return "\n".join(
        [
            f"BROKEN {outcome.broken}",
            f"seed {outcome.plan.seed}, commit {_commit()}",
            f"repeat it: {command_of(outcome.plan, file)}",
            f"made small in {runs} runs: of {len(outcome.plan.faults)} faults {left} are left",
            f"(with --save the small plan is kept in {REGRESSIONS.name}/)",
            small.plan.to_json(),
            f"it says: {small.broken}",
            "",
            "where it parts from the run without faults:",
            *divergence(small.lines, calm.lines),
            "",
            f"its last {LAST_LINES} events:",
            *small.lines[-LAST_LINES:],
        ]
    )


def divergence(lines: list[str], calm: list[str]) -> list[str]:
    """Return the last line that both runs have, and the first of each that differs."""
    place = next(
        (at for at, (one, other) in enumerate(zip(lines, calm, strict=False)) if one != other),
        min(len(lines), len(calm)),
    )
    common = f"  both   {lines[place - 1]}" if place else "  both   nothing"
    ends = "(ends)"
    return [
        common,
        f"  faulty {lines[place] if place < len(lines) else ends}",
        f"  calm   {calm[place] if place < len(calm) else ends}",
    ]


def save(outcome: Outcome, folder: Path = REGRESSIONS) -> Path:
    """Write a plan down as a regression, named after the property and the seed; return where."""
    if outcome.broken is None:
        raise ValueError("nothing is broken")
    folder.mkdir(exist_ok=True)
    path = folder / f"{outcome.broken.name}-{outcome.plan.seed}.json"
    path.write_text(outcome.plan.to_json() + "\n", encoding="utf-8")
    return path


def _commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 - whichever git there is
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or "unknown"
