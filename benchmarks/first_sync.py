"""A first sync takes little longer than its calls to Spotify, made one after another, must take.

The product syncs a default listener of the simulator, which runs in a process of its own,
over HTTP on this machine. The limit is its critical path: the same calls, as the simulator
logged them, made in the same order by a bare client on a fresh pool of connections. Both are
measured three times: at the pace that Spotify allows, with answers as late as they are from
far away but no limiter, and with neither, where nothing hides what the product itself does.
The quick run leaves the second out.
"""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import httpx2
from pydantic import SecretStr

from benchmarks.harness import Goal, Report, Row, Spent, Table, interleaved, main
from simulator.settings import DEFAULT_CLIENT_ID
from src.config import Settings
from src.cost_tracking import ledger
from src.cost_tracking.prices import Service
from src.database import become
from src.operations.migrations import upgrade
from src.runtime import Runtime
from src.spotify import connecting
from src.spotify.calls import Call
from src.spotify.client import web_api
from src.spotify.config import SpotifySettings
from src.spotify.models import SyncRun
from src.spotify.outcomes import GOT_THROUGH
from src.spotify.pace import Pace, windows
from src.spotify.queries.sync import claim_due_all_users
from src.spotify.run_state import LEASE_S
from src.spotify.scheduling import begin_run
from src.spotify.service import Spotify
from src.spotify.sync import run_sync
from src.users.models import User
from src.utils.circuit_breaker import get_circuit_breaker
from src.utils.clock import SystemClock
from src.utils.logging import configure_logging
from src.utils.rate_limit import MemoryLimiter
from src.utils.types import UserId

CALLS_PER_MINUTE = 180
LATE_S = 0.1
FORGOTTEN_AFTER_S = 31
"""Seconds after which the simulator's window, of 30 s, has forgotten every call."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Under which circumstances both sides are measured."""

    name: str
    title: str
    rounds: int
    is_paced: bool = False
    late_s: float = 0.0
    most: float | None = None


class NoPace(Pace):
    """The limiter, lifted."""

    async def turn(self, call: Call) -> None:
        """Let every call go out at once."""


class Synced(NamedTuple):
    """A sync that was made.

    `run` is its row and `spent` what it took. `calls` and `cost_micro` are those to the Web
    API by the ledger, sign-in included. `token` reads the same library.
    """

    run: SyncRun
    spent: Spent
    calls: int
    cost_micro: int
    token: SecretStr


