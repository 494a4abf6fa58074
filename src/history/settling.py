"""What follows when a run's observations came or went: links, events, coverage."""

from collections.abc import Iterable, Sequence

from src.history.archive.rows import FileFormat
from src.history.coverage import Known, Span, sweep
from src.history.events import derive_episodes
from src.history.linking import link_show
from src.history.queries import observations as stored
from src.history.queries import spans as queries
from src.history.queries import titles
from src.history.queries.spans import Told
from src.history.reports import Period
from src.history.work import Work

EPISODES_AT_ONCE = 500
"""Episodes whose events are derived in one transaction."""

_SHOWS_AT_ONCE = 50
_JOINED_S = 92 * 86_400
"""Longest silence between the files of one export, in seconds. They are cut by number of
rows or by year; a longer gap means that one of them is missing."""

_KNOWN = {FileFormat.EXTENDED.value: (Known.EXACT, 1), FileFormat.ACCOUNT.value: (Known.MINUTE, 60)}
"""What a format makes known, and seconds that its last row lasts."""


async def settle(work: Work, *, spans: Sequence[Told]) -> None:
    """Link, derive and sweep whatever a run touched; safe to repeat after a kill.

    Args:
        work: The claim on the run.
        spans: What time the run tells of: in the place of what it told before.
    """
    await _link(work)
    await _derive(work)
    async with work.step(derives=True) as session:
        await queries.replace_spans(session, user_id=work.user_id, run_id=work.run_id, spans=spans)
        told = await queries.all_spans(session, user_id=work.user_id)
        await queries.replace_coverage(session, user_id=work.user_id, spans=swept(told))


async def _link(work: Work) -> None:
    """Decide anew what the titles of touched shows stand for."""
    after = 0
    while True:
        async with work.step() as session:
            if not after:
                await stored.touch_renamed(session, user_id=work.user_id, run_id=work.run_id)
            shows = await titles.shows_to_link(
                session,
                user_id=work.user_id,
                run_id=work.run_id,
                after=after,
                limit=_SHOWS_AT_ONCE,
            )
            for show_ref in shows:
                await link_show(
                    session, user_id=work.user_id, run_id=work.run_id, show_ref=show_ref
                )
        if not shows:
            return
        after = shows[-1]


async def _derive(work: Work) -> None:
    """Derive the events of touched episodes, some in each transaction."""
    async with work.runtime.database.transaction(work.user_id, write=False) as session:
        has_titles = await titles.has_titles(session, user_id=work.user_id)
    while True:
        async with work.step(derives=True) as session:
            refs = await stored.touched(
                session, user_id=work.user_id, run_id=work.run_id, limit=EPISODES_AT_ONCE
            )
            if not refs:
                return
            done = await derive_episodes(
                session, user_id=work.user_id, refs=refs, has_titles=has_titles
            )
            await stored.forget_touched(
                session, user_id=work.user_id, run_id=work.run_id, episode_refs=[*refs, *done]
            )


def spans_of(periods: Iterable[Period]) -> list[Told]:
    """Return the time that the files of one run cover, by class.

    Files of one format are one export if little time lies between them.
    """
    found: list[Told] = []
    for period in sorted(periods, key=lambda one: (one.format, one.first_s, one.last_s)):
        known, lasts_s = _KNOWN[period.format]
        to_s = period.last_s + lasts_s
        if found and found[-1][2] == known and period.first_s - found[-1][1] <= _JOINED_S:
            from_s, until_s, _ = found[-1]
            found[-1] = (from_s, max(until_s, to_s), known.value)
        else:
            found.append((period.first_s, to_s, known.value))
    return found


def swept(spans: Sequence[Told]) -> list[Told]:
    """Return what spans of several runs sum up to, side by side; the unknown is left out."""
    if not spans:
        return []
    found = sweep(
        (Span(from_s, to_s, Known(known)) for from_s, to_s, known in spans),
        from_s=min(span[0] for span in spans),
        to_s=max(span[1] for span in spans),
    )
    return [
        (span.from_s, span.to_s, span.known.value) for span in found if span.known is not Known.NONE
    ]
