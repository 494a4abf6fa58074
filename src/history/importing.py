"""The life of an import around its work: begun here or by upload, claimed, undone, swept."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import structlog

from src.config import Settings
from src.database import Session
from src.errors import NotFound
from src.history import uploads
from src.history.archive.reader import Archive
from src.history.errors import (
    ArchiveRefused,
    ImportRunning,
    NotUndoable,
    UploadTooLarge,
    WorkTakenOver,
)
from src.history.importer import import_files
from src.history.models import FileState, HistoryFile, HistoryRun, RunKind, RunState
from src.history.queries import runs as queries
from src.history.queries.runs import Claim
from src.history.undoing import undo
from src.history.work import LEASE_S, Work
from src.runtime import Runtime
from src.utils.types import UserId

log = structlog.get_logger()

KEPT_S = 86_400
"""Seconds that an upload has to become whole."""

_MOST_CLAIMS = 20
"""Claims of one run. Work that breaks off so often would do so for ever."""

_UNDOABLE = (RunState.DONE, RunState.FAILED)


async def begin_here(runtime: Runtime, *, user_id: UserId, paths: Sequence[Path]) -> Work:
    """Begin an import of files where they lie, as its only worker.

    They are neither copied nor deleted. If this process dies, any other that can read them
    goes on.

    Raises:
        ImportRunning: Another import of the user's is not done.
        ArchiveRefused: None of them can be used.
        OSError: A file cannot be looked at.
    """
    now_s = int(runtime.clock.now().timestamp())
    run_id = runtime.entropy.uuid()
    files = [
        HistoryFile(
            run_id=run_id,
            position=position,
            name=uploads.shown(path.name),
            size_bytes=path.stat().st_size,
            received_bytes=path.stat().st_size,
            path=str(path.resolve()),
            state=FileState.WAITING,
        )
        for position, path in enumerate(paths)
    ]
    run = HistoryRun(
        id=run_id,
        kind=RunKind.IMPORT,
        state=RunState.QUEUED,
        name=", ".join(file.name for file in files),
        created_s=now_s,
        lease_until_s=now_s + LEASE_S,
        fence=1,
        total_bytes=text_bytes(paths),
    )
    async with runtime.database.transaction(user_id) as session:
        await demand_none_open(session, user_id=user_id)
        await queries.add(session, user_id=user_id, run=run, files=files)
    return Work(runtime=runtime, user_id=user_id, run_id=run_id, fence=1)


async def demand_none_open(session: Session, *, user_id: UserId) -> None:
    """Check that no import of the user's waits, is worked on or is being undone.

    Raises:
        ImportRunning: One is.
    """
    if await queries.open_import(session, user_id=user_id) is not None:
        raise ImportRunning


async def begin_upload(
    runtime: Runtime,
    *,
    user_id: UserId,
    name: str,
    size_bytes: int | None = None,
    announced_bytes: int = 0,
) -> UUID:
    """Begin an import whose files are still to come.

    Args:
        runtime: Database, clock and randomness.
        user_id: Whose import.
        name: What it is called until its files are there.
        size_bytes: Length of its only file; None if files are added as they come.
        announced_bytes: How much is about to come, if that is known.

    Raises:
        ImportRunning: Another import of the user's is not done.
        NoSpace: The disk is too full for it.
    """
    uploads.demand_space(runtime.settings, size_bytes or announced_bytes)
    run = HistoryRun(
        id=runtime.entropy.uuid(),
        kind=RunKind.IMPORT,
        state=RunState.UPLOADING,
        name=uploads.shown(name),
        created_s=int(runtime.clock.now().timestamp()),
    )
    files = []
    if size_bytes is not None:
        files.append(
            uploads.file_row(run.id, 0, name=name, size_bytes=size_bytes, received_bytes=0)
        )
    async with runtime.database.transaction(user_id) as session:
        await demand_none_open(session, user_id=user_id)
        await queries.add(session, user_id=user_id, run=run, files=files)
    return run.id


def demand_size(settings: Settings, size_bytes: int) -> None:
    """Check that an upload is not larger than one import takes.

    Raises:
        UploadTooLarge: It is.
    """
    if size_bytes > settings.import_limit_mib << 20:
        raise UploadTooLarge(settings.import_limit_mib)


async def upload_of(runtime: Runtime, *, user_id: UserId, run_id: UUID) -> HistoryFile:
    """Return the file of an upload that is not whole yet.

    Raises:
        NotFound: There is none.
    """
    async with runtime.database.transaction(user_id, write=False) as session:
        run = await queries.run_of(session, user_id=user_id, run_id=run_id)
        files = await queries.files(session, user_id=user_id, run_id=run_id)
    if run is None or run.state != RunState.UPLOADING or len(files) != 1:
        raise NotFound("There is no such upload, or it is whole already.")
    return files[0]


async def finish_upload(
    runtime: Runtime, *, user_id: UserId, run_id: UUID, files: Sequence[HistoryFile] = ()
) -> HistoryRun:
    """Queue an import whose files are all there; ring the bell afterwards.

    Args:
        runtime: Database and settings.
        user_id: Whose import.
        run_id: Which.
        files: Those that are not stored yet.

    Raises:
        ArchiveRefused: No file of it can be used; everything of it is deleted.
        ImportRunning: Another import of the user's was queued meanwhile; it can be tried again.
        NotFound: There is no such upload.
    """
    async with runtime.database.transaction(user_id) as session:
        known = [*await queries.files(session, user_id=user_id, run_id=run_id), *files]
    paths = [uploads.path_of(runtime.settings, file.path) for file in known]
    try:
        total_bytes = text_bytes(paths)
    except ArchiveRefused:
        await drop_upload(runtime, user_id=user_id, run_id=run_id)
        raise
    async with runtime.database.transaction(user_id) as session:
        values = {
            "state": RunState.QUEUED,
            "name": ", ".join(file.name for file in known),
            "total_bytes": total_bytes,
        }
        found = await queries.change(
            session, user_id=user_id, run_id=run_id, expected=[RunState.UPLOADING], values=values
        )
        run = await queries.run_of(session, user_id=user_id, run_id=run_id)
        if not found or run is None:
            raise no_import()
        await queries.add_files(session, user_id=user_id, files=files)
        for file in known:
            await queries.update_file(
                session,
                user_id=user_id,
                run_id=run_id,
                position=file.position,
                values={"state": FileState.WAITING},
            )
    return run


def no_import() -> NotFound:
    """Return what is raised where an import is not there, or not the asker's."""
    return NotFound("There is no such import.")


