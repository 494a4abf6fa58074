"""`playhead history`, run as a person runs it, with no Spotify and no service."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from src.cli.root import main
from src.config import Settings
from src.operations.starting import bring_up_to_date
from src.runtime import Runtime
from src.users.service import add_user
from src.utils.types import UserId
from tests.history.record import Heard, heard, utc_s


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command line on a data folder where ada heard something in two years."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("COLUMNS", "100")

    async def listened() -> None:
        runtime = Runtime.open(Settings())
        await bring_up_to_date(runtime)
        user = await add_user(runtime, "ada", "four unrelated words here", role=None)
        rows = [
            Heard("a", "Rivers", utc_s("2023-05-01T10:00"), 1_800_000),
            Heard("b", "Maps [of]", utc_s("2024-05-01T10:00"), 3_600_000),
            Heard("b", "Maps [of]", utc_s("2024-07-01T10:00"), 60_000, "win", utc_s("2024-07-01")),
        ]
        await heard(runtime, UserId(user.id), rows)
        await add_user(runtime, "bob", "four unrelated words here", role=None)
        await runtime.close()

    asyncio.run(listened())

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(main, ["history", *arguments])

    return run


def test_years_and_months_are_shown_with_bars(told: Any) -> None:
    """The longest bar is of the most heard; a window makes a range of it."""
    years = told("--user", "Ada")
    months = told("--user", "ada", "--year", "2024")

    assert 0 == years.exit_code == months.exit_code, years.output + months.output
    lines = {line.split()[0]: line for line in years.output.splitlines() if line.strip()}
    assert lines["2023"].count("█") < lines["2024"].count("█") == 24
    assert "1 h to 1 h 1 min" in lines["2024"]
    assert "100 % not known" in lines["2024"]
    assert "Maps [of]" in years.output
    assert ["May", "Jul"] == [line.split()[0] for line in months.output.splitlines() if "█" in line]


def test_json_is_what_the_api_returns(told: Any) -> None:
    """One object, for all years or one."""
    whole = json.loads(told("--user", "ada", "--json").output)
    year = json.loads(told("--user", "ada", "--year", "2023", "--json").output)

    assert 5_460_000 == whole["totals"]["ms"]
    assert (1_800_000, 2023) == (year["totals"]["ms"], year["year"])


def test_nothing_heard_and_nobody_are_told_in_a_sentence(told: Any) -> None:
    """An empty history is no error; an unknown name is."""
    empty = told("--user", "bob")
    nobody = told("--user", "carol")

    assert (0, True) == (empty.exit_code, empty.output.startswith("Nothing was heard"))
    assert (1, True) == (nobody.exit_code, "There is no user carol" in nobody.output)
