"""`playhead import` as people type it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from src.cli.root import main
from tests.history.imports import OTHER_URI, ext_row, track_row, write_json

PASSWORD = "four unrelated words here"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder of the test's own, and a user in it."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    added = CliRunner().invoke(main, ["user", "add", "ada", "--password", PASSWORD])
    assert 0 == added.exit_code, added.output


def run(*arguments: str | Path) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["import", *map(str, arguments), "--user", "Ada"])


def rows(path: Path) -> Path:
    """Write a file with two podcasts and a track."""
    return write_json(
        path, [ext_row("10:00", 60_000), ext_row("12:00", 5, uri=OTHER_URI), track_row("13:00")]
    )


def test_files_are_imported_and_told(tmp_path: Path) -> None:
    """The report as JSON, the first time and the second; as a table for people."""
    path = rows(tmp_path / "endsong_0.json")
    first = json.loads(run(path, "--json").stdout)
    second = json.loads(run(path, "--json").stdout)
    table = run(path)

    assert (3, 2, 0, 1) == tuple(first[name] for name in ("rows", "new", "known", "music"))
    assert (3, 0, 2, 1) == tuple(second[name] for name in ("rows", "new", "known", "music"))
    assert 0 == table.exit_code
    assert "already known" in table.stdout
    assert path.exists()


def test_a_dry_run_stores_nothing(tmp_path: Path) -> None:
    """It says what is in the files; an import afterwards finds all of it new."""
    path = rows(tmp_path / "endsong_0.json")
    dry = json.loads(run(path, "--dry-run", "--json").stdout)

    assert (True, 3, 2) == tuple(dry[name] for name in ("dry_run", "rows", "podcasts"))
    assert 2 == json.loads(run(path, "--json").stdout)["new"]


def test_files_that_cannot_be_used_exit_with_the_reason(tmp_path: Path) -> None:
    """Good ones beside them are imported all the same."""
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("no export")
    alone, beside = run(wrong), run(wrong, rows(tmp_path / "good.json"), "--json")
    dry = run(wrong, "--dry-run")

    assert (1, 1, 1) == (alone.exit_code, beside.exit_code, dry.exit_code)
    assert "no Spotify listening history" in alone.stderr
    assert "wrong.txt" in beside.stderr
    assert "wrong.txt" in dry.stderr
    assert 2 == json.loads(beside.stdout)["new"]


def test_an_unknown_user_is_told() -> None:
    """The message says how to make one."""
    result = CliRunner().invoke(main, ["import", __file__, "--user", "nobody"])

    assert 1 == result.exit_code
    assert "There is no user nobody" in result.stderr
