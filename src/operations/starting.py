"""What a server makes sure of before it answers, and whether it still holds."""

import asyncio
import fcntl
import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import FrameType

import structlog

from src.errors import PlayheadError, SettingsRefused
from src.operations.fitting_keys import demand_fitting_keys
from src.operations.migrations import demand_current, demand_least_privilege, upgrade
from src.runtime import Runtime
from src.utils.types import UserId

log = structlog.get_logger()

_PATIENCE_S = 10.0
_LOOK_AGAIN_S = 0.2


class AlreadyRunning(PlayheadError):
    """Another server uses this data folder."""

    code = "already_running"
    title = "Already running"


@asynccontextmanager
async def prepared(runtime: Runtime, *, patience_s: float = _PATIENCE_S) -> AsyncIterator[None]:
    """Bring the database to this version, and on SQLite be its only server meanwhile.

    An earlier server gets `patience_s` seconds to end.

    On PostgreSQL nothing is migrated: the server's role may not, and several
    servers start at once.

    Raises:
        AlreadyRunning: Another server uses the data folder and did not end in time.
        SettingsRefused: The database is of another version or was sealed with other keys, or
            the role may do too much.
    """
    if not runtime.database.is_sqlite:
        await bring_up_to_date(runtime)
        await demand_fitting_keys(runtime)
        yield
        return
    lock = runtime.settings.data_dir / "server.lock"
    async with _only_server(runtime, lock, patience_s):
        await bring_up_to_date(runtime)
        await demand_fitting_keys(runtime)
        yield


async def bring_up_to_date(runtime: Runtime) -> None:
    """Migrate a SQLite file; of PostgreSQL demand that somebody did. Safe beside a server.

    Raises:
        SettingsRefused: The database is of another version, or the role may do too much.
    """
    url = runtime.settings.effective_database_url
    if runtime.database.is_sqlite:
        await asyncio.to_thread(upgrade, url)
    else:
        await asyncio.to_thread(demand_least_privilege, url)
        await asyncio.to_thread(demand_current, url)


@asynccontextmanager
async def _only_server(runtime: Runtime, path: Path, patience_s: float) -> AsyncIterator[None]:
    """Hold a lock that the kernel drops with the process, however it ends."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        until_s = runtime.clock.monotonic() + patience_s
        while not _locked(handle):
            if runtime.clock.monotonic() >= until_s:
                raise AlreadyRunning(
                    f"Another Playhead is using {path.parent}. End it first, or give this one a "
                    "DATA_DIR of its own. Several servers at once need PostgreSQL."
                )
            await runtime.clock.sleep(_LOOK_AGAIN_S)
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def told_to_stop(stopping: asyncio.Event) -> Iterator[None]:
    """Set `stopping` at the first signal to end.

    The server itself waits for open replies before it ends the application, and a
    live stream never ends by itself: it watches this event.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def heard(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stopping.set)
        earlier = before[signal.Signals(number)]
        if callable(earlier):
            earlier(number, frame)
        elif earlier is signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    for number in before:
        signal.signal(number, heard)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


async def readiness(runtime: Runtime) -> dict[str, bool]:
    """Tell of each thing a server needs whether it is there: `database` and `keys`."""
    return {"database": await _database_is_current(runtime), "keys": _keys_open(runtime)}


async def _database_is_current(runtime: Runtime) -> bool:
    try:
        await asyncio.to_thread(demand_current, runtime.settings.effective_database_url)
    except SettingsRefused:
        return False
    except Exception:  # whatever the driver raises, the answer is no
        log.exception("database_unreachable")
        return False
    return True


def _keys_open(runtime: Runtime) -> bool:
    nobody, purpose = UserId(0), "readiness"
    sealed = runtime.vault.seal(purpose, user_id=nobody, purpose=purpose)
    return runtime.vault.open(sealed.ciphertext, user_id=nobody, purpose=purpose) == purpose
