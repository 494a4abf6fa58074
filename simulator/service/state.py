"""Everything a running simulator knows and may change."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from simulator.clock import SimClock
from simulator.faults.board import Fault, FaultBoard, Kind
from simulator.faults.wire import Sleep, hit
from simulator.service.call import Call
from simulator.service.grants import Grants
from simulator.service.limits import Quota, Window
from simulator.settings import App, Mode, Settings
from simulator.truth.requests import RequestLog
from simulator.world.world import World


@dataclass(slots=True)
class AutoConsent:
    """Answers the authorisation page by itself.

    Attributes:
        listener: Who consents.
        allow: False to refuse.
    """

    listener: int
    allow: bool = True


@dataclass(slots=True)
class State:
    """One simulator; every part of the service is handed this.

    Attributes:
        settings: What it was built from.
        clock: World and wire time.
        sleep: Waits for slow answers.
        world: Shows, listeners and plays.
        faults: What goes wrong now.
        requests: Every request so far.
        grants: Every consent so far.
        window: The limit of each app.
        quota: The limit of each developer.
        mode: What apps may do now.
        auto_consent: Answers the authorisation page, or None for a person.
        lapsed: Listeners answered as if the app owner's Premium had lapsed.
        ordinals: Calls made so far by each listener (None: without a token).
    """

    settings: Settings
    clock: SimClock
    sleep: Sleep
    world: World
    faults: FaultBoard
    requests: RequestLog
    grants: Grants
    window: Window
    quota: Quota
    mode: Mode
    auto_consent: AutoConsent | None = None
    lapsed: set[int] = field(default_factory=set)
    ordinals: Counter[int | None] = field(default_factory=Counter)

    def app(self, client_id: str | None) -> App | None:
        """Return a registered app."""
        return next((one for one in self.settings.apps if one.client_id == client_id), None)

    def fault(self, kind: Kind, call: Call) -> Fault | None:
        """Return the fault of `kind` that hits this call, and count the hit."""
        return hit(self.faults, kind, call)

    @property
    def extended(self) -> bool:
        """True while apps have extended quota."""
        return self.mode is Mode.EXTENDED
