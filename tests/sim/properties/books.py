"""Properties of what is written down: costs, budgets, fences."""

from collections import Counter
from typing import Any

from tests.sim.plan import Kind
from tests.sim.properties.calls import is_of_run
from tests.sim.properties.property import Property
from tests.sim.stage import EPOCH
from tests.sim.wire import Exchange

_SLOT_S = 300
_COUNTED = """
with kept as (select max(first) as first from
    (select min(slot) as first from quota_slot group by account, bucket))
select first, sum(used) from quota_slot, kept where slot >= first
"""
"""The first slot since which no bucket has forgotten anything, and the calls counted since."""

_SERVICES = {"spotify_api": "api", "spotify_accounts": "accounts"}


class CostRows(Property):
    """Each request that the service received has its cost row, before the next one goes out.

    One of each user that was in flight may lack it when the process dies; so may those
    of a time in which the database refused.
    """

    name = "cost_rows"

    def __init__(self, case: Any) -> None:
        super().__init__(case)
        self._lacking: Counter[tuple[int, str]] = Counter()
        self._settled: dict[int, Exchange] = {}

    def exchange(self, exchange: Exchange) -> None:
        """Compare a sync's calls so far when its next one arrives."""
        listener, user_id = exchange.listener, self.case.user_of(exchange.listener)
        if listener is None or user_id is None or not is_of_run(exchange):
            return
        before = self.case.told_by(listener)[: exchange.place]
        if self.case.is_confused(exchange.at_s) or any(not one.over for one in before[-3:]):
            return
        arrived = sum(map(is_of_run, before))
        recorded = self._recorded(user_id, "spotify_api", "and run_id is not null")
        self._judge(listener, "spotify_api", arrived - recorded, in_flight=0)

    def event(self, event: str, fields: dict[str, Any]) -> None:
        """Note that the answer to the last call has been dealt with."""
        if event == "show_page_stored":
            listener = self.case.script.listener_of(fields)
            self._settled[listener] = self.case.told_by(listener)[-1]

    def death(self) -> None:
        """Compare, and allow for what was in flight."""
        self._compare(has_died=True)

    def end(self) -> None:
        """Compare, with nothing in flight any more."""
        self._compare(has_died=False)

    def _compare(self, *, has_died: bool) -> None:
        for listener, user_id in self.case.users():
            for service, name in _SERVICES.items():
                arrived = sum(
                    one.record.service == name and one.record.endpoint != "authorize"
                    for one in self.case.told_by(listener)
                )
                lacking = arrived - self._recorded(user_id, service)
                in_flight = int(has_died and not self._is_settled(listener))
                self._judge(listener, service, lacking, in_flight=in_flight)
                if has_died:
                    self._lacking[listener, service] = lacking

    def _is_settled(self, listener: int) -> bool:
        """Tell whether a show's page was stored since the listener's last request arrived."""
        told = self.case.told_by(listener)
        is_alone = not self.case.is_confused(self.case.stage.now_s())
        return bool(told) and is_alone and self._settled.get(listener) is told[-1]

    def _recorded(self, user_id: int, service: str, further: str = "") -> int:
        found: int = self.case.rows(
            "select count(*) from cost_entry where user_id = ? and service = ?"
            f" and outcome <> 'not_sent' {further}",
            user_id,
            service,
        )[0][0]
        return found

    def _judge(self, listener: int, service: str, lacking: int, *, in_flight: int) -> None:
        allowed = self._lacking[listener, service] + in_flight
        if lacking > allowed:
            allowed += self._refused(listener, _SERVICES[service])
        if not 0 <= lacking <= allowed:
            self.fail(f"listener {listener}, {service}: {lacking} rows lack, {allowed} may")

    def _refused(self, listener: int, name: str) -> int:
        return sum(
            one.record.service == name and self.case.is_database_at_fault(one.at_s)
            for one in self.case.told_by(listener)
        )


class QuotaCount(Property):
    """The daily allowance counts each call that arrived once, and hardly any other."""

    name = "quota_count"
    _SLACK = 10

    def end(self) -> None:
        """Compare the slots with the calls that arrived since the first of them."""
        [(first, counted)] = self.case.rows(_COUNTED)
        if first is None or self.case.hit((Kind.CLOCK,)):
            return
        since_s = first - EPOCH.timestamp()
        arrived = [one.wall_s for one in self.case.stage.exchanges if one.record.service == "api"]
        least = sum(wall_s >= since_s + _SLOT_S for wall_s in arrived)
        most = sum(wall_s >= since_s for wall_s in arrived)
        hits = self.case.stage.weather.hits
        spared = self._SLACK + most // 10 + hits[Kind.REFUSED] + 3 * len(self.case.stage.lives)
        if not least <= counted <= most + spared:
            self.fail(f"{counted} calls are counted, {least} to {most} arrived")


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
