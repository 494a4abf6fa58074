"""What a property is, and what it can see of a run."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, NoReturn

from tests.sim.plan import Fault, Kind
from tests.sim.script import Script
from tests.sim.stage import EPOCH, Stage
from tests.sim.wire import Exchange

DATABASE = (Kind.BUSY, Kind.DISK_FULL)
_BEFORE_S = 20.0  # an answer that came just before may be written down during it
_AFTER_S = 20.0  # who waited for the database, or failed, ends just after
_CONFUSED_S = 180.0


class Broken(Exception):
    """A property does not hold.

    Attributes:
        name: Which.
    """

    def __init__(self, name: str, words: str) -> None:
        """Say what was seen."""
        super().__init__(f"{name}: {words}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Case:
    """A run as its properties see it."""

    stage: Stage
    script: Script
    _readers: dict[int, sqlite3.Connection] = field(default_factory=dict)

    def rows(self, statement: str, *values: object) -> list[Any]:
        """Ask the living process's database, past all guards."""
        life = self.stage.life
        if life.number not in self._readers:
            address = f"file:{life.file}?mode=ro"
            self._readers[life.number] = sqlite3.connect(address, uri=True)
        return self._readers[life.number].execute(statement, values).fetchall()

    def close(self) -> None:
        """Close what was opened for reading."""
        for reader in self._readers.values():
            reader.close()

    def users(self) -> Iterator[tuple[int, int]]:
        """Yield listener and user of everybody who has an account."""
        yield from self.script.user_ids.items()

    def user_of(self, listener: int | None) -> int | None:
        """Return a listener's account, None without one."""
        return None if listener is None else self.script.user_ids.get(listener)

    def told_by(self, listener: int) -> list[Exchange]:
        """Return a listener's requests, in the order in which the service had them."""
        return self.stage.told.get(listener, [])

    def is_forgotten(self, exchange: Exchange) -> bool:
        """Tell whether the listener disconnected since, so that nothing of it need be stored."""
        since_s = self.script.disconnected_s.get(exchange.listener or 0)
        return since_s is not None and exchange.at_s <= since_s

    def hit(self, kinds: tuple[Kind, ...]) -> list[Fault]:
        """Return the faults of some kinds that have begun by now."""
        now_s = self.stage.now_s()
        return [
            fault
            for fault in self.stage.plan.faults
            if fault.kind in kinds and (fault.at_s or 0.0) <= now_s
        ]

    def is_database_at_fault(self, at_s: float) -> bool:
        """Tell whether the database was made to fail around an instant."""
        return any(
            (fault.at_s or 0.0) - _BEFORE_S <= at_s <= fault.ends_s + _AFTER_S
            for fault in self.hit(DATABASE)
        )

    def is_confused(self, at_s: float) -> bool:
        """Tell whether a claim may have lapsed while its holder stood still."""
        return any(
            0 <= at_s - (fault.at_s or 0.0) <= _CONFUSED_S + abs(fault.value)
            for fault in self.hit((Kind.STALL, Kind.CLOCK, *DATABASE))
        )

    def was_lost(self, exchange: Exchange) -> bool:
        """Tell whether the product can be forgiven for not having stored an answer.

        It died, lost its claim, or its database failed, before anything else of the
        same listener came.
        """
        if self.is_database_at_fault(exchange.at_s):
            return True
        if exchange.life == self.stage.life.number:
            return exchange in self.script.taken_over
        own = self.told_by(exchange.listener or 0)
        after = own[exchange.place + 1 : exchange.place + 2]
        is_last = not after or after[0].life != exchange.life
        return is_last or exchange in self.script.taken_over


class Property:
    """Something that holds in every run; override what is of use."""

    name: ClassVar[str]

    def __init__(self, case: Case) -> None:
        """Look at one run."""
        self.case = case

    def exchange(self, exchange: Exchange) -> None:
        """See a request that reached the service."""

    def event(self, event: str, fields: dict[str, Any]) -> None:
        """See an event of the product's log."""

    def death(self) -> None:
        """See the files that a killed process left."""

    def end(self) -> None:
        """See the end, when everybody had time to recover."""

    def fail(self, words: str) -> NoReturn:
        """Say that the property does not hold.

        Raises:
            Broken: Always.
        """
        raise Broken(self.name, words)


def instant(text: str) -> datetime:
    """Read an instant as SQLite keeps it."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Return the instant of a virtual second, by a clock that never jumped."""
    return EPOCH + timedelta(seconds=seconds)
