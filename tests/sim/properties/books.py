"""Properties of what is written down: costs, budgets, fences."""

from collections import Counter
from typing import Any

from tests.sim.properties.property import Property
from tests.sim.wire import Exchange

_SERVICES = {"spotify_api": "api", "spotify_accounts": "accounts"}


class CostRows(Property):
    """Each request that the service received has its cost row.

    One of each user that was in flight may lack it when the process dies; so may those
    of a time in which the database refused.
    """

    name = "cost_rows"

    def __init__(self, case: Any) -> None:
        super().__init__(case)
        self._lacking: Counter[tuple[int, str]] = Counter()

    def death(self) -> None:
        """Compare, and allow for what was in flight."""
        self._compare(in_flight=1)

    def end(self) -> None:
        """Compare, with nothing in flight any more."""
        self._compare(in_flight=0)

    def _compare(self, *, in_flight: int) -> None:
        for listener, user_id in self.case.users():
            for service, name in _SERVICES.items():
                arrived = sum(
                    one.record.service == name and one.record.endpoint != "authorize"
                    for one in self.case.told_by(listener)
                )
                recorded = self.case.rows(
                    "select count(*) from cost_entry where user_id = ? and service = ?"
                    " and outcome <> 'not_sent'",
                    user_id,
                    service,
                )[0][0]
                self._judge(listener, service, arrived - recorded, in_flight=in_flight)

    def _judge(self, listener: int, service: str, lacking: int, *, in_flight: int) -> None:
        key = (listener, service)
        allowed = self._lacking[key] + in_flight + self._refused(listener, _SERVICES[service])
        if not 0 <= lacking <= allowed:
            self.fail(f"listener {listener}, {service}: {lacking} rows lack, {allowed} may")
        if in_flight:
            self._lacking[key] = lacking

    def _refused(self, listener: int, name: str) -> int:
        return sum(
            one.record.service == name and self.case.is_database_at_fault(one.at_s)
            for one in self.case.told_by(listener)
        )


class Budget(Property):
    """No run makes more calls than it may."""

    name = "budget"

    def end(self) -> None:
        """Look for a run that did."""
        found = self.case.rows(
            "select r.user_id, r.max_calls, count(*) from cost_entry c"
            " join sync_run r on r.id = c.run_id where c.outcome <> 'not_sent'"
            " and c.service = 'spotify_api' group by r.id having count(*) > r.max_calls"
        )
        if found:
            self.fail(f"user, allowed, made: {found}")


class Fences(Property):
    """A fence never goes back, or two processes would both believe that they hold a claim."""

    name = "fences"

    def __init__(self, case: Any) -> None:
        super().__init__(case)
        self._seen: Counter[tuple[object, ...]] = Counter()

    def exchange(self, exchange: Exchange) -> None:
        """Look at every fence whenever a call goes out."""
        self._look()

    def death(self) -> None:
        """Look at what was left."""
        self._look()

    def end(self) -> None:
        """Look a last time."""
        self._look()

    def _look(self) -> None:
        for table, since in (
            ("sync_schedule", ""),
            ("spotify_connection", ", connected_at"),  # another connection, another fence
        ):
            for user_id, fence, *which in self.case.rows(
                f"select user_id, fence{since} from {table}"
            ):
                key = (table, user_id, *which)
                if fence < self._seen[key]:
                    self.fail(f"{table} of user {user_id}: {self._seen[key]}, then {fence}")
                self._seen[key] = fence
