"""A whole simulator: the service and, beside it, its controls and its truth."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from starlette.applications import Starlette

from simulator.clock import SimClock
from simulator.control.app import control_app
from simulator.faults.board import FaultBoard
from simulator.faults.wire import Sleep
from simulator.service.grants import Grants
from simulator.service.limits import Quota, Window
from simulator.service.pipeline import Service
from simulator.service.state import State
from simulator.settings import Settings
from simulator.truth.app import TruthGate, truth_app
from simulator.truth.requests import RequestLog
from simulator.world.world import World


@dataclass(frozen=True)
class Simulator:
    """One simulator, in process; `simulator.serving` puts it on ports.

    Attributes:
        state: Everything the parts share.
        service: ASGI app of `/authorize`, `/api/token`, `/v1/...`, `/image/...`.
        control: ASGI app of `/_control/...`, for loopback peers only.
        truth: ASGI app of `/_truth/...`, for loopback peers only.
    """

    state: State
    service: Service
    control: Starlette
    truth: Starlette
    _gate: TruthGate = field(repr=False)

    @property
    def world(self) -> World:
        """Shows, listeners and plays."""
        return self.state.world

    @property
    def clock(self) -> SimClock:
        """World and wire time."""
        return self.state.clock

    @property
    def faults(self) -> FaultBoard:
        """What goes wrong now."""
        return self.state.faults

    @property
    def requests(self) -> RequestLog:
        """Every request so far."""
        return self.state.requests

    @property
    def grants(self) -> Grants:
        """Every consent so far."""
        return self.state.grants

    def revoke(self, listener: int) -> int:
        """Withdraw a listener's grants, access tokens included; return how many."""
        return self.grants.revoke(listener, at=self.clock.now())

    def close_truth(self) -> None:
        """Let the truth answer nobody from now on; there is no way back."""
        self._gate.open = False


def build(
    settings: Settings | None = None,
    clock: SimClock | None = None,
    *,
    sleep: Sleep = asyncio.sleep,
) -> Simulator:
    """Build a simulator.

    Args:
        settings: How it behaves; None for the defaults.
        clock: World and wire time; None for one that starts at the epoch and
            runs with real seconds.
        sleep: Waits in slow and dripping answers.
    """
    settings = settings or Settings()
    state = State(
        settings=settings,
        clock=clock or SimClock(start=settings.epoch),
        sleep=sleep,
        world=World(
            settings.seed,
            epoch=settings.epoch,
            shows=settings.shows,
            listeners=settings.listeners,
            shows_per_listener=settings.shows_per_listener,
            history_days=settings.history_days,
        ),
        faults=FaultBoard(settings.seed),
        requests=RequestLog(),
        grants=Grants(settings.seed),
        window=Window(settings.seed, settings.window_calls),
        quota=Quota(settings.seed, settings.quotas),
        mode=settings.mode,
    )
    gate = TruthGate()
    return Simulator(
        state=state,
        service=Service(state),
        control=control_app(state),
        truth=truth_app(state, gate),
        _gate=gate,
    )
