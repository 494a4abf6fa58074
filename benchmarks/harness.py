"""What every benchmark shares: arguments, interleaved rounds, a table with ratios, one JSON object.

A benchmark measures the product beside a peer or a limit in the same run. The sides take
turns, so that a busy machine slows all of them, and ratios mean more than seconds do.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure has to reach: `limit` is its most, or its least if `at_least`."""

    limit: float
    at_least: bool = False

    def is_met(self, figure: float) -> bool:
        """Tell whether `figure` reaches it."""
        return figure >= self.limit if self.at_least else figure <= self.limit


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: what was measured, and each round's value, at least one."""

    name: str
    values: Sequence[float]

    @property
    def median(self) -> float:
        """The middle of the values."""
        return statistics.median(self.values)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one unit; their ratios are to the first row, which is the peer or the limit."""

    title: str
    unit: str
    rows: Sequence[Row]

    def lines(self) -> list[str]:
        """Return the table as lines of text."""
        width = max(len(row.name) for row in self.rows)
        first = self.rows[0].median
        head = f"  {'':{width}} {'min':>10} {'median':>10} {'max':>10} {'ratio':>7}"
        body = [
            f"  {row.name:{width}} {_short(min(row.values)):>10} {_short(row.median):>10}"
            f" {_short(max(row.values)):>10} {row.median / first if first else 0:>7.2f}"
            for row in self.rows
        ]
        return [f"{self.title} ({self.unit})", head, *body]


@dataclass
class Report:
    """What one benchmark found.

    Attributes:
        benchmark: Its name, that of its file.
        figures: Numbers by name; a name ends in its unit.
        goals: What some of the figures have to reach.
        tables: What they were taken from.
    """

    benchmark: str
    figures: dict[str, float] = field(default_factory=dict)
    goals: dict[str, Goal] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)

    def add(self, name: str, figure: float, goal: Goal | None = None) -> None:
        """Note a figure, and what it has to reach."""
        self.figures[name] = round(figure, 4)
        if goal is not None:
            self.goals[name] = goal

    def as_object(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "benchmark": self.benchmark,
            "figures": self.figures,
            "goals": {name: goal.limit for name, goal in self.goals.items()},
            "met": {name: goal.is_met(self.figures[name]) for name, goal in self.goals.items()},
            "machine": machine(),
        }

    def lines(self) -> list[str]:
        """Return the report as lines of text for people."""
        lines = [self.benchmark]
        for table in self.tables:
            lines += ["", *table.lines()]
        lines.append("")
        width = max(len(name) for name in self.figures)
        for name, figure in self.figures.items():
            verdict = _verdict(figure, self.goals.get(name))
            lines.append(f"  {name:{width}} {_short(figure):>10}{verdict}")
        lines += ["", "  " + ", ".join(f"{name} {told}" for name, told in machine().items()), ""]
        return lines


def main(
    benchmark: str,
    claim: str | None,
    measure: Callable[[bool], Report],
    arguments: Sequence[str] | None = None,
) -> int:
    """Run one benchmark from the command line and print what it found.

    Args:
        benchmark: Name of the benchmark.
        claim: What it shows, for `--help`.
        measure: Makes the report; told whether it has to be quick.
        arguments: Those of the command line by default.

    Returns:
        The exit status 0, also where a goal is not met; a wrong answer raises instead.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{benchmark}", description=claim)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: within 50 s")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    report = measure(options.quick)
    print(json.dumps(report.as_object()) if options.json else "\n".join(report.lines()))
    return 0


def interleaved(rounds: int, **sides: Callable[[], T]) -> dict[str, list[T]]:
    """Let every side run `rounds` times, taking turns; each round begins with another side.

    Returns:
        The values of each side by its name, in order of the rounds.
    """
    found: dict[str, list[T]] = {name: [] for name in sides}
    names = list(sides)
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            found[name].append(sides[name]())
    return found


@dataclass(slots=True)
class Spent:
    """Wall seconds, and processor seconds of this process, all threads, spent in the block."""

    wall_s: float = 0.0
    cpu_s: float = 0.0

    def __enter__(self) -> Self:
        """Begin."""
        self.wall_s, self.cpu_s = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_error: object) -> None:
        """End."""
        self.wall_s = time.perf_counter() - self.wall_s
        self.cpu_s = time.process_time() - self.cpu_s


def peak_mb() -> float:
    """Return the most memory this process ever had resident, in megabytes (10^6 bytes)."""
    status = Path("/proc/self/status")
    if status.exists():  # what Linux's getrusage tells includes the process that started this one
        line = next(it for it in status.read_text().splitlines() if it.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def machine() -> dict[str, Any]:
    """Return what figures depend on and others may have otherwise."""
    return {
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _verdict(figure: float, goal: Goal | None) -> str:
    if goal is None:
        return ""
    bound = "at least" if goal.at_least else "at most"
    verdict = "met" if goal.is_met(figure) else "NOT MET"
    return f"   goal: {bound} {_short(goal.limit)}   {verdict}"


def _short(number: float) -> str:
    if number == int(number) or abs(number) >= 1000:  # noqa: PLR2004 - no decimals worth telling
        return f"{number:,.0f}"
    return f"{number:.3g}" if abs(number) < 1 else f"{number:.2f}"
