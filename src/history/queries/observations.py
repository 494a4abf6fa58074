"""Statements on what runs bring: shows and episodes by name, observations, and their support."""

# ruff: noqa: S608 - only constants of this room are put together

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from src.database import Session, dialect_of
from src.history.queries.raw import Insert, Statement
from src.utils.types import UserId


class NewEpisode(NamedTuple):
    """An episode as it is first told of; `show_ref` is None without a show's name."""

    identity: str
    episode_id: str | None
    name: str
    show_ref: int | None


class Named(NamedTuple):
    """What a run calls an episode; the last of several by `named_s` (UTC epoch) is kept."""

    episode_ref: int
    show_ref: int | None
    name: str
    title: str | None
    named_s: int


class Seen(NamedTuple):
    """An observation as it is stored; see `src.history.observations`."""

    episode_ref: int
    source: str
    ended_s: int
    began_s: int
    ms: int
    n: int = 0
    position_ms: int | None = None
    flags: int = 0
    apart_s: int = 0


async def put_shows(
    session: Session, *, user_id: UserId, names: Mapping[str, str]
) -> dict[str, int]:
    """Store shows by their names as compared, and return the id of each; known ones stay."""
    if not names:
        return {}
    await _PUT_SHOWS.put(session, sorted(names.items()), user_id)
    rows = await _SHOW_IDS.rows(session, user_id, list(names))
    return dict(tuple(row) for row in rows)


_PUT_SHOWS = Insert(
    "history_show", same={"user_id": "bigint"}, columns={"name_norm": "text", "name": "text"}
)
_SHOW_IDS = Statement(
    "select name_norm, id from history_show where user_id = ? and name_norm = {texts}"
)


async def put_episodes(
    session: Session, *, user_id: UserId, episodes: Sequence[NewEpisode]
) -> dict[str, int]:
    """Store episodes, and return the id of each by identity; known ones stay as they are."""
    if not episodes:
        return {}
    await _PUT_EPISODES.put(session, sorted(episodes), user_id)
    rows = await _EPISODE_IDS.rows(session, user_id, [one.identity for one in episodes])
    return dict(tuple(row) for row in rows)


_PUT_EPISODES = Insert(
    "history_episode",
    same={"user_id": "bigint"},
    columns={"identity": "text", "episode_id": "text", "name": "text", "show_ref": "bigint"},
)
_EPISODE_IDS = Statement(
    "select identity, id from history_episode where user_id = ? and identity = {texts}"
)


async def put_names(
    session: Session, *, user_id: UserId, run_id: UUID, names: Sequence[Named]
) -> None:
    """Store what a run calls episodes, at most one name for each episode."""
    await _PUT_NAMES.put(session, names, user_id, run_id)


_PUT_NAMES = Insert(
    "history_name",
    same={"user_id": "bigint", "run_id": "uuid"},
    columns={
        "episode_ref": "bigint",
        "show_ref": "bigint",
        "name": "text",
        "title": "text",
        "named_s": "bigint",
    },
    conflict=(
        "(user_id, run_id, episode_ref) do update set show_ref = excluded.show_ref,"
        " name = excluded.name, title = excluded.title, named_s = excluded.named_s"
        " where excluded.named_s >= history_name.named_s"
    ),
)


async def put_observations(
    session: Session, *, user_id: UserId, run_id: UUID, rows: Sequence[Seen]
) -> int:
    """Store observations that a run supports, and touch the episodes of new ones.

    Returns:
        How many of `rows` were not there before; the same row twice is one.
    """
    if not rows:
        return 0
    if dialect_of(session) == "sqlite":
        return await _put_on_sqlite(session, user_id=user_id, run_id=run_id, rows=rows)
    columns = [list(column) for column in zip(*rows, strict=True)]
    added = await _ADD_ARRAYS.rows(session, user_id, *columns)
    if added:
        await _SUPPORT_IDS.change(session, user_id, run_id, [row[0] for row in added])
        refs = sorted({row[1] for row in added})
        await _TOUCH.put(session, [(ref,) for ref in refs], user_id, run_id)
    if len(added) < len(rows):
        keys = [columns[place] for place in (0, 1, 2, 4, 5, 8)]
        await _SUPPORT_ARRAYS.change(session, user_id, run_id, *keys, user_id)
    return len(added)


