"""What every life in one world shares."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.world.catalogue import Catalogue
from simulator.world.habits import Listeners
from simulator.world.library import HISTORY_DAYS


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The unchanging frame of one world.

    Attributes:
        seed: Seed of the world.
        epoch_ms: When libraries have their usual size, ms since 1970.
        library_size: Shows in a library at the epoch.
        catalogue: What there is to hear.
        listeners: Who hears it.
        history_days: Days of listening behind everyone at the epoch.
    """

    seed: int
    epoch_ms: int
    library_size: int
    catalogue: Catalogue
    listeners: Listeners
    history_days: int = HISTORY_DAYS
