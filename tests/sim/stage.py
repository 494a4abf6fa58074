"""A run's two sides: a simulated Spotify that lives on, and processes of the product that may die.

A process is an event loop with a whole application on it. To kill it is to stop its loop
between two steps, keep hold of all that was on it (being collected would run `finally`
blocks), and open the next process on a copy of its files.
"""

import asyncio
import gc
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any

import structlog
from pydantic import SecretStr

from simulator.app import Simulator, build
from simulator.clock import SimClock
from simulator.settings import DEFAULT_CLIENT_ID, App
from simulator.settings import Settings as World
from src.config import Settings
from src.crypto import Vault, parse_keys
from src.database import Database
from src.main import create_app
from src.operations.migrations import upgrade
from src.runtime import Runtime
from src.spotify.config import SpotifySettings
from src.spotify.service import Spotify
from src.utils.entropy import SeededEntropy
from tests.sim.chronicle import Chronicle
from tests.sim.inline import Desk
from tests.sim.loop import VirtualLoop
from tests.sim.plan import Plan
from tests.sim.sealed import Surroundings
from tests.sim.weather import Weather
from tests.sim.wire import Exchange, Wire

EPOCH = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
FILE = "playhead.db"
_SERVICE = "http://127.0.0.1:8801"
_KEYS = SecretStr("1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
_CATALOGUE = 120


class VirtualClock:
    """The clock of one process: virtual seconds, and a wall clock that can jump."""

    def __init__(self, stage: "Stage", loop: VirtualLoop) -> None:
        self._stage = stage
        self._loop = loop

    def now(self) -> datetime:
        """Return the wall clock's instant."""
        return EPOCH + timedelta(seconds=self._loop.time() + self._stage.jumped_s)

    def monotonic(self) -> float:
        """Return virtual seconds."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Sleep on the virtual loop."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True, eq=False)
class Life:
    """One process of the product, from its start to its end or its death."""

    number: int
    loop: VirtualLoop
    desk: Desk
    wire: Wire
    runtime: Runtime
    spotify: Spotify
    app: Any

    @property
    def file(self) -> Path:
        """Its database file."""
        return self.runtime.settings.data_dir / FILE


@dataclass(slots=True)
class Stage:
    """Everything of one run that outlives a process.

    Attributes:
        plan: What shall happen.
        folder: Holds one folder of data for each process.
        jumped_s: How far the wall clock is from where it would be.
        exchanges: Every request that reached the service.
        watchers: Told of each of them as it arrives.
        lives: Every process so far; the last is the living one.
        told: The same requests by listener.
    """

    plan: Plan
    folder: Path
    jumped_s: float = 0.0
    exchanges: list[Exchange] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    told: dict[int | None, list[Exchange]] = field(default_factory=dict)
    watchers: list[Callable[[Exchange], None]] = field(default_factory=list)
    chronicle: Chronicle = field(init=False)
    simulator: Simulator = field(init=False)
    weather: Weather = field(init=False)

    def __post_init__(self) -> None:
        """Build the side that lives on."""
        plan = self.plan
        self.chronicle = Chronicle(self.now_s)
        world = World(
            seed=plan.seed,
            epoch=EPOCH,
            listeners=plan.users,
            shows=_CATALOGUE,
            shows_per_listener=plan.shows,
            apps=(App(allow_listed=plan.users),),
        )
        self.simulator = build(world, SimClock(base=self.now_s, start=EPOCH))
        self.weather = Weather(plan, self.simulator, self.now_s, self)

    @property
    def life(self) -> Life:
        """The process that lives."""
        return self.lives[-1]

    @property
    def surroundings(self) -> Surroundings:
        """What libraries take for the machine."""
        return Surroundings(
            now=lambda: EPOCH + timedelta(seconds=self.now_s() + self.jumped_s),
            monotonic=self.now_s,
            desk=lambda: self.life.desk,
        )

    def now_s(self) -> float:
        """Return virtual seconds since the beginning."""
        return self.lives[-1].loop.time() if self.lives else 0.0

    def jump_clock(self, seconds: float) -> None:
        """Let the wall clock jump."""
        self.jumped_s += seconds

    def stall(self, seconds: float) -> None:
        """Let nothing run for a while."""
        self.life.loop.stall(seconds)

    def open_life(self) -> Life:
        """Start a process on the files that the last one left."""
        number, seed = len(self.lives), self.plan.seed
        last = self.lives[-1] if self.lives else None
        start_s, steps = (last.loop.time(), last.loop.steps) if last else (0.0, 0)
        loop = VirtualLoop(Random(f"{seed}/steps/{number}"), start_s=start_s, steps=steps)
        data = self.folder / f"life-{number}"
        _inherit(last.file if last else template(), data)
        settings = Settings(_env_file=None, data_dir=data, encryption_keys=_KEYS)
        clock = VirtualClock(self, loop)
        runtime = Runtime(
            settings=settings,
            clock=clock,
            entropy=SeededEntropy(f"{seed}/entropy/{number}"),
            database=Database(settings.effective_database_url, clock=clock, busy_timeout_ms=0),
            vault=Vault(parse_keys(_KEYS.get_secret_value(), source="ENCRYPTION_KEYS")),
        )
        wire = Wire(
            self.simulator,
            rng=Random(f"{seed}/wire/{number}"),
            life=number,
            fault_of=self.weather.of_call,
            wall_s=lambda: self.now_s() + self.jumped_s,
            seen=self._seen,
        )
        settings_there = _spotify_settings(self.plan.calls_a_minute)
        spotify = Spotify.open(runtime, settings_there, transport=wire)
        desk = Desk(Random(f"{seed}/database/{number}"), self.weather.statement)
        app = create_app(runtime, spotify=spotify)
        loop.set_exception_handler(self._loop_error)
        life = Life(number, loop, desk, wire, runtime, spotify, app)
        self.lives.append(life)
        return life

    def _loop_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        structlog.get_logger().error("loop_error", context=str(context))

    def _seen(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        own = self.told.setdefault(exchange.listener, [])
        exchange.place = len(own)
        own.append(exchange)
        record = exchange.record
        fault = f" {exchange.fault.kind}" if exchange.fault else ""
        words = f"{exchange.listener} {record.path}?{record.query} {exchange.status}{fault}"
        self.chronicle.note("call", words)
        for watcher in self.watchers:
            watcher(exchange)

    def keep_file(self, data: Path) -> Path:
        """Copy the database as it is now into a folder of its own, and return its path."""
        _inherit(self.life.file, data)
        return data / FILE

    def clear_away(self) -> None:
        """Let every process end in order, the dead ones too, where nobody sees it any more."""
        self.watchers.clear()
        self.chronicle.close()
        logging.disable(logging.CRITICAL)  # the dead complain that they are disturbed
        for life in reversed(self.lives):
            life.wire.is_cut = True
            life.desk.before = _anything
            life.loop.kill_at = None
            _end(life)
        have_died = len(self.lives) > 1
        self.lives.clear()
        if have_died:  # what they left is closed here, not in the middle of another run
            gc.collect()
        logging.disable(logging.NOTSET)


def _end(life: Life) -> None:
    try:
        while tasks := asyncio.all_tasks(life.loop):
            for task in tasks:
                task.cancel()
            life.loop.run_until_complete(asyncio.wait(tasks))
        life.loop.run_until_complete(life.runtime.close())
    finally:
        life.loop.close()


def _anything(_statement: str) -> None:
    """Refuse nothing."""


@cache
def _spotify_settings(calls_a_minute: int) -> SpotifySettings:
    return SpotifySettings(
        _env_file=None,
        spotify_client_id=DEFAULT_CLIENT_ID,
        spotify_calls_per_minute=calls_a_minute,
        spotify_api_url=f"{_SERVICE}/v1",
        spotify_accounts_url=_SERVICE,
    )


def _inherit(file: Path, data: Path) -> None:
    """Copy a database, as it is on the disk, into the folder of the next process."""
    data.mkdir(mode=0o700, parents=True)
    shutil.copyfile(file, data / FILE)
    log = file.with_name(f"{file.name}-wal")
    if log.exists():
        shutil.copyfile(log, data / log.name)


@cache
def template() -> Path:
    """Return a migrated SQLite file, made once a process; runs copy it."""
    path = Path(mkdtemp(prefix="playhead-sim-")) / FILE
    upgrade(f"sqlite:///{path}")
    return path
