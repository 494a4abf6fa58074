"""Everything that would make two runs differ, shut out or seeded while a run lasts."""

import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from unittest.mock import patch

from aiosqlite import core as aiosqlite_core
from pgqueuer.domain import models as pgqueuer_models

from tests.sim.inline import Desk, Inline, NoThread


class Outside(RuntimeError):
    """Something reached out of the run: for a thread, a socket or real time."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands for the machine: its wall clock, its steady clock and its database desk."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    desk: Callable[[], Desk]


@contextmanager
def sealed(seed: int | str, around: Surroundings) -> Iterator[None]:
    """Let nothing in or out of the body but what follows from `seed` and `around`.

    A thread that is started, a socket that is opened and a real sleep raise `Outside`.
    """
    rng = random.Random(f"{seed}/urandom")
    before = random.getstate()

    def no_thread(self: threading.Thread) -> None:
        raise Outside(f"a thread was started: {self.name}")

    def no_socket(*_: Any, **__: Any) -> None:
        raise Outside("a socket was opened")

    def no_sleep(_seconds: float) -> None:
        raise Outside("somebody slept in real time")

    class Instant(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return around.now().astimezone(tz or UTC)

    with ExitStack() as stack:
        replacements: list[tuple[Any, str, Any]] = [
            (os, "urandom", rng.randbytes),
            (random, "_urandom", rng.randbytes),
            (time, "time", lambda: around.now().timestamp()),
            (time, "monotonic", around.monotonic),
            (time, "sleep", no_sleep),
            (threading.Thread, "start", no_thread),
            (socket.socket, "__init__", no_socket),
            (socket, "getaddrinfo", no_socket),
            (aiosqlite_core, "SimpleQueue", lambda: Inline(around.desk())),
            (aiosqlite_core, "Thread", lambda **_: NoThread()),
            (pgqueuer_models, "datetime", Instant),
        ]
        for owner, name, value in replacements:
            stack.enter_context(patch.object(owner, name, value))
        random.seed(f"{seed}/random")
        stack.callback(random.setstate, before)
        yield
