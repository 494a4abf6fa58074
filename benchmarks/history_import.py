"""An archive is imported in at most 2.5 times what `json.loads` takes for its bytes.

A million generated rows of the extended export, one in five a podcast, of 50,000 episodes,
in a zip of members with 20,000 rows each. The peer unpacks a member and calls `json.loads`, and
keeps nothing; the product reads, stores observations with who supports them, derives the events,
and tells what became of every row. Both databases are measured, each time empty; then the same
file again, which changes nothing, and an undo, which leaves nothing. On SQLite, times are
processor time of the process. On PostgreSQL they are that and the server's, as far as Linux tells.
Memory is that of a process of its own, above what it has before it begins: with these members,
and with all rows in a single one.
"""

import asyncio
import json
import multiprocessing
import os
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random
from typing import NamedTuple
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile

from cryptography.fernet import Fernet
from pydantic import SecretStr

from benchmarks.harness import Goal, Report, Row, Spent, Table, interleaved, main, peak_mb
from src.config import Settings
from src.database import become
from src.history import importing
from src.history.importer import import_files
from src.history.models import RunState
from src.history.queries import runs
from src.history.reports import Tally
from src.history.undoing import undo
from src.history.work import Work
from src.operations.migrations import upgrade
from src.runtime import Runtime
from src.users.models import User
from src.utils.clock import SystemClock
from src.utils.logging import configure_logging
from src.utils.types import UserId
from tests.databases import PostgresServer
from tests.servers import SUPERUSER, Keeper

SEED = 7
ROWS = 1_000_000
QUICK_ROWS = 60_000
MEMBER_ROWS = 20_000
EPISODES = 50_000
SHOWS = 1_000
ROUNDS = 3
FIRST_S = 1_388_534_400  # 2014-01-01
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_WORDS = ("rivers", "maps", "Flüsse", "the", "of", "on", "and", "cities", "letters", "night", "№")
_LAID_OUT = json.JSONEncoder(ensure_ascii=False, separators=(",\n    ", ": "))
_SPAWN = multiprocessing.get_context("spawn")
_TICKS_S = os.sysconf("SC_CLK_TCK")


class Written(NamedTuple):
    """The archives, and what is in each: rows and podcasts among them."""

    members: Path
    single: Path
    rows: int
    podcasts: int


class Done(NamedTuple):
    """What one import took: reading it first, reading it again, taking it back; seconds."""

    first_s: float
    again_s: float
    undo_s: float
    wall_s: float


def _words(random: Random, count: int) -> str:
    return " ".join(random.choices(_WORDS, k=count))


class Rows:
    """Rows of a listener who hears the same episodes more than once, as text.

    Put together from names that were drawn before: to draw a million of them anew takes
    longer than everything that is measured.
    """

    def __init__(self, rows: int) -> None:
        """Draw the names; fewer episodes for fewer rows."""
        self.random = Random(SEED)
        shows = [_words(self.random, 2) + f" {n}" for n in range(SHOWS)]
        self.episodes = [
            _fields(
                episode_name=f"{_words(self.random, 6)} {n}",
                episode_show_name=shows[n % SHOWS],
                spotify_episode_uri=_address(self.random, "episode"),
            )
            for n in range(EPISODES * rows // ROWS)
        ]
        self.tracks = [
            _fields(
                master_metadata_track_name=_words(self.random, 3),
                master_metadata_album_artist_name=_words(self.random, 2),
                master_metadata_album_album_name=_words(self.random, 2),
                spotify_track_uri=_address(self.random, "track"),
            )
            for _ in range(EPISODES)
        ]

    def row(self, number: int) -> tuple[str, bool]:
        """Return the `number`-th row, and whether it is a podcast: one in five cases."""
        draw = self.random.random
        is_podcast = draw() < 0.2  # noqa: PLR2004 - one in five
        ended_s = FIRST_S + number * 370 + int(draw() * 300)
        ms = int(draw() * (3_600_000 if is_podcast else 300_000))
        told = self.episodes if is_podcast else self.tracks
        start = ended_s - ms // 1000 if draw() < 0.5 else "null"  # noqa: PLR2004 - a coin
        ts = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ended_s))
        text = (
            f'{{"ts": "{ts}",\n    "ms_played": {ms},\n    "offline_timestamp": {start},'
            f"\n    {told[int(draw() * len(told))]}}}"
        )
        return text, is_podcast


def _address(random: Random, kind: str) -> str:
    return f"spotify:{kind}:{''.join(random.choices(_DIGITS, k=22))}"


