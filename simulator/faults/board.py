"""The faults that are switched on now, and which call each one hits."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from simulator.service.draws import fraction


class Kind(StrEnum):
    """Everything that can be switched on.

    The first group answers instead of the service, the second damages the
    answer on its way, the third changes what the service decides, the last what
    a listener's player shows.
    """

    NOT_FOUND = "not_found"
    SERVER_ERROR = "server_error"
    BAD_GATEWAY = "bad_gateway"
    UNAVAILABLE = "unavailable"
    OUTAGE = "outage"
    HTML = "html"

    TRUNCATED = "truncated"
    SLOW = "slow"
    DRIP = "drip"
    RESET = "reset"

    OFFSET_IGNORED = "offset_ignored"
    NULL_ITEMS = "null_items"
    QUOTA = "quota"
    WINDOW = "window"
    PLAIN_WINDOW = "plain_window"
    PREMIUM_LAPSED = "premium_lapsed"
    NOT_ALLOW_LISTED = "not_allow_listed"
    REVOKE = "revoke"
    WRONG_INVALID_GRANT = "wrong_invalid_grant"
    ROTATION = "rotation"
    ETAG = "etag"

    PLAYER_TRACK = "player_track"
    PLAYER_UNKNOWN = "player_unknown"
    PLAYER_AD = "player_ad"
    PLAYER_IDLE = "player_idle"
    PLAYER_NULL_DEVICE = "player_null_device"


API_ONLY = frozenset(Kind) - {
    Kind.OUTAGE,
    Kind.HTML,
    Kind.UNAVAILABLE,
    Kind.BAD_GATEWAY,
    Kind.SERVER_ERROR,
    Kind.TRUNCATED,
    Kind.SLOW,
    Kind.DRIP,
    Kind.RESET,
    Kind.WRONG_INVALID_GRANT,
    Kind.ROTATION,
}


@dataclass(slots=True)
class Fault:
    """One fault that is switched on.

    Attributes:
        kind: What goes wrong.
        path: Shell pattern of the paths hit, such as `/v1/shows/*`; None
            means everywhere the kind applies.
        listener: Only calls with this listener's token; None means all.
        rate: Share of the matching calls that are hit, drawn from the seed.
        after: Matching calls let through before the first hit.
        times: Hits before the fault ends by itself; None means never.
        value: What the kind needs: seconds for `slow`, bytes a second for
            `drip`, bytes let through for `truncated` and `reset`,
            Retry-After seconds for `quota` and `window`, the share of items
            for `null_items`.
        id: Handle to switch it off; given by the board.
        seen: Matching calls so far.
        hits: Calls hit so far.
    """

    kind: Kind
    path: str | None = None
    listener: int | None = None
    rate: float = 1.0
    after: int = 0
    times: int | None = None
    value: float | None = None
    id: str = ""
    seen: int = 0
    hits: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise ValueError("rate must be between 0 and 1")
        if self.after < 0 or (self.times is not None and self.times < 1):
            raise ValueError("after must be 0 or more, times 1 or more")
        if self.value is not None and not 0 <= self.value <= 1e9:  # noqa: PLR2004
            raise ValueError("value must be between 0 and 1000000000")

    def as_json(self) -> dict[str, object]:
        """Return every field as plain values."""
        return asdict(self)


class FaultBoard:
    """All faults that are on, in the order they were switched on.

    Args:
        seed: Start of every draw. A call's draw depends on the seed, the kind,
            the pattern, the listener and how many calls that listener made
            before, so that dropping one fault moves no other.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._given = 0
        self._on: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Switch a fault on and return it with its handle."""
        self._given += 1
        fault.id = f"f{self._given}"
        self._on.append(fault)
        return fault

    def remove(self, fault_id: str) -> bool:
        """Switch one off; False when there is none of that handle."""
        kept = [one for one in self._on if one.id != fault_id]
        found = len(kept) < len(self._on)
        self._on = kept
        return found

    def clear(self, kind: Kind | None = None) -> int:
        """Switch off all faults, or all of one kind; return how many."""
        kept = [one for one in self._on if kind is not None and one.kind != kind]
        gone = len(self._on) - len(kept)
        self._on = kept
        return gone

    def take(self, kind: Kind, *, path: str, listener: int | None, ordinal: int) -> Fault | None:
        """Return the fault of `kind` that hits this call, and count the hit."""
        for fault in self._on:
            if fault.kind is kind and self._hits(fault, path, listener, ordinal):
                return fault
        return None

    def any_of(self, kinds: frozenset[Kind]) -> bool:
        """True when a fault of one of the kinds is on; cheap, counts nothing."""
        return any(fault.kind in kinds for fault in self._on)

    def listed(self) -> list[Fault]:
        """Return the faults that are on."""
        return list(self._on)

    def _hits(self, fault: Fault, path: str, listener: int | None, ordinal: int) -> bool:
        if fault.listener is not None and fault.listener != listener:
            return False
        if fault.path is not None and not fnmatchcase(path, fault.path):
            return False
        if fault.path is None and fault.kind in API_ONLY and not path.startswith("/v1/"):
            return False
        fault.seen += 1
        if fault.seen <= fault.after:
            return False
        draw = fraction(self._seed, "fault", fault.kind, fault.path, listener, ordinal)
        if draw >= fault.rate:
            return False
        fault.hits += 1
        if fault.times is not None and fault.hits >= fault.times:
            self._on.remove(fault)
        return True
