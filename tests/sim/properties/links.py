"""Properties of what links a user to shows and episodes, against the truth."""

from datetime import datetime
from typing import Any, ClassVar

from tests.sim.properties.property import Case, Property, instant
from tests.sim.wire import Exchange

_SPARED = 3
"""Listings that something may be missing from before it has to be marked removed."""
_PAGE = 50
_LEAST_MISSES = 2

Added = dict[str, datetime]
"""Instants of saving by id."""


class Library(Property):
    """Every saved show is stored with its date, and no show that was not saved of late."""

    name = "library"

    def end(self) -> None:
        """Compare each library with the truth at its last listings."""
        world = self.case.stage.simulator.world
        for listener, user_id in self.case.users():
            listings = _listings(self.case, listener, "/me/shows")
            if not listings:
                self.fail(f"listener {listener}: the library was never read")
            true = [
                {
                    world.show(saved.show).id: saved.added_at.replace(microsecond=0)
                    for saved in world.saved_shows(listener, one.record.at)
                }
                for one in listings[-_SPARED:]
            ]
            stored = _stored(self.case, "saved_show", "show_id", user_id)
            if wrong := true[-1].items() - stored.items():
                self.fail(f"listener {listener} lost {sorted(wrong)}")
            if extra := stored.keys() - set().union(*true):
                self.fail(f"listener {listener} kept {sorted(extra)}")


class SavedEpisodes(Property):
    """Every saved episode that Spotify told of is linked as long as it is saved, and no other."""

    name = "saved_episodes"

    def end(self) -> None:
        """Compare each user's links with the pages that came and the truth at the last one."""
        for listener, user_id in self.case.users():
            listings = _listings(self.case, listener, "/me/episodes")
            stored = _stored(self.case, "saved_episode", "episode_id", user_id)
            told: Added = {}
            for one in listings:
                told |= saved_ids(one)
            true = self._alive(listener, listings[-1].record.at) if listings else set()
            expected = {id_: at for id_, at in told.items() if id_ in true}
            if wrong := expected.items() - stored.items():
                self.fail(f"listener {listener} lost {sorted(wrong)}")
            heard = {id_ for one in self._pages(listener) for id_ in saved_ids(one)}
            if extra := stored.keys() - heard:
                self.fail(f"listener {listener} never saved {sorted(extra)}")
            if all(map(_is_plain, listings[-_SPARED:])) and len(listings) >= _SPARED:
                recent = {id_ for one in listings[-_SPARED:] for id_ in saved_ids(one)}
                if kept := stored.keys() - recent:
                    self.fail(f"listener {listener} kept {sorted(kept)}")

    def _pages(self, listener: int) -> list[Exchange]:
        told = self.case.told_by(listener)
        return [one for one in told if one.came and one.record.endpoint == "/me/episodes"]

    def _alive(self, listener: int, at: datetime) -> set[str]:
        world = self.case.stage.simulator.world
        return {
            world.episode(one.show, one.number).id
            for one in world.saved_episodes(listener, at)
            if not one.tombstone
        }


class Removals(Property):
    """Nothing is marked removed before two listings came without it, nor what is still there."""

    name = "removals"
    _KINDS: ClassVar = (
        ("saved_show", "show_id", "/me/shows"),
        ("saved_episode", "episode_id", "/me/episodes"),
    )

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self._known: set[tuple[str, int, str]] = set()

    def event(self, event: str, fields: dict[str, Any]) -> None:
        """Look at what a run that just ended has marked."""
        if event != "sync_ended":
            return
        listener = self.case.script.listener_of(fields)
        for table, column, endpoint in self._KINDS:
            rows = self.case.rows(
                f"select {column} from {table} where user_id = ? and removed_at is not null",
                fields["user_id"],
            )
            now = {(table, listener, row[0]) for row in rows}
            for one in sorted(now - self._known):
                self._check(listener, endpoint, one[2])
            self._known = {one for one in self._known if one[:2] != (table, listener)} | now

    def end(self) -> None:
        """Compare episodes that are marked removed with the truth."""
        world, now = self.case.stage.simulator.world, self.case.stage.simulator.clock.now()
        for (id_,) in self.case.rows("select id from episode where removed_at is not null"):
            place = world.episode_by_id(id_)
            if place is not None and world.episode_exists(*place, now):
                self.fail(f"episode {id_} is there, but marked removed")

    def _check(self, listener: int, endpoint: str, id_: str) -> None:
        without = 0
        for one in reversed(self.case.told_by(listener)):
            if not one.came or one.record.endpoint != endpoint:
                continue
            if id_ in saved_ids(one):
                break
            without += one.offset == 0
        if without < _LEAST_MISSES:
            self.fail(f"listener {listener}: {id_} was removed after {without} listings without it")


def saved_ids(exchange: Exchange) -> Added:
    """Return what a page of saved shows or episodes has, those without an id left out."""
    kind = "show" if exchange.record.endpoint == "/me/shows" else "episode"
    found: Added = {}
    for item in exchange.json["items"]:
        thing = item and item.get(kind)
        if thing and thing.get("id") and (kind == "show" or thing.get("show")):
            found[thing["id"]] = datetime.fromisoformat(item["added_at"])
    return found


def _listings(case: Case, listener: int, endpoint: str) -> list[Exchange]:
    """Return the pages of a list that must have been stored."""
    return [
        one
        for one in case.told_by(listener)
        if one.record.endpoint == endpoint
        and one.came
        and not case.was_lost(one)
        and not case.is_forgotten(one)
    ]


def _is_plain(exchange: Exchange) -> bool:
    """Tell whether a page is a whole list of which every item can be read."""
    told = exchange.json
    return bool(told["total"] <= _PAGE and len(saved_ids(exchange)) == told["total"])


def _stored(case: Case, table: str, column: str, user_id: int) -> Added:
    rows = case.rows(
        f"select {column}, added_at from {table} where user_id = ? and removed_at is null", user_id
    )
    return {row[0]: instant(row[1]) for row in rows}
