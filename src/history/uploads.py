"""Files given to us, on their way below the data folder and until they are imported."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from src.config import Settings
from src.history.errors import NoSpace
from src.history.models import FileState, HistoryFile

_FOLDER = "uploads"
_MIB = 1 << 20
_NAME_CHARACTERS = 255


def path_of(settings: Settings, path: str | None) -> Path:
    """Return where a file lies; a relative path is one below the data folder."""
    return settings.data_dir / (path or "")


def place_for(run_id: UUID, position: int) -> str:
    """Return the path below the data folder of a file of a run."""
    return f"{_FOLDER}/{run_id}/{position}"


def file_row(
    run_id: UUID, position: int, *, name: str, size_bytes: int, received_bytes: int
) -> HistoryFile:
    """Return the row of a file that is, or will be, below the data folder."""
    return HistoryFile(
        run_id=run_id,
        position=position,
        name=shown(name),
        size_bytes=size_bytes,
        received_bytes=received_bytes,
        path=place_for(run_id, position),
        state=FileState.UPLOADING,
    )


def demand_space(settings: Settings, size_bytes: int) -> None:
    """Check that the disk has room for a file.

    Raises:
        NoSpace: Less than DISK_FLOOR_MIB would be free.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.data_dir).free
    if free - size_bytes < settings.disk_floor_mib * _MIB:
        raise NoSpace


def open_new(settings: Settings, path: str) -> BinaryIO:
    """Open a file that is not there yet; its folder is open to its owner alone."""
    full = path_of(settings, path)
    full.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return full.open("xb")


@contextmanager
def held(path: Path) -> Iterator[int | None]:
    """Hold a half upload alone while the block runs.

    Yields:
        Its length, or None if another request holds it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield file.tell()


def length(path: Path) -> int:
    """Return how much of an upload is there, in bytes."""
    return path.stat().st_size if path.exists() else 0


def shown(name: str) -> str:
    """Return the name of a file as it is stored and shown: the end of a path, printable."""
    last = name.replace("\\", "/").rpartition("/")[2][:_NAME_CHARACTERS]
    return "".join(one if one.isprintable() else "\ufffd" for one in last) or "upload"


def remove(settings: Settings, run_id: UUID) -> None:
    """Delete what was uploaded for a run, if it is there."""
    shutil.rmtree(settings.data_dir / _FOLDER / str(run_id), ignore_errors=True)


def folders(settings: Settings) -> list[UUID]:
    """Return the runs of which files are there."""
    found = []
    for path in (settings.data_dir / _FOLDER).glob("*"):
        try:
            found.append(UUID(path.name))
        except ValueError:
            continue
    return found
