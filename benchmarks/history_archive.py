"""An export is read to typed podcast rows in half the time that `json.loads` takes for its bytes.

Generated rows of the extended export, one in five a podcast, in a zip of members with 20,000
rows each. The peer unpacks a member and calls `json.loads`, which classes nothing, keeps nothing
and loses a whole file to one bad byte; the product unpacks in pieces, takes a digest of the zip,
classes rows and numbers equal ones. It reads a second zip in which one row in 101 has a defect, so
that hardly a piece can be decoded at once. Memory is that of a process of its own, above what it
has before it begins: with these members, and with all rows in a single one. Times are processor
time.
"""

import json
import multiprocessing
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile

from benchmarks.harness import Goal, Report, Row, Spent, Table, interleaved, main, peak_mb
from src.history.archive.reader import Archive

SEED = 5
ROWS = 1_000_000
QUICK_ROWS = 200_000
MEMBER_ROWS = 20_000
DEFECT_EVERY = 101
FIRST = datetime(2014, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 25, tzinfo=UTC)
_DEVICES = ("Android OS 13 API 33 (samsung, SM-G973F)", "iOS 17.4 (iPhone14,5)", "web_player linux")
_WORDS = ("rivers", "maps", "Flüsse", "the", "of", "on", "and", "cities", "letters", "night", "№")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LAID_OUT = json.JSONEncoder(ensure_ascii=False, separators=(",\n    ", ": "))
_SPAWN = multiprocessing.get_context("spawn")


class Written(NamedTuple):
    """The archives that are read, and what is in each: rows and podcasts among them."""

    clean: Path
    damaged: Path
    single: Path
    rows: int
    podcasts: int


def title(random: Random, words: int) -> str:
    """Return a title."""
    return " ".join(random.choices(_WORDS, k=words))


def address(random: Random, kind: str) -> str:
    """Return a URI of Spotify's."""
    return f"spotify:{kind}:{''.join(random.choices(_DIGITS, k=22))}"


def row(random: Random, number: int) -> dict[str, object]:
    """Return the `number`-th row, which is a podcast in one of five cases."""
    is_podcast = random.random() < 0.2  # noqa: PLR2004 - one in five
    ended = FIRST + timedelta(seconds=number * 370 + random.randrange(300))
    ms = random.randrange(3_600_000 if is_podcast else 300_000)
    has_start = random.random() < 0.5  # noqa: PLR2004 - a coin
    return {
        "ts": ended.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "platform": random.choice(_DEVICES),
        "ms_played": ms,
        "conn_country": "DE",
        "ip_addr": f"192.0.2.{random.randrange(256)}",
        "master_metadata_track_name": None if is_podcast else title(random, 3),
        "master_metadata_album_artist_name": None if is_podcast else title(random, 2),
        "master_metadata_album_album_name": None if is_podcast else title(random, 2),
        "spotify_track_uri": None if is_podcast else address(random, "track"),
        "episode_name": title(random, 7) if is_podcast else None,
        "episode_show_name": title(random, 2) if is_podcast else None,
        "spotify_episode_uri": address(random, "episode") if is_podcast else None,
        "audiobook_title": None,
        "audiobook_uri": None,
        "audiobook_chapter_uri": None,
        "audiobook_chapter_title": None,
        "reason_start": "trackdone",
        "reason_end": "endplay",
        "shuffle": False,
        "skipped": random.random() < 0.3,  # noqa: PLR2004 - often
        "offline": False,
        "offline_timestamp": int(ended.timestamp()) - ms // 1000 if has_start else None,
        "incognito_mode": False,
    }


