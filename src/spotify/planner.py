"""Which calls a run makes next, and what a page read means for the rest; pure.

A show is read in two movements. Its *newest page* (at the top or at the end of the
list, at both while the order is unknown) is read when the show is new, when its
number of episodes changed, and from time to time. Its *older pages* are passed once
from offset 0 to the end, a few a run. Nothing relies on the order: an item that
moved is read twice, and whoever slipped through makes another pass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from src.spotify.library_models import ListOrder
from src.spotify.payloads import PAGE

ROUTINE_CALLS = 8
"""What a run of an unchanged library may cost in calls, listings included."""

LOOK_AFTER = timedelta(hours=12)
"""Age at which a newest page is read again for its resume points."""

REPAIR_AFTER = timedelta(days=7)
"""Age at which the list of a show that does not add up is passed again."""

REFRESH_AFTER = timedelta(days=30)
"""Age at which any show's list is passed again."""

_LOOKS = 3  # of the routine calls; the rest is for older pages
_LOST_AFTER = 2  # times a show was not found before it is tried once a look only


class Reason(StrEnum):
    """Why a call is made."""

    FIRST_READ = "first_read"
    CHANGED = "changed"
    PENDING = "pending"
    LOOK = "look"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """One page of a show to read: at `offset`, or with the show itself for a first read."""

    reason: Reason
    show_id: str
    offset: int = 0


@dataclass(frozen=True, slots=True)
class PageRead:
    """A page read in this run: its items, and those first seen since the last run's look."""

    items: int
    fresh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowState:
    """What is known of one show in one library; see `SavedShow` for the stored part.

    `total` is the number of episodes by the library's listing, `listed_total` that
    number when the newest page was last read (None: never). `known` counts the
    stored episodes that were not removed, `reads` holds this run's pages by offset.
    `missed` says that this run did not find the show, or that a pass of it did not see
    all episodes: the next pass, which may count them as removed, belongs to another run.
    """

    show_id: str
    added_at: datetime
    order: ListOrder = ListOrder.UNKNOWN
    total: int | None = None
    known: int = 0
    misses: int = 0
    listed_total: int | None = None
    newest_pending: bool = True
    newest_at: datetime | None = None
    backfill_offset: int | None = None
    pass_started_at: datetime | None = None
    heard_at: datetime | None = None
    reads: Mapping[int, PageRead] = field(default_factory=dict)
    given_up: bool = False
    missed: bool = False

    @property
    def is_changed(self) -> bool:
        """Whether the list grew or shrank since its newest page was read."""
        return self.listed_total is not None and self.total not in {None, self.listed_total}


def newest_offsets(order: ListOrder, total: int | None) -> list[int]:
    """Return where the newest episodes may be: one end of the list, or both."""
    end = max(0, (total or 0) - PAGE)
    if order is ListOrder.OLDEST_FIRST:
        return [end]
    return [0] if order is ListOrder.NEWEST_FIRST or end == 0 else [0, end]


def next_newest(show: ShowState) -> int | None:
    """Return the offset that still has to be read to know a show's newest episodes.

    First the newest page. Is the list's growth not explained by what was new there,
    then the page next to it when that one was new throughout, and else the other end.

    Returns:
        None when nothing is left that is worth a call in this run.
    """
    offsets = newest_offsets(show.order, show.total)
    unread = [offset for offset in offsets if offset not in show.reads]
    if unread:
        return unread[0]
    growth = (show.total or 0) - (show.listed_total or 0) if show.is_changed else 0
    fresh = sum(read.fresh for read in show.reads.values())
    if growth <= fresh or show.known >= (show.total or 0):
        return None
    end = max(0, (show.total or 0) - PAGE)
    if all(read.fresh == read.items > 0 for read in show.reads.values()):
        further = _further(show, end)
        return further if further not in show.reads else None
    return next((offset for offset in (0, end) if offset not in show.reads), None)


