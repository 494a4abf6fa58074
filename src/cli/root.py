"""The `playhead` command; each subcommand is imported only when it is called."""

import importlib
import sys
from typing import Any

import click
from pydantic import ValidationError

from src.errors import PlayheadError
from src.utils.clock import SystemClock
from src.utils.logging import configure_logging

COMMANDS = {
    "demo": ("src.cli.demo.show", "Watch a simulated listener connect and sync."),
    "serve": ("src.cli.serve", "Run the service: web, API and background sync."),
    "worker": ("src.cli.worker", "Run background sync alone, beside other processes."),
    "simulate": ("src.cli.simulate", "Run the stand-in for Spotify alone."),
    "sync-now": ("src.cli.sync", "Sync one user now and watch it."),
    "import": ("src.cli.imports", "Import listening history from Spotify's data export."),
    "user": ("src.cli.user", "Add, invite or erase people."),
    "history": ("src.cli.history", "Show what somebody heard, and how well it is known."),
    "account": ("src.cli.account", "Take an account along as a file, and bring it back."),
    "migrate": ("src.cli.migrate", "Bring the database to this version."),
    "doctor": ("src.cli.doctor", "Check the set-up, line by line."),
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and imports only the one called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order they are told."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of `cmd_name`, whose `command` it is."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what Playhead refuses is told in a sentence, not a traceback."""
        try:
            return super().invoke(ctx)
        except ValidationError as error:
            raise click.ClickException("\n".join(sentences(error))) from None
        except PlayheadError as error:
            raise click.ClickException(error.message) from None


def sentences(error: ValidationError) -> list[str]:
    """Return one line for each setting that cannot be used, named as it is set."""
    lines = []
    for item in error.errors(include_input=False, include_url=False, include_context=False):
        name = ".".join(str(part) for part in item["loc"]).upper()
        words = item["msg"].removeprefix("Value error, ")
        lines.append(f"{name}: {words}" if name else words)
    return lines


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="playhead", prog_name="playhead")
def main() -> None:
    """Own the record of your podcast listening.

    Start with `playhead demo`: it needs no account and no settings. Settings are
    read from the environment and from config.env in the current folder.
    """
    configure_logging(level="WARNING", stream=sys.stderr, clock=SystemClock(), json=False)
