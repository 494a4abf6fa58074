"""Listing a user's library: saved shows as a whole, saved episodes as far as they changed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from src.database import Session
from src.spotify.errors import SpotifyNotFound
from src.spotify.library_walk import LibraryWalk, pages_this_run
from src.spotify.payloads import PAGE, Listing, SavedEpisodePayload, SavedShowPayload
from src.spotify.planner import ROUTINE_CALLS
from src.spotify.queries import store
from src.spotify.queries import sync as queries
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
    """List the user's saved shows, page by page; what a run cannot list, the next one does.

    The first page is read by every run, since what was saved last stands there. A show
    that a complete listing did not meet is missed once; missed in two runs, it is marked
    removed. A listing that breaks off, or is not to be trusted, misses nothing.
    """
    top = await _twice(run.client.saved_shows, 0)
    before = await _stored_walk(run)
    walk = LibraryWalk.begin(top, now=run.now) if before is None else before.resume(top)
    met = await _store_shows(run, top, walk)
    pages_left = pages_this_run(walk, top.total, calls_left=run.budget.left, is_first=run.is_first)
    while not walk.has_ended and pages_left:
        pages_left -= 1
        page = await _twice(run.client.saved_shows, walk.offset)
        if page.items and {item.show.id for item in page.items} <= met:
            walk = walk.give_up()
            break
        walk = walk.over(page)
        met |= await _store_shows(run, page, walk)
    async with run.writing(Phase.SAVED_EPISODES) as session:
        if walk.has_ended:
            await _judge(run, session, walk)
        await run.load_shows(session)


async def _stored_walk(run: Run) -> LibraryWalk | None:
    """Return the listing that an earlier run, or this one before a kill, left under way."""
    async with run.spotify.runtime.database.transaction(run.user_id, write=False) as session:
        row = await queries.schedule_of(session, user_id=run.user_id)
    if row is None or row.listing_began_at is None:
        return None
    return LibraryWalk(
        began_at=row.listing_began_at, offset=row.listing_offset or 0, total=row.listing_total
    )


async def _store_shows(run: Run, page: Listing[SavedShowPayload], walk: LibraryWalk) -> set[str]:
    """Store a page and where the walk goes on after it; return the ids it brought."""
    ids = {item.show.id for item in page.items}
    async with run.writing(Phase.SHOWS) as session:
        await store_saved_shows(session, page.items, user_id=run.user_id, now=run.now)
        await store.mark_listed(session, user_id=run.user_id, show_ids=ids, now=run.now)
        await _put_walk(run, session, walk)
        run.count(Stored(), quarantined=page.quarantined)
        run.counts["shows_total"] = page.total or len(ids)
    return ids


async def _judge(run: Run, session: Session, walk: LibraryWalk) -> None:
    """Miss what a complete walk did not meet; the next run begins another one."""
    met = await store.listed_show_ids(session, user_id=run.user_id, since=walk.began_at)
    if walk.is_complete(met=len(met)):
        saved = await store.saved_show_ids(session, user_id=run.user_id)
        await store.miss_saved_shows(
            session, user_id=run.user_id, show_ids=saved - met, now=run.now
        )
    await _put_walk(run, session, None)


async def _put_walk(run: Run, session: Session, walk: LibraryWalk | None) -> None:
    values = {
        "listing_began_at": walk.began_at if walk else None,
        "listing_offset": walk.offset if walk else None,
        "listing_total": walk.total if walk else None,
    }
    await queries.write_schedule(session, user_id=run.user_id, fence=run.fence, values=values)


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