def text_bytes(paths: Sequence[Path]) -> int:
    """Look into files and return how much text they hold, unpacked.

    Raises:
        ArchiveRefused: None of them can be used: why the first cannot.
    """
    found, refusals = 0, []
    for path in paths:
        try:
            found += Archive.open(path).size
        except ArchiveRefused as error:
            refusals.append(error)
    if refusals and len(refusals) == len(paths):
        raise refusals[0]
    return found


async def drop_upload(runtime: Runtime, *, user_id: UserId, run_id: UUID) -> None:
    """Delete an upload that did not become whole, if it still is one."""
    async with runtime.database.transaction(user_id) as session:
        await queries.remove(session, user_id=user_id, run_id=run_id)
    uploads.remove(runtime.settings, run_id)


async def request_undo(session: Session, *, user_id: UserId, run_id: UUID) -> HistoryRun:
    """Ask for an import to be undone, in the caller's transaction; ring the bell after it.

    Idempotent while the undoing waits or is under way. An upload is left to `drop_upload`.

    Raises:
        ImportRunning: This import, or another one of the user's, is not done.
        NotUndoable: It was undone.
        NotFound: There is no such import.
    """
    asked = await queries.change(
        session,
        user_id=user_id,
        run_id=run_id,
        expected=_UNDOABLE,
        values={"state": RunState.UNDOING, "lease_until_s": 0},
    )
    run = await queries.run_of(session, user_id=user_id, run_id=run_id)
    if run is None or run.kind != RunKind.IMPORT:
        raise no_import()
    if asked or run.state in {RunState.UNDOING, RunState.UPLOADING}:
        return run
    if run.state == RunState.UNDONE:
        raise NotUndoable
    raise ImportRunning


async def claim_due(runtime: Runtime, *, limit: int) -> list[Claim]:
    """Claim imports that wait, or whose worker died: what a dispatcher hands to `handle`."""
    now_s = int(runtime.clock.now().timestamp())
    async with runtime.database.scheduling() as session:
        return await queries.claim_due_all_users(
            session, now_s=now_s, lease_until_s=now_s + LEASE_S, limit=limit
        )


async def next_due(runtime: Runtime) -> datetime | None:
    """Return when there can be something to claim (aware UTC; may be past), None if never."""
    async with runtime.database.scheduling(write=False) as session:
        due_s = await queries.next_due_all_users(session)
    return None if due_s is None else datetime.fromtimestamp(due_s, UTC)


async def handle(runtime: Runtime, claim: Claim) -> None:
    """Do the work of a claim to its end; what cannot be done is told in the run.

    A claim that went to somebody else ends silently. Whatever else goes wrong is logged,
    the lease lapses and the work is claimed again, a bounded number of times.
    """
    work = Work(runtime=runtime, user_id=claim.user_id, run_id=claim.run_id, fence=claim.fence)
    with structlog.contextvars.bound_contextvars(user_id=claim.user_id, job="import"):
        try:
            async with runtime.database.transaction(claim.user_id, write=False) as session:
                run = await queries.run_of(session, user_id=claim.user_id, run_id=claim.run_id)
            if run is not None and run.state == RunState.UNDOING:
                await undo(work)
            elif claim.fence > _MOST_CLAIMS:
                await _give_up(work)
            else:
                await import_files(work)
        except WorkTakenOver:
            log.info("import_taken_over", fence=claim.fence)
        except asyncio.CancelledError:
            await _give_back(work)
            raise
        except Exception:
            log.exception("import_broke_off", fence=claim.fence)


async def _give_back(work: Work) -> None:
    """Let others claim the run at once, where that is still possible."""
    with contextlib.suppress(Exception):
        async with work.runtime.database.transaction(work.user_id) as session:
            await queries.hold(
                session,
                user_id=work.user_id,
                run_id=work.run_id,
                fence=work.fence,
                values={"lease_until_s": 0},
            )


async def _give_up(work: Work) -> None:
    message = "This import broke off again and again. Undo it, and look into the server's log."
    async with work.step({"state": RunState.FAILED, "message": message, "ended_s": work.now_s}):
        pass


async def sweep(runtime: Runtime) -> int:
    """Delete uploads that did not become whole within a day; return how many.

    Files that a process left behind when it died between an import's end and their deletion
    go as well.
    """
    there = uploads.folders(runtime.settings)
    before_s = int(runtime.clock.now().timestamp()) - KEPT_S
    async with runtime.database.scheduling(write=False) as session:
        found = await queries.left_over_all_users(session, before_s=before_s)
        needed = await queries.under_way_all_users(session, run_ids=there)
    for user_id, run_id in found:
        await drop_upload(runtime, user_id=user_id, run_id=run_id)
    for run_id in set(there) - needed:
        uploads.remove(runtime.settings, run_id)
    return len(found)
