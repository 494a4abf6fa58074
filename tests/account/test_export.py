"""An export: everything is in it but secrets, and little of it in memory at a time."""

import csv
import errno
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.sql.schema import Column

from src.account import cells
from src.account.export import spooled, write
from src.account.queries import history
from src.account.queries.records import statement
from src.account.records import SUBJECTS
from src.database import Session, tenant_tables
from src.history import importing
from src.history.errors import NoSpace
from src.runtime import Runtime
from src.utils.types import UserId
from tests.account.exports import exported, lines_of
from tests.account.lives import EMAIL, MARK, lived
from tests.factories import add_user
from tests.history.imports import Listener, ext_row
from tests.users.clients import under

SECRET = "a secret, or what one could be guessed from"
NUMBER = "a number of this database; the file has keys instead"
WORK = "where work stands, which begins anew"
DERIVED = "follows from what is exported"

# What an export leaves out, each with its reason; a name without a column is a whole table.
LEFT_OUT = {
    "users.password_hash": SECRET,
    "users.id": NUMBER,
    "user_session.id": NUMBER,
    "user_session.token_hash": SECRET,
    "api_token.id": NUMBER,
    "api_token.token_hash": SECRET,
    "audit_event.id": NUMBER,
    "spotify_connection.account_key": SECRET,
    "spotify_connection.access_sealed": SECRET,
    "spotify_connection.refresh_sealed": SECRET,
    "spotify_connection.key_version": SECRET,
    "spotify_connection.expires_at": "the end of a token, an hour away",
    "spotify_connection.lease_until": WORK,
    "spotify_connection.fence": WORK,
    "oauth_state.state_hash": SECRET,
    "oauth_state.verifier_sealed": SECRET,
    "oauth_state.session_id": NUMBER,
    "sync_schedule.account": "the operator's app at Spotify, not the user's",
    "sync_schedule.requested": WORK,
    "sync_schedule.failures": WORK,
    "sync_schedule.fence": WORK,
    "sync_schedule.lease_until": WORK,
    "sync_schedule.listing_began_at": WORK,
    "sync_schedule.listing_offset": WORK,
    "sync_schedule.listing_total": WORK,
    "sync_run.fence": WORK,
    "saved_show.misses": WORK,
    "saved_show.newest_at": WORK,
    "saved_show.newest_pending": WORK,
    "saved_show.listed_total": WORK,
    "saved_show.backfill_offset": WORK,
    "saved_show.pass_started_at": WORK,
    "saved_show.listed_at": WORK,
    "saved_show.missed_run_id": WORK,
    "saved_episode.misses": WORK,
    "history_run.lease_until_s": WORK,
    "history_run.fence": WORK,
    "history_file.received_bytes": WORK,
    "history_file.path": WORK,
    "history_file.member": WORK,
    "history_file.offset_bytes": WORK,
    **dict.fromkeys(
        (
            *("cost_entry.id", "cost_entry.corrects_id", "coverage_span.id"),
            *("event_source.event_id", "event_source.observation_id", "event_source.episode_ref"),
            *("history_episode.id", "history_episode.show_ref", "history_episode.linked_to"),
            *("history_name.episode_ref", "history_name.show_ref", "history_show.id"),
            *("listening_event.episode_ref", "listening_event.show_ref"),
            *("listening_event.observation_id", "observation.episode_ref"),
            "observation_support.observation_id",
        ),
        NUMBER,
    ),
    "history_file.position": "the order of the files in their run",
    "observation.apart_s": DERIVED,
    "touched": WORK,
    "coverage": DERIVED,
    "history_state": "counts changes",
}


def is_left_out(column: "Column[Any]") -> bool:
    """Tell whether a column is listed, alone or with its table."""
    return column.table.name in LEFT_OUT or f"{column.table.name}.{column.name}" in LEFT_OUT


class Asked(Exception):
    """Carries a statement out of the function that would execute it."""

    def __init__(self, chosen: object) -> None:
        self.chosen = chosen


class Asking:
    """Stands in a session's place, to learn what is read."""

    async def stream(self, chosen: object) -> None:
        """Hand the statement to the test."""
        raise Asked(chosen)

    execute = stream


async def _read_by(part: Any) -> object:
    session: Session = Asking()  # type: ignore[assignment]  # it is asked for nothing else
    try:
        found = part(session, user_id=UserId(1))
        await (anext(found) if hasattr(found, "__anext__") else found)
    except Asked as asked:
        return asked.chosen
    raise AssertionError(f"{part} reads nothing")


async def test_every_column_of_a_user_is_exported_or_listed_with_a_reason() -> None:
    """A table or column that a migration adds fails this, until somebody decides about it."""
    parts = ("runs", "files", "shows", "episodes", "names", "observations", "edits", "spans")
    chosen: list[Any] = [statement(one.kind, user_id=UserId(1)) for one in SUBJECTS]
    chosen += [await _read_by(getattr(history, name)) for name in (*parts, "events")]
    read = {
        (column.table.name, column.name)
        for one in chosen
        for told in one.selected_columns
        for column in told.base_columns
    }
    missing = {
        f"{table.name}.{column.name}"
        for table in tenant_tables().values()
        for column in table.columns
        if column.name != "user_id"
        and (table.name, column.name) not in read
        and not is_left_out(column)
    }
    known = {*tenant_tables()} | {
        f"{table.name}.{column.name}"
        for table in tenant_tables().values()
        for column in table.columns
    }

    assert "" == ", ".join(sorted(missing))
    assert set() == LEFT_OUT.keys() - known, "reasons for what is not there any more"


