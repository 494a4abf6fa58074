"""Listing a user's library: saved shows as a whole, saved episodes as far as they changed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from src.spotify.errors import SpotifyNotFound
from src.spotify.payloads import Listing, SavedEpisodePayload, SavedShowPayload
from src.spotify.planner import PAGE, ROUTINE_CALLS
from src.spotify.queries import store
from src.spotify.run_state import Phase, Run
from src.spotify.storing import Stored, store_saved_episodes, store_saved_shows

T = TypeVar("T")


@dataclass
class Walk:
    """What a walk through a list met: ids so far, and whether it can vouch for having met all."""

    ids: set[str] = field(default_factory=set)
    offset: int = 0
    total: int | None = None
    is_whole: bool = True
    has_ended: bool = False

    def take(self, page: Listing[T], ids: set[str]) -> bool:
        """Note a page; false if it repeats what was met, so that there is nothing to store.

        A page that brings only known ids means that Spotify ignores the offset.
        """
        if ids and ids <= self.ids:
            self.is_whole, self.has_ended = False, True
            return False
        advance = len(page.items) + page.quarantined
        # A list that changed on the way may have moved something past us.
        moved = self.total is not None and page.total != self.total
        self.is_whole = self.is_whole and not page.quarantined and not moved
        self.ids |= ids
        self.offset += advance
        self.total = page.total
        at_end = not page.has_next if page.total is None else self.offset >= page.total
        self.has_ended = at_end or not advance
        return True

    @property
    def is_complete(self) -> bool:
        """Whether what was not met is really not in the list."""
        known = self.total is not None and len(self.ids) >= self.total
        return self.has_ended and self.is_whole and known


async def _twice(call: Callable[[int], Awaitable[Listing[T]]], offset: int) -> Listing[T]:
    """Make a call, and once more if Spotify says 404, which it does at random."""
    try:
        return await call(offset)
    except SpotifyNotFound:
        return await call(offset)


async def list_shows(run: Run) -> None:
    """List the user's saved shows, to the end unless there are very many, page by page.

    A show that is not in a complete listing is missed once; missed in two runs, it is
    marked removed. A listing that breaks off, or is not to be trusted, misses nothing.
    """
    walk = Walk()
    await _store_shows(run, walk, await _twice(run.client.saved_shows, 0))
    pages_left = _show_pages_left(run, walk)
    while not walk.has_ended and pages_left:
        pages_left -= 1
        await _store_shows(run, walk, await _twice(run.client.saved_shows, walk.offset))
    async with run.writing(Phase.SAVED_EPISODES) as session:
        if walk.is_complete:
            saved = await store.saved_show_ids(session, user_id=run.user_id)
            await store.miss_saved_shows(
                session, user_id=run.user_id, show_ids=saved - walk.ids, now=run.now
            )
        await run.load_shows(session)


def _show_pages_left(run: Run, walk: Walk) -> int:
    """Return how many more pages of saved shows this run may read after the first.

    All of them, if that leaves the shows a third of the calls; a first run lists the
    library whole whatever is left. Of a library too large for that another part is
    read by each run, drawn by chance, and nothing counts as missed.
    """
    needed = -(-((walk.total or 0) - walk.offset) // PAGE)
    room = run.budget.left if run.is_first else run.budget.left * 2 // 3
    if needed <= room:
        return run.budget.left
    walk.is_whole = False
    if room:
        parts = -(-needed // room)
        part = min(parts - 1, int(run.spotify.runtime.entropy.uniform(0, parts)))
        walk.offset += part * room * PAGE
    return room


async def _store_shows(run: Run, walk: Walk, page: Listing[SavedShowPayload]) -> None:
    if not walk.take(page, {item.show.id for item in page.items}):
        return
    async with run.writing(Phase.SHOWS) as session:
        await store_saved_shows(session, page.items, user_id=run.user_id, now=run.now)
        run.count(Stored(), quarantined=page.quarantined)
        run.counts["shows_total"] = walk.total or len(walk.ids)


async def list_episodes(run: Run) -> None:
    """List the user's saved episodes: the first page, and the rest if something changed.

    What does not fit into the run's calls is read from where the stored part ends.
    """
    async with run.writing() as session:
        if not run.shows:
            await run.load_shows(session)
        before = await store.saved_episode_ids(session, user_id=run.user_id)
    walk = Walk()
    page = await _twice(run.client.saved_episodes, 0)
    await _store(run, walk, page)
    pages_left = _pages_left(run, before, walk)
    needed = -(-((walk.total or 0) - walk.offset) // PAGE)
    if needed > pages_left:  # no whole walk: go on at the end of what is stored
        walk.is_whole = False
        walk.offset = max(walk.offset, (len(before) // PAGE - 1) * PAGE)
    while not walk.has_ended and pages_left:
        pages_left -= 1
        page = await _twice(run.client.saved_episodes, walk.offset)
        await _store(run, walk, page)
    async with run.writing(Phase.EPISODES) as session:
        if walk.is_complete:
            await store.miss_saved_episodes(
                session, user_id=run.user_id, episode_ids=before - walk.ids, now=run.now
            )


def _pages_left(run: Run, before: set[str], walk: Walk) -> int:
    """Return how many more pages of saved episodes this run may read after the first.

    0 when nothing changed. A total that alone does not fit (dead episodes count in it)
    is worth a few, a real change all that new shows leave, or a third of the rest.
    """
    left = run.budget.left
    fits = walk.total is None or walk.total == len(before)
    if walk.ids <= before and fits:
        return 0
    if walk.ids <= before and (walk.total or 0) > len(before):
        return min(left, max(1, (ROUTINE_CALLS - run.budget.calls) // 2))
    unread = sum(show.listed_total is None for show in run.shows.values())
    return max(left // 3, left - unread)


async def _store(run: Run, walk: Walk, page: Listing[SavedEpisodePayload]) -> None:
    homeless = sum(item.episode.show is None for item in page.items)
    if homeless:
        walk.is_whole = False
    if not walk.take(page, {item.episode.id for item in page.items}):
        return
    async with run.writing() as session:
        stored = await store_saved_episodes(
            session, page.items, user_id=run.user_id, now=run.now, on_page=run.on_page
        )
        run.count(stored, quarantined=page.quarantined + homeless)
