"""`python -m simulator export`: a listener's data exports as files."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from simulator.archives.defects import MIXES, Era, Form
from simulator.archives.writing import BOTH, write
from simulator.world.types import UnknownThing
from simulator.world.world import World

DAYS_A_YEAR = 365
_MOST_LISTENERS = 10_000
_MOST_YEARS = 20


def main(arguments: Sequence[str]) -> int:
    """Write the zips asked for and name each on a line; return the exit status 0.

    Raises:
        SystemExit: 2 for a wrong argument, 0 after the help.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    world = World(
        options.seed,
        epoch=options.epoch,
        listeners=options.listeners,
        history_days=options.years * DAYS_A_YEAR,
    )
    try:
        world.listener(options.listener)
    except UnknownThing as error:
        parser.error(str(error))
    options.out.mkdir(parents=True, exist_ok=True)
    for form in BOTH if options.form == "both" else (Form(options.form),):
        sys.stdout.write(f"{_write(world, form, options)}\n")
    return 0


def _write(world: World, form: Form, options: argparse.Namespace) -> str:
    """Write one zip and return the line that tells of it."""
    path = options.out / f"my_spotify_data_{form.value}.zip"
    with path.open("wb") as into:
        ledger = write(
            world,
            options.listener,
            into=into,
            until=options.until or options.epoch,
            forms=(form,),
            defects=MIXES[options.defects],
            era=Era(options.era),
        )
    if options.json:
        return json.dumps({"path": str(path)} | ledger.summary())
    counts = ledger.counts[form]
    others = sum(counts.values()) - counts["podcast"]
    return f"{path}: {counts['podcast']} podcast rows, {others} others"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulator export",
        description=(
            "Write the data exports that the simulated service would send one listener. A served "
            "simulator writes its own: GET /_truth/listeners/N/export at its truth address."
        ),
    )
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        type=Path,
        required=True,
        help="folder for the zips; made if missing",
    )
    parser.add_argument("--listener", type=int, default=0, help="whose export, from 0 (0)")
    parser.add_argument(
        "--form",
        choices=[*Form, "both"],
        default="both",
        help="the account data of a year, the extended history of a life, or both (both)",
    )
    parser.add_argument(
        "--era", choices=list(Era), default=Era.NEW, help="layout of the files (new)"
    )
    parser.add_argument(
        "--defects",
        choices=list(MIXES),
        default="realistic",
        help="what is wrong in them (realistic)",
    )
    parser.add_argument("--seed", type=int, default=1, help="which world (1)")
    parser.add_argument(
        "--listeners",
        type=_people,
        default=5,
        help="people in the world (5)",
    )
    parser.add_argument("--years", type=years, default=1, help="years heard before the epoch (1)")
    parser.add_argument(
        "--epoch",
        type=_instant,
        default=datetime.now(UTC),
        help="instant the world is settled around, ISO 8601 with its zone (now); another epoch is "
        "another world",
    )
    parser.add_argument("--until", type=_instant, help="when the export is written (the epoch)")
    parser.add_argument(
        "--json", action="store_true", help="print what is in each zip as a JSON line"
    )
    return parser


def years(text: str) -> int:
    """Read a number of years.

    Raises:
        ArgumentTypeError: It is not a whole number from 1 to 20.
    """
    return _whole(text, _MOST_YEARS)


def _people(text: str) -> int:
    return _whole(text, _MOST_LISTENERS)


def _whole(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"must be 1 to {most}")
    return int(text)


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError("needs a time zone, such as a final Z")
    return at.astimezone(UTC)
