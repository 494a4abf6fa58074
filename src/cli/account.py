"""`playhead account`."""

import asyncio
import os
from pathlib import Path
from typing import IO

import click

from src.account.export import write
from src.account.restore import Restored
from src.account.restore import restore as bring_back
from src.cli.opening import with_runtime
from src.cli.people import user_named
from src.config import Settings
from src.runtime import Runtime

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("account")
def command() -> None:
    """Take an account along as one file, and bring it back."""


@command.command("export")
@click.argument("file", type=_FILE)
@click.option("--user", "name", required=True, help="Whose account.")
def export(file: Path, name: str) -> None:
    """Write everything that is held of a user to FILE, which must not be there yet."""

    async def work(runtime: Runtime) -> str:
        user_id = await user_named(runtime, name)
        with _new(file) as target:
            await write(runtime, target, user_id=user_id)
        return f"{file} holds everything about {name}. Keep it where nobody else can read it."

    click.echo(asyncio.run(with_runtime(Settings(), work)))


def _new(file: Path) -> IO[bytes]:
    """Open a file that only its owner can read."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    try:
        return os.fdopen(os.open(file, flags, 0o600), "w+b")
    except OSError as error:
        raise click.ClickException(f"{file} cannot be made: {error.strerror}.") from error


@command.command("restore")
@click.argument("file", type=_FILE)
@click.option("--user", "name", required=True, help="An account that holds nothing yet.")
def restore(file: Path, name: str) -> None:
    """Read an export back into an account that holds nothing yet."""

    async def work(runtime: Runtime) -> str:
        user_id = await user_named(runtime, name)
        try:
            source = file.open("rb")
        except OSError as error:
            raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from error
        with source:
            return _told(await bring_back(runtime, user_id=user_id, file=source))

    click.echo(asyncio.run(with_runtime(Settings(), work)))


def _told(restored: Restored) -> str:
    """Say what came back, and which plays are not as the file has them."""
    lines = [f"{count:>9,} {name}" for name, count in restored.counts.items()]
    if restored.differing:
        why = (
            "The export was made under other rules"
            if restored.rules_changed
            else "An import was under way when the export was made"
        )
        lines += [
            f"{why}: {restored.differing:,} plays follow otherwise now than it lists them.",
            *restored.differences,
        ]
    return "\n".join(["Restored:", *lines])
