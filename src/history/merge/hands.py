"""The user's word on the merge, read before anything is matched."""

from collections.abc import Iterable
from itertools import product
from uuid import UUID

from src.history.merge.drafts import Draft
from src.history.merge.event import Edit, EditKind, Rule
from src.history.observations import Source

_BEST_FIRST = (Source.EXTENDED, Source.ACCOUNT, Source.GPODDER, Source.WINDOW)
_TELL_OF_MUCH = (Source.WINDOW, Source.POLL)


class Hands:
    """Edits in force, asked for by the rules."""

    def __init__(self, edits: Iterable[Edit]) -> None:
        self._splits: set[tuple[UUID, UUID]] = set()
        self._joins: set[tuple[UUID, UUID]] = set()
        self._hidden: set[UUID] = set()
        for edit in edits:
            if edit.key_b is None:
                self._hidden.add(edit.key_a)
            elif edit.kind is EditKind.JOIN:
                self._joins.add((min(edit.key_a, edit.key_b), max(edit.key_a, edit.key_b)))
            else:
                self._splits |= {(edit.key_a, edit.key_b), (edit.key_b, edit.key_a)}

    def apart(self, one: Draft, other: Draft) -> bool:
        """Tell whether the two, with all their sources, may not become one event."""
        if not self._splits:
            return False
        pairs = product((one, *one.told), (other, *other.told))
        return any((a.key, b.key) in self._splits for a, b in pairs)

    def hides(self, draft: Draft) -> bool:
        """Tell whether the user hid the event of this draft.

        A window that explains an event is no reason: it may tell of much else.
        """
        return bool(self._hidden) and (
            draft.key in self._hidden
            or any(
                told.key in self._hidden
                for told in draft.told
                if told.seen.source not in _TELL_OF_MUCH
            )
        )

    def join(self, drafts: Iterable[Draft]) -> None:
        """Let the best of the drafts that the user joined absorb the others.

        The best is of the best source, then the longest, then the first. Polls are not
        joined: they make no event.
        """
        if not self._joins:
            return
        here = {draft.key: draft for draft in drafts if draft.seen.source is not Source.POLL}
        for pair in sorted(self._joins):
            found = [here[key] for key in pair if key in here]
            if len(found) != len(pair) or found[0] is found[1] or self.apart(*found):
                continue
            best, other = sorted(found, key=_worth)
            best.absorb(other, Rule.JOIN)
            for draft in (other, *other.told):
                here[draft.key] = best


def _worth(draft: Draft) -> tuple[int, int, int]:
    return _BEST_FIRST.index(draft.seen.source), -draft.ms, draft.rank
