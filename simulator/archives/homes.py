"""Where a listener lives, as an export tells it: country, time zone, addresses, devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from simulator.archives.defects import Era
from simulator.world.chance import Purpose, mixed
from simulator.world.habits import Listeners
from simulator.world.instants import HOUR_MS

if TYPE_CHECKING:
    from simulator.world.still import StillWorld

_PLACES = {
    0: ("GB", "Europe/London"),
    1: ("DE", "Europe/Berlin"),
    2: ("FI", "Europe/Helsinki"),
    -5: ("US", "America/New_York"),
    -8: ("US", "America/Los_Angeles"),
    10: ("AU", "Australia/Sydney"),
}
"""Country and zone by the hours a listener's habits are ahead of UTC."""

_PLATFORMS = {
    Era.OLD: (
        "Android OS 10 API 29 (Example, Phone 5)",
        "Linux [x86-64 0]",
        "Partner example_speaker Kitchen;KS1;;tpapi",
    ),
    Era.NEW: ("android", "linux", "cast"),
}
_AGENT = "unknown"


@dataclass(frozen=True, slots=True)
class Home:
    """One listener's surroundings; every address is from 192.0.2.0/24.

    Attributes:
        username: User identifier.
        country: Two letters.
        zone: Where the listener's clocks are.
        addresses: One for each device.
        agent: What stands for the user agent of the old era.
    """

    username: str
    country: str
    zone: ZoneInfo
    addresses: tuple[str, str, str]
    agent: str = _AGENT

    def platforms(self, era: Era) -> tuple[str, str, str]:
        """Return what an era calls the three devices."""
        return _PLATFORMS[era]


def home_of(world: StillWorld, listener: int) -> Home:
    """Return where a listener lives."""
    offset_ms = Listeners(seed=world.seed, count=world.listeners).offset_ms(listener)
    country, zone = _PLACES[offset_ms // HOUR_MS]
    bits = mixed(world.seed, Purpose.DEVICE, listener)
    phone, desk, speaker = (f"192.0.2.{1 + (bits >> shift) % 254}" for shift in (0, 8, 16))
    return Home(
        username=world.listener(listener).id,
        country=country,
        zone=ZoneInfo(zone),
        addresses=(phone, desk, speaker),
    )
