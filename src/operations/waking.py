"""Waking a running server from another process of the same machine, through a named pipe."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PIPE = "wake"
_MORE_THAN_EVER_WRITTEN = 4096


@contextmanager
def woken_from_outside(data_dir: Path, ring: Callable[[], None]) -> Iterator[None]:
    """Call `ring` whenever another process calls `wake` with the same folder.

    Must be entered inside a running event loop. The pipe is opened for writing
    too, so that it never reads as ended.
    """
    path = data_dir / _PIPE
    with contextlib.suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    handle = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    loop = asyncio.get_running_loop()

    def heard() -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(handle, _MORE_THAN_EVER_WRITTEN)
        ring()

    loop.add_reader(handle, heard)
    try:
        yield
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def wake(data_dir: Path) -> bool:
    """Wake the server that uses `data_dir`; false when none listens."""
    try:
        handle = os.open(data_dir / _PIPE, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    with contextlib.suppress(BlockingIOError), os.fdopen(handle, "wb", buffering=0) as pipe:
        pipe.write(b"!")
    return True
