"""Which episode each title stands for, decided anew for whole shows; see `src.history.titles`."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from src.database import Session
from src.history.observations import Observation, Source
from src.history.queries import events as events_queries
from src.history.queries import observations as stored
from src.history.queries import titles as queries
from src.history.queries.events import ObservationOf
from src.history.queries.titles import Title
from src.history.titles import (
    Evidence,
    TitleLink,
    identity_of_spotify,
    identity_of_title,
    link_title,
    normalised,
)
from src.utils.types import UserId

SEVERAL = "several"
"""In the place of a reason: several episodes carry the title, so each row is decided alone."""

_NEAR_S = 7 * 86_400
"""Seconds before and after the rows of titles in which evidence is looked for: a row's
longest time."""

_MOST_ROWS = 100_000
"""Rows without a link of one show that evidence is looked for; nobody has as many."""


@dataclass(slots=True)
class _Known:
    """What is known of the titles of one show.

    Attributes:
        own: Identities of the episodes that the user's data names so, by title.
        refs: Their rows, by identity.
        library: Identities of those that the library names so, and their names, by title.
    """

    own: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    refs: dict[str, int] = field(default_factory=dict)
    library: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


async def link_show(session: Session, *, user_id: UserId, run_id: UUID, show_ref: int) -> None:
    """Decide anew what the titles of a show stand for, and touch what changes by it.

    Args:
        session: Open writing transaction of the caller, opened for `user_id`.
        user_id: Owner.
        run_id: For which run the episodes are touched.
        show_ref: Row of the show.
    """
    titles = await queries.titles_of(session, user_id=user_id, show_ref=show_ref)
    if not titles:
        return
    known = _Known()
    identities = [title.identity for title in titles]
    for told, ref, identity in await queries.named(session, user_id=user_id, titles=identities):
        known.own[told].add(identity)
        known.refs[identity] = ref
    unnamed = [title for title in titles if not known.own[title.identity]]
    if unnamed:
        known.library = await _library(session, user_id=user_id, show_ref=show_ref)
    links = await _by_evidence(
        session,
        user_id=user_id,
        show_ref=show_ref,
        titles=[title for title in unnamed if title.identity not in known.library],
    )
    for title in titles:
        link = links.get(title.id)
        if link is None:
            link = link_title(
                (),
                own=known.own[title.identity],
                library=known.library.get(title.identity, ()),
                same_show=(),
            )
        await _write(session, user_id=user_id, run_id=run_id, title=title, link=link, known=known)


async def _library(
    session: Session, *, user_id: UserId, show_ref: int
) -> dict[str, dict[str, str]]:
    """Return the episodes that the user's library has of shows of that name, by title."""
    name = await queries.show_name(session, user_id=user_id, show_ref=show_ref)
    shows = await queries.library_shows(session, user_id=user_id)
    alike = {show_id: told for show_id, told in shows if normalised(told) == name}
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    if name is not None and alike:
        for episode_id, told in await queries.catalogue_all_users(session, show_ids=alike):
            found[identity_of_title(name, told)][identity_of_spotify(episode_id)] = told
    return found


async def _by_evidence(
    session: Session, *, user_id: UserId, show_ref: int, titles: Sequence[Title]
) -> dict[int, TitleLink]:
    """Decide by (c) for titles that no name tells of, by row."""
    refs = {title.id: title.identity for title in titles}
    if not refs:
        return {}
    rows: defaultdict[int, list[Observation]] = defaultdict(list)
    told = await events_queries.observations_of(session, user_id=user_id, refs=refs)
    for row in told[:_MOST_ROWS]:
        rows[row.episode_ref].append(_observation(row, refs[row.episode_ref]))
    ends = [row.ended_s for row in told]
    if not ends:
        return {ref: TitleLink() for ref in refs}
    heard = Evidence(
        _extended(*row)
        for row in await queries.evidence(
            session,
            user_id=user_id,
            show_ref=show_ref,
            from_s=min(ends) - _NEAR_S,
            to_s=max(ends) + _NEAR_S,
        )
    )
    return {ref: link_title(rows[ref], own=(), library=(), same_show=heard) for ref in refs}


def _observation(row: ObservationOf, identity: str) -> Observation:
    return Observation(
        source=Source(row.source),
        episode=identity,
        ended_s=row.ended_s,
        began_s=row.began_s,
        ms=row.ms,
        n=row.n,
    )


def _extended(identity: str, ended_s: int, began_s: int, ms: int) -> Observation:
    return Observation(
        source=Source.EXTENDED, episode=identity, ended_s=ended_s, began_s=began_s, ms=ms
    )


async def _write(
    session: Session,
    *,
    user_id: UserId,
    run_id: UUID,
    title: Title,
    link: TitleLink,
    known: _Known,
) -> None:
    """Store what became of a title; touch it and its episodes if that is something else."""
    target, reason = None, None if link.reason is None else link.reason.value
    if link.episode is not None:
        target = known.refs.get(link.episode)
        if target is None:
            target = await _episode(session, user_id=user_id, title=title, link=link, known=known)
    elif len(known.own[title.identity]) > 1:
        reason = SEVERAL
    if (target, reason) == (title.linked_to, title.link_reason):
        return
    await queries.link(
        session, user_id=user_id, episode_ref=title.id, linked_to=target, reason=reason
    )
    carriers = {known.refs[identity] for identity in known.own[title.identity]}
    refs = {title.id, target, title.linked_to, *carriers} - {None}
    await stored.touch(
        session,
        user_id=user_id,
        run_id=run_id,
        episode_refs=[ref for ref in refs if ref is not None],
    )


async def _episode(
    session: Session, *, user_id: UserId, title: Title, link: TitleLink, known: _Known
) -> int:
    """Return the row of an episode that the title is linked to, made if there is none."""
    identity = link.episode or ""
    name = known.library.get(title.identity, {}).get(identity, "")
    new = stored.NewEpisode(identity, identity.partition(":")[2], name, title.show_ref)
    refs = await stored.put_episodes(session, user_id=user_id, episodes=[new])
    return refs[identity]