class SimulatedSpotify:
    """A simulator in a process of its own, and the doors that tell about it."""

    def __init__(self, urls: dict[str, str]) -> None:
        self.url = urls["service"]
        self._control = f"{urls['control']}/_control"
        self._truth = f"{urls['truth']}/_truth"
        self._client = httpx2.Client(trust_env=False)

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["SimulatedSpotify"]:
        """Run one while the block does; its first listener consents to everything."""
        command = [sys.executable, "-m", "simulator", "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                served = cls(json.loads(process.stdout.readline()))
                served.switch("auto-consent", listener=0)
                yield served
            finally:
                process.terminate()

    def switch(self, name: str, **body: object) -> None:
        """Post to one of the controls."""
        self._client.post(f"{self._control}/{name}", json=body).raise_for_status()

    def forget_calls(self) -> None:
        """Let as much time pass as the window of calls is long."""
        self.switch("clock", step_s=FORGOTTEN_AFTER_S)

    def calls(self, last: int) -> list[str]:
        """Return the newest `last` (>= 1) calls to the Web API, oldest first."""
        total = self._page(offset=0, limit=1)["total"]
        records = self._page(offset=max(0, total - 1000), limit=1000)["requests"]
        api = [one for one in records if one["service"] == "api"]
        return [f"{self.url}{one['path']}?{one['query']}".rstrip("?") for one in api[-last:]]

    def _page(self, *, offset: int, limit: int) -> Any:
        asked = {"offset": offset, "limit": limit}
        return self._client.get(f"{self._truth}/requests", params=asked).raise_for_status().json()


async def sync_once(served: SimulatedSpotify, folder: Path, *, is_paced: bool) -> Synced:
    """Connect a new user on the migrated database in `folder`, and time their first sync."""
    settings = Settings(_env_file=None, data_dir=folder, database_url=None, encryption_keys=None)
    runtime = Runtime.open(settings)
    spotify = Spotify.open(
        runtime,
        SpotifySettings(
            _env_file=None,
            spotify_client_id=DEFAULT_CLIENT_ID,
            spotify_api_url=f"{served.url}/v1",
            spotify_accounts_url=served.url,
            spotify_calls_per_minute=CALLS_PER_MINUTE,
        ),
    )
    if not is_paced:
        spotify = without_limiter(spotify)
    try:
        user_id = await connected_user(spotify)
        now = runtime.clock.now()
        until = now + timedelta(seconds=LEASE_S)
        async with runtime.database.scheduling() as session:
            claims = await claim_due_all_users(session, now=now, lease_until=until, limit=1)
        with Spent() as spent:
            fence = claims[0].fence
            run_id = await begin_run(spotify, user_id=user_id, fence=fence)
            run = await run_sync(spotify, user_id=user_id, fence=fence, run_id=run_id)
        assert run.outcome in GOT_THROUGH, run.message
        calls, cost_micro = await on_the_ledger(runtime, user_id)
        token = await spotify.oauth.tokens.access_token(user_id)
    finally:
        await spotify.close()
        await runtime.close()
    return Synced(run, spent, calls, cost_micro, token.value)


async def on_the_ledger(runtime: Runtime, user_id: UserId) -> tuple[int, int]:
    """Return calls to the Web API and their micro-dollars."""
    now = runtime.clock.now()
    async with runtime.database.transaction(user_id, write=False) as session:
        told = await ledger.summary(
            session, user_id, since=now.date() - timedelta(days=1), until=now.date(), now=now
        )
    rows = [row for row in told.by_operation if row.service == Service.SPOTIFY_API]
    return sum(row.calls for row in rows), sum(row.amount_micro for row in rows)


def without_limiter(spotify: Spotify) -> Spotify:
    """Return `spotify` with calls that go out at once, and all else as it is."""
    runtime = spotify.runtime
    send = web_api(
        spotify.wire.send,
        runtime=runtime,
        breaker=get_circuit_breaker(Service.SPOTIFY_API),
        quota=spotify.quota,
        pace=NoPace(runtime, quota=spotify.quota, calls_per_minute=CALLS_PER_MINUTE),
    )
    return replace(spotify, client=replace(spotify.client, send=send))


async def connected_user(spotify: Spotify) -> UserId:
    """Add a user and go through the sign-in, as the simulator's first listener."""
    database = spotify.runtime.database
    async with database.keyed("ada", write=True) as session:
        user = User(name="ada", password_hash="-", created_at=spotify.runtime.clock.now())  # noqa: S106 - nobody signs in with it
        session.add(user)
        await session.flush()
        user_id = UserId(user.id)
        await become(session, user_id)
    sign_in = await connecting.begin(spotify, user_id=user_id, session_id=None)
    async with httpx2.AsyncClient(trust_env=False) as browser:
        back = await browser.get(sign_in.url)
    told = dict(parse_qsl(urlsplit(back.headers["location"]).query))
    await connecting.finish(
        spotify,
        code=SecretStr(told["code"]),
        state=told["state"],
        user_id=user_id,
        session_id=0,
        confirmed=True,
    )
    return user_id


async def walk_once(calls: list[str], token: SecretStr, *, is_paced: bool) -> Spent:
    """Make the calls one after another with a bare client, at the product's pace if asked."""
    limiter = MemoryLimiter(windows(CALLS_PER_MINUTE), clock=SystemClock())
    limiter.prime([0.0])  # as the product has just asked who connected
    headers = {"authorization": f"Bearer {token.get_secret_value()}"}
    with Spent() as spent:
        async with httpx2.AsyncClient(trust_env=False, headers=headers) as client:
            for call in calls:
                if is_paced:
                    await limiter.acquire(max_wait_s=60.0)
                answer = await client.get(call)
                answer.raise_for_status().json()
    return spent


def measure(quick: bool) -> Report:  # noqa: FBT001 - the harness asks so
    """Measure every scenario."""
    report = Report("first_sync")
    scenarios = [
        Scenario("paced", "at Spotify's pace", 1 if quick else 3, is_paced=True, most=1.2),
        Scenario("bare", "no limiter, answers at once", 3 if quick else 5, most=1.5),
    ]
    if not quick:
        late = Scenario("far", f"no limiter, answers {LATE_S * 1000:.0f} ms late", 3, late_s=LATE_S)
        scenarios.insert(1, late)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        log = stack.enter_context((folder / "playhead.log").open("w", encoding="utf-8"))
        configure_logging(level="INFO", stream=log, clock=SystemClock())
        template = folder / "template.db"
        upgrade(f"sqlite:///{template}")
        for scenario in scenarios:
            served = stack.enter_context(SimulatedSpotify.running())
            compare(report, scenario, served, fresh=fresh_folders(template))
    return report


def fresh_folders(template: Path) -> Callable[[], Path]:
    """Return what makes a data folder with a new, migrated database at each call."""

    def make() -> Path:
        folder = Path(tempfile.mkdtemp(dir=template.parent))
        shutil.copy(template, folder / "playhead.db")
        return folder

    return make


def compare(
    report: Report, scenario: Scenario, served: SimulatedSpotify, *, fresh: Callable[[], Path]
) -> None:
    """Measure both sides of one scenario, after one sync that only shows which calls it makes."""
    first = asyncio.run(sync_once(served, fresh(), is_paced=False))
    calls = served.calls(first.run.calls)
    if scenario.late_s:
        served.switch("faults", kind="slow", path="/v1/*", value=scenario.late_s)

    def product() -> Spent:
        served.forget_calls()
        synced = asyncio.run(sync_once(served, fresh(), is_paced=scenario.is_paced))
        assert synced.run.calls == len(calls), "the library is not the same each time"
        return synced.spent

    def path() -> Spent:
        served.forget_calls()
        return asyncio.run(walk_once(calls, first.token, is_paced=scenario.is_paced))

    found = interleaved(scenario.rounds, path=path, product=product)
    walls = [Row("critical path", [one.wall_s for one in found["path"]])]
    walls.append(Row("product", [one.wall_s for one in found["product"]]))
    report.tables.append(Table(f"First sync, {scenario.title}", "s", walls))
    if not report.figures:
        report.add("calls", first.calls, Goal(50))
        report.add("cost_micro_usd", first.cost_micro, Goal(5_000))
        report.add("shows", first.run.shows_total)
        report.add("episodes", first.run.episodes_stored)
    goal = None if scenario.most is None else Goal(scenario.most)
    report.add(f"{scenario.name}_ratio", walls[1].median / walls[0].median, goal)
    report.add(f"{scenario.name}_product_s", walls[1].median)
    if not (scenario.is_paced or scenario.late_s):
        cpu = [Row("bare client", per_call(found["path"], len(calls)))]
        cpu.append(Row("product", per_call(found["product"], len(calls))))
        report.tables.append(Table("Processor time a call", "ms", cpu))
        report.add("product_cpu_ms_per_call", cpu[1].median)
        report.add("bare_client_cpu_ms_per_call", cpu[0].median)


def per_call(spent: list[Spent], calls: int) -> list[float]:
    """Return processor milliseconds a call, for each round."""
    return [one.cpu_s * 1000 / calls for one in spent]


if __name__ == "__main__":
    sys.exit(main("first_sync", __doc__, measure))
