"""Properties of the calls themselves: how many, how often, how many at once."""

from collections import deque

from simulator.service.grants import ACCESS_LIFETIME_S
from tests.sim.properties.property import Property
from tests.sim.wire import Exchange

_WINDOW_S = 60.0
_REFRESHED_EARLY_S = 60.0
_ON_THE_WAY_S = 15.0
OK, UNAUTHORISED = 200, 401


class CallsAMinute(Property):
    """No 60 seconds see more calls than the installation allows itself, whatever dies."""

    name = "calls_a_minute"
    _recent: deque[float]

    def exchange(self, exchange: Exchange) -> None:
        """Count the calls of the last minute."""
        if exchange.record.service != "api":
            return
        self._recent = getattr(self, "_recent", deque())
        self._recent.append(exchange.at_s)
        while exchange.at_s - self._recent[0] >= _WINDOW_S:
            self._recent.popleft()
        if len(self._recent) > self.case.stage.plan.calls_a_minute:
            self.fail(f"{len(self._recent)} calls in 60 s")


class OneRefresh(Property):
    """A token is refreshed once it runs out, not twice, unless the answer was lost."""

    name = "one_refresh_an_expiry"

    def exchange(self, exchange: Exchange) -> None:
        """Look for the token that this refresh replaces."""
        if exchange.record.endpoint != "refresh_token":
            return
        for one in reversed(self.case.told_by(exchange.listener or 0)[:-1]):
            if one.status == UNAUTHORISED or one.record.endpoint == "authorization_code":
                return
            if one.record.endpoint == "refresh_token":
                self._check(one, exchange)
                return

    def _check(self, before: Exchange, now: Exchange) -> None:
        if before.status != OK or not before.arrived or self.case.was_lost(before):
            return
        good_s = ACCESS_LIFETIME_S - _REFRESHED_EARLY_S - _ON_THE_WAY_S
        if now.wall_s - before.wall_s < good_s:
            self.fail(
                f"listener {now.listener} was refreshed at {before.at_s:.3f} and {now.at_s:.3f}"
            )


class OneCallAtATime(Property):
    """A user has one run at a time, and it makes one call at a time."""

    name = "one_run_at_a_time"

    def exchange(self, exchange: Exchange) -> None:
        """Look for another call of the same run's user that is still under way."""
        if not is_of_run(exchange) or self.case.is_confused(exchange.at_s):
            return
        for one in self.case.stage.exchanges[-20:]:
            same = one.listener == exchange.listener and one.life == exchange.life
            if same and one is not exchange and is_of_run(one) and not one.over:
                self.fail(
                    f"listener {exchange.listener}: {one.record.path} ({one.at_s:.3f}) and "
                    f"{exchange.record.path} ({exchange.at_s:.3f})"
                )


def is_of_run(exchange: Exchange) -> bool:
    """Tell a call of a sync from one that belongs to signing in."""
    return exchange.record.service == "api" and exchange.record.endpoint != "/me"
