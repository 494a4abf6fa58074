"""The faults of a plan, made to happen."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Protocol

from simulator.app import Simulator
from simulator.faults.board import Fault as ServiceFault
from simulator.faults.board import Kind as ServiceKind
from simulator.settings import App, Bucket
from tests.sim.changes import CHANGES, change
from tests.sim.plan import WIRE, Fault, Kind, Plan

_WRITES = ("INSERT", "UPDATE", "DELETE", "commit")
_LOCKS = ("BEGIN IMMEDIATE",)
_NULL_SHARE = 0.05
_AT_THE_SERVICE: dict[Kind, tuple[ServiceKind, float | None]] = {
    Kind.OUTAGE: (ServiceKind.OUTAGE, None),
    Kind.ALLOW_LIST: (ServiceKind.NOT_ALLOW_LISTED, None),
    Kind.ROTATION: (ServiceKind.ROTATION, None),
    Kind.NULL_ITEMS: (ServiceKind.NULL_ITEMS, _NULL_SHARE),
    Kind.OFFSETS: (ServiceKind.OFFSET_IGNORED, None),
}
"""Faults that the simulated service itself can switch on, each with its value there."""


class Machine(Protocol):
    """What the weather can do to the machine that the product runs on."""

    def jump_clock(self, seconds: float) -> None:
        """Let the wall clock jump."""

    def stall(self, seconds: float) -> None:
        """Let nothing run for a while."""


class Weather:
    """Knows what goes wrong now.

    Attributes:
        refused: Statements that the database was made to refuse, by their beginning.
    """

    def __init__(
        self, plan: Plan, simulator: Simulator, now_s: Callable[[], float], machine: Machine
    ) -> None:
        """Let nothing go wrong yet."""
        self._calls = {
            (fault.listener, fault.call): fault for fault in plan.faults if fault.kind in WIRE
        }
        self._ordinals: Counter[int | None] = Counter()
        self._simulator = simulator
        self._now_s = now_s
        self._machine = machine
        self._lasting: dict[Fault, str] = {}
        self._busy_until_s = 0.0
        self._full_until_s = 0.0
        self.refused: Counter[str] = Counter()
        self.hits: Counter[Kind] = Counter()

    def of_call(self, listener: int | None) -> Fault | None:
        """Return what goes wrong with the next call of a listener, if anything."""
        fault = self._calls.get((listener, self._ordinals[listener]))
        self._ordinals[listener] += 1
        if fault is not None:
            self.hits[fault.kind] += 1
        return fault

    def statement(self, text: str) -> None:
        """Refuse a statement of the database, if it is that time."""
        now_s = self._now_s()
        if now_s < self._busy_until_s and text.startswith(_LOCKS):
            raise _sqlite_error("database is locked", sqlite3.SQLITE_BUSY)
        if now_s < self._full_until_s and text.startswith(_WRITES):
            self.refused[text[:20]] += 1
            raise _sqlite_error("database or disk is full", sqlite3.SQLITE_FULL)

    def begin(self, fault: Fault) -> None:
        """Let a fault of an instant begin."""
        self.hits[fault.kind] += 1
        if fault.kind in _AT_THE_SERVICE:
            kind, value = _AT_THE_SERVICE[fault.kind]
            on = ServiceFault(kind, listener=fault.listener, value=value)
            self._lasting[fault] = self._simulator.faults.add(on).id
        elif fault.kind in CHANGES:
            change(fault, self._simulator.world, self._simulator.clock.now())
        else:
            doing = getattr(self, f"_{fault.kind.value}", None)  # people do the rest
            if doing is not None:
                doing(fault)

    def end(self, fault: Fault) -> None:
        """Let a fault that lasts end; most end by themselves."""
        if fault in self._lasting:
            self._simulator.faults.remove(self._lasting.pop(fault))
        elif fault.kind is Kind.LAPSE and fault.listener is not None:
            self._simulator.state.lapsed.discard(fault.listener)

    def _quota(self, fault: Fault) -> None:
        now = self._simulator.clock.now()
        until = now + timedelta(seconds=fault.value)
        quota = self._simulator.state.quota
        for app in self._apps():
            for bucket in Bucket:
                quota.park(app.developer, bucket, now, until=until)

    def _window(self, fault: Fault) -> None:
        wire_s = self._simulator.clock.wire_s()
        for app in self._apps():
            self._simulator.state.window.close(app.client_id, wire_s, wait_s=fault.value)

    def _apps(self) -> Iterator[App]:
        yield from self._simulator.state.settings.apps

    def _lapse(self, fault: Fault) -> None:
        if fault.listener is not None:
            self._simulator.state.lapsed.add(fault.listener)

    def _revoke(self, fault: Fault) -> None:
        if fault.listener is not None:
            self._simulator.revoke(fault.listener)

    def _busy(self, fault: Fault) -> None:
        self._busy_until_s = fault.ends_s

    def _disk_full(self, fault: Fault) -> None:
        self._full_until_s = fault.ends_s

    def _clock(self, fault: Fault) -> None:
        self._machine.jump_clock(fault.value)

    def _stall(self, fault: Fault) -> None:
        self._machine.stall(fault.value)


def _sqlite_error(words: str, code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(words)
    error.sqlite_errorcode = code
    return error