def _fields(**told: str) -> str:
    """Return the fields that do not differ between the streams of one thing."""
    names = (
        *("master_metadata_track_name", "master_metadata_album_artist_name"),
        *("master_metadata_album_album_name", "spotify_track_uri", "episode_name"),
        *("episode_show_name", "spotify_episode_uri", "audiobook_title", "audiobook_uri"),
        *("audiobook_chapter_uri", "audiobook_chapter_title"),
    )
    fields: dict[str, object] = {
        "platform": "Android OS 13 API 33 (samsung, SM-G973F)",
        "conn_country": "DE",
        "ip_addr": "192.0.2.7",
        **{name: told.get(name) for name in names},
        "reason_start": "trackdone",
        "reason_end": "endplay",
        "shuffle": False,
        "skipped": False,
        "offline": False,
        "incognito_mode": False,
    }
    return _LAID_OUT.encode(fields)[1:-1]


def write(folder: Path, rows: int) -> Written:
    """Write the archives; the same for the same number of rows."""
    source = Rows(rows)
    paths = folder / "members.zip", folder / "single.zip"
    podcasts = 0
    with ExitStack() as stack:
        many, one = (
            stack.enter_context(ZipFile(path, "w", ZIP_DEFLATED, compresslevel=1)) for path in paths
        )
        single = stack.enter_context(one.open("endsong_0.json", "w", force_zip64=True))
        for first in range(0, rows, MEMBER_ROWS):
            drawn = [source.row(number) for number in range(first, min(rows, first + MEMBER_ROWS))]
            podcasts += sum(is_podcast for _, is_podcast in drawn)
            text = ",".join(row for row, _ in drawn)
            many.writestr(f"MyData/Streaming_History_Audio_{first}.json", f"[{text}]")
            single.write(f"{',' if first else '['}{text}".encode())
        single.write(b"]")
    return Written(*paths, rows=rows, podcasts=podcasts)


def loaded(path: Path) -> int:
    """Read every member with `json.loads`; return how many rows there are."""
    with ZipFile(path) as archive:
        return sum(len(json.loads(archive.read(info))) for info in archive.infolist())


async def opened(settings: Settings) -> tuple[Runtime, UserId]:
    """Open a runtime, and make a user."""
    runtime = Runtime.open(settings)
    async with runtime.database.keyed("ada", write=True) as session:
        now = runtime.clock.now()
        user = User(name="ada", password_hash="-", created_at=now)  # noqa: S106 - nobody signs in
        session.add(user)
        await session.flush()
        await become(session, UserId(user.id))
    return runtime, UserId(user.id)


async def imported(runtime: Runtime, user_id: UserId, path: Path) -> tuple[UUID, Tally]:
    """Import a file; return the run and its report."""
    work = await importing.begin_here(runtime, user_id=user_id, paths=[path])
    await import_files(work)
    async with runtime.database.transaction(user_id, write=False) as session:
        run = await runs.run_of(session, user_id=user_id, run_id=work.run_id)
    assert run is not None
    assert run.state == RunState.DONE, run.message
    return work.run_id, Tally.from_json(run.counts)


async def withdrawn(runtime: Runtime, user_id: UserId, run_id: UUID) -> None:
    """Undo an import."""
    async with runtime.database.transaction(user_id) as session:
        values = {"state": RunState.UNDOING, "fence": 2}
        await runs.change(
            session, user_id=user_id, run_id=run_id, expected=[RunState.DONE], values=values
        )
    await undo(Work(runtime=runtime, user_id=user_id, run_id=run_id, fence=2))


class Server:
    """PostgreSQL, and how much of the processors it has taken."""

    def __init__(self, server: PostgresServer, database: str) -> None:
        """Look at one database of a server."""
        self._server = server
        self._database = database

    def spent_s(self) -> float:
        """Return processor seconds of the processes that serve the database now."""
        if not Path("/proc/self/stat").exists():
            return 0.0
        with self._server.connect() as connection:
            rows = connection.execute(
                "select pid from pg_stat_activity where datname = %s", [self._database]
            ).fetchall()
        return sum(_ticks(pid) for (pid,) in rows) / _TICKS_S


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def once(settings: Settings, written: Written, server: Server | None) -> Done:
    """Import, import again and undo on an empty database; whatever is wrong raises."""
    return asyncio.run(_once(settings, written, server))


async def _once(settings: Settings, written: Written, server: Server | None) -> Done:
    runtime, user_id = await opened(settings)
    told_s = []
    run_ids = []
    walls = []
    for new in (written.podcasts, 0):
        before_s = server.spent_s() if server else 0.0
        with Spent() as spent:
            run_id, tally = await imported(runtime, user_id, written.members)
        assert (tally.rows, tally.new, tally.podcasts) == (written.rows, new, written.podcasts)
        told_s.append(spent.cpu_s + (server.spent_s() if server else 0.0) - before_s)
        run_ids.append(run_id)
        walls.append(spent.wall_s)
    await withdrawn(runtime, user_id, run_ids[1])
    before_s = server.spent_s() if server else 0.0
    with Spent() as spent:
        await withdrawn(runtime, user_id, run_ids[0])
    told_s.append(spent.cpu_s + (server.spent_s() if server else 0.0) - before_s)
    await runtime.close()
    return Done(told_s[0], told_s[1], told_s[2], walls[0])