async def _put_on_sqlite(
    session: Session, *, user_id: UserId, run_id: UUID, rows: Sequence[Seen]
) -> int:
    """Nobody else writes meanwhile: what this call adds has the ids above the highest."""
    highest = (await _HIGHEST.rows(session))[0][0]
    added = await _ADD.put(session, rows, user_id)
    if added:
        await _SUPPORT_ADDED.change(session, user_id, run_id, highest)
        await _TOUCH_ADDED.change(session, user_id, run_id, highest)
    if added < len(rows):
        own = (user_id, run_id.hex, user_id)
        keys = [
            (*own, row.episode_ref, row.source, row.ended_s, row.ms, row.n, row.apart_s)
            for row in rows
        ]
        await _SUPPORT_KEYS.many(session, keys)
    return added


_KEY = "episode_ref, source, ended_s, ms, n, apart_s"
_SEEN_TYPES = {
    "episode_ref": "bigint",
    "source": "text",
    "ended_s": "bigint",
    "began_s": "bigint",
    "ms": "bigint",
    "n": "integer",
    "position_ms": "bigint",
    "flags": "integer",
    "apart_s": "bigint",
}
_ADD = Insert("observation", same={"user_id": "bigint"}, columns=_SEEN_TYPES)
_ADD_ARRAYS = Statement(
    f"insert into observation (user_id, {', '.join(_SEEN_TYPES)})"
    f" select ?, * from unnest({', '.join(f'?::{kind}[]' for kind in _SEEN_TYPES.values())})"
    " on conflict do nothing returning id, episode_ref"
)
_HIGHEST = Statement("select coalesce(max(id), 0) from observation")
_INTO_SUPPORT = "insert into observation_support (user_id, run_id, observation_id)"
_SUPPORT_ADDED = Statement(f"{_INTO_SUPPORT} select ?, ?, id from observation where id > ?")
_SUPPORT_IDS = Statement(f"{_INTO_SUPPORT} select ?, ?, unnest(?::bigint[])")
_SAME = " and ".join(f"seen.{column} = told.{column}" for column in _KEY.split(", "))
_SUPPORT_ARRAYS = Statement(
    f"{_INTO_SUPPORT} select ?, ?, seen.id"
    " from unnest(?::bigint[], ?::text[], ?::bigint[], ?::bigint[], ?::integer[], ?::bigint[])"
    f" as told ({_KEY}) join observation seen on seen.user_id = ? and {_SAME}"
    " on conflict do nothing"
)
_SUPPORT_KEYS = Statement(
    f"{_INTO_SUPPORT} select ?, ?, id from observation where user_id = ? and "
    + " and ".join(f"{column} = ?" for column in _KEY.split(", "))
    + " on conflict do nothing"
)
_TOUCH = Insert(
    "touched",
    same={"user_id": "bigint", "run_id": "uuid"},
    columns={"episode_ref": "bigint"},
)
_TOUCH_ADDED = Statement(
    "insert into touched (user_id, run_id, episode_ref)"
    " select distinct ?, ?, episode_ref from observation where id > ? on conflict do nothing"
)


async def touch(
    session: Session, *, user_id: UserId, run_id: UUID, episode_refs: Sequence[int]
) -> None:
    """Note that the events of these episodes are to be derived again for a run."""
    rows = [(ref,) for ref in sorted(set(episode_refs))]
    await _TOUCH.put(session, rows, user_id, run_id)


async def touch_renamed(session: Session, *, user_id: UserId, run_id: UUID) -> None:
    """Touch the episodes that this run calls otherwise than they are called."""
    await _TOUCH_RENAMED.change(session, user_id, run_id)


_TOUCH_RENAMED = Statement(
    "insert into touched (user_id, run_id, episode_ref) select n.user_id, n.run_id, n.episode_ref"
    " from history_name n join history_episode e on e.user_id = n.user_id and e.id = n.episode_ref"
    " where n.user_id = ? and n.run_id = ?"
    " and (e.name <> n.name or coalesce(e.show_ref, 0) <> coalesce(n.show_ref, 0))"
    " on conflict do nothing"
)


async def touched(session: Session, *, user_id: UserId, run_id: UUID, limit: int) -> list[int]:
    """Return episodes that are still to be derived for a run, at most `limit`, in order of id."""
    return [row[0] for row in await _TOUCHED.rows(session, user_id, run_id, limit)]


_TOUCHED = Statement(
    "select episode_ref from touched where user_id = ? and run_id = ? order by episode_ref limit ?"
)


async def count_touched(session: Session, *, user_id: UserId, run_id: UUID) -> int:
    """Return how many episodes are still to be derived for a run."""
    return int((await _COUNT_TOUCHED.rows(session, user_id, run_id))[0][0])


_COUNT_TOUCHED = Statement("select count(*) from touched where user_id = ? and run_id = ?")


