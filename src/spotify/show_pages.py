"""Reading the pages of shows that the planner asks for, one call and one transaction each."""

from dataclasses import replace
from typing import Any

import structlog

from src.database import Session
from src.spotify.errors import CallRefused, SpotifyNotFound, Transient
from src.spotify.library_models import ListOrder
from src.spotify.listing_order import detect_order
from src.spotify.payloads import PAGE, EpisodePayload, Listing, ShowPayload
from src.spotify.planner import (
    ROUTINE_CALLS,
    Allowance,
    PageFacts,
    PlannedCall,
    Reason,
    ShowState,
    after_page,
    after_pass,
    is_complete_pass,
    newest_offsets,
    pass_ended,
    plan,
)
from src.spotify.queries import store
from src.spotify.run_state import Run
from src.spotify.storing import show_row, store_episodes

log = structlog.get_logger()

_FAILURES_IN_A_ROW = 2  # one show may be broken at Spotify; two mean that Spotify is


def next_call(run: Run) -> PlannedCall | None:
    """Return the call to make next, None when the run has done its part."""
    allowance = Allowance(calls_left=run.budget.left, routine_left=ROUTINE_CALLS - run.budget.calls)
    calls = plan(list(run.shows.values()), run.now, allowance=allowance, is_first=run.is_first)
    return calls[0] if calls else None


async def read_pages(run: Run) -> None:
    """Make the planned calls, planning anew after each, until nothing is left to do now.

    A show that Spotify fails or refuses is left for the next run.

    Raises:
        Transient: Spotify failed for one show after another.
    """
    failures = 0
    while (call := next_call(run)) is not None:
        try:
            await _read(run, call)
            failures = 0
        except (SpotifyNotFound, CallRefused):
            await miss(run, call.show_id)
        except Transient:
            failures += 1
            if failures == _FAILURES_IN_A_ROW:
                raise
            run.give_up(call.show_id)


async def miss(run: Run, show_id: str) -> None:
    """Note, once a run, that a show could not be read; that alone never removes anything."""
    run.give_up(show_id)
    async with run.writing() as session:
        if not run.shows[show_id].missed:
            await store.miss_show_all_users(session, show_id=show_id)
        values = {"newest_at": run.now, "missed_run_id": run.run_id}
        await store.update_saved_show(session, user_id=run.user_id, show_id=show_id, values=values)


async def _read(run: Run, call: PlannedCall) -> None:
    """Read one page and store it; a first read brings the show along."""
    if call.reason is not Reason.FIRST_READ:
        page = await run.client.show_episodes(call.show_id, offset=call.offset)
        await _store(run, call, page, show=None)
        return
    show = await run.client.show(call.show_id)
    if show.id != call.show_id:
        raise SpotifyNotFound
    page = show.episodes or await run.client.show_episodes(call.show_id)
    await _store(run, call, page, show=show)


async def _store(
    run: Run, call: PlannedCall, page: Listing[EpisodePayload], *, show: ShowPayload | None
) -> None:
    ids = {episode.id for episode in page.items}
    if _is_repeated(run, call, ids):
        await _stop(run, call)
        return
    state = run.shows[call.show_id]
    async with run.writing() as session:
        if show is not None:
            await store.upsert_shows_all_users(session, [show_row(show, run.now)])
        stored = await _store_page(run, session, call, page, state=state)
        run.shows[call.show_id] = stored
        run.seen.setdefault(call.show_id, {})[call.offset] = ids
    log.info("show_page_stored", user_id=run.user_id, reason=call.reason, episodes=len(ids))


def _is_repeated(run: Run, call: PlannedCall, ids: set[str]) -> bool:
    """Tell whether a page brings what another, far from it, brought: the offset was ignored."""
    others = run.seen.get(call.show_id, {})
    return bool(ids) and any(
        ids <= other for offset, other in others.items() if abs(offset - call.offset) >= PAGE
    )


