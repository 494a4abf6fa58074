"""Which occurrence of a row, identical in every field that counts, this one is."""

from array import array
from collections.abc import Hashable

_FIRST_SLOTS = 1 << 12


class Ordinals:
    """Counts how often each key came, in 12 to 24 bytes a key; a set would take 70.

    A hash table of 64-bit hashes without their keys: among a million rows, the chance that two
    different ones are taken for the same is one in thirty million.
    """

    def __init__(self) -> None:
        self._slots = array("q", bytes(8 * _FIRST_SLOTS))
        self._mask = _FIRST_SLOTS - 1
        self._free = _FIRST_SLOTS // 3 * 2
        self._repeated: dict[int, int] = {}

    def next(self, key: Hashable) -> int:
        """Return 0 for a key that comes for the first time, 1 for the second, and so on."""
        mark = hash(key) or 1  # 0 is an empty slot
        slots, mask = self._slots, self._mask
        slot = mark & mask
        while (found := slots[slot]) and found != mark:
            slot = (slot + 1) & mask
        if found:
            count = self._repeated[mark] = self._repeated.get(mark, 0) + 1
            return count
        slots[slot] = mark
        self._free -= 1
        if not self._free:
            self._grow()
        return 0

    def _grow(self) -> None:
        """Make twice the room, so that at most two slots in three are taken."""
        old, size = self._slots, 2 * len(self._slots)
        slots, mask = array("q", bytes(8 * size)), size - 1
        for mark in old:
            if mark:
                slot = mark & mask
                while slots[slot]:
                    slot = (slot + 1) & mask
                slots[slot] = mark
        self._slots, self._mask = slots, mask
        self._free = size // 3 * 2 - len(old) // 3 * 2
