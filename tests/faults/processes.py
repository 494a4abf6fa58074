"""Real programs as child processes: started, killed, looked at, and never left behind."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
LOOK_AGAIN_S = 0.02
PATIENCE_S = 30.0
_SHOWN = 6_000  # characters of a log that a failed test prints
_TIED = (
    "import ctypes, os, sys\n"
    "if sys.platform == 'linux': ctypes.CDLL(None).prctl(1, 9)\n"  # PR_SET_PDEATHSIG, SIGKILL
    "os.execv(sys.argv[1], sys.argv[1:])\n"
)


class ProgramFailed(AssertionError):
    """A program ended, or did not do in time what it was started for."""


class Program:
    """A child process in a session of its own.

    It dies with this one (Linux), its whole group ends with the block, and what it printed is
    shown when the block fails.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Start it.

        Args:
            command: Program, by its full path, and arguments.
            log: File that what it prints is added to.
            environment: All it sees; see `clean_environment`.
            cwd: Where it starts; by default beside the log.
        """
        self.name = " ".join(Path(part).name for part in command[:4])
        self._log = log
        self._from = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _TIED, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment or {}),
                cwd=cwd or log.parent,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        """Return the program, which runs already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it with all it started; print its log when the block failed."""
        self.kill()
        if kind is not None:
            print(f"--- {self.name} (code {self.code}) printed:\n{self.printed[-_SHOWN:]}")

    @property
    def pid(self) -> int:
        """Process id, which is its group's as well."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Exit code as a shell tells it: 128 and more for a signal; None while it runs."""
        code = self._process.poll()
        return code if code is None or code >= 0 else 128 - code

    @property
    def printed(self) -> str:
        """What this process, not an earlier one with the same log, has printed so far."""
        return self._log.read_bytes()[self._from :].decode("utf-8", "replace")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process alone."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End the whole group at once, as a power cut would; harmless when it has ended."""
        with _quiet_if_gone():
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    async def ended(self, within_s: float = PATIENCE_S) -> int:
        """Wait until it ends by itself and return its exit code.

        Raises:
            ProgramFailed: It still runs after `within_s` seconds.
        """

        def look() -> int | None:
            return self.code

        return await until(look, f"{self.name} to end", within_s=within_s)

    async def prints(self, text: str, within_s: float = PATIENCE_S) -> str:
        """Wait until it has printed `text`; return all it has printed.

        Raises:
            ProgramFailed: It ended or did not print it in time.
        """

        def look() -> str | None:
            if text in (printed := self.printed):
                return printed
            if self.code is not None:
                raise ProgramFailed(f"{self.name} ended with {self.code}:\n{printed[-_SHOWN:]}")
            return None

        return await until(look, f"{self.name} to print {text!r}", within_s=within_s)


async def until(look: Callable[[], T | None], what: str, *, within_s: float = PATIENCE_S) -> T:
    """Look again and again until `look` finds something; return what it found.

    Args:
        look: Returns None or False while there is nothing yet.
        what: What is waited for, in words.
        within_s: Real seconds after which waiting is a failure.

    Raises:
        ProgramFailed: It was not found in time.
    """
    deadline = time.monotonic() + within_s
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        if time.monotonic() > deadline:
            raise ProgramFailed(f"waited {within_s:.0f} s in vain for {what}")
        await asyncio.sleep(LOOK_AGAIN_S)


def clean_environment(home: Path, **settings: str) -> dict[str, str]:
    """Return an environment in which nothing but `settings` decides.

    Args:
        home: Home and data folder, empty or used before.
        settings: Names and values as in `config.env`.
    """
    return {
        "HOME": str(home),
        "DATA_DIR": str(home / "data"),
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        **settings,
    }


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _quiet_if_gone() -> Iterator[None]:
    try:
        yield
    except (ProcessLookupError, PermissionError):  # macOS: a group of zombies may not be signalled
        return
