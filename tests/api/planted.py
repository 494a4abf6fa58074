"""A user whose every row can be recognised, and another who must never see one."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx2
from fastapi import FastAPI
from sqlalchemy import update

from src.cost_tracking.models import CostEntry
from src.history import importing
from src.spotify.models import (
    Episode,
    Play,
    SavedShow,
    Show,
    SpotifyConnection,
    SyncRun,
)
from src.utils.types import UserId
from tests.history.record import Heard, heard
from tests.spotify.sync_parts import Stage
from tests.users.clients import login, signed_in

MARK = "planted"
ZONE = "Antarctica/Troll"
POSITION_MS = 987_654_321
RUN_COST = 777_000_111
CALL_COST = 555_000_222
LISTENED_MS = 4_321_987
LISTENED_S = 1_700_000_000


@dataclass(frozen=True, slots=True)
class Planted:
    """One user's rows: the values that lead to them, and what would give them away.

    Attributes:
        user_id: Whose they are.
        browser: The user's own browser.
        ids: Values of path parameters, by name.
        queries: Values of query parameters, by name.
        secrets: Texts that are in the user's replies and in nobody else's.
        shared: Show and episode that the other follows too; the position in it is the user's.
    """

    user_id: UserId
    browser: httpx2.AsyncClient
    ids: dict[str, list[str]]
    queries: dict[str, list[str]]
    secrets: list[str] = field(default_factory=list)
    shared: tuple[str, str] = ("", "")


async def person(stage: Stage, app: FastAPI, name: str, *, listener: int) -> Planted:
    """Register, connect and sync; nothing is planted yet."""
    browser = await signed_in(app, name)
    user_id = UserId((await browser.get("/api/auth/me")).json()["id"])
    await stage.connect(listener, user_id=user_id)
    await stage.sync(user_id)
    return Planted(user_id, browser, ids={}, queries={})


async def plant(stage: Stage, ada: Planted, *, beside: Planted) -> Planted:
    """Mark everything of `ada`, and let `beside` follow one show of hers with her."""
    runs = [str((await stage.later_sync(ada.user_id, hours=1)).id) for _ in range(2)]
    mine = sorted(set(await stage.shows(ada.user_id)) - set(await stage.shows(beside.user_id)))
    shared, own = mine[0], mine[1:]
    assert own, "the world must give each listener a show of their own"
    now = stage.clock.now()
    async with stage.runtime.database.transaction(beside.user_id) as session:
        session.add(SavedShow(user_id=beside.user_id, show_id=shared, added_at=now))
    common = next(iter(await stage.episodes(ada.user_id, shared)))
    await _mark_rows(stage, ada.user_id, own=own, heard=(shared, common))
    browser = ada.browser
    name = (await browser.get("/api/auth/me")).json()["name"]
    await login(browser, name)  # the syncs took hours; e-mail and tokens need a fresh password
    assert 200 == (await browser.patch("/api/auth/me", json=_PROFILE)).status_code
    made = [
        (await browser.post("/api/auth/tokens", json={"name": f"{MARK} token {n}"})).json()
        for n in (1, 2)
    ]
    async with stage.runtime.database.transaction(ada.user_id) as session:
        await session.execute(
            update(SyncRun)
            .where(SyncRun.user_id == ada.user_id)
            .values(message=f"{MARK} words", cost_micro=RUN_COST)
        )
    events = await _history(stage, ada)
    imports = await _imports(stage, ada)
    episodes = [one for show in own for one in await stage.episodes(ada.user_id, show)]
    ids = {
        "show_id": own,
        "episode_id": episodes[:2],
        "token_id": [str(token["id"]) for token in made],
        "event_id": [event["id"] for event in events],
        "edit_id": [edit["id"] for edit in (await browser.get("/api/history/edits")).json()],
        "import_id": imports,
        "upload_id": imports[1:],
        "year": [str(LISTENED_S // 31_557_600 + 1970)],
    }
    secrets = [MARK, ZONE, str(POSITION_MS), str(RUN_COST), str(CALL_COST), *runs, *own]
    secrets += [str(LISTENED_MS), *ids["event_id"], *imports, *ids["edit_id"]]
    queries = await _queries(browser, own[0], events)
    return Planted(ada.user_id, browser, ids, queries, secrets, (shared, common))


async def _history(stage: Stage, ada: Planted) -> list[dict[str, Any]]:
    """Let her have heard two marked episodes and a hidden one, and return the two events."""
    rows = [
        Heard(f"{MARK}{n}", f"{MARK} show", LISTENED_S + n * 86_400, LISTENED_MS + n)
        for n in range(3)
    ]
    await heard(stage.runtime, ada.user_id, rows)
    last = (await ada.browser.get("/api/history")).json()["items"][0]
    await ada.browser.post(f"/api/history/events/{last['id']}/hide")
    found: list[dict[str, Any]] = (await ada.browser.get("/api/history")).json()["items"]
    assert 2 == len(found)
    return found


async def _imports(stage: Stage, ada: Planted) -> list[str]:
    """Let her have imported a file with a mark, and begun an upload; return their ids."""
    row = {"ts": "2023-12-01T10:00:00Z", "ms_played": 1, "spotify_track_uri": MARK}
    begun = await ada.browser.post(
        "/api/history/imports", content=json.dumps([row]), params={"name": f"{MARK}.json"}
    )
    for claim in await importing.claim_due(stage.runtime, limit=1):
        await importing.handle(stage.runtime, claim)
    half = await ada.browser.post(
        "/api/history/uploads", json={"name": f"{MARK} half", "size_bytes": 9}
    )
    return [begun.json()["id"], half.json()["id"]]


_PROFILE = {"email": f"{MARK}@example.org", "time_zone": ZONE}


async def _mark_rows(
    stage: Stage, user_id: UserId, *, own: list[str], heard: tuple[str, str]
) -> None:
    """Write the mark into what the API told of the user."""
    now = stage.clock.now()
    async with stage.runtime.database.transaction(user_id) as session:
        await session.execute(
            update(Show)
            .where(Show.id.in_(own))
            .values(
                name=Show.name + f" {MARK}",
                publisher=MARK,
                description=MARK,
                folded=Show.folded + f" {MARK}",
            )
        )
        await session.execute(
            update(Episode).where(Episode.show_id.in_(own)).values(name=Episode.name + f" {MARK}")
        )
        await session.execute(
            update(SpotifyConnection)
            .where(SpotifyConnection.user_id == user_id)
            .values(display_name=f"{MARK} listener")
        )
        session.add(
            CostEntry(
                attempt=UUID(int=user_id),
                user_id=user_id,
                day=now.date(),
                service="spotify_api",
                operation=MARK,
                amount_micro=CALL_COST,
                outcome="ok",
                at=now,
            )
        )
        show_id, episode_id = heard
        await session.merge(
            Play(
                user_id=user_id,
                episode_id=episode_id,
                show_id=show_id,
                fully_played=False,
                position_ms=POSITION_MS,
                seen_at=now,
                changed_at=now,
            )
        )


async def _queries(
    browser: httpx2.AsyncClient, show_id: str, events: list[dict[str, Any]]
) -> dict[str, list[str]]:
    """Return a value of the user's for each query parameter there is."""
    lists = [
        ("/api/spotify/podcasts", {}),
        ("/api/spotify/podcasts", {"sort": "name"}),
        ("/api/spotify/podcasts", {"q": MARK}),
        (f"/api/spotify/podcasts/{show_id}/episodes", {}),
        ("/api/spotify/sync/runs", {}),
        ("/api/history", {}),
        ("/api/history/imports", {}),
    ]
    cursors = [
        (await browser.get(path, params={"limit": 1, **query})).json()["next_cursor"]
        for path, query in lists
    ]
    assert None not in cursors
    begun = (await browser.get("/api/spotify/auth/url")).json()["url"]
    return {
        "cursor": cursors,
        "q": [MARK],
        "name": ["a file"],
        "sort": ["added", "name"],
        "limit": ["200"],
        "days": ["366"],
        "state": parse_qs(urlsplit(begun).query)["state"],
        "code": ["any-code"],
        "error": ["access_denied"],
        "show": [str(events[0]["show"]["id"])],
        "episode": [str(one["episode"]["id"]) for one in events],
        "from": ["2023-11-01"],
        "to": ["2023-12-01T00:00:00Z"],
        "day": ["2024-11-14"],
        "overlaps": ["true"],
        "source": ["ext"],
        "certainty": ["exact"],
        "weekday": ["2"],
        "hour": ["22"],
        "placed": ["true"],
        "completion": ["unknown"],
        "catalogue": ["unknown"],
        "doubtful": ["false"],
        "hidden": ["true"],
        "unit": ["day", "year"],
    }
