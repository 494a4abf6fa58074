"""Rule 9 and polls: what only the moving resume point, or a look at the player, tells."""

from collections.abc import Iterable, Sequence

from src.history.merge.drafts import Draft, Timeline
from src.history.merge.event import Rule
from src.history.merge.hands import Hands
from src.history.observations import MINUTE_S, TOLERANCE_S, Flag, Source

_SLACK_S = 5
_LEAST_MS = 30_000
_LEAST_SHARE = 20  # one twentieth of the window's ms


def credit(windows: Sequence[Draft], events: Sequence[Draft], hands: Hands) -> list[Draft]:
    """Return the windows of which a residual is left, with that as their ms.

    An event is credited with all of its ms that fits into the window: where a paused
    stream stood in between is unknown. What is left must be more than 30 s and more
    than 5 % of the window. The other windows become sources of the events in them.
    """
    if not windows:
        return []
    timeline = Timeline(events)
    left: list[Draft] = []
    for window in windows:
        if window.taken:
            continue
        explained: list[Draft] = []
        residual_ms = window.ms
        margin_s = 2 * TOLERANCE_S
        for event in timeline.heard_between(
            window.began_s - margin_s, window.ended_s + margin_s, most=None
        ):
            credited_ms = 0 if hands.apart(window, event) else _credited_ms(window, event)
            if credited_ms > 0:
                explained.append(event)
                residual_ms -= credited_ms
        if residual_ms > max(_LEAST_MS, window.ms // _LEAST_SHARE):
            window.ms = residual_ms
            left.append(window)
            continue
        window.taken = True
        for event in explained:
            event.absorb(window, Rule.OVERLAP)
    return left


def _credited_ms(window: Draft, event: Draft) -> int:
    source = event.seen.source
    if source is Source.GPODDER and not event.seen.flags & Flag.MAPPED:
        return 0  # another app does not move the resume point
    slack_s = TOLERANCE_S if source is Source.ACCOUNT else _SLACK_S
    both_s = min(window.ended_s, event.ended_s) - max(window.began_s, event.began_s)
    return min(event.ms, (both_s + 2 * slack_s) * 1000)


def confirm(polls: Iterable[Draft], events: Iterable[Draft]) -> None:
    """Give each poll to the event during which it saw the player play, if there is one.

    An exact event is better than an account row, that better than a window. The latter
    two are moved so that they hold the instant; a window is narrowed to the time around
    it that its ms takes. Neither bound is certain: the player may have been paused.
    """
    polls = list(polls)
    if not polls:
        return
    timeline = Timeline(events)
    looks: dict[int, list[int]] = {}
    for poll in polls:
        at_s = poll.seen.ended_s
        near = timeline.heard_between(at_s - TOLERANCE_S, at_s + TOLERANCE_S, most=None)
        fits = [fit for event in near if (fit := _fit(event, at_s)) is not None]
        if fits:
            *_, event = min(fits, key=lambda fit: fit[:3])
            event.told.append(poll)
            looks.setdefault(event.rank, []).append(at_s)
    for event in timeline.drafts:
        if event.rank in looks:
            _move(event, looks[event.rank])


def _fit(event: Draft, at_s: int) -> tuple[int, int, int, Draft] | None:
    """How well a look at `at_s` fits an event: kind, seconds outside, rank; None if not."""
    kind, slack_s = {Source.ACCOUNT: (1, TOLERANCE_S), Source.WINDOW: (2, 0)}.get(
        event.seen.source, (0, _SLACK_S)
    )
    outside_s = max(0, event.began_s - at_s, at_s - event.ended_s)
    return (kind, outside_s, event.rank, event) if outside_s <= slack_s else None


def _move(event: Draft, looks: Sequence[int]) -> None:
    first_s, last_s = min(looks), max(looks)
    if event.seen.source is Source.ACCOUNT:
        latest_s = event.seen.ended_s + MINUTE_S - 1
        event.began_s = min(event.began_s, first_s)
        event.ended_s = min(latest_s, max(event.ended_s, last_s))
    elif event.seen.source is Source.WINDOW:
        takes_s = -(-event.ms // 1000)
        event.began_s = max(event.began_s, first_s - takes_s)
        event.ended_s = min(event.ended_s, last_s + takes_s)
