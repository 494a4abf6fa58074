"""Deriving events and storing them: an episode whole, with everything that is linked to it.

Nothing is adjusted: what is stored of an episode is thrown away and derived anew from the
observations that runs support and the user's edits, so the order of arrival and an undo
need no thought.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from src.database import Session
from src.history.merge.derive import derive
from src.history.merge.event import Edit, EditKind, Event
from src.history.observations import Flag, Observation, Source
from src.history.plain import is_plain, plain_event
from src.history.queries import events as queries
from src.history.queries import observations as stored
from src.history.queries.events import EpisodeOf, EventRow, ObservationOf, SourceRow
from src.history.titles import link_title
from src.utils.types import UserId

_SOURCES = {source.value: source for source in Source}
_Ids = dict[UUID, int]
_FLAGS = {int(flag): flag for flag in (Flag.NONE, *Flag)}


@dataclass(slots=True)
class _Family:
    """Episodes that have to be derived together, and what is stored of them.

    Attributes:
        episodes: By row.
        carriers: Of a title that several episodes carry: those episodes.
        rows: Observations by the episode they were told of, in order of their ends.
    """

    episodes: dict[int, EpisodeOf] = field(default_factory=dict)
    carriers: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    rows: defaultdict[int, list[ObservationOf]] = field(default_factory=lambda: defaultdict(list))


async def derive_episodes(
    session: Session, *, user_id: UserId, refs: Collection[int], has_titles: bool = True
) -> set[int]:
    """Derive the events of episodes anew, and of all that belong to them.

    Args:
        session: Open writing transaction of the caller, in which `queries.bump` came first.
        user_id: Owner.
        refs: Rows of episodes; linked titles stand for what they are linked to.
        has_titles: False promises that no episode of the user's is known by name only,
            which saves looking for them.

    Returns:
        Every episode that was derived.
    """
    await stored.rename(session, user_id=user_id, episode_refs=sorted(refs))
    family = await _family(session, user_id=user_id, refs=refs, has_titles=has_titles)
    for row in await queries.observations_of(session, user_id=user_id, refs=family.episodes):
        family.rows[row.episode_ref].append(row)
    edits = [
        Edit(EditKind(edit.kind), edit.key_a, edit.key_b)
        for edit in await queries.edits(session, user_id=user_id)
    ]
    events: list[EventRow] = []
    sources: list[SourceRow] = []
    if not edits:
        events += _plain(family)
    ids: _Ids = {}
    for ref, observations in _together(family, ids).items():
        episode = family.episodes[ref]
        for event in derive(observations, edits):
            events.append(_event_row(event, episode, ids))
            if len(event.sources) > 1:
                sources += _source_rows(event, episode, ids)
    await queries.replace(
        session, user_id=user_id, refs=family.episodes, events=events, sources=sources
    )
    empty = [one for one in family.episodes.values() if one.id not in family.rows]
    for is_link in (True, False):  # what a title is linked to goes after the title
        gone = [one.id for one in empty if (one.linked_to is not None) is is_link]
        if gone:
            await stored.sweep_episodes(session, user_id=user_id, episode_refs=gone)
    return set(family.episodes)


async def _family(
    session: Session, *, user_id: UserId, refs: Collection[int], has_titles: bool
) -> _Family:
    """Find what has to be derived together with `refs`."""
    family = _Family()
    wanted, asked = set(refs), set[int]()
    while wanted:
        asked |= wanted
        found = await queries.episodes(session, user_id=user_id, refs=wanted)
        if has_titles:
            found += await queries.linked_to(session, user_id=user_id, refs=wanted)
            for title, carrier in await queries.shared_titles(
                session, user_id=user_id, refs=wanted
            ):
                family.carriers[title].add(carrier)
        family.episodes |= {one.id: one for one in found}
        near = {one.linked_to for one in found if one.linked_to is not None}
        wanted = near.union(family.carriers, *family.carriers.values()) - asked
    return family


def _plain(family: _Family) -> Iterator[EventRow]:
    """Yield the events of episodes that nothing is linked to and that need no merging.

    Their rows are taken out of the family.
    """
    linked = {one.linked_to for one in family.episodes.values()}
    carriers = set(family.carriers).union(*family.carriers.values())
    for ref, rows in family.rows.items():
        episode = family.episodes[ref]
        is_alone = episode.linked_to is None and ref not in linked and ref not in carriers
        if is_alone and is_plain(rows):
            for row in rows:
                yield plain_event(row, episode)
            family.rows[ref] = []


def _together(family: _Family, ids: _Ids) -> dict[int, list[Observation]]:
    """Return the observations of each episode that has events of its own.

    Args:
        family: Episodes and their rows.
        ids: Is given the row of each observation in the store, by its key.
    """
    found: dict[int, list[Observation]] = {}
    for ref, episode in family.episodes.items():
        target = ref if episode.linked_to is None else episode.linked_to
        rows = found.setdefault(target, [])
        for row in family.rows.get(ref, ()):
            observation = _observation(row, episode.identity)
            ids[observation.key] = row.id
            rows.append(observation)
    for title, carriers in family.carriers.items():
        if title in found:
            _part(found, family, title=title, carriers=carriers)
    return found


def _part(
    found: dict[int, list[Observation]], family: _Family, *, title: int, carriers: set[int]
) -> None:
    """Move the rows of a title of which evidence tells the episode to that episode."""
    by_identity = {family.episodes[ref].identity: ref for ref in carriers}
    heard = [row for ref in carriers for row in found[ref] if row.source is Source.EXTENDED]
    told = link_title(found[title], own=by_identity, library=(), same_show=heard).rows
    kept: list[Observation] = []
    for row in found[title]:
        identity = told.get(row.key)
        (kept if identity is None else found[by_identity[identity]]).append(row)
    found[title] = kept


def _observation(row: ObservationOf, identity: str) -> Observation:
    return Observation(
        source=_SOURCES[row.source],
        episode=identity,
        ended_s=row.ended_s,
        began_s=row.began_s,
        ms=row.ms,
        n=row.n,
        position_ms=row.position_ms,
        flags=_FLAGS[row.flags],
    )


def _event_row(event: Event, episode: EpisodeOf, ids: _Ids) -> EventRow:
    return EventRow(
        event.ended_s,
        event.id.hex,
        event.began_s,
        event.earliest_s,
        event.latest_s,
        event.ms,
        event.certainty.value,
        event.rule.value,
        event.doubtful,
        event.at_least,
        event.clamped,
        event.hidden,
        episode.id,
        episode.show_ref,
        ids[event.id],
    )


def _source_rows(event: Event, episode: EpisodeOf, ids: _Ids) -> list[SourceRow]:
    return [
        SourceRow(event.id.hex, ids[key], role.value, episode.id) for key, role in event.sources[1:]
    ]