def _further(show: ShowState, end: int) -> int:
    """Return the offset next to the newest pages already read, away from the newest end."""
    if show.order is ListOrder.OLDEST_FIRST:
        return max(0, min(show.reads) - PAGE)
    return min(end, max(show.reads) + PAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How many calls may still be made in a run: at all, and on what can wait."""

    calls_left: int
    routine_left: int


def plan(
    shows: Sequence[ShowState], now: datetime, *, allowance: Allowance, is_first: bool
) -> list[PlannedCall]:
    """Return the calls to make next, most urgent first.

    New and changed shows come before everything and may use all calls that are left.
    What can wait (newest pages left over by an earlier run, looks, older pages) shares
    the routine calls; a first run also spends all it has left on the newest pages.

    Args:
        shows: Every saved show, with what this run has read already.
        now: The current instant.
        allowance: Calls left.
        is_first: Whether this is the first run after connecting.
    """
    open_shows = [show for show in shows if not show.given_up and _may_try(show, now)]
    must = [*_first_reads(open_shows), *_newest(open_shows, Reason.CHANGED)]
    pending = _newest(open_shows, Reason.PENDING)
    if is_first:
        must, pending = [*must, *pending], []
    must = must[: max(0, allowance.calls_left)]
    routine = min(allowance.routine_left, allowance.calls_left) - len(must)
    return [*must, *[*pending, *_in_turns(open_shows, now, pending)][: max(0, routine)]]


def _may_try(show: ShowState, now: datetime) -> bool:
    """Try a show that was not found several times only once in a while."""
    if show.misses < _LOST_AFTER or show.newest_at is None:
        return True
    return now - show.newest_at >= LOOK_AFTER


def _first_reads(shows: Sequence[ShowState]) -> list[PlannedCall]:
    new = [show for show in shows if show.listed_total is None and not show.reads]
    new.sort(key=lambda show: (show.added_at, show.show_id), reverse=True)
    return [PlannedCall(reason=Reason.FIRST_READ, show_id=show.show_id) for show in new]


def _newest(shows: Sequence[ShowState], reason: Reason) -> list[PlannedCall]:
    """Return the next newest page of each changed, or merely pending, show."""
    wanted = [
        show
        for show in shows
        if show.listed_total is not None
        and show.is_changed == (reason is Reason.CHANGED)
        and (show.is_changed or show.newest_pending)
    ]
    wanted.sort(key=lambda show: (show.added_at, show.show_id), reverse=True)
    offsets = [(show.show_id, next_newest(show)) for show in wanted]
    return [
        PlannedCall(reason=reason, show_id=show_id, offset=offset)
        for show_id, offset in offsets
        if offset is not None
    ]


def _in_turns(
    shows: Sequence[ShowState], now: datetime, pending: Sequence[PlannedCall]
) -> list[PlannedCall]:
    """Return looks at aged newest pages and older pages, a few looks first."""
    taken = {call.show_id for call in pending}
    aged = [
        show
        for show in shows
        if show.listed_total is not None
        and not show.reads
        and show.show_id not in taken
        and (show.newest_at is None or now - show.newest_at >= LOOK_AFTER)
    ]
    aged.sort(key=lambda show: (show.newest_at or show.added_at, show.show_id))
    looked = sum(1 for show in shows if show.reads and show.newest_at is not None)
    looks = [
        PlannedCall(reason=Reason.LOOK, show_id=show.show_id, offset=offset)
        for show in aged
        for offset in newest_offsets(show.order, show.total)[:1]
    ]
    first = max(0, _LOOKS - looked)
    return [*looks[:first], *_backfill(shows, now), *looks[first:]]


def _backfill(shows: Sequence[ShowState], now: datetime) -> list[PlannedCall]:
    """Return the next older page of each show under way: last heard first, then newest saved."""
    under_way = [
        show
        for show in shows
        if not show.missed and (show.backfill_offset is not None or due_repair(show, now))
    ]
    under_way.sort(key=lambda show: (show.added_at, show.show_id), reverse=True)
    heard = [show for show in under_way if show.heard_at is not None]
    heard.sort(key=lambda show: show.heard_at or show.added_at, reverse=True)
    ordered = [*heard, *(show for show in under_way if show.heard_at is None)]
    return [
        PlannedCall(reason=Reason.BACKFILL, show_id=show.show_id, offset=show.backfill_offset or 0)
        for show in ordered
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFacts:
    """What a page of a show said, once stored.

    `total` is the list's length by this page, `advance` how far it moves the offset
    (items, unreadable ones included), `fresh` how many of its `items` were first seen
    after this library's last look. `known`, `seen_in_pass` and `found_in_pass` count
    the show's stored episodes: not removed; seen, and first seen, in the running pass.
    """

    at: datetime
    offset: int
    total: int
    items: int
    advance: int
    fresh: int
    order: ListOrder
    known: int
    seen_in_pass: int
    found_in_pass: int


def after_page(show: ShowState, facts: PageFacts, *, reason: Reason) -> ShowState:
    """Return the show's state once a page has been read for `reason`.

    When the list is shorter than it was, the older pages step back by the difference,
    since what is unread has moved up.
    """
    shrunk = max(0, (show.listed_total or 0) - facts.total)
    offset = show.backfill_offset
    state = replace(
        show,
        order=facts.order,
        known=facts.known,
        total=facts.total if show.total is None else show.total,
        backfill_offset=None if offset is None else max(0, offset - shrunk),
        reads={**show.reads, facts.offset: PageRead(items=facts.items, fresh=facts.fresh)},
    )
    if reason is Reason.FIRST_READ:
        state = _begin_pass(replace(state, listed_total=state.total), facts, facts.advance)
    if reason is Reason.BACKFILL:
        return _advance(state, facts, shrunk)
    return _settle(state, facts)


def _begin_pass(show: ShowState, facts: PageFacts, offset: int) -> ShowState:
    under_way = offset if offset < facts.total else None
    return replace(show, backfill_offset=under_way, pass_started_at=facts.at)


def _advance(show: ShowState, facts: PageFacts, shrunk: int) -> ShowState:
    """Move the cursor of the older pages over the page just read."""
    listed = facts.total if shrunk else show.listed_total
    began = facts.at if facts.offset == 0 else show.pass_started_at
    cursor = max(0, facts.offset + facts.advance - shrunk)
    ended = cursor >= facts.total or (facts.advance == 0 and not shrunk)
    return replace(
        show,
        listed_total=listed,
        pass_started_at=began,
        backfill_offset=None if ended else cursor,
    )


def _settle(show: ShowState, facts: PageFacts) -> ShowState:
    """Note whether the newest episodes are known now, and pass the list again if it differs."""
    if next_newest(show) is not None:
        return replace(show, newest_pending=True)
    settled = replace(show, newest_pending=False, listed_total=show.total)
    if show.is_changed and show.backfill_offset is None and facts.known != facts.total:
        return replace(settled, backfill_offset=0)
    return settled


def pass_ended(show: ShowState, *, reason: Reason) -> bool:
    """Tell whether the page that led to this state was the last of a pass over the list."""
    return show.backfill_offset is None and reason in {Reason.FIRST_READ, Reason.BACKFILL}


def is_complete_pass(facts: PageFacts) -> bool:
    """Tell whether a pass that ended saw as many episodes as the list has.

    Only then is an episode it did not see really absent; null items, ignored offsets
    and moved pages leave a pass short.
    """
    return facts.seen_in_pass >= facts.total


def after_pass(show: ShowState, facts: PageFacts, *, missed: int) -> ShowState:
    """Return the state after a pass that ended, with another one due if it is of use.

    Args:
        show: State after the last page.
        facts: What that page said, after `missed` was applied.
        missed: Episodes the pass counted as absent.
    """
    if facts.known != facts.total and (facts.found_in_pass or missed):
        return replace(show, backfill_offset=0, missed=show.missed or bool(missed))
    return show


def due_repair(show: ShowState, now: datetime) -> bool:
    """Tell whether a show's whole list should be passed once more.

    In a week if what is stored does not add up; in a month anyway, because facts age and
    a loss and a gain at once can hide from every count.
    """
    if show.backfill_offset is not None or show.pass_started_at is None:
        return False
    adds_up = show.total is None or show.known == show.total
    return now - show.pass_started_at >= (REFRESH_AFTER if adds_up else REPAIR_AFTER)
