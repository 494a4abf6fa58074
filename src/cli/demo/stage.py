"""What the demo stands on: a simulated Spotify and the service, each on a port of its own."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn

from simulator.app import Simulator, build
from simulator.archives.writing import zipped
from simulator.clock import SimClock
from simulator.serving import Urls, free_socket, serving
from simulator.settings import DEFAULT_CLIENT_ID
from simulator.settings import Settings as SimulatorSettings
from src.config import Settings
from src.main import create_app
from src.runtime import Runtime
from src.spotify.config import SCOPES, SpotifySettings
from src.spotify.service import Spotify
from src.utils.clock import Clock
from src.utils.entropy import Entropy
from src.utils.logging import configure_logging

SCRIPT = "demo.json"
LISTENER = 0
WORLD_MORNING = timedelta(hours=6)
TEN_YEARS_DAYS = 3653


@dataclass(frozen=True, slots=True)
class Script:
    """What one demo keeps between two runs: when it began, its account and its consent.

    Instants are ISO 8601 in UTC; `consented_at` is None until a listener connected.
    `history_days` is how long everybody in its world has listened at the beginning.
    """

    began: str
    username: str
    password: str
    consented_at: str | None = None
    history_days: int = 365

    @classmethod
    def of(cls, folder: Path, *, clock: Clock, entropy: Entropy) -> "Script":
        """Read the script of `folder`, or begin a new one."""
        path = folder / SCRIPT
        if path.exists():
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        return cls(
            began=clock.now().replace(microsecond=0).isoformat(),
            username="demo",
            password=entropy.token_bytes(6).hex(),
            history_days=TEN_YEARS_DAYS,
        )

    def keep(self, folder: Path) -> None:
        """Write the script into `folder`, readable by its owner alone."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / SCRIPT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file)


class _Server(uvicorn.Server):
    """Leaves signals to the demo."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def simulated(script: Script, clock: Clock) -> Simulator:
    """Build the world of `script`, as it is by now; its truth answers nobody.

    In the world every demo begins at six in the morning, so that all find the same
    library; from there on its time passes like ours.
    """
    began = datetime.fromisoformat(script.began).astimezone(UTC)
    epoch = (began - WORLD_MORNING).replace(hour=0, minute=0, second=0) + WORLD_MORNING
    world_now = epoch + (clock.now() - began)
    world = SimulatorSettings(epoch=epoch, history_days=script.history_days)
    simulator = build(world, SimClock(start=world_now))
    simulator.close_truth()
    if script.consented_at is not None:
        _remember_consent(simulator, datetime.fromisoformat(script.consented_at))
    return simulator


def _remember_consent(simulator: Simulator, at: datetime) -> None:
    """Give the consent of an earlier run again: the same seed issues the same tokens."""
    code = simulator.grants.consent(
        client_id=DEFAULT_CLIENT_ID,
        listener=LISTENER,
        scopes=frozenset(SCOPES),
        redirect_uri="",
        challenge="",
        at=at,
    )
    simulator.grants.redeem(code, at=at)


def export_of(simulator: Simulator) -> bytes:
    """Return the zip that Spotify would send the listener who asks for both kinds of data."""
    return zipped(simulator.world, LISTENER, until=simulator.clock.now())[0]


@asynccontextmanager
async def on_stage(
    script: Script, folder: Path, *, port: int, clock: Clock
) -> AsyncIterator[tuple[str, Simulator]]:
    """Serve the simulator and Playhead while the block runs; yield Playhead's address and it.

    Args:
        script: What this demo keeps.
        folder: Where its database and keys are.
        port: First port to try; a taken one gives way to the next free one.
        clock: Time of both.

    Raises:
        OSError: No port is free.
    """
    async with AsyncExitStack() as stack:
        simulator = simulated(script, clock)
        spotify_urls = await stack.enter_async_context(
            serving(simulator, control_port=None, truth_port=None)
        )
        listener = free_socket(port)
        chosen = int(listener.getsockname()[1])
        settings = _settings(folder, chosen)
        log = stack.enter_context((folder / "playhead.log").open("a", encoding="utf-8"))
        configure_logging(level="INFO", stream=log, clock=clock)
        runtime = Runtime.open(settings, clock=clock)
        spotify = Spotify.open(runtime, _spotify_settings(spotify_urls))
        config = uvicorn.Config(
            create_app(runtime, spotify=spotify),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=5,
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started and not task.done():
                await clock.sleep(0.01)
            if task.done():
                await task
                raise OSError("the service ended before it answered")
            yield settings.public_url, simulator
        finally:
            server.should_exit = True
            await task
            listener.close()
            await runtime.close()


def _settings(folder: Path, port: int) -> Settings:
    """Return settings that nothing in the environment can turn away from the demo's folder."""
    return Settings(
        public_url=f"http://127.0.0.1:{port}",
        port=port,
        data_dir=folder,
        database_url=None,
        database_scheduler_url=None,
        encryption_keys=None,
        key_file=None,
        registration="open",
    )


def _spotify_settings(urls: Urls) -> SpotifySettings:
    return SpotifySettings(
        spotify_client_id=DEFAULT_CLIENT_ID,
        spotify_api_url=urls.web_api,
        spotify_accounts_url=urls.service,
    )
