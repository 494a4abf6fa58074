"""The commands that take an account along, bring it back and erase it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from src.cli.opening import with_runtime
from src.cli.root import main
from src.config import Settings
from src.runtime import Runtime
from tests.account.exports import exported, without_times
from tests.factories import add_user
from tests.history.imports import Listener, acc_row, ext_row

Command = Callable[..., Result]


@pytest.fixture
def environment(sqlite_database: Any, tmp_path: Path) -> dict[str, str]:
    """What the commands are told by: a database of the test's own."""
    return {
        "DATABASE_URL": sqlite_database.runtime,
        "DATA_DIR": str(tmp_path / "data"),
        "ENCRYPTION_KEYS": f"1:{Fernet.generate_key().decode()}",
    }


@pytest.fixture
def command(environment: dict[str, str]) -> Command:
    """Run `playhead` with these words."""

    def run(*words: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(main, words, env=environment, input=typed)

    return run


def with_users(environment: dict[str, str], work: Callable[[Runtime], Awaitable[Any]]) -> Any:
    """Do something in the database of the commands."""
    told: dict[str, Any] = {name.lower(): value for name, value in environment.items()}
    settings = Settings(_env_file=None, **told)
    return asyncio.run(with_runtime(settings, work))


@pytest.fixture
def people(environment: dict[str, str], tmp_path: Path) -> None:
    """Somebody who imported, and somebody who has nothing yet."""

    async def make(runtime: Runtime) -> None:
        ada = await Listener.made(runtime, tmp_path)
        await ada.imported(ada.file([ext_row("10:30:15", 1_800_000)]))
        await ada.imported(ada.file([acc_row("10:30", 1_800_000), acc_row("18:00", 60_000)]))
        await add_user(runtime, "bob")

    with_users(environment, make)


@pytest.mark.usefixtures("people")
def test_an_account_is_taken_along_erased_and_brought_back(
    command: Command, environment: dict[str, str], tmp_path: Path
) -> None:
    """The file outlives the account, and what was in it comes back under another name."""
    file = tmp_path / "ada.zip"

    taken = command("account", "export", str(file), "--user", "Ada")
    erased = command("user", "erase", "ada", typed="ada\n")
    back = command("account", "restore", str(file), "--user", "bob")

    assert [0, 0, 0] == [one.exit_code for one in (taken, erased, back)], back.output
    assert 0o600 == file.stat().st_mode & 0o777
    assert "ada, 2 plays, tokens and costs are gone." in erased.output
    assert "        2 event\n" in back.output

    async def again(runtime: Runtime) -> Any:
        return await exported(runtime, 2)  # type: ignore[arg-type]  # the id of bob

    bob = with_users(environment, again)
    assert b"An Episode" in without_times(bob)["history.jsonl"]
    assert "There is no user ada." in command("account", "export", "x", "--user", "ada").output


@pytest.mark.usefixtures("people")
def test_erasing_asks_for_the_name_unless_told_not_to(command: Command) -> None:
    """Another word, or none, erases nothing; --yes is for scripts."""
    other = command("user", "erase", "ada", typed="yes\n")
    nothing = command("user", "erase", "ada", typed="\n")
    forced = command("user", "erase", "ada", "--yes")

    assert [1, 1, 0] == [one.exit_code for one in (other, nothing, forced)]
    assert "Nothing was erased" in other.output
    assert "There is no user ada." in command("user", "erase", "ada", "--yes").output


@pytest.mark.usefixtures("people")
def test_files_are_neither_overwritten_nor_made_up(command: Command, tmp_path: Path) -> None:
    """What is there stays, what is not there is said, and so is what is no export."""
    file = tmp_path / "there.zip"
    file.write_text("mine")

    taken = command("account", "export", str(file), "--user", "ada")
    absent = command("account", "restore", str(tmp_path / "absent.zip"), "--user", "bob")
    other = command("account", "restore", str(file), "--user", "bob")

    assert [1, 1, 1] == [one.exit_code for one in (taken, absent, other)]
    assert "mine" == file.read_text()
    assert "cannot be made: File exists." in taken.output
    assert "cannot be read: No such file" in absent.output
    assert "This is no export that this Playhead can read" in other.output
