"""Time and randomness are arguments, so that a run can be stepped and repeated."""

import ast

import pytest

from tests.architecture.sources import (
    Module,
    dotted_name,
    imported_names,
    module_of,
    modules,
    references,
)

ALLOWED = {"src/utils/clock.py", "src/utils/entropy.py"}
FORBIDDEN = {
    *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
    "datetime.date.today",
    *(f"time.{name}" for name in ("time", "monotonic", "perf_counter")),
    *(f"time.{name}_ns" for name in ("time", "monotonic", "perf_counter")),
    *(f"time.{name}" for name in ("sleep", "localtime", "gmtime")),
    "asyncio.sleep",
    "os.urandom",
    "os.getrandom",
    "uuid.uuid1",
    "uuid.uuid4",
}
FORBIDDEN_MODULES = ("random.", "secrets.")
HARMLESS = {"secrets.compare_digest"}  # compares, draws nothing


def _yields(tree: ast.Module) -> set[int]:
    """Lines of `asyncio.sleep(0)`, which lets others run and waits for nothing."""
    names = imported_names(tree)
    return {
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and dotted_name(node.func, names) == "asyncio.sleep"
        and [ast.dump(argument) for argument in node.args] == [ast.dump(ast.Constant(0))]
    }


def _is_forbidden(name: str) -> bool:
    return name in FORBIDDEN or (name.startswith(FORBIDDEN_MODULES) and name not in HARMLESS)


def breaches(module: Module) -> list[str]:
    """Return `path:line name` of each use of the machine's own time or randomness."""
    pauses = _yields(module.tree)
    return [
        f"{module.path}:{line} {name}"
        for line, name in references(module.tree)
        if _is_forbidden(name) and not (name == "asyncio.sleep" and line in pauses)
    ]


def test_src_reads_no_clock_and_draws_no_number() -> None:
    """Only the clock and the entropy source touch the machine's own."""
    found = [
        breach
        for module in modules("src")
        if module.path not in ALLOWED
        for breach in breaches(module)
    ]

    assert [] == found


@pytest.mark.parametrize(
    "text",
    [
        "import datetime as dt\ndt.datetime.now(dt.UTC)",
        "from datetime import datetime\ndefault = datetime.utcnow",
        "from datetime import date\ndate.today()",
        "from time import monotonic as tick\ntick()",
        "import time\ntime.sleep(1)",
        "import asyncio\nasyncio.sleep(0.1)",
        "from asyncio import sleep\nsleep(delay)",
        "import random\nrandom.uniform(0, 1)",
        "from secrets import token_urlsafe\ntoken_urlsafe()",
        "import uuid\nfield(default_factory=uuid.uuid4)",
        "import os\nos.urandom(8)",
    ],
)
def test_a_planted_breach_is_found(text: str) -> None:
    """Aliases and mere references count, not only calls by the full name."""
    assert 1 == len(breaches(module_of(text)))


@pytest.mark.parametrize(
    "text",
    [
        "import asyncio\nasyncio.sleep(0)",
        "import datetime as dt\ndt.datetime.fromtimestamp(0, dt.UTC)",
        "import secrets\nsecrets.compare_digest(a, b)",
        "clock.now()\nclock.sleep(3)",
    ],
)
def test_an_innocent_line_is_left_alone(text: str) -> None:
    """Yielding to other tasks, reading a given instant and using a clock are fine."""
    assert [] == breaches(module_of(text))