async def test_no_secret_is_exported(runtime: Runtime, tmp_path: Path) -> None:
    """Hashes, sealed tokens and keys are in no file; what they belong to is."""
    ada = await lived(runtime, tmp_path)

    files = await exported(runtime, ada.user_id)

    text = b"".join(files.values())
    for secret in (b"secret-", b"sealed", b"password", f"key-{ada.user_id}".encode(), b"gAAAA"):
        assert secret not in text.replace(files["README.txt"], b""), secret
    assert [MARK] == [line["name"] for line in lines_of(files["tokens.jsonl"])]
    assert EMAIL == lines_of(files["profile.jsonl"])[0]["email"]
    assert f"listener-{ada.user_id}" == lines_of(files["connection.jsonl"])[0]["spotify_id"]


async def test_both_formats_have_the_same_rows(runtime: Runtime, tmp_path: Path) -> None:
    """Each subject has a CSV beside its JSON Lines, with a column for each field."""
    files = await exported(runtime, (await lived(runtime, tmp_path)).user_id)

    for subject in SUBJECTS:
        lines = lines_of(files[f"{subject.name}.jsonl"])
        table = list(csv.DictReader(io.StringIO(files[f"{subject.name}.csv"].decode())))
        assert len(lines) == len(table) > 0, subject.name
        assert [list(line) for line in lines] == [list(row) for row in table]
        assert f"{subject.name}.jsonl".encode() in files["README.txt"]


async def test_one_account_is_exported_and_no_other(runtime: Runtime, tmp_path: Path) -> None:
    """What another user has is in no file, nor shows that only they follow."""
    await lived(runtime, tmp_path)
    bob = await add_user(runtime, "bob")

    files = await exported(runtime, bob)

    assert MARK.encode() not in b"".join(files.values())
    assert ["header", "footer"] == [line["type"] for line in lines_of(files["history.jsonl"])]


async def test_history_has_its_lines_in_order_and_counts_them(
    runtime: Runtime, tmp_path: Path
) -> None:
    """Header first, footer last, kinds one after the other, and the sum of all plays."""
    files = await exported(runtime, (await lived(runtime, tmp_path)).user_id)
    header, *lines, footer = lines_of(files["history.jsonl"])

    order = ("run", "show", "title", "episode", "name", "observation", "edit", "span", "event")
    assert ("header", 1, "Europe/Berlin") == (
        *(header["type"], header["schema"], header["user_zone"]),
    )
    assert sorted(lines, key=lambda line: order.index(line["type"])) == lines
    assert {kind: [line["type"] for line in lines].count(kind) for kind in order} == (
        footer["counts"]
    )
    assert sum(line["ms"] for line in lines if line["type"] == "event") == footer["ms"]
    assert footer["settled"]


async def test_an_export_during_an_import_says_so(runtime: Runtime, tmp_path: Path) -> None:
    """Its observations may have no events yet, so nobody should hold them against each other."""
    ada = await Listener.made(runtime, tmp_path)
    await importing.begin_here(
        runtime, user_id=ada.user_id, paths=[ada.file([ext_row("10:30:15", 1_800_000)])]
    )

    footer = lines_of((await exported(runtime, ada.user_id))["history.jsonl"])[-1]

    assert not footer["settled"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *[(f"{sign}1+1", f"'{sign}1+1") for sign in ("=", "+", "-", "@", "\t", "\r")],
        ("a=1", "a=1"),
        (-40, "-40"),
        (None, ""),
        (True, "true"),
        ("", ""),
    ],
)
def test_csv_cells(value: object, expected: str) -> None:
    """A spreadsheet runs nothing of what is in a cell; numbers stay numbers."""
    assert expected == cells.cell(value)


async def test_a_table_cannot_be_broken_out_of(runtime: Runtime, tmp_path: Path) -> None:
    """Formulas in titles are quoted in every file, with quotes and commas as they were."""
    files = await exported(runtime, (await lived(runtime, tmp_path)).user_id)

    rows = list(csv.DictReader(io.StringIO(files["saved_shows.csv"].decode())))
    assert '\'@import, "quoted"' in [row["show"] for row in rows]
    tables = (content for name, content in files.items() if name.endswith(".csv"))
    for table in tables:
        for row in csv.reader(io.StringIO(table.decode())):
            formulas = [one for one in row if one.startswith(("=", "+", "@"))]
            assert [] == formulas


async def test_a_full_disk_is_told_before_anything_is_written(runtime: Runtime) -> None:
    """The export is not begun when the disk would be too full."""
    ada = await add_user(runtime, "ada")
    full = under(runtime, disk_floor_mib=1_048_576)

    with pytest.raises(NoSpace):
        await spooled(full, user_id=ada)


class FullDisk(io.BytesIO):
    """A file on a disk that has just become full."""

    def write(self, _content: Any) -> int:
        """Write nothing."""
        raise OSError(errno.ENOSPC, "No space left on device")


async def test_a_disk_that_becomes_full_is_told(runtime: Runtime) -> None:
    """It has the same name as one that was full from the start."""
    ada = await add_user(runtime, "ada")

    with pytest.raises(NoSpace):
        await write(runtime, FullDisk(), user_id=ada)


async def test_nothing_stays_on_the_disk(runtime: Runtime, tmp_path: Path) -> None:
    """While it is sent the export has no name, and afterwards it is gone."""
    ada = await add_user(runtime, "ada")

    with await spooled(runtime, user_id=ada) as file:
        assert zipfile.is_zipfile(file)
        assert [] == list(runtime.settings.data_dir.iterdir())