async def _stop(run: Run, call: PlannedCall) -> None:
    """Leave a list that goes round in circles; its pass counts nothing and is repaired later."""
    run.give_up(call.show_id)
    if call.reason is not Reason.BACKFILL:
        return
    state = replace(run.shows[call.show_id], backfill_offset=None, pass_started_at=run.now)
    run.shows[call.show_id] = state
    async with run.writing() as session:
        await store.update_saved_show(
            session,
            user_id=run.user_id,
            show_id=call.show_id,
            values={"backfill_offset": None, "pass_started_at": state.pass_started_at},
        )


async def _store_page(
    run: Run,
    session: Session,
    call: PlannedCall,
    page: Listing[EpisodePayload],
    *,
    state: ShowState,
) -> ShowState:
    """Store a page's episodes and what it means for the show; return the show's new state."""
    now = run.now
    ids = {episode.id for episode in page.items}
    told = detect_order([episode.release_date for episode in page.items])
    order = state.order if told is ListOrder.UNKNOWN else told
    advance = len(page.items) + page.quarantined
    total = _total(page, state, end=call.offset + advance)
    # The show's row before its episodes', always, or two users of it could block each other.
    await store.describe_list_all_users(session, show_id=call.show_id, order=order, total=total)
    pairs = [(episode, call.show_id) for episode in page.items]
    stored = await store_episodes(session, pairs, user_id=run.user_id, now=now, on_page=run.on_page)
    run.count(stored, quarantined=page.quarantined)
    first_seen, looked_at = stored.first_seen, state.newest_at
    fresh = [
        id_
        for id_ in ids
        if id_ not in first_seen or looked_at is None or first_seen[id_] > looked_at
    ]
    facts = PageFacts(
        at=now,
        offset=call.offset,
        total=total,
        items=len(ids),
        advance=advance,
        fresh=len(fresh),
        order=order,
        known=0,
        seen_in_pass=0,
        found_in_pass=0,
    )
    return await _move_on(run, session, call, facts, state=state)


def _total(page: Listing[EpisodePayload], state: ShowState, *, end: int) -> int:
    """Return the length of the list, by the page if it says so."""
    if page.total is not None:
        return page.total
    return max(state.total or 0, end + 1 if page.has_next else end)


async def _move_on(
    run: Run, session: Session, call: PlannedCall, facts: PageFacts, *, state: ShowState
) -> ShowState:
    """Store how far the show is read after a page, judging the pass if it ended."""
    begins = call.reason is Reason.FIRST_READ or (
        call.reason is Reason.BACKFILL and call.offset == 0
    )
    since = facts.at if begins else state.pass_started_at
    counts = await store.count_episodes_all_users(session, show_id=call.show_id, since=since)
    facts = replace(facts, known=counts.known, seen_in_pass=counts.seen, found_in_pass=counts.found)
    after = after_page(state, facts, reason=call.reason)
    if pass_ended(after, reason=call.reason):
        missed = 0
        # Whoever is not removed and was not seen was missed: most passes miss nobody.
        if is_complete_pass(facts) and since is not None and counts.known > counts.seen:
            missed = await store.miss_episodes_all_users(
                session, show_id=call.show_id, unseen_since=since, now=facts.at
            )
            counts = await store.count_episodes_all_users(
                session, show_id=call.show_id, since=since
            )
        facts = replace(facts, known=counts.known)
        after = after_pass(replace(after, known=counts.known), facts, missed=missed)
    values: dict[str, Any] = {
        "listed_total": after.listed_total,
        "newest_pending": after.newest_pending,
        "backfill_offset": after.backfill_offset,
        "pass_started_at": after.pass_started_at,
    }
    if call.offset in newest_offsets(facts.order, facts.total):
        values["newest_at"] = facts.at
    if after.missed:
        values["missed_run_id"] = run.run_id
    await store.update_saved_show(session, user_id=run.user_id, show_id=call.show_id, values=values)
    return after
