"""Episodes by name: rows without a URI, and the URI that they may be linked to.

An account export names show and episode only. Such a pair of names is an identity of
its own until exactly one episode can be meant.
"""

import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

from src.history.observations import MINUTE_S, Observation

EVIDENCE_MS = 60_000
"""Least milliseconds of two rows whose equality says that they are one listening."""


_MOST_LOOKED_AT = 256
"""Rows looked at for one row; within its time nobody comes near it."""


class LinkReason(StrEnum):
    """Why a title is taken for an episode."""

    URI = "uri"
    """The user's own data names exactly one episode so."""
    LIBRARY = "library"
    """The library names exactly one episode so."""
    EVIDENCE = "evidence"
    """The listening under that title is the listening to that episode."""
    HAND = "hand"
    """The user says so; never decided here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleLink:
    """What became of a title.

    Attributes:
        episode: Identity of the episode that all its rows belong to, or None.
        reason: Why, or None where `episode` is.
        evidence_n: Number of the title's rows that evidence was found for.
        candidates: Identities of the episodes that carry the title, sorted; more than
            one is to be shown as "one of 2 episodes".
        rows: Where several carry it: the rows, by key, of which evidence tells the
            episode. All others stay with the title itself.
    """

    episode: str | None = None
    reason: LinkReason | None = None
    evidence_n: int = 0
    candidates: tuple[str, ...] = ()
    rows: Mapping[UUID, str] = field(default_factory=dict)


def normalised(name: str) -> str:
    """Return a name as titles are compared: NFC, case folded, blanks collapsed.

    Nothing more: case and blanks do vary between the exports, while punctuation tells
    the parts of a series apart. Normalising twice changes nothing.
    """
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
    return " ".join(folded.split())


def identity_of_title(show: str, episode: str) -> str:
    """Return the identity of an episode known by name, `title:` and 32 hex digits.

    The same for every spelling that `normalised` makes equal.
    """
    names = f"{normalised(show)}\0{normalised(episode)}"
    return f"title:{sha256(names.encode()).hexdigest()[:32]}"


def identity_of_spotify(spotify_id: str) -> str:
    """Return the identity of an episode known by its Spotify id (22 base-62 digits)."""
    return f"spotify:{spotify_id}"


class Evidence:
    """What was heard of a show by the extended export, asked for what account rows tell of.

    Args:
        heard: Extended rows of episodes with an id.
    """

    def __init__(self, heard: Iterable[Observation]) -> None:
        self._by_ms: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
        self._rows = sorted(heard, key=lambda row: (row.ended_s, row.began_s, row.episode))
        self._ends = [row.ended_s for row in self._rows]
        for row in self._rows:
            self._by_ms[row.ms, row.ended_s // MINUTE_S].add(row.episode)

    def of(self, row: Observation, candidates: Collection[str]) -> set[str]:
        """Return the episodes that an account row may be of: those of a row of its ms and end.

        Without candidates, it has to have at least EVIDENCE_MS. Among few of them, any ms
        will do; and where the exports cut differently the time tells: those that were heard
        in at least half of the row's, since one cannot hear two at once.
        """
        if not candidates and row.ms < EVIDENCE_MS:
            return set()
        minute = row.ended_s // MINUTE_S  # the tolerance is the minutes before and after
        found = set[str]().union(
            *(self._by_ms.get((row.ms, near), ()) for near in (minute - 1, minute, minute + 1))
        )
        if not candidates:
            return found
        return found.intersection(candidates) or self._meanwhile(row, candidates)

    def _meanwhile(self, row: Observation, candidates: Collection[str]) -> set[str]:
        to_s = row.ended_s + MINUTE_S // 2
        from_s = to_s - row.ms // 1000
        filled_s: defaultdict[str, int] = defaultdict(int)
        first = bisect_left(self._ends, from_s)
        for other in self._rows[first : first + _MOST_LOOKED_AT]:
            both_s = min(to_s, other.ended_s) - max(from_s, other.began_s)
            if both_s > 0 and other.episode in candidates:
                filled_s[other.episode] += both_s
        return {episode for episode, both_s in filled_s.items() if both_s * 2000 >= row.ms > 0}


def link_title(
    rows: Iterable[Observation],
    *,
    own: Collection[str],
    library: Collection[str],
    same_show: Iterable[Observation] | Evidence,
) -> TitleLink:
    """Decide which episode a title stands for; no order of input matters.

    (a) The one episode of the user's own data that carries show and title; (b) the one
    of the library; (c) with none of either, the one episode that all evidence points
    to. If several carry the title, each row is decided by (c) alone.

    Args:
        rows: The title's account rows.
        own: Identities of episodes that the user's rows with a URI name so.
        library: Identities of episodes that the library names so.
        same_show: The user's extended rows of all episodes of a show of that name, or what
            was made of them.
    """
    candidates = tuple(sorted(set(own or library)))
    if len(candidates) == 1:
        reason = LinkReason.URI if own else LinkReason.LIBRARY
        return TitleLink(episode=candidates[0], reason=reason, candidates=candidates)
    heard = same_show if isinstance(same_show, Evidence) else Evidence(same_show)
    evidence = {row.key: found for row in rows if (found := heard.of(row, candidates))}
    if candidates:
        told = {key: next(iter(found)) for key, found in evidence.items() if len(found) == 1}
        return TitleLink(candidates=candidates, evidence_n=len(told), rows=told)
    pointed_to = set().union(*evidence.values())
    if len(pointed_to) == 1:
        (episode,) = pointed_to
        return TitleLink(episode=episode, reason=LinkReason.EVIDENCE, evidence_n=len(evidence))
    return TitleLink()
