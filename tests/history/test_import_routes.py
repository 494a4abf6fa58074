"""Imports over HTTP: files in, in one piece or in parts, the report, and taking them back."""

import io
import json
import stat
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from src.history import importing
from src.history.queries import runs
from src.runtime import Runtime
from src.utils.types import UserId
from tests.history.imports import OTHER_URI, Row, acc_row, ext_row
from tests.users.clients import app_on, bearer_of, signed_in, told, under
from tests.utils.stepped_clock import SteppedClock

IMPORTS, UPLOADS = "/api/history/imports", "/api/history/uploads"
ROWS = [ext_row("10:30:15", 1_800_000), ext_row("12:00", 60_000, uri=OTHER_URI)]


@pytest.fixture
def app(runtime: Runtime) -> FastAPI:
    """The whole application, with nothing in the background and no Spotify."""
    return app_on(runtime)


def as_json(rows: list[Row]) -> bytes:
    """Return rows as a file of an export."""
    return json.dumps(rows).encode()


def as_zip(content: bytes, *, kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip with one file of an export."""
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", kind) as archive:
        archive.writestr("endsong_0.json", content)
    return found.getvalue()


async def work_off(runtime: Runtime) -> int:
    """Do what the background would do; return how many runs that were."""
    claims = await importing.claim_due(runtime, limit=10)
    for claim in claims:
        await importing.handle(runtime, claim)
    return len(claims)


def left_on_disk(runtime: Runtime) -> list[Path]:
    """Return what lies in the folder of uploads."""
    return sorted((runtime.settings.data_dir / "uploads").glob("*"))


def found_below(folder: Path, name: str) -> list[Path]:
    """Return every file of that name below a folder."""
    return sorted(folder.rglob(name))


async def test_a_file_is_taken_queued_worked_off_and_deleted(
    runtime: Runtime, app: FastAPI, clock: SteppedClock
) -> None:
    """202 with the import; then its report; the file is gone; the same again is all known."""
    client = await signed_in(app)
    begun = await client.post(IMPORTS, content=as_json(ROWS), params={"name": "../a/b.json"})
    waiting = left_on_disk(runtime)
    assert 1 == await work_off(runtime)
    found = (await client.get(f"{IMPORTS}/{begun.json()['id']}")).json()

    assert (202, "queued", "b.json") == (
        begun.status_code,
        begun.json()["state"],
        begun.json()["name"],
    )
    assert ("done", "extended", 1.0) == (found["state"], found["format"], found["progress"])
    assert (2, 2, 0) == tuple(found["counts"][name] for name in ("rows", "new", "known"))
    assert 64 == len(found["files"][0]["sha256"])
    assert (1, []) == (len(waiting), left_on_disk(runtime))

    await clock.step(1)
    again = await client.post(IMPORTS, content=as_json(ROWS))
    await work_off(runtime)
    listed = (await client.get(IMPORTS, params={"limit": 1})).json()

    assert (0, 2) == tuple(listed["items"][0]["counts"][name] for name in ("new", "known"))
    assert again.json()["id"] == listed["items"][0]["id"]
    rest = (await client.get(IMPORTS, params={"cursor": listed["next_cursor"]})).json()
    assert [begun.json()["id"]] == [one["id"] for one in rest["items"]]


async def test_a_form_with_several_files_is_one_import(runtime: Runtime, app: FastAPI) -> None:
    """Browsers send forms; fields that are no files are ignored."""
    client = await signed_in(app)
    files = [
        ("file", ("ext.json", as_json(ROWS))),
        ("file", ("acc.json", as_json([acc_row("10:30", 1_800_000)]))),
    ]

    begun = await client.post(IMPORTS, files=files, data={"note": "mine"})
    await work_off(runtime)
    found = (await client.get(f"{IMPORTS}/{begun.json()['id']}")).json()

    assert ("ext.json, acc.json", "account+extended") == (found["name"], found["format"])
    assert (3, 0) == (found["counts"]["new"], found["counts"]["known"])


async def test_broken_forms_are_refused_and_leave_nothing(runtime: Runtime, app: FastAPI) -> None:
    """No boundary, no file, a form cut off, 21 files."""
    client = await signed_in(app)
    form = {"content-type": "multipart/form-data; boundary=x"}
    part = '--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n[1]\r\n'
    replies = [
        await client.post(IMPORTS, content=b"a", headers={"content-type": "multipart/form-data"}),
        await client.post(IMPORTS, content=b"--x--\r\n", headers=form),
        await client.post(IMPORTS, content=part.encode()[:-8], headers=form),
        await client.post(IMPORTS, content=(part * 21 + "--x--").encode(), headers=form),
    ]

    assert [(422, "upload_broken")] * 4 == [told(reply) for reply in replies]
    assert [] == (await client.get(IMPORTS)).json()["items"] == left_on_disk(runtime)


async def test_an_upload_in_parts_goes_on_where_it_was(runtime: Runtime, app: FastAPI) -> None:
    """Each part begins at the offset that was reached; the last one queues the import."""
    client = await signed_in(app)
    content = as_json(ROWS)
    begun = (
        await client.post(UPLOADS, json={"name": "endsong_0.json", "size_bytes": len(content)})
    ).json()
    url = f"{UPLOADS}/{begun['id']}"

    async def part(offset: int, data: bytes) -> httpx2.Response:
        return await client.patch(url, content=data, headers={"Upload-Offset": str(offset)})

    first = await part(0, content[:100])
    wrong = await part(0, content[100:])
    head = await client.head(url)
    much = await part(100, content[100:] + b"more")
    last = await part(100, content[100:])
    over = await client.head(url)
    await work_off(runtime)
    found = (await client.get(f"{IMPORTS}/{begun['id']}")).json()

    assert (100, False) == (first.json()["offset_bytes"], first.json()["queued"])
    assert (409, "upload_offset") == told(wrong)
    assert ("100", str(len(content))) == (
        head.headers["upload-offset"],
        head.headers["upload-length"],
    )
    assert (422, "upload_broken") == told(much)
    assert (200, True) == (last.status_code, last.json()["queued"])
    assert 404 == over.status_code
    assert ("done", 2) == (found["state"], found["counts"]["new"])
    assert [] == left_on_disk(runtime)


async def test_half_uploads_go_after_a_day(
    runtime: Runtime, app: FastAPI, clock: SteppedClock
) -> None:
    """What never became whole is swept, file and all; or deleted when the user says so."""
    client = await signed_in(app)
    kept = (await client.post(UPLOADS, json={"name": "a", "size_bytes": 9})).json()["id"]
    gone = (await client.post(UPLOADS, json={"name": "b", "size_bytes": 9})).json()["id"]
    for upload in (kept, gone):
        sent = await client.patch(
            f"{UPLOADS}/{upload}", content=b"[", headers={"Upload-Offset": "0"}
        )
        assert 200 == sent.status_code
    deleted = await client.delete(f"{IMPORTS}/{gone}")

    assert (202, 1) == (deleted.status_code, len(left_on_disk(runtime)))
    assert 0 == await importing.sweep(runtime)

    await clock.step(importing.KEPT_S + 1)

    assert 1 == await importing.sweep(runtime)
    assert [] == left_on_disk(runtime)
    async with runtime.database.transaction(UserId(1)) as session:
        assert [] == list(await runs.imports(session, user_id=UserId(1), before=None, limit=9))


async def test_files_that_a_dead_process_left_are_swept(runtime: Runtime, app: FastAPI) -> None:
    """What no import needs any more goes; what one waits for stays."""
    client = await signed_in(app)
    begun = await client.post(IMPORTS, content=as_json(ROWS))
    left = runtime.settings.data_dir / "uploads" / str(UUID(int=7))
    left.mkdir()

    await importing.sweep(runtime)

    assert [begun.json()["id"]] == [path.name for path in left_on_disk(runtime)]


async def test_undoing_takes_the_import_back(runtime: Runtime, app: FastAPI) -> None:
    """DELETE answers at once, the background does it, and a second time there is nothing."""
    client = await signed_in(app)
    url = f"{IMPORTS}/{(await client.post(IMPORTS, content=as_json(ROWS))).json()['id']}"
    early = await client.delete(url)
    await work_off(runtime)
    asked = await client.delete(url)
    await work_off(runtime)

    assert (409, "import_running") == told(early)
    assert (202, "undoing") == (asked.status_code, asked.json()["state"])
    assert "undone" == (await client.get(url)).json()["state"]
    assert (409, "import_not_undoable") == told(await client.delete(url))
    assert [] == (await client.get("/api/history")).json()["items"]


async def test_nobody_else_sees_touches_or_goes_on_with_it(runtime: Runtime, app: FastAPI) -> None:
    """An import and an upload of another user look as if they were not there."""
    ada, bob = await signed_in(app), await signed_in(app, "bob")
    done = (await ada.post(IMPORTS, content=as_json(ROWS))).json()["id"]
    await work_off(runtime)
    half = (await ada.post(UPLOADS, json={"name": "a", "size_bytes": 9})).json()["id"]

    replies = [
        await bob.get(f"{IMPORTS}/{done}"),
        await bob.delete(f"{IMPORTS}/{done}"),
        await bob.head(f"{UPLOADS}/{half}"),
        await bob.patch(f"{UPLOADS}/{half}", content=b"[", headers={"Upload-Offset": "0"}),
    ]

    assert [404] * 4 == [reply.status_code for reply in replies]
    assert [] == (await bob.get(IMPORTS)).json()["items"]
    async with bob.stream("GET", f"{IMPORTS}/{done}/events") as stream:
        assert [] == [line async for line in stream.aiter_lines() if line.startswith("data")]


async def test_progress_is_streamed_until_the_import_is_over(
    runtime: Runtime, app: FastAPI
) -> None:
    """A stream of an import that is over tells its report once and ends."""
    client = await signed_in(app)
    begun = (await client.post(IMPORTS, content=as_json(ROWS))).json()["id"]
    await work_off(runtime)

    async with client.stream("GET", f"{IMPORTS}/{begun}/events") as stream:
        lines = [line async for line in stream.aiter_lines() if line]

    assert "event: progress" == lines[0]
    assert ("done", 2) == _report(lines[1])
    assert 2 == len(lines)


def _report(line: str) -> tuple[str, int]:
    found: dict[str, Any] = json.loads(line.removeprefix("data: "))
    return found["state"], found["counts"]["new"]


# Abuse.


async def test_an_import_over_the_limit_is_refused_while_it_comes(runtime: Runtime) -> None:
    """Case 25: 413, whether it says its length or not, and nothing of it stays on the disk."""
    app = app_on(under(runtime, import_limit_mib=1))
    client = await signed_in(app)
    too_much = b"[" * ((1 << 20) + 1)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(too_much), 1 << 16):
            yield too_much[start : start + (1 << 16)]

    said = await client.post(IMPORTS, content=too_much)
    unsaid = await client.post(IMPORTS, content=chunks())
    parts = await client.post(UPLOADS, json={"name": "a", "size_bytes": len(too_much)})

    assert [(413, "body_too_large")] * 2 == [told(said), told(unsaid)]
    assert (413, "upload_too_large") == told(parts)
    assert [] == left_on_disk(runtime)


async def test_bombs_and_strange_compressions_are_refused(runtime: Runtime, app: FastAPI) -> None:
    """Case 25: a member that unpacks to 1,000 times its size, and one packed with bzip2."""
    client = await signed_in(app)
    bomb = as_zip(b"[" + b" " * (8 << 20) + b"]")
    packed = as_zip(as_json(ROWS), kind=zipfile.ZIP_BZIP2)

    replies = [await client.post(IMPORTS, content=content) for content in (bomb, packed)]

    assert [(422, "archive_refused")] * 2 == [told(reply) for reply in replies]
    assert [] == left_on_disk(runtime) == (await client.get(IMPORTS)).json()["items"]


async def test_odd_members_are_skipped_and_counted(
    runtime: Runtime, app: FastAPI, tmp_path: Path
) -> None:
    """Case 26: `../../x` and a symbolic link are left out; the good member is imported."""
    client = await signed_in(app)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("../../x.json", as_json(ROWS))
        link = zipfile.ZipInfo("link.json")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("MyData/endsong_0.json", as_json(ROWS[:1]))

    begun = await client.post(IMPORTS, content=content.getvalue())
    await work_off(runtime)
    found = (await client.get(f"{IMPORTS}/{begun.json()['id']}")).json()

    assert 202 == begun.status_code
    assert ("done", 1) == (found["state"], found["counts"]["new"])
    assert {"unsafe_name": 1, "link": 1} == found["faults"]
    assert [] == found_below(tmp_path, "x.json")


async def test_a_full_disk_is_said_before_anything_is_written(runtime: Runtime) -> None:
    """Case 27: 507 where less than the floor would stay free."""
    app = app_on(under(runtime, disk_floor_mib=1_048_576))
    client = await signed_in(app)

    replies = [
        await client.post(IMPORTS, content=as_json(ROWS)),
        await client.post(UPLOADS, json={"name": "a", "size_bytes": 9}),
    ]

    assert [(507, "no_space")] * 2 == [told(reply) for reply in replies]
    assert [] == left_on_disk(runtime)


async def test_a_second_import_waits_for_the_first(runtime: Runtime, app: FastAPI) -> None:
    """Case 28: 409 while one is not done; afterwards another is taken."""
    client = await signed_in(app)
    await client.post(IMPORTS, content=as_json(ROWS))
    replies = [
        await client.post(IMPORTS, content=as_json(ROWS)),
        await client.post(UPLOADS, json={"name": "a", "size_bytes": 9}),
    ]
    await work_off(runtime)
    after = await client.post(IMPORTS, content=as_json(ROWS))

    assert [(409, "import_running")] * 2 == [told(reply) for reply in replies]
    assert 202 == after.status_code


async def test_what_is_no_export_is_refused_with_the_reason(runtime: Runtime, app: FastAPI) -> None:
    """A wrong kind of file is told at once; a token needs the scope."""
    client = await signed_in(app)
    reader = await bearer_of(app, "bob", scopes=["read"])

    wrong = await client.post(IMPORTS, content=b"%PDF-1.4")
    closed = await reader.post(IMPORTS, content=as_json(ROWS))

    assert (422, "not_an_export") == told(wrong)
    assert (403, "scope_missing") == told(closed)
    assert [] == left_on_disk(runtime)
