"""What goes wrong in one run, decided before it begins: printable, and smaller by leaving out.

A fault of a call hits a listener's n-th call, whatever came before, so that leaving one
out moves no other. Each seed first draws which kinds exist at all: else every run would
look like the average.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from random import Random
from typing import Any

from simulator.service.draws import fraction


class Kind(StrEnum):
    """Everything that can go wrong, and what a fault's `value` says of it."""

    REFUSED = "refused"
    RESET = "reset"  # after the service acted
    SLOW = "slow"  # seconds until the answer begins
    DRIP = "drip"  # bytes a second
    CUT = "cut"
    NOT_FOUND = "not_found"
    SERVER_ERROR = "server_error"
    UNAVAILABLE = "unavailable"
    HTML = "html"

    OUTAGE = "outage"  # this and the next eight: seconds it lasts
    QUOTA = "quota"
    WINDOW = "window"
    LAPSE = "lapse"
    ALLOW_LIST = "allow_list"
    REVOKE = "revoke"  # until the person signs in again
    DISCONNECT = "disconnect"  # by the person, who connects again afterwards
    ASK = "ask"  # somebody wants a sync now, and once more afterwards
    CROWD = "crowd"  # several requests of one person need a token at once
    ROTATION = "rotation"  # refresh tokens are good once; then the person signs in again
    NULL_ITEMS = "null_items"  # this and the next: seconds it lasts
    OFFSETS = "offsets"  # are ignored: every page is the first
    SAVE = "save"  # this and the next five: which show or episode, as a share of all
    UNSAVE = "unsave"
    SAVE_EPISODE = "save_episode"
    UNSAVE_EPISODE = "unsave_episode"
    WITHDRAW = "withdraw"  # its publisher deletes a show
    TOMBSTONE = "tombstone"  # or an episode
    BUSY = "busy"  # another process holds the database
    DISK_FULL = "disk_full"
    CLOCK = "clock"  # seconds the wall clock jumps, back if negative
    STALL = "stall"  # seconds in which nothing runs

    CRASH = "crash"


WIRE = (
    Kind.REFUSED,
    Kind.RESET,
    Kind.SLOW,
    Kind.DRIP,
    Kind.CUT,
    Kind.NOT_FOUND,
    Kind.SERVER_ERROR,
    Kind.UNAVAILABLE,
    Kind.HTML,
)
"""Hit one call of one listener."""

OF_LISTENER = (
    Kind.LAPSE,
    Kind.ALLOW_LIST,
    Kind.REVOKE,
    Kind.DISCONNECT,
    Kind.ASK,
    Kind.CROWD,
    Kind.ROTATION,
    Kind.SAVE,
    Kind.UNSAVE,
    Kind.SAVE_EPISODE,
    Kind.UNSAVE_EPISODE,
    Kind.WITHDRAW,
    Kind.TOMBSTONE,
)
"""Hit one listener from an instant on."""

_SHARE = (0.0, 1.0)

LASTING: dict[Kind, tuple[float, float]] = {
    Kind.OUTAGE: (60.0, 5400.0),
    Kind.QUOTA: (600.0, 28_800.0),
    Kind.WINDOW: (1.0, 4.0),
    Kind.LAPSE: (600.0, 28_800.0),
    Kind.ALLOW_LIST: (600.0, 28_800.0),
    Kind.REVOKE: (600.0, 28_800.0),
    Kind.DISCONNECT: (1.0, 7200.0),
    Kind.ASK: (0.1, 60.0),
    Kind.CROWD: (0.1, 1.0),
    Kind.ROTATION: (7200.0, 28_800.0),
    Kind.NULL_ITEMS: (3600.0, 28_800.0),
    Kind.OFFSETS: (3600.0, 28_800.0),
    Kind.SAVE: _SHARE,
    Kind.UNSAVE: _SHARE,
    Kind.SAVE_EPISODE: _SHARE,
    Kind.UNSAVE_EPISODE: _SHARE,
    Kind.WITHDRAW: _SHARE,
    Kind.TOMBSTONE: _SHARE,
    Kind.BUSY: (0.1, 30.0),
    Kind.DISK_FULL: (1.0, 1800.0),
    Kind.CLOCK: (-3600.0, 7200.0),
    Kind.STALL: (2.0, 90.0),
}
"""Faults that come at an instant, with the range of their value."""

