"""`python -m simulator`: serve a simulator until interrupted or terminated.

`python -m simulator export` writes a listener's data exports instead.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import uvicorn

from simulator.app import Simulator, build
from simulator.archives import command
from simulator.clock import SimClock
from simulator.serving import Urls, serve
from simulator.settings import App, Mode, Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM, or do what the first word asks; return the exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words[:1] == ["export"]:
        return command.main(words[1:])
    options = _parser().parse_args(words)
    simulator = _build(options)
    # uvicorn knows whether a faster event loop is installed.
    fastest = uvicorn.Config(simulator.service, log_level="critical").get_loop_factory()
    with asyncio.Runner(loop_factory=fastest) as runner:
        runner.run(_run(simulator, options))
    return 0


def _build(options: argparse.Namespace) -> Simulator:
    start = datetime.now(UTC)
    settings = Settings(
        seed=options.seed,
        epoch=start,
        mode=Mode(options.mode),
        listeners=options.listeners,
        history_days=options.years * command.DAYS_A_YEAR,
        apps=(App(allow_listed=max(options.listeners, App().allow_listed)),),
    )
    return build(settings, SimClock(start=start, rate=options.rate))


async def _run(simulator: Simulator, options: argparse.Namespace) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)

    def ready(urls: Urls) -> None:
        if options.json:
            _say(json.dumps(asdict(urls)))
            return
        _say(f"service {urls.service} (accounts and Web API)")
        _say(f"control {urls.control or 'closed'}")
        _say(f"truth   {urls.truth or 'closed'}")

    await serve(
        simulator,
        service_port=options.port,
        control_port=None if options.closed else options.control_port,
        truth_port=None if options.closed else options.truth_port,
        ready=ready,
        until=ended,
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="Serve a simulated Spotify accounts service and Web API on this machine.",
        epilog="See also `export --help`: a listener's data exports as files.",
    )
    parser.add_argument("--seed", type=int, default=1, help="which world to simulate (1)")
    parser.add_argument(
        "--mode", choices=list(Mode), default=Mode.DEVELOPMENT, help="what apps may do"
    )
    parser.add_argument("--listeners", type=_count, default=5, help="people in the world (5)")
    parser.add_argument(
        "--years", type=command.years, default=1, help="years everyone has listened before now (1)"
    )
    parser.add_argument("--rate", type=_rate, default=1.0, help="world seconds a second (1)")
    for name, of in (("", "service"), ("control-", "controls"), ("truth-", "truth")):
        told = f"of the {of}; 0 is any free one, a taken one gives way to the next (0)"
        parser.add_argument(f"--{name}port", type=_port, default=0, help=told)
    parser.add_argument("--closed", action="store_true", help="serve neither control nor truth")
    parser.add_argument("--json", action="store_true", help="print the addresses as one JSON line")
    return parser


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 10_000:  # noqa: PLR2004
        raise argparse.ArgumentTypeError("must be 1 to 10000")
    return value


def _rate(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1e6:  # noqa: PLR2004
        raise argparse.ArgumentTypeError("must be 0 to 1000000")
    return value


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65_535:  # noqa: PLR2004
        raise argparse.ArgumentTypeError("must be 0 to 65535")
    return value


if __name__ == "__main__":
    sys.exit(main())