def write(folder: Path, rows: int) -> Written:
    """Write the archives; the same for the same number of rows."""
    random = Random(SEED)
    paths = (folder / "clean.zip", folder / "damaged.zip", folder / "single.zip")
    podcasts = 0
    with ExitStack() as stack:
        clean, damaged, single = (
            stack.enter_context(ZipFile(path, "w", ZIP_DEFLATED, compresslevel=level))
            for path, level in zip(paths, (6, 1, 1), strict=True)
        )
        one = stack.enter_context(
            single.open("Streaming_History_Audio.json", "w", force_zip64=True)
        )
        for first in range(0, rows, MEMBER_ROWS):
            members = [row(random, number) for number in range(first, first + MEMBER_ROWS)]
            podcasts += sum(member["episode_name"] is not None for member in members)
            texts = [_LAID_OUT.encode(member) for member in members]
            name = f"Spotify Extended Streaming History/Streaming_History_Audio_{first}.json"
            clean.writestr(name, f"[{','.join(texts)}]")
            one.write(f"{',' if first else '['}{','.join(texts)}".encode())
            for place in range(DEFECT_EVERY - 1, MEMBER_ROWS, DEFECT_EVERY):
                texts[place] = texts[place].replace('"DE"', "NaN")
            damaged.writestr(name, f"[{','.join(texts)}]")
        one.write(b"]")
    return Written(*paths, rows=rows, podcasts=podcasts)


def loaded(path: Path) -> int:
    """Read every member with `json.loads`; return how many rows there are."""
    with ZipFile(path) as archive:
        return sum(len(json.loads(archive.read(info))) for info in archive.infolist())


def product(path: Path) -> tuple[int, int]:
    """Read an archive as the product does; return how many rows and plays there are."""
    rows = plays = 0
    archive = Archive.open(path)
    archive.sha256()
    for batch in archive.batches(now=NOW):
        rows += batch.counts.rows
        plays += len(batch.plays)
    return rows, plays


def above_idle_mb(read: Callable[[Path], object], path: Path) -> float:
    """Return how much memory reading takes in a new process, above what that has anyway."""
    with _SPAWN.Pool(1) as pool:
        return pool.apply(_peak_of, (read, path))


def _peak_of(read: Callable[[Path], object], path: Path) -> float:
    idle = peak_mb()
    read(path)
    return peak_mb() - idle


def measure(quick: bool) -> Report:  # noqa: FBT001 - the harness asks so
    """Read the archives with both."""
    report = Report("history_archive")
    with tempfile.TemporaryDirectory() as folder:
        written = write(Path(folder), QUICK_ROWS if quick else ROWS)
        compare_times(report, written, rounds=3)
        compare_memory(report, written)
    return report


def compare_times(report: Report, written: Written, *, rounds: int) -> None:
    """Read the rows with and without defects, taking turns with the peer."""

    def peer() -> Spent:
        with Spent() as spent:
            rows = loaded(written.clean)
        assert rows == written.rows
        return spent

    def clean() -> Spent:
        with Spent() as spent:
            found = product(written.clean)
        assert found == (written.rows, written.podcasts)
        return spent

    def damaged() -> Spent:
        with Spent() as spent:
            rows, plays = product(written.damaged)
        assert rows == written.rows
        assert plays < written.podcasts
        return spent

    found = interleaved(rounds, peer=peer, clean=clean, damaged=damaged)
    names = {"peer": "json.loads", "clean": "product", "damaged": "product, 1 row in 101 broken"}
    table = [Row(names[side], [one.cpu_s for one in spent]) for side, spent in found.items()]
    report.tables.append(Table(f"{written.rows:,} rows, unzip included", "processor s", table))
    baseline, ours, broken = (one.median for one in table)
    report.add("ratio_to_json_loads", ours / baseline, Goal(0.5))
    report.add("ratio_with_defects", broken / baseline)
    report.add("rows_per_processor_s", written.rows / ours)


def compare_memory(report: Report, written: Written) -> None:
    """Note the peaks; the peer is spared the single member, of which it would take gigabytes."""
    peaks = {
        "json.loads, 20,000 rows a member": above_idle_mb(loaded, written.clean),
        "product, 20,000 rows a member": above_idle_mb(product, written.clean),
        "product, all rows in one": above_idle_mb(product, written.single),
    }
    rows = [Row(name, [peak]) for name, peak in peaks.items()]
    report.tables.append(Table("Peak memory above idle", "MB", rows))
    report.add("peak_above_idle_mb", rows[1].median, Goal(40))
    report.add("peak_above_idle_single_member_mb", rows[2].median, Goal(40))


if __name__ == "__main__":
    sys.exit(main("history_archive", __doc__, measure))
