"""A restore: what an export took away is there again, in an empty Playhead, or nothing is."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from src.account.errors import (
    AccountNotEmpty,
    EventsDiffer,
    ExportDamaged,
    HeldBySomebody,
    NotAnExportOfOurs,
)
from src.account.records import SUBJECTS
from src.account.restore import Restored, restore
from src.errors import PlayheadError
from src.runtime import Runtime
from src.utils.types import UserId
from tests.account.exports import (
    Files,
    changed,
    exported,
    lines_of,
    with_values,
    without_times,
    zipped,
)
from tests.account.lives import EMAIL, lived
from tests.api.tables import dump
from tests.factories import add_user
from tests.fixtures import DatabaseUrls
from tests.history.imports import Listener, Row, acc_row, ext_row

ONLY_READ = {"connection", "schedule", "sign_ins", "sessions", "tokens", "audit"}
"""What happened elsewhere, and what only holds there."""

COMES_BACK = {
    *("history.jsonl", "plays.csv"),
    *(
        f"{subject.name}.{ending}"
        for subject in SUBJECTS
        if subject.name not in ONLY_READ | {"profile"}
        for ending in ("jsonl", "csv")
    ),
}

Change = Callable[[dict[str, Any]], dict[str, Any] | None]


async def brought_back(runtime: Runtime, files: Files, name: str) -> tuple[UserId, Restored]:
    """Restore an export into a new account."""
    user_id = await add_user(runtime, name)
    return user_id, await restore(runtime, user_id=user_id, file=zipped(files))


def hold_alike(first: Files, second: Files) -> None:
    """Hold every file that comes back against its original."""
    for name in sorted(COMES_BACK):
        assert without_times(first)[name] == without_times(second)[name], name


async def test_an_export_restored_elsewhere_is_exported_the_same(
    runtime: Runtime, elsewhere: Runtime, tmp_path: Path
) -> None:
    """The bytes of every file that comes back are the same, but for the instant of the export."""
    ada = await lived(runtime, tmp_path)
    first = await exported(runtime, ada.user_id)

    other, restored = await brought_back(elsewhere, first, "other")

    assert (0, False) == (restored.differing, restored.rules_changed)
    hold_alike(first, await exported(elsewhere, other))


def drawn_rows(random: Random) -> tuple[list[Row], list[Row]]:
    """Draw rows of both formats, about few episodes and times, so that they meet."""
    uris = [f"spotify:episode:{random.randrange(10**6):022d}" for _ in range(6)]
    names = [random.choice(["One", "two", "Two", "Drei ß", "=4", "五"]) for _ in range(8)]
    lengths = [0, 1_200, 61_000, 600_000, 1_500_000]
    ext, acc = [], []
    for _ in range(random.randrange(40)):
        minute = f"{random.randrange(24):02}:{random.randrange(0, 60, 5):02}"
        ms, name = random.choice(lengths), random.choice(names)
        if random.random() < 0.7:
            uri = random.choice([*uris, None])
            ext.append(ext_row(f"{minute}:{random.randrange(60):02}", ms, uri=uri, name=name))
        if random.random() < 0.7:
            acc.append(acc_row(minute, ms, name=name))
    return ext, acc


@pytest.mark.parametrize("world", range(3))
async def test_any_history_comes_back_as_it_was(
    runtime: Runtime, elsewhere: Runtime, tmp_path: Path, fault_seed: int, world: int
) -> None:
    """Whatever was imported, in whatever order, and undone: the same bytes the second time."""
    random = Random(f"{fault_seed}-{world}")
    ada = await Listener.made(runtime, tmp_path)
    for rows in (*drawn_rows(random), *drawn_rows(random)):
        if rows:
            run_id = await ada.imported(ada.file(rows))
            if random.random() < 0.3:
                await ada.undone(run_id)
    first = await exported(runtime, ada.user_id)

    other, restored = await brought_back(elsewhere, first, "other")

    assert [] == restored.differences
    hold_alike(first, await exported(elsewhere, other))


@pytest.mark.server
async def test_an_export_of_one_engine_is_read_by_the_other(
    runtime: Runtime, elsewhere_on_the_other_engine: Runtime, tmp_path: Path
) -> None:
    """A file from SQLite goes into PostgreSQL, and the other way round."""
    ada = await lived(runtime, tmp_path)
    first = await exported(runtime, ada.user_id)

    other, _ = await brought_back(elsewhere_on_the_other_engine, first, "other")

    hold_alike(first, await exported(elsewhere_on_the_other_engine, other))


async def test_nothing_that_opens_an_account_comes_back(
    runtime: Runtime, elsewhere: Runtime, other_urls: DatabaseUrls, tmp_path: Path
) -> None:
    """Neither grant nor session nor token, nor the name; the address and the zone do."""
    files = await exported(runtime, (await lived(runtime, tmp_path)).user_id)

    other, _ = await brought_back(elsewhere, files, "other")

    rows = dump(other_urls)
    shut = ("spotify_connection", "user_session", "api_token", "oauth_state", "sync_schedule")
    assert [[]] * len(shut) == [rows[table] for table in shut]
    profile = lines_of((await exported(elsewhere, other))["profile.jsonl"])[0]
    assert ("other", EMAIL, "Europe/Berlin") == (
        *(profile["name"], profile["email"], profile["time_zone"]),
    )
    assert ONLY_READ == {subject.name for subject in SUBJECTS if not subject.is_restored}


async def test_what_was_restored_can_be_undone(
    runtime: Runtime, elsewhere: Runtime, tmp_path: Path
) -> None:
    """Imports come back with what each of them brought, so undoing one takes just that."""
    ada = await Listener.made(runtime, tmp_path)
    first = await ada.imported(ada.file([ext_row("10:30:15", 1_800_000)]))
    await ada.imported(ada.file([acc_row("10:30", 1_800_000), acc_row("18:00", 60_000)]))
    other, _ = await brought_back(elsewhere, await exported(runtime, ada.user_id), "other")

    await ada.undone(first)
    await Listener(elsewhere, other, tmp_path).undone(first)

    hold_alike(await exported(runtime, ada.user_id), await exported(elsewhere, other))


def more_ms(line: dict[str, Any]) -> dict[str, Any]:
    """Let every play be a second longer, and the sum say so."""
    plays = 8
    longer = {"event": 1_000, "footer": plays * 1_000}
    return {**line, "ms": line["ms"] + longer[line["type"]]} if line["type"] in longer else line


def other_rules(line: dict[str, Any]) -> dict[str, Any]:
    """The same under other rules."""
    return more_ms(line) | ({"rules_version": 0} if line["type"] == "header" else {})


def under_way(line: dict[str, Any]) -> dict[str, Any]:
    """The same while an import was under way."""
    return more_ms(line) | ({"settled": False} if line["type"] == "footer" else {})


async def test_plays_that_do_not_follow_are_listed_and_nothing_is_stored(
    runtime: Runtime, elsewhere: Runtime, other_urls: DatabaseUrls, tmp_path: Path
) -> None:
    """Under the same rules the same observations give the same events, or the file is wrong."""
    files = await exported(runtime, (await lived(runtime, tmp_path)).user_id)
    user_id = await add_user(elsewhere, "other")
    before = dump(other_urls)

    with pytest.raises(EventsDiffer, match="8 of the plays") as refused:
        await restore(elsewhere, user_id=user_id, file=zipped(changed(files, more_ms)))

    assert "has another ms" in refused.value.message
    assert before == dump(other_urls)


@pytest.mark.parametrize("change", [other_rules, under_way])
async def test_differences_that_can_be_explained_are_told(
    runtime: Runtime, elsewhere: Runtime, tmp_path: Path, change: Change
) -> None:
    """Under other rules, or during an import, plays may differ: ours hold."""
    files = await exported(runtime, (await lived(runtime, tmp_path)).user_id)

    other, restored = await brought_back(elsewhere, changed(files, change), "other")

    assert (8, change is other_rules) == (restored.differing, restored.rules_changed)
    hold_alike(files, await exported(elsewhere, other))


def without_plays(line: dict[str, Any]) -> dict[str, Any] | None:
    """Leave out every play, and tell so in the footer."""
    if line["type"] == "footer":
        del line["counts"]["event"]
        return {**line, "ms": 0}
    return None if line["type"] == "event" else line


async def test_plays_that_are_missing_in_the_file_are_noticed(
    runtime: Runtime, elsewhere: Runtime, tmp_path: Path
) -> None:
    """What follows and is not listed differs as much as the other way round."""
    files = await exported(runtime, (await lived(runtime, tmp_path)).user_id)

    with pytest.raises(EventsDiffer, match="is not in the file"):
        await brought_back(elsewhere, changed(files, without_plays), "other")


def cut(kind: str) -> Change:
    """Leave out every line of a type."""
    return lambda line: None if line["type"] == kind else line


def put(kind: str, **values: object) -> Change:
    """Put values into every line of a type."""
    return lambda line: {**line, **values} if line["type"] == kind else line


DAMAGES: dict[str, tuple[Change, type[PlayheadError]]] = {
    "no header": (cut("header"), ExportDamaged),
    "no footer": (cut("footer"), ExportDamaged),
    "no runs": (cut("run"), ExportDamaged),
    "no shows": (cut("show"), ExportDamaged),
    "no edits": (cut("edit"), ExportDamaged),
    "no episodes": (cut("episode"), ExportDamaged),
    "another schema": (put("header", schema=2), NotAnExportOfOurs),
    "a title linked to nothing": (put("title", linked_to="spotify:x"), ExportDamaged),
    "more heard": (put("observation", ms=77), ExportDamaged),
    "brought by nobody": (put("observation", runs=[]), ExportDamaged),
    "no source of ours": (put("observation", source="radio"), ExportDamaged),
    "a huge number": (put("edit", created_s=2**70), ExportDamaged),
    "text for a number": (put("span", from_s="noon"), ExportDamaged),
    "no state of ours": (put("run", state="flying"), ExportDamaged),
    "an unknown line": (put("span", type="surprise"), ExportDamaged),
}


async def test_what_is_damaged_is_refused_whole(
    runtime: Runtime, elsewhere: Runtime, other_urls: DatabaseUrls, tmp_path: Path
) -> None:
    """A file that was cut or changed by hand leaves nothing behind."""
    files = await exported(runtime, (await lived(runtime, tmp_path)).user_id)
    user_id = await add_user(elsewhere, "other")
    before, told = dump(other_urls), {}

    for damage, (change, _) in DAMAGES.items():
        with pytest.raises(PlayheadError) as refused:
            await restore(elsewhere, user_id=user_id, file=zipped(changed(files, change)))
        told[damage] = refused.type

    assert {damage: expected for damage, (_, expected) in DAMAGES.items()} == told
    assert before == dump(other_urls)


LIES: list[tuple[str, dict[str, object]]] = [
    ("saved_shows.jsonl", {"show_id": "nowhere"}),
    ("saved_shows.jsonl", {"added_at": "2026-11-01T12:00:00"}),
    ("resume_points.jsonl", {"position_ms": 2**70}),
    ("resume_points.jsonl", {"position_ms": 2**63}),
    ("costs.jsonl", {"attempt": "me"}),
]


async def test_records_that_cannot_be_stored_are_refused(
    runtime: Runtime, elsewhere: Runtime, tmp_path: Path
) -> None:
    """A library that leads nowhere, an instant without a zone, a number too large or none."""
    files = await exported(runtime, (await lived(runtime, tmp_path)).user_id)
    user_id = await add_user(elsewhere, "other")

    for name, values in LIES:
        with pytest.raises(ExportDamaged):
            await restore(
                elsewhere, user_id=user_id, file=zipped(with_values(files, name, **values))
            )


async def test_only_an_empty_account_is_restored_into(
    runtime: Runtime, database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    """Nothing is ever mixed; the message names what is there."""
    ada = await lived(runtime, tmp_path)
    files = zipped(await exported(runtime, ada.user_id))
    before = dump(database_urls)

    with pytest.raises(AccountNotEmpty, match="listening history, a library, syncs, costs"):
        await restore(runtime, user_id=ada.user_id, file=files)

    assert before == dump(database_urls)


async def test_files_that_were_taken_out_are_not_missed(
    runtime: Runtime, elsewhere: Runtime, tmp_path: Path
) -> None:
    """Whoever wants the history alone may leave out the rest; what is cut off is damaged."""
    files = await exported(runtime, (await lived(runtime, tmp_path)).user_id)
    history = {"history.jsonl": files["history.jsonl"]}
    file = zipped(history)
    file.seek(60)
    file.write(b"?")
    user_id = await add_user(elsewhere, "other")

    with pytest.raises((ExportDamaged, NotAnExportOfOurs)):
        await restore(elsewhere, user_id=user_id, file=file)
    restored = await restore(elsewhere, user_id=user_id, file=zipped(history))

    assert (8, 0) == (restored.counts["event"], restored.counts["costs"])


async def test_one_export_is_in_a_database_once(runtime: Runtime, tmp_path: Path) -> None:
    """Runs and calls have one owner: a copy for somebody else is refused."""
    files = await exported(runtime, (await lived(runtime, tmp_path)).user_id)

    with pytest.raises(HeldBySomebody):
        await brought_back(runtime, files, "bob")


async def test_what_others_know_of_a_show_is_not_overwritten(
    runtime: Runtime, elsewhere: Runtime, other_urls: DatabaseUrls, tmp_path: Path
) -> None:
    """The catalogue keeps what Spotify last said here."""
    files = await exported(runtime, (await lived(runtime, tmp_path)).user_id)
    await brought_back(elsewhere, files, "other")
    shows = dump(other_urls)["show"]
    taken = {name: content for name, content in files.items() if "catalogue" in name}
    empty = await exported(elsewhere, await add_user(elsewhere, "empty"))
    changed_shows = with_values({**empty, **taken}, "catalogue_shows.jsonl", name="Lies")

    await brought_back(elsewhere, changed_shows, "third")

    assert shows == dump(other_urls)["show"]


def _no_zip(_files: Files) -> io.BytesIO:
    return io.BytesIO(b"PK but no zip")


def _other_zip(files: Files) -> io.BytesIO:
    return zipped({"README.txt": files["README.txt"]})


def _other_packing(files: Files) -> io.BytesIO:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("history.jsonl", files["history.jsonl"])
    return target


def _long_line(files: Files) -> io.BytesIO:
    return zipped({**files, "history.jsonl": b'{"type":"header",' + b" " * (5 << 20)})


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (_no_zip, NotAnExportOfOurs),
        (_other_zip, NotAnExportOfOurs),
        (_other_packing, ExportDamaged),
        (_long_line, ExportDamaged),
    ],
)
async def test_other_files_are_refused(
    runtime: Runtime, made: Callable[[Files], io.BytesIO], expected: type[PlayheadError]
) -> None:
    """No zip, a zip of something else, packed in another way, a line without an end."""
    ada = await add_user(runtime, "ada")
    file = made(await exported(runtime, ada))

    with pytest.raises(expected):
        await restore(runtime, user_id=ada, file=file)
