"""Who the listeners are: hours, appetite, absences and tastes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from simulator.world import names
from simulator.world.chance import Purpose, between, share, stream
from simulator.world.ids import Identifiers, IdKind
from simulator.world.instants import HOUR_MS
from simulator.world.types import Kind, ListenerFacts, UnknownThing

_KINDS = (
    Kind.WORKER,
    Kind.COMMUTER,
    Kind.BEDTIME,
    Kind.SPREAD,
    Kind.HEAVY,
    Kind.WEEKEND,
    Kind.GYM,
    Kind.LIGHT,
)
_SAVERS = (True, False, False, True, False)
"""Two of five listeners save single episodes."""

_OFFSETS_H = (0, 1, 2, 1, -5, -8, 10)
"""Seven, so that every kind of listener lives in every zone."""

_ZIPF = 1.5
_LAPSE_BLOCK_DAYS = 90
_LAPSE_CHANCE = 0.15
_CATCHING_UP = 0.05


@dataclass(frozen=True, slots=True)
class Slot:
    """A habitual time to listen.

    Attributes:
        hour: Usual local start, hours from midnight.
        spread_h: Standard deviation of the start in hours.
        minutes: Median length of the session.
        weekday: Chance on a working day, 0 to 1.
        weekend: Chance on Saturday and Sunday, 0 to 1.
    """

    hour: float
    spread_h: float
    minutes: float
    weekday: float
    weekend: float


SLOTS = {
    Kind.COMMUTER: (Slot(7.6, 0.4, 26, 0.75, 0.10), Slot(17.7, 0.5, 32, 0.65, 0.12)),
    Kind.WORKER: (
        Slot(9.5, 0.8, 40, 0.50, 0.15),
        Slot(14.0, 1.0, 40, 0.40, 0.12),
        Slot(20.0, 1.5, 30, 0.25, 0.30),
    ),
    Kind.BEDTIME: (Slot(22.4, 0.6, 26, 0.75, 0.65), Slot(13.0, 1.5, 30, 0.15, 0.30)),
    Kind.WEEKEND: (
        Slot(10.0, 1.5, 70, 0.08, 0.80),
        Slot(15.5, 2.0, 60, 0.08, 0.60),
        Slot(20.5, 1.0, 35, 0.20, 0.30),
    ),
    Kind.GYM: (Slot(18.2, 0.7, 55, 0.55, 0.40), Slot(7.2, 0.5, 20, 0.35, 0.10)),
    Kind.SPREAD: tuple(Slot(hour, 1.2, 25, 0.30, 0.25) for hour in (8.0, 12.0, 16.5, 20.5)),
    Kind.HEAVY: (
        Slot(7.5, 0.6, 40, 0.80, 0.50),
        Slot(11.0, 1.2, 60, 0.60, 0.45),
        Slot(15.0, 1.2, 50, 0.55, 0.50),
        Slot(21.0, 1.0, 45, 0.60, 0.60),
    ),
    Kind.LIGHT: (Slot(18.0, 3.0, 25, 0.22, 0.22),),
}


class Listeners:
    """Every listener of one seed."""

    def __init__(self, *, seed: int, count: int) -> None:
        """Prepare `count` listeners."""
        self.count = count
        self._seed = seed
        self._ids = Identifiers(seed)
        self.facts = lru_cache(maxsize=4_096)(self._facts)
        self._lapse = lru_cache(maxsize=4_096)(self._lapse_of)

    def index(self, listener_id: str) -> int | None:
        """Return the listener behind a user identifier, or None if it is not ours."""
        found = self._ids.decode(IdKind.USER, listener_id)
        return found[0] if found and found[0] < self.count else None

    def offset_ms(self, index: int) -> int:
        """Return how far the listener's clock is ahead of UTC."""
        return _OFFSETS_H[index % len(_OFFSETS_H)] * HOUR_MS

    def away(self, index: int, day: int) -> bool:
        """Tell whether the listener hears nothing on a local day: a lapse of weeks."""
        block, within = divmod(day, _LAPSE_BLOCK_DAYS)
        first, last = self._lapse(index, block)
        return first <= within < last

    def catches_up(self, index: int, show: int) -> bool:
        """Tell whether the listener hears a show from its beginning, not its end."""
        return share(self._seed, Purpose.TASTE, index, show) < _CATCHING_UP

    def entry_point(self, index: int, show: int) -> float:
        """Return where in a show's back catalogue the listener starts, 0 to 0.7 of it."""
        return 0.7 * share(self._seed, Purpose.SHELF, index, show)

    def _lapse_of(self, index: int, block: int) -> tuple[float, float]:
        """Return the first and last day of the lapse in a block of days; equal means none."""
        rng = stream(self._seed, Purpose.LAPSE, index, block)
        if rng.random() >= _LAPSE_CHANCE:
            return 0.0, 0.0
        first = between(rng, 0, 60)
        return first, first + between(rng, 8, 30)

    def _facts(self, index: int) -> ListenerFacts:
        if not 0 <= index < self.count:
            message = f"no listener {index} in a world of {self.count}"
            raise UnknownThing(message)
        rng = stream(self._seed, Purpose.LISTENER, index)
        return ListenerFacts(
            index=index,
            id=self._ids.encode(IdKind.USER, index),
            account_id=self._ids.encode(IdKind.ACCOUNT, index),
            display_name=names.person_name(rng),
            kind=_KINDS[index % len(_KINDS)],
            saver=_SAVERS[index % len(_SAVERS)],
        )


@lru_cache(maxsize=1_024)
def concentration(size: int) -> tuple[float, ...]:
    """Return cumulative shares of attention over `size` ranked shows, ending at 1."""
    weights = [1.0 / rank**_ZIPF for rank in range(1, size + 1)]
    total = sum(weights)
    return tuple(accumulate(weight / total for weight in weights))