_MEANT_FOR_RUNS = (
    Kind.REVOKE,
    Kind.DISCONNECT,
    Kind.CROWD,
    Kind.OFFSETS,
    Kind.BUSY,
    Kind.DISK_FULL,
    Kind.CLOCK,
    Kind.STALL,
)
_HITS_A_RUN = 0.5
_INTO_A_RUN_S = (0.1, 2.5)
_ASKED_AGAIN_S = 0.1
_EXISTS = 0.5
_WIRE_RATES = (0.01, 0.05, 0.05, 0.2)
_SHOWS = (2, 2, 3, 5)
_PACES = (180, 60, 24, 12)
_CRASHES = (1, 2, 3, 4, 12)
_MOST_OF_A_KIND = 2
_CALLS_A_DAY = 110
_SLOW_S = (1.0, 30.0)
_DRIP_BYTES_S = (200.0, 20_000.0)
_STEPS_A_USER_DAY = 3_800
DAY_S = 86_400.0
SETTLING_S = 600.0
"""Seconds at the start in which everybody connects and nothing goes wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong, named by where it hits.

    Attributes:
        kind: What.
        listener: Whom; None everybody.
        call: Which of the listener's calls, from 0 (faults of the wire).
        at_s: Virtual seconds at which it begins (faults of an instant).
        step: Step of a task before which the process dies (crashes).
        value: What the kind says.
    """

    kind: Kind
    listener: int | None = None
    call: int | None = None
    at_s: float | None = None
    step: int | None = None
    value: float = 0.0

    @property
    def ends_s(self) -> float:
        """Virtual seconds at which a fault of an instant is over."""
        moves = self.kind is Kind.CLOCK
        return (self.at_s or 0.0) + (0.0 if moves else self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run: its seed, its size and its faults.

    Attributes:
        seed: World, schedule and latencies follow from it.
        days: Virtual days in which faults happen; a calm time follows.
        users: Listeners, each with an account.
        shows: Shows in a library, on average.
        calls_a_minute: What the installation allows itself.
        faults: What goes wrong.
    """

    seed: int
    days: float = 2.0
    users: int = 3
    shows: int = 4
    calls_a_minute: int = 180
    faults: tuple[Fault, ...] = ()

    def with_faults(self, faults: Sequence[Fault]) -> "Plan":
        """Return the same run with other faults."""
        return replace(self, faults=tuple(faults))

    def to_json(self) -> str:
        """Write the plan down, one fault a line."""
        told = asdict(self) | {"faults": []}
        lines = [json.dumps(_without_nothing(asdict(fault))) for fault in self.faults]
        head = json.dumps(told, indent=1)
        return head.replace("[]", "[\n  " + ",\n  ".join(lines) + "\n ]") if lines else head

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Read what `to_json` wrote; other keys are left alone."""
        told = json.loads(text)
        faults = tuple(Fault(**one | {"kind": Kind(one["kind"])}) for one in told["faults"])
        return cls(
            seed=told["seed"],
            days=told["days"],
            users=told["users"],
            shows=told["shows"],
            calls_a_minute=told.get("calls_a_minute", 180),
            faults=faults,
        )


def _without_nothing(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}


def draw(seed: int, *, days: float = 2.0, users: int = 3, shows: int | None = None) -> Plan:
    """Draw the plan of a seed: a swarm's member with its own few kinds of faults.

    Args:
        seed: Which.
        days: Virtual days with faults.
        users: People.
        shows: Shows in a library, on average; None draws that too.
    """
    rng = Random(f"{seed}/swarm")
    kinds = [kind for kind in Kind if rng.random() < _EXISTS]
    plan = Plan(
        seed=seed,
        days=days,
        users=users,
        shows=shows or rng.choice(_SHOWS),
        calls_a_minute=Random(f"{seed}/pace").choice(_PACES),
    )
    faults = [
        *_of_calls(plan, [kind for kind in WIRE if kind in kinds]),
        *_of_instants(plan, [kind for kind in LASTING if kind in kinds]),
    ]
    if Kind.CRASH in kinds:
        last = int(users * days * _STEPS_A_USER_DAY)
        steps = sorted(rng.randrange(1, last) for _ in range(rng.choice(_CRASHES)))
        faults += [Fault(kind=Kind.CRASH, step=step) for step in steps]
    return plan.with_faults(faults)


def _of_calls(plan: Plan, kinds: Sequence[Kind]) -> Iterator[Fault]:
    if not kinds:
        return
    rate = Random(f"{plan.seed}/rate").choice(_WIRE_RATES)
    for listener in range(plan.users):
        for call in range(int(plan.days * _CALLS_A_DAY)):
            drawn = fraction(plan.seed, "call", listener, call)
            if drawn >= rate:
                continue
            kind = kinds[int(drawn / rate * len(kinds))]
            share = fraction(plan.seed, "value", listener, call)
            yield Fault(kind=kind, listener=listener, call=call, value=_strength(kind, share))


def _strength(kind: Kind, share: float) -> float:
    low, high = {Kind.SLOW: _SLOW_S, Kind.DRIP: _DRIP_BYTES_S}.get(kind, (0.0, 0.0))
    return round(low + share * (high - low), 1)


def _of_instants(plan: Plan, kinds: Sequence[Kind]) -> Iterator[Fault]:
    for kind in kinds:
        rng = Random(f"{plan.seed}/{kind}")
        low, high = LASTING[kind]
        for _ in range(rng.randint(1, _MOST_OF_A_KIND)):
            fault = Fault(
                kind=kind,
                listener=rng.randrange(plan.users) if kind in OF_LISTENER else None,
                at_s=round(rng.uniform(SETTLING_S, plan.days * DAY_S), 3),
                value=round(rng.uniform(low, high), 3),
            )
            yield fault
            if kind in _MEANT_FOR_RUNS and rng.random() < _HITS_A_RUN:
                yield _run_before(fault, rng, users=plan.users)


def _run_before(fault: Fault, rng: Random, *, users: int) -> Fault:
    """Let somebody ask for a sync so that a fault meets it: runs take seconds of every hour."""
    return Fault(
        kind=Kind.ASK,
        listener=rng.randrange(users) if fault.listener is None else fault.listener,
        at_s=round((fault.at_s or 0.0) - rng.uniform(*_INTO_A_RUN_S), 3),
        value=_ASKED_AGAIN_S,
    )
