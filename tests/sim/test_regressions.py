"""Plans that once broke something; each is replayed, and nothing may be broken by it again."""

from pathlib import Path

import pytest

from tests.sim.plan import Plan
from tests.sim.report import REGRESSIONS
from tests.sim.running import run


@pytest.mark.slow
@pytest.mark.parametrize("file", sorted(REGRESSIONS.glob("*.json")), ids=lambda file: file.stem)
def test_what_once_broke_holds(file: Path) -> None:
    """The plan in the file runs to its end with every property intact."""
    outcome = run(Plan.from_json(file.read_text(encoding="utf-8")))

    assert outcome.broken is None
