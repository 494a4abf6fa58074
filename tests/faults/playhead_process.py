"""The product as a program of its own, and people who use it with a browser."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from src.cli.demo.visitor import Visitor, browser
from tests.faults.processes import (
    PATIENCE_S,
    Program,
    ProgramFailed,
    clean_environment,
    free_port,
    until,
)
from tests.faults.spotify_process import SpotifyProcess
from tests.fixtures import DatabaseUrls

PASSWORD = "a long enough password"
SERVE = (sys.executable, "-m", "src", "serve")
SIGTERM_CODE = 143


class PlayheadProcess:
    """One installation of Playhead: a data folder, a port, and at most one process at a time."""

    def __init__(
        self,
        folder: Path,
        *,
        spotify: SpotifyProcess | None = None,
        database: DatabaseUrls | None = None,
        command: tuple[str, ...] = SERVE,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            folder: Home of the process, with its data and its log.
            spotify: Whom it takes for Spotify; None leaves it without an app.
            database: Where its data is; by default a SQLite file in the data folder.
            command: What starts it.
            settings: More settings, by their names in `config.env`.
        """
        self.folder = folder
        self.log = folder / "playhead.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.command = command
        given = {"PORT": str(self.port), "PUBLIC_URL": self.url}
        if spotify is not None:
            given |= spotify.settings
        if database is not None:
            given["DATABASE_URL"] = database.runtime
            if not database.is_sqlite:
                given["DATABASE_SCHEDULER_URL"] = database.scheduler
        self.environment = clean_environment(folder, **(given | dict(settings or {})))
        self._program: Program | None = None

    async def __aenter__(self) -> Self:
        """Start it and wait until it is ready."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it, however it is doing."""
        if self._program is not None:
            self._program.__exit__(kind, error, trace)

    @property
    def program(self) -> Program:
        """The process that runs, or ran last."""
        assert self._program is not None
        return self._program

    def launch(self) -> Program:
        """Start a process and wait for nothing."""
        self._program = Program(self.command, log=self.log, environment=self.environment)
        return self._program

    async def start(self, within_s: float = PATIENCE_S) -> None:
        """Start a process and wait until it says it is ready.

        Raises:
            ProgramFailed: It ended, or was not ready in time.
        """
        program = self.launch()
        with httpx2.Client(trust_env=False, timeout=5.0) as http:

            def ready() -> bool:
                if program.code is not None:
                    raise ProgramFailed(f"ended with {program.code}:\n{program.printed}")
                try:
                    answer = http.get(f"{self.url}/health/ready")
                except httpx2.TransportError:
                    return False
                return answer.status_code == httpx2.codes.OK

            await until(ready, "Playhead to be ready", within_s=within_s)

    def kill(self) -> None:
        """End the process at once, with SIGKILL."""
        self.program.kill()

    @asynccontextmanager
    async def visitor(self, name: str) -> AsyncIterator[Visitor]:
        """Be a person who has an account here and is signed in, with a browser of their own."""
        async with browser() as client:
            visitor = Visitor(client, self.url)
            await visitor.sign_in(name, PASSWORD)
            yield visitor

    async def connect(self, listeners: int) -> None:
        """Open an account for each of so many listeners, and connect each to their Spotify."""
        for listener in range(listeners):
            async with self.visitor(person(listener)) as visitor:
                await visitor.connect(listener=listener)

    async def status(self, listener: int) -> dict[str, Any]:
        """Return what the sync status says to a listener."""
        async with self.visitor(person(listener)) as visitor:
            found: dict[str, Any] = await visitor.get("/api/spotify/sync/status")
            return found


def person(listener: int) -> str:
    """Return the name under which a listener has an account."""
    return f"listener-{listener}"
