"""PostgreSQL stops in the middle of a sync, as in a crash, and comes back."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from src.operations.migrations import upgrade
from tests import servers
from tests.databases import PostgresServer
from tests.faults import reckoning
from tests.faults.books import Books
from tests.faults.playhead_process import PlayheadProcess
from tests.faults.processes import until
from tests.faults.spotify_process import simulated_spotify
from tests.fixtures import DatabaseUrls

OUTAGE_S = 3.0
DATABASE = "outage"


class OwnPostgres:
    """A PostgreSQL of one test, which may stop it and start it again."""

    def __init__(self, home: Path) -> None:
        """Start it, empty, below `home`, which other users must be able to enter."""
        self._home = home
        self._process, port = servers._start_postgres(home)
        self.server = PostgresServer(host="127.0.0.1", port=port, superuser=servers.SUPERUSER)

    def migrated(self) -> DatabaseUrls:
        """Return a database with the product's tables, whose commits survive a crash."""
        self.server.create_roles()
        self.server.create_database(DATABASE)
        with self.server.connect() as connection:
            connection.execute(f"alter database {DATABASE} set synchronous_commit = on")
        owner = self.server.url(DATABASE, role="playhead_owner")
        upgrade(owner)
        return DatabaseUrls(
            runtime=self.server.url(DATABASE, role="playhead_runtime"),
            scheduler=self.server.url(DATABASE, role="playhead_scheduler"),
            owner=owner,
        )

    def stop(self) -> None:
        """Stop as `pg_ctl stop -m immediate` does: connections break, nothing is tidied up."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()

    def start(self) -> None:
        """Start again on the same files and port."""
        assert isinstance(self._process, subprocess.Popen)
        arguments = self._process.args
        assert isinstance(arguments, list)
        folder = self._home / "postgres"
        (folder / "data" / "postmaster.pid").unlink(missing_ok=True)

        def ready() -> bool:
            pid_file = folder / "data" / "postmaster.pid"
            return pid_file.exists() and "ready" in pid_file.read_text()

        self._process = servers.start(
            arguments,
            self._home / "postgres.log",
            ready=ready,
            death=signal.SIGQUIT,
            cwd=folder,
            **servers._unprivileged(),
        )


@contextmanager
def _own_postgres() -> Iterator[OwnPostgres]:
    home = Path(tempfile.mkdtemp(prefix="playhead-outage-"))
    home.chmod(0o755)
    try:
        postgres = OwnPostgres(home)
        try:
            yield postgres
        finally:
            postgres.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.server
async def test_sync_outlives_its_database(tmp_path: Path) -> None:
    """The process lives on, the run is continued, and nothing is lost or doubled."""
    with _own_postgres() as postgres:
        urls = postgres.migrated()
        books = Books(urls)
        async with simulated_spotify(tmp_path, listeners=1) as spotify:
            playhead = PlayheadProcess(
                tmp_path,
                spotify=spotify,
                database=urls,
                settings={"FIRST_SYNC_MAX_CALLS": "24"},
            )
            async with playhead:
                await playhead.connect(1)
                target = spotify.seen() + 4
                await until(lambda: spotify.seen() >= target, "a sync under way")
                postgres.stop()
                back_at = time.monotonic() + OUTAGE_S
                await until(lambda: time.monotonic() >= back_at, "the end of the outage")
                postgres.start()
                books.let_leases_lapse()
                await until(lambda: not books.unsynced(), "the run's end", within_s=90.0)

                assert playhead.program.code is None
            reckoning.check_library(books, spotify)
            reckoning.check_pages(books, spotify, in_flight=1)
            reckoning.check_ledger(books, spotify, in_flight=1)
            reckoning.check_runs(books)
