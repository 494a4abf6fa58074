"""`playhead simulate`."""

import runpy
import sys

import click


@click.command(
    "simulate", context_settings={"ignore_unknown_options": True, "help_option_names": []}
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Run the stand-in for Spotify alone; `playhead simulate --help` lists its options."""
    sys.argv = ["playhead simulate", *arguments]
    runpy.run_module("simulator", run_name="__main__")
