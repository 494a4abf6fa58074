"""All rules in their order: the observations of one episode in, its events out."""

from collections.abc import Iterable, Sequence

from src.history.merge.drafts import Draft, Timeline, drafts_of
from src.history.merge.event import Certainty, Edit, Event, Role, Rule, Told
from src.history.merge.hands import Hands
from src.history.merge.overlap import drop_duplicates, explain_account_rows, explain_gpodder
from src.history.merge.pairs import NEAR_MS, pair_loosely, pair_surely
from src.history.merge.sums import add_up
from src.history.merge.windows import confirm, credit
from src.history.observations import MINUTE_S, Flag, Observation, Source

RULES_VERSION = 1
"""Raised when the same observations may give other events than before."""

_CLAMP_SLACK_MS = 5_000
_DOUBT_S = 24 * 3600
_ALONE = {
    Source.EXTENDED: Rule.EXTENDED,
    Source.ACCOUNT: Rule.ACCOUNT,
    Source.GPODDER: Rule.GPODDER,
    Source.WINDOW: Rule.WINDOW,
}


def derive(observations: Iterable[Observation], edits: Iterable[Edit] = ()) -> list[Event]:
    """Return the events of one episode, of one user: a pure function.

    Neither the order nor the repetition of observations or edits makes a difference.
    Give it all observations of the episode that a run supports, under each identity
    that is linked to it, and all edits of the user that were not revoked.

    Args:
        observations: Any number, of any sources.
        edits: The user's; those that name other observations do nothing.

    Returns:
        Events in order of end, start and id. Their ms never sum to more than those of
        the observations. Every observation is a source of at least one, except polls
        that saw none, and windows of 30 s or less that nothing explains.
    """
    drafts = drafts_of(observations)
    hands = Hands(edits)
    hands.join(draft for rows in drafts.values() for draft in rows)
    exact = drop_duplicates(drafts[Source.EXTENDED], hands)
    acc = drafts[Source.ACCOUNT]
    if exact and acc:
        pair_surely(acc, exact, hands)
        add_up(acc, exact, hands)
        pair_loosely(acc, exact, hands)
        explain_account_rows(acc, exact, hands)
    minute = [row for row in acc if not row.taken]
    doubtful = _doubtful(minute, exact, hands) if exact and minute else frozenset[int]()
    events = [*exact, *minute]
    plays = drafts[Source.GPODDER]
    if plays:
        explain_gpodder(plays, events, hands)
        events += [play for play in plays if not play.taken]
    events += credit(drafts[Source.WINDOW], events, hands)
    confirm(drafts[Source.POLL], events)
    found = [_event(draft, hands, doubtful=draft.rank in doubtful) for draft in events]
    if len(found) > 1:
        found.sort(key=lambda event: (event.ended_s, event.began_s, event.id))
    return found


def _doubtful(minute: Sequence[Draft], exact: Sequence[Draft], hands: Hands) -> frozenset[int]:
    """Return the ranks of lone rows of either export that may be one listening after all."""
    lone = Timeline(row for row in exact if row.free)
    found: set[int] = set()
    for row in minute:
        at_s = row.seen.ended_s
        for other in lone.ended_between(at_s - _DOUBT_S, at_s + MINUTE_S + _DOUBT_S):
            if abs(row.ms - other.ms) <= NEAR_MS and not hands.apart(row, other):
                found |= {row.rank, other.rank}
    return frozenset(found)


def _event(draft: Draft, hands: Hands, *, doubtful: bool) -> Event:
    seen = draft.seen
    earliest_s = latest_s = draft.ended_s
    certainty = Certainty.EXACT
    if seen.source is Source.ACCOUNT:
        certainty = Certainty.MINUTE
        earliest_s, latest_s = seen.ended_s, seen.ended_s + MINUTE_S - 1
    elif seen.source is Source.WINDOW:
        certainty = Certainty.WINDOW
        earliest_s, latest_s = seen.began_s, seen.ended_s
    most_ms = max(0, draft.ended_s - draft.began_s) * 1000
    if seen.source is not Source.WINDOW:
        most_ms += _CLAMP_SLACK_MS
    return Event(
        id=draft.key,
        began_s=draft.began_s,
        ended_s=draft.ended_s,
        earliest_s=earliest_s,
        latest_s=latest_s,
        ms=min(draft.ms, most_ms),
        certainty=certainty,
        rule=draft.rule or _ALONE[seen.source],
        sources=_sources(draft),
        doubtful=doubtful,
        at_least=seen.source is Source.WINDOW and bool(seen.flags & Flag.AT_LEAST),
        clamped=draft.ms > most_ms,
        hidden=hands.hides(draft),
    )


def _sources(draft: Draft) -> tuple[Told, ...]:
    primary = (draft.key, Role.PRIMARY)
    if not draft.told:
        return (primary,)
    told = {
        other.key: Role.DUPLICATE if other.seen.source is draft.seen.source else Role.EXPLAINS
        for other in draft.told
    }
    return (primary, *sorted(told.items()))
