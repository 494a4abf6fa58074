"""Episodes by name: rows without a URI, and the URI that they may be linked to.

An account export names show and episode only. Such a pair of names is an identity of
its own until exactly one episode can be meant.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

from src.history.observations import MINUTE_S, Observation

EVIDENCE_MS = 60_000
"""Least milliseconds of two rows whose equality says that they are one listening."""


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


def link_title(
    rows: Iterable[Observation],
    *,
    own: Collection[str],
    library: Collection[str],
    same_show: Iterable[Observation],
) -> TitleLink:
    """Decide which episode a title stands for; no order of input matters.

    (a) The one episode of the user's own data that carries show and title; (b) the one
    of the library; (c) with none of either, the one episode that all evidence points
    to. If several carry the title, each row is decided by (c) alone. Evidence is an
    extended row of the same ms, at least EVIDENCE_MS, whose end fits the row's minute.

    Args:
        rows: The title's account rows.
        own: Identities of episodes that the user's rows with a URI name so.
        library: Identities of episodes that the library names so.
        same_show: The user's extended rows of all episodes of a show of that name.
    """
    candidates = tuple(sorted(set(own or library)))
    if len(candidates) == 1:
        reason = LinkReason.URI if own else LinkReason.LIBRARY
        return TitleLink(episode=candidates[0], reason=reason, candidates=candidates)
    evidence = _evidence(rows, same_show, candidates)
    if candidates:
        told = {key: next(iter(found)) for key, found in evidence.items() if len(found) == 1}
        return TitleLink(candidates=candidates, evidence_n=len(told), rows=told)
    pointed_to = set().union(*evidence.values())
    if len(pointed_to) == 1:
        (episode,) = pointed_to
        return TitleLink(episode=episode, reason=LinkReason.EVIDENCE, evidence_n=len(evidence))
    return TitleLink()


def _evidence(
    rows: Iterable[Observation], same_show: Iterable[Observation], candidates: Collection[str]
) -> dict[UUID, set[str]]:
    """Return, by row, the episodes that its evidence points to; rows without are left out."""
    heard: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
    for other in same_show:
        if other.ms >= EVIDENCE_MS and (not candidates or other.episode in candidates):
            heard[other.ms, other.ended_s // MINUTE_S].add(other.episode)
    found: dict[UUID, set[str]] = {}
    for row in rows:
        minute = row.ended_s // MINUTE_S  # the tolerance is the minutes before and after
        episodes = set[str]().union(
            *(heard.get((row.ms, near), ()) for near in (minute - 1, minute, minute + 1))
        )
        if episodes:
            found[row.key] = episodes
    return found
