"""A person's history as tests tell it: observations stored and derived as an import does it."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx2
from fastapi import FastAPI

from src.history.events import derive_episodes
from src.history.models import HistoryRun
from src.history.queries import events as event_queries
from src.history.queries import observations as queries
from src.history.queries.observations import NewEpisode, Seen
from src.runtime import Runtime
from src.spotify.models import Episode, SavedShow, Show
from src.users.request_rate import RequestRates
from src.utils.types import UserId
from tests.users.clients import app_on, signed_in

DAY_S = 86_400


def utc_s(text: str) -> int:
    """UTC epoch seconds of `2024-03-31T01:00`."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@dataclass(frozen=True, slots=True)
class Heard:
    """One row of a source; account rows end at the start of their minute."""

    episode: str
    show: str | None
    ended_s: int
    ms: int
    source: str = "ext"
    began_s: int | None = None

    @property
    def seen(self) -> Seen:
        """The observation, of episode 0."""
        began_s = self.ended_s - self.ms // 1000 if self.began_s is None else self.began_s
        apart_s = began_s if self.source == "win" else 0
        return Seen(0, self.source, self.ended_s, began_s, self.ms, apart_s=apart_s)


async def heard(
    runtime: Runtime, user_id: UserId, rows: Iterable[Heard], *, kind: str = "import"
) -> UUID:
    """Store what a run brought, and derive the events; returns the run."""
    told = list(rows)
    run_id = uuid4()
    async with runtime.database.transaction(user_id) as session:
        session.add(
            HistoryRun(
                id=run_id,
                user_id=user_id,
                kind=kind,
                state="done",
                name=f"{kind}.zip",
                created_s=int(runtime.clock.now().timestamp()),
            )
        )
        await session.flush()
        await event_queries.bump(session, user_id=user_id)
        names = {row.show.casefold(): row.show for row in told if row.show is not None}
        shows = await queries.put_shows(session, user_id=user_id, names=names)
        episodes = {
            row.episode: NewEpisode(
                f"spotify:{row.episode}",
                row.episode,
                f"Episode {row.episode}",
                None if row.show is None else shows[row.show.casefold()],
            )
            for row in told
        }
        refs = await queries.put_episodes(
            session, user_id=user_id, episodes=list(episodes.values())
        )
        seen = [row.seen._replace(episode_ref=refs[f"spotify:{row.episode}"]) for row in told]
        await queries.put_observations(
            session, user_id=user_id, run_id=run_id, rows=sorted(set(seen))
        )
        await derive_episodes(session, user_id=user_id, refs=set(refs.values()))
    return run_id


@dataclass
class Person:
    """Somebody signed in, whose history can be added to and asked about."""

    runtime: Runtime
    app: FastAPI
    user_id: UserId
    client: httpx2.AsyncClient

    @classmethod
    @asynccontextmanager
    async def signed_in(
        cls, runtime: Runtime, *, zone: str = "UTC", name: str = "ada"
    ) -> AsyncIterator["Person"]:
        """Register in that time zone."""
        app = app_on(runtime)
        client = await signed_in(app, name)
        user_id = UserId((await client.get("/api/auth/me")).json()["id"])
        person = cls(runtime, app, user_id, client)
        await person.move(zone)
        yield person
        await client.aclose()

    async def move(self, zone: str) -> None:
        """Go to another time zone."""
        reply = await self.client.patch("/api/auth/me", json={"time_zone": zone})
        assert 200 == reply.status_code, reply.text

    async def heard(self, rows: Iterable[Heard], *, kind: str = "import") -> UUID:
        """Store what a run brought, and derive the events; returns the run."""
        return await heard(self.runtime, self.user_id, rows, kind=kind)

    async def follows(self, show: str, *, episodes: Sequence[dict[str, Any]]) -> None:
        """Put a show into the catalogue and the person's library."""
        now = self.runtime.clock.now()
        async with self.runtime.database.transaction(self.user_id) as session:
            session.add(Show(id=show, name=f"Library {show}", publisher="", fetched_at=now))
            await session.flush()
            session.add(SavedShow(user_id=self.user_id, show_id=show, added_at=now))
            for told in episodes:
                session.add(Episode(show_id=show, first_seen_at=now, fetched_at=now, **told))

    async def get(self, path: str, **parameters: Any) -> Any:
        """Ask, and return the reply, which has to be a good one."""
        self.app.state.request_rates = RequestRates(self.runtime.clock)
        reply = await self.client.get(path, params=parameters)
        assert 200 == reply.status_code, reply.text
        return reply.json()

    async def events(self, **parameters: Any) -> list[dict[str, Any]]:
        """All events of a list, page after page."""
        asked, found = {"limit": 200, **parameters}, []
        while True:
            page = await self.get("/api/history", **asked)
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            asked["cursor"] = page["next_cursor"]

    async def hold_true(self, reply: Any) -> int:
        """Follow the query of every figure in a reply; its events sum to it, to the millisecond.

        Returns:
            How many figures there were.
        """
        told: dict[str, list[dict[str, Any]]] = {}
        found = list(figures(reply))
        for figure in found:
            query = figure["query"]
            assert "/api/history" == query["path"]
            key = repr(sorted(query["parameters"].items()))
            if key not in told:
                told[key] = await self.events(**query["parameters"])
            events = told[key]
            known = [one for one in events if one["certainty"] != "window"]
            sums = (
                sum(one["share_ms"] for one in events),
                sum(one["share_ms"] for one in known),
                sum(one["counted"] for one in events),
            )
            assert sums == (figure["ms"], figure["known_ms"], figure["events"]), figure
        return len(found)


def figures(reply: Any) -> Iterator[dict[str, Any]]:
    """Every figure anywhere in a reply."""
    if isinstance(reply, dict):
        if "query" in reply:
            yield reply
        for value in reply.values():
            yield from figures(value)
    elif isinstance(reply, list):
        for value in reply:
            yield from figures(value)


def drawn(random: Random, *, count: int, from_s: int, to_s: int) -> list[Heard]:
    """Listening of all kinds: short and long, over midnight, of every source, and in windows."""
    rows = []
    for _ in range(count):
        show = random.choice(["Rivers", "Maps", "Flüsse", None])
        episode = f"{show}{random.randrange(12)}"
        ended_s = random.randrange(from_s, to_s)
        ms = random.choice([0, 900, 29_999, 30_000, random.randrange(7_200_000)])
        row = Heard(episode, show, ended_s, ms)
        kind = random.random()
        if kind < 0.2:
            row = replace(row, source="acc", ended_s=ended_s // 60 * 60, began_s=None)
        elif kind < 0.35:
            length_s = random.choice([600, 4 * 3600, 3 * DAY_S, 20 * DAY_S])
            row = replace(row, source="win", began_s=ended_s - length_s, ms=min(ms, length_s * 900))
        elif kind < 0.5:
            row = replace(row, began_s=ended_s - ms // 1000 - random.randrange(20_000))
        rows.append(row)
    return rows
