"""Changes of the simulated world: what people save and remove, and what publishers delete."""

from collections.abc import Callable
from datetime import datetime

from simulator.world.world import World
from tests.sim.plan import Fault, Kind


def change(fault: Fault, world: World, now: datetime) -> None:
    """Let a listener or a publisher do something; which show it concerns is the fault's value."""
    CHANGES[fault.kind](world, fault.listener or 0, fault.value, now)


def _save(world: World, listener: int, share: float, now: datetime) -> None:
    saved = {one.show for one in world.saved_shows(listener, now)}
    others = [
        show for show in range(world.shows) if show not in saved and world.show_exists(show, now)
    ]
    world.save_show(listener, others[_place(share, len(others))], now)


def _unsave(world: World, listener: int, share: float, now: datetime) -> None:
    show = _saved_show(world, listener, share, now)
    if show is not None:
        world.remove_show(listener, show, now)


def _withdraw(world: World, listener: int, share: float, now: datetime) -> None:
    show = _saved_show(world, listener, share, now)
    if show is not None:
        world.withdraw_show(show, now)


def _save_episode(world: World, listener: int, share: float, now: datetime) -> None:
    found = _episode(world, listener, share, now)
    if found is not None:
        world.save_episode(listener, *found, now)


def _unsave_episode(world: World, listener: int, share: float, now: datetime) -> None:
    saved = [one for one in world.saved_episodes(listener, now) if not one.tombstone]
    if saved:
        one = saved[_place(share, len(saved))]
        world.remove_episode(listener, one.show, one.number, now)


def _tombstone(world: World, listener: int, share: float, now: datetime) -> None:
    found = _episode(world, listener, share, now)
    if found is not None:
        world.withdraw_episode(*found, now)


CHANGES: dict[Kind, Callable[[World, int, float, datetime], None]] = {
    Kind.SAVE: _save,
    Kind.UNSAVE: _unsave,
    Kind.SAVE_EPISODE: _save_episode,
    Kind.UNSAVE_EPISODE: _unsave_episode,
    Kind.WITHDRAW: _withdraw,
    Kind.TOMBSTONE: _tombstone,
}


def _saved_show(world: World, listener: int, share: float, now: datetime) -> int | None:
    saved = world.saved_shows(listener, now)
    return saved[_place(share, len(saved))].show if saved else None


def _episode(world: World, listener: int, share: float, now: datetime) -> tuple[int, int] | None:
    """Return show and number of an episode of a saved show that is out."""
    show = _saved_show(world, listener, share, now)
    count = 0 if show is None else world.episode_count(show, now)
    if show is None or not count:
        return None
    [number] = world.episode_numbers(show, now, offset=_place(share, count), limit=1)
    return show, number


def _place(share: float, count: int) -> int:
    return min(count - 1, int(share * count))
