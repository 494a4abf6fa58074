"""Episodes that need no merging: rows of the extended export that do not meet each other.

Most are. What `derive` would make of them is known without it, at a fifth of its price.
"""

from collections.abc import Sequence

from src.history.merge.event import Certainty, Rule
from src.history.observations import Source, key_of_extended
from src.history.queries.events import EpisodeOf, EventRow, ObservationOf

_APART_S = 5
_SLACK_MS = 5_000
_EXTENDED = Source.EXTENDED.value
_EXACT = Certainty.EXACT.value
_RULE = Rule.EXTENDED.value


def is_plain(rows: Sequence[ObservationOf]) -> bool:
    """Tell whether each of an episode's rows is an event of its own, edits aside.

    Args:
        rows: All observations of the episode, in order of end.
    """
    began_s = ended_s = -_APART_S - 1
    for row in rows:
        if (
            row.source != _EXTENDED
            or row.began_s < ended_s
            or row.began_s <= began_s + _APART_S
            or row.ended_s <= ended_s + _APART_S
        ):
            return False
        began_s, ended_s = row.began_s, row.ended_s
    return True


def plain_event(row: ObservationOf, episode: EpisodeOf) -> EventRow:
    """Return the event that such a row is."""
    most_ms = max(0, row.ended_s - row.began_s) * 1000 + _SLACK_MS
    return EventRow(
        row.ended_s,
        key_of_extended(episode.identity, ended_s=row.ended_s, ms=row.ms, n=row.n),
        row.began_s,
        row.ended_s,
        row.ended_s,
        min(row.ms, most_ms),
        _EXACT,
        _RULE,
        False,
        False,
        row.ms > most_ms,
        False,
        episode.id,
        episode.show_ref,
        row.id,
    )
