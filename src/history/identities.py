"""The rows of episodes that plays tell of, made where they are new, and remembered."""

from collections.abc import Iterable
from uuid import UUID

from src.database import Session
from src.history.archive.report import PodcastPlay
from src.history.queries import observations as queries
from src.history.queries.observations import Named, NewEpisode
from src.history.titles import identity_of_spotify, identity_of_title, normalised
from src.utils.types import UserId

_MOST_REMEMBERED = 200_000
"""Episodes kept in memory; about 60 MB. Beyond, all are forgotten and looked up again."""

Key = str | tuple[str | None, str | None]
"""Spotify's id of an episode, or the names of show and episode."""


def key_of(play: PodcastPlay) -> Key:
    """Return what tells the episode of `play` from others."""
    return play.episode_id or (play.show_name, play.episode_name)


class Identities:
    """Finds the episodes of plays for one run of one user."""

    def __init__(self, *, user_id: UserId, run_id: UUID) -> None:
        self._user_id = user_id
        self._run_id = run_id
        self._refs: dict[Key, int] = {}
        self._names: dict[int, tuple[str | None, str | None]] = {}

    async def find(self, session: Session, plays: Iterable[PodcastPlay]) -> dict[Key, int]:
        """Return the row of each play's episode; note what the run calls it.

        Args:
            session: Open writing transaction for the user. If it is not committed, this
                object must not be used again.
            plays: Any number.
        """
        latest: dict[Key, PodcastPlay] = {}
        for play in plays:
            key = key_of(play)
            if (other := latest.get(key)) is None or play.ended_s >= other.ended_s:
                latest[key] = play
        if len(self._refs) > _MOST_REMEMBERED:
            self._refs.clear()
            self._names.clear()
        news = {
            key: play
            for key, play in latest.items()
            if key not in self._refs or self._is_renamed(key, play)
        }
        if news:
            await self._store(session, news)
        return {key: self._refs[key] for key in latest}

    def _is_renamed(self, key: Key, play: PodcastPlay) -> bool:
        if play.episode_id is None or play.episode_name is None:
            return False
        return self._names.get(self._refs[key]) != (play.show_name, play.episode_name)

    async def _store(self, session: Session, plays: dict[Key, PodcastPlay]) -> None:
        shows = {play.show_name: normalised(play.show_name or "") for play in plays.values()}
        refs = await queries.put_shows(
            session,
            user_id=self._user_id,
            names={norm: name for name, norm in shows.items() if name is not None},
        )
        of_show = {name: refs.get(norm) for name, norm in shows.items()}
        identities = {key: _identity(play) for key, play in plays.items()}
        news = {
            identities[key]: NewEpisode(
                identities[key],
                play.episode_id,
                play.episode_name or "",
                None if play.show_name is None else of_show[play.show_name],
            )
            for key, play in plays.items()
        }
        found = await queries.put_episodes(
            session, user_id=self._user_id, episodes=list(news.values())
        )
        names: dict[int, Named] = {}
        for key, play in plays.items():
            ref = self._refs[key] = found[identities[key]]
            if play.episode_id is not None and play.episode_name is not None:
                self._names[ref] = (play.show_name, play.episode_name)
                names[ref] = _named(ref, play, of_show[play.show_name])
        await queries.put_names(
            session, user_id=self._user_id, run_id=self._run_id, names=list(names.values())
        )


def _identity(play: PodcastPlay) -> str:
    if play.episode_id is not None:
        return identity_of_spotify(play.episode_id)
    return identity_of_title(play.show_name or "", play.episode_name or "")


def _named(ref: int, play: PodcastPlay, show_ref: int | None) -> Named:
    name = play.episode_name or ""
    title = None if play.show_name is None else identity_of_title(play.show_name, name)
    return Named(ref, show_ref, name, title, play.ended_s)