async def forget_touched(
    session: Session, *, user_id: UserId, run_id: UUID, episode_refs: Sequence[int]
) -> None:
    """Note that these episodes are derived."""
    await _FORGET_TOUCHED.change(session, user_id, run_id, list(episode_refs))


_FORGET_TOUCHED = Statement(
    "delete from touched where user_id = ? and run_id = ? and episode_ref = {ints}"
)


async def withdraw(session: Session, *, user_id: UserId, run_id: UUID, limit: int) -> int:
    """Take back support of a run, and delete observations that nobody supports any more.

    Their episodes are touched.

    Args:
        session: Open writing transaction of the caller, opened for `user_id`.
        user_id: Owner.
        run_id: Which run.
        limit: Most observations at once.

    Returns:
        How much support was taken back; 0 means that none is left.
    """
    rows = await _SUPPORTED.rows(session, user_id, run_id, limit)
    ids = [row[0] for row in rows]
    if ids:
        await _WITHDRAW.change(session, user_id, run_id, ids)
        gone = await _DELETE_ALONE.rows(session, user_id, ids)
        refs = [row[0] for row in gone]
        await touch(session, user_id=user_id, run_id=run_id, episode_refs=refs)
    return len(ids)


_SUPPORTED = Statement(
    "select observation_id from observation_support where user_id = ? and run_id = ?"
    " order by observation_id limit ?"
)
_WITHDRAW = Statement(
    "delete from observation_support where user_id = ? and run_id = ? and observation_id = {ints}"
)
_DELETE_ALONE = Statement(
    "delete from observation where user_id = ? and id = {ints} and not exists (select 1"
    " from observation_support s where s.observation_id = observation.id) returning episode_ref"
)


async def withdraw_names(session: Session, *, user_id: UserId, run_id: UUID) -> None:
    """Forget what a run calls episodes, and touch those that may be called otherwise now."""
    await _TOUCH_NAMED.change(session, user_id, run_id)
    await _WITHDRAW_NAMES.change(session, user_id, run_id)


_TOUCH_NAMED = Statement(
    "insert into touched (user_id, run_id, episode_ref) select user_id, run_id, episode_ref"
    " from history_name where user_id = ? and run_id = ? on conflict do nothing"
)
_WITHDRAW_NAMES = Statement("delete from history_name where user_id = ? and run_id = ?")


async def rename(session: Session, *, user_id: UserId, episode_refs: Sequence[int]) -> None:
    """Call episodes as the latest of their names say; those without a name stay as they are."""
    await _RENAME.change(session, user_id, list(episode_refs))


_LATEST = (
    " from history_name n where n.user_id = history_episode.user_id"
    " and n.episode_ref = history_episode.id order by n.named_s desc, n.name desc limit 1"
)
_RENAME = Statement(
    f"update history_episode set name = (select n.name{_LATEST}),"
    f" show_ref = (select n.show_ref{_LATEST})"
    " where user_id = ? and id = {ints} and exists (select 1 from history_name n"
    " where n.user_id = history_episode.user_id and n.episode_ref = history_episode.id"
    " and (n.name <> history_episode.name"
    " or coalesce(n.show_ref, 0) <> coalesce(history_episode.show_ref, 0)))"
)


async def sweep_episodes(session: Session, *, user_id: UserId, episode_refs: Sequence[int]) -> None:
    """Delete those of these episodes that no observation, name or link needs."""
    await _SWEEP_EPISODES.change(session, user_id, list(episode_refs))


_SWEEP_EPISODES = Statement(
    "delete from history_episode where user_id = ? and id = {ints}"
    " and not exists (select 1 from observation o where o.user_id = history_episode.user_id"
    " and o.episode_ref = history_episode.id)"
    " and not exists (select 1 from history_name n where n.user_id = history_episode.user_id"
    " and n.episode_ref = history_episode.id)"
    " and not exists (select 1 from history_episode l where l.user_id = history_episode.user_id"
    " and l.linked_to = history_episode.id)"
)


async def sweep_shows(session: Session, *, user_id: UserId) -> None:
    """Delete the shows that no episode and no name is of."""
    await _SWEEP_SHOWS.change(session, user_id)


_SWEEP_SHOWS = Statement(
    "delete from history_show where user_id = ?"
    " and not exists (select 1 from history_episode e where e.user_id = history_show.user_id"
    " and e.show_ref = history_show.id)"
    " and not exists (select 1 from history_name n where n.user_id = history_show.user_id"
    " and n.show_ref = history_show.id)"
)
