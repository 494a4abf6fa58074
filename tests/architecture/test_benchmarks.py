"""Benchmarks can be run alike and read alike; none is timed here."""

import json
import subprocess
import sys

import pytest

from benchmarks.harness import Goal, Report, Row, Table, interleaved, machine, main
from tests.architecture.sources import ROOT

NAMES = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py") if path.stem != "harness")


def small_report() -> Report:
    """Return a report with a goal that is met, one that is not, and a table."""
    report = Report("small")
    report.add("calls", 50, Goal(50))
    report.add("pages_per_s", 999.5, Goal(1_000, at_least=True))
    report.add("episodes", 2_345)
    report.tables.append(Table("Sides", "s", [Row("peer", [2.0, 1.0, 3.0]), Row("we", [3.0])]))
    return report


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_says_what_it_claims(name: str) -> None:
    """`--help` explains the claim and both options, and measures nothing."""
    told = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--help"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    ).stdout

    assert f"python -m benchmarks.{name}" in told
    assert "--quick" in told
    assert "--json" in told
    assert len(told.split()) > 40


@pytest.mark.parametrize("name", NAMES)
def test_last_full_run_of_every_benchmark_is_written_down(name: str) -> None:
    """docs/performance.md has a section for each, with the command that repeats it."""
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")

    assert f"python -m benchmarks.{name}" in page


def test_json_object_has_the_agreed_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """One object a benchmark; goals and what is met name figures."""
    status = main("small", "A claim.", lambda _quick: small_report(), ["--json", "--quick"])

    told = json.loads(capsys.readouterr().out)

    assert 0 == status
    assert {"benchmark", "figures", "goals", "met", "machine"} == told.keys()
    assert "small" == told["benchmark"]
    assert {"calls": 50, "pages_per_s": 999.5, "episodes": 2_345} == told["figures"]
    assert {"calls": 50, "pages_per_s": 1_000} == told["goals"]
    assert {"calls": True, "pages_per_s": False} == told["met"]
    assert machine().keys() == told["machine"].keys()


def test_a_goal_that_is_not_met_is_printed_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    """People read the same verdicts, and ratios to the first row of a table."""
    main("small", "A claim.", lambda _quick: small_report(), [])

    lines = capsys.readouterr().out.splitlines()
    verdicts = [line.split() for line in lines if "goal:" in line]

    assert ["calls", "50", "goal:", "at", "most", "50", "met"] in verdicts
    assert ["NOT", "MET"] in [words[-2:] for words in verdicts]
    assert ["we", "3", "3", "3", "1.50"] in [line.split() for line in lines]


@pytest.mark.parametrize(("option", "expected"), [("--quick", True), ("--json", False)])
def test_a_benchmark_is_told_to_be_quick(option: str, *, expected: bool) -> None:
    """Only `--quick` makes it so."""
    told: list[bool] = []

    def measure(quick: bool) -> Report:
        told.append(quick)
        return small_report()

    main("small", "A claim.", measure, [option])

    assert [expected] == told


def test_sides_take_turns_and_begin_in_turn() -> None:
    """No side always runs on a machine that the other has warmed."""
    order: list[str] = []

    def side(name: str) -> str:
        order.append(name)
        return name

    found = interleaved(3, peer=lambda: side("peer"), product=lambda: side("product"))

    assert ["peer", "product", "product", "peer", "peer", "product"] == order
    assert {"peer": ["peer"] * 3, "product": ["product"] * 3} == found
