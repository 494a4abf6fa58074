"""Properties of connections: when they end, and what is left of them then."""

from typing import Any

from tests.sim.plan import Kind
from tests.sim.properties.property import Property
from tests.sim.wire import Exchange

_UNDER_WAY_S = 20.0
_FORGOTTEN = ("play", "saved_show", "saved_episode", "sync_run", "spotify_connection")


class ParkedForCause(Property):
    """A connection is given up only if consent was revoked, or a token that is good once was lost.

    A refresh that rotates the token and whose answer nobody got leaves nothing to go on with.
    """

    name = "parked_for_cause"

    def event(self, event: str, fields: dict[str, Any]) -> None:
        """Look for the cause."""
        if event != "spotify_connection_parked":
            return
        listener = self.case.script.listener_of(fields)
        since_s = self.case.script.connected_s.get(listener, 0.0) - _UNDER_WAY_S
        is_revoked = any(
            fault.listener == listener and (fault.at_s or 0.0) >= since_s
            for fault in self.case.hit((Kind.REVOKE,))
        )
        told = self.case.told_by(listener)
        if not is_revoked and not any(one.at_s >= since_s and self._took(one) for one in told):
            self.fail(f"listener {listener}: {fields}")

    def _took(self, exchange: Exchange) -> bool:
        """Tell whether an answer that was lost held the only token."""
        record = exchange.record
        is_refresh = record.endpoint == "refresh_token" and b'"refresh_token"' in exchange.body
        hidden = exchange.fault is not None and exchange.status != record.status
        is_lost = not exchange.arrived or self.case.was_lost(exchange)
        return (is_refresh or (hidden and record.endpoint == "refresh_token")) and (
            is_lost or hidden
        )


class Disconnected(Property):
    """Whoever disconnects leaves nothing of Spotify's behind, and nothing comes back by itself."""

    name = "disconnected"

    def event(self, event: str, fields: dict[str, Any]) -> None:
        """Look when somebody has just gone, and when they are just back."""
        if event == "spotify_disconnected":
            self._look(self.case.script.listener_of(fields))

    def exchange(self, exchange: Exchange) -> None:
        """Look whether a run that was under way has written something since."""
        for listener in self.case.script.disconnected_s:
            self._look(listener)

    def _look(self, listener: int) -> None:
        script = self.case.script
        if script.connected_s.get(listener, 0.0) > script.disconnected_s[listener]:
            return
        user_id = script.user_ids[listener]
        if self.case.rows("select 1 from spotify_connection where user_id = ?", user_id):
            return  # connected this moment
        for table in _FORGOTTEN:
            left = self.case.rows(f"select count(*) from {table} where user_id = ?", user_id)
            if left[0][0]:
                self.fail(f"listener {listener} is gone, but has {left[0][0]} rows in {table}")