def settings_for(folder: Path, url: str, scheduler: str | None = None) -> Settings:
    """Return the settings of a process on the database at `url`."""
    return Settings(
        _env_file=None,
        data_dir=folder,
        database_url=url,
        database_scheduler_url=scheduler,
        encryption_keys=SecretStr(f"1:{Fernet.generate_key().decode()}"),
        disk_floor_mib=0,
    )


def on_sqlite(written: Written) -> Done:
    """Do it on a new file."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/playhead.db"
        upgrade(url)
        return once(settings_for(Path(folder), url), written, None)


def on_postgresql(server: PostgresServer, written: Written) -> Done:
    """Do it on a new database."""
    name = "history_import"
    server.drop_database(name)
    server.create_database(name)
    try:
        upgrade(server.url(name, role="playhead_owner"))
        with tempfile.TemporaryDirectory() as folder:
            settings = settings_for(
                Path(folder),
                server.url(name, role="playhead_runtime"),
                server.url(name, role="playhead_scheduler"),
            )
            return once(settings, written, Server(server, name))
    finally:
        server.drop_database(name)


def above_idle_mb(path: Path) -> float:
    """Return how much memory an import takes in a new process, above what that has anyway."""
    with _SPAWN.Pool(1) as pool:
        return pool.apply(_peak_of, (path,))


def _peak_of(path: Path) -> float:
    configure_logging(level="WARNING", stream=sys.stderr, clock=SystemClock(), json=False)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/playhead.db"
        upgrade(url)

        async def work() -> float:
            runtime, user_id = await opened(settings_for(Path(folder), url))
            idle = peak_mb()
            await imported(runtime, user_id, path)
            await runtime.close()
            return peak_mb() - idle

        return asyncio.run(work())


def measure(quick: bool) -> Report:  # noqa: FBT001 - the harness asks so
    """Import on both databases, taking turns with the peer."""
    configure_logging(level="WARNING", stream=sys.stderr, clock=SystemClock(), json=False)
    report = Report("history_import")
    with tempfile.TemporaryDirectory() as folder, closing(Keeper()) as keeper:
        port = keeper.ports["postgres"]
        assert port is not None, "unset TEST_POSTGRES_URL"
        server = PostgresServer(host="127.0.0.1", port=port, superuser=SUPERUSER)
        server.create_roles()
        written = write(Path(folder), QUICK_ROWS if quick else ROWS)
        compare_times(report, written, server, rounds=1 if quick else ROUNDS)
        note_memory(report, written)
    return report


def compare_times(report: Report, written: Written, server: PostgresServer, *, rounds: int) -> None:
    """Note what an import takes, and how that compares to the peer."""

    def peer() -> Done:
        with Spent() as spent:
            rows = loaded(written.members)
        assert rows == written.rows
        return Done(spent.cpu_s, 0, 0, spent.wall_s)

    found = interleaved(
        rounds,
        peer=peer,
        sqlite=lambda: on_sqlite(written),
        postgresql=lambda: on_postgresql(server, written),
    )
    names = {"peer": "json.loads", "sqlite": "SQLite", "postgresql": "PostgreSQL"}
    table = [Row(names[side], [one.first_s for one in done]) for side, done in found.items()]
    walls = [Row(names[side], [one.wall_s for one in done]) for side, done in found.items()]
    size = f"{written.rows:,} rows, {written.podcasts:,} podcasts"
    report.tables += [
        Table(f"Importing {size}", "processor s", table),
        Table("The same", "wall s", walls),
    ]
    for side in ("sqlite", "postgresql"):
        done = found[side]
        rows = [
            Row("first time", [one.first_s for one in done]),
            Row("the same file again", [one.again_s for one in done]),
            Row("undo", [one.undo_s for one in done]),
        ]
        report.tables.append(Table(names[side], "processor s", rows))
    baseline, *ours = (row.median for row in table)
    for side, spent_s in zip(("sqlite", "postgresql"), ours, strict=True):
        report.add(f"{side}_ratio_to_json_loads", spent_s / baseline, Goal(2.5))
        report.add(f"{side}_rows_per_processor_s", written.rows / spent_s)


def note_memory(report: Report, written: Written) -> None:
    """Note the peaks above idle."""
    many, one = above_idle_mb(written.members), above_idle_mb(written.single)
    rows = [Row("20,000 rows a member", [many]), Row("all rows in one", [one])]
    report.tables.append(Table("Peak memory above idle", "MB", rows))
    report.add("peak_above_idle_mb", many, Goal(150))
    report.add("peak_above_idle_single_member_mb", one, Goal(150))


if __name__ == "__main__":
    sys.exit(main("history_import", __doc__, measure))
