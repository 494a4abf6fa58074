"""An account with something in every table, each value of which can be recognised."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import ColumnElement, select

from src.cost_tracking.models import CostEntry
from src.database import Session
from src.history.events import derive_episodes
from src.history.models import (
    CoverageSpan,
    HistoryEdit,
    HistoryEpisode,
    HistoryRun,
    ListeningEvent,
    RunKind,
    RunState,
)
from src.history.observations import Flag, Source
from src.history.queries import events, observations, spans
from src.history.queries.observations import NewEpisode, Seen
from src.history.settling import swept
from src.runtime import Runtime
from src.spotify.models import Episode, OAuthState, Play, SavedEpisode, SavedShow, Show, SyncRun
from src.users.models import ApiToken, User, UserSession
from src.users.queries import note
from src.utils.types import UserId
from tests.factories import add_connection
from tests.history.imports import OTHER_URI, Listener, acc_row, ext_row
from tests.history.said import at

MARK = "zebrafinch"
EMAIL = f"{MARK}@example.org"


@dataclass(frozen=True, slots=True)
class Life:
    """Whose account it is, and the listener who imports into it."""

    user_id: UserId
    listener: Listener


async def lived(runtime: Runtime, folder: Path, name: str = f"{MARK}-ada") -> Life:
    """Store an account with rows of every kind; a part of its history was corrected by hand."""
    listener = await Listener.made(runtime, folder, name)
    user_id = listener.user_id
    await _import(listener)
    await _hear_live(runtime, user_id)
    await add_connection(runtime, user_id)
    await _fill_library(runtime, user_id)
    await _spend(runtime, user_id)
    await _sign_in(runtime, user_id)
    return Life(user_id, listener)


async def _import(listener: Listener) -> None:
    """Both formats, a title that several episodes carry, a file twice, an undone import."""
    shared = f"{MARK} Twice"
    ext = [
        ext_row("08:00:10", 900_000, name=f"{MARK} One"),
        ext_row("09:30:00", 1_200_000, name=shared),
        ext_row("11:00:00", 1_500_000, uri=OTHER_URI, name=shared),
        ext_row("13:00:00", 600_000, uri="spotify:episode:1aaaaaaaaaaaaaaaaaaaaa", name="=SUM(A1)"),
    ]
    acc = [
        acc_row("08:00", 900_000, name=f"{MARK} One"),
        acc_row("11:00", 1_500_000, name=shared),
        acc_row("18:00", 70_000, name=f"{MARK} Unknown"),
        *[acc_row("19:00", 1_200, name=f"{MARK} Unknown")] * 2,
    ]
    await listener.imported(listener.file(ext))
    await listener.imported(listener.file(acc))
    await listener.imported(listener.file(ext[:2]))
    await listener.undone(await listener.imported(listener.file([acc_row("20:00", 5_000)])))


async def _hear_live(runtime: Runtime, user_id: UserId) -> None:
    """A sync that saw a resume point move, the share that it covers, and two edits."""
    run_id, now_s = runtime.entropy.uuid(), int(runtime.clock.now().timestamp())
    run = HistoryRun(
        user_id=user_id,
        id=run_id,
        kind=RunKind.SYNC,
        state=RunState.DONE,
        name="sync",
        created_s=now_s,
    )
    async with runtime.database.transaction(user_id) as session:
        await events.bump(session, user_id=user_id)
        session.add(run)
        await session.flush()
        live = f"{MARK}{'b' * 12}"
        new = NewEpisode(f"spotify:{live}", live, f"{MARK} Heard live", None)
        refs = await observations.put_episodes(session, user_id=user_id, episodes=[new])
        window = Seen(
            *(refs[new.identity], Source.WINDOW.value, at("16:00"), at("12:00"), 800_000),
            flags=int(Flag.AT_LEAST),
            position_ms=850_000,
            apart_s=at("12:00"),
        )
        await observations.put_observations(session, user_id=user_id, run_id=run_id, rows=[window])
        await _edit(session, user_id)
        every = list(await session.scalars(select(HistoryEpisode.id).where(_mine(user_id))))
        await derive_episodes(session, user_id=user_id, refs=every)
        await observations.forget_touched(
            session, user_id=user_id, run_id=run_id, episode_refs=every
        )
        span = CoverageSpan(run_id=run_id, from_s=at("12:00"), to_s=at("16:00"), asked=40, known=16)
        span.user_id, span.class_ = user_id, "inferred"
        session.add(span)
        await session.flush()
        told = await spans.all_spans(session, user_id=user_id)
        await spans.replace_coverage(session, user_id=user_id, spans=swept(told))


def _mine(user_id: UserId) -> ColumnElement[bool]:
    return HistoryEpisode.user_id == user_id


async def _edit(session: Session, user_id: UserId) -> None:
    """Hide the first event; an edit of the last was taken back."""
    found = await session.scalars(
        select(ListeningEvent)
        .where(ListeningEvent.user_id == user_id)
        .order_by(ListeningEvent.ended_s, ListeningEvent.id)
    )
    first, *_, last = found.all()
    for number, event, revoked_s in ((1, first, None), (2, last, 9)):
        identity = await events.identity_of(session, user_id=user_id, episode_ref=event.episode_ref)
        edit = HistoryEdit(id=UUID(int=user_id << 8 | number), kind="hide", key_a=event.id)
        edit.identity, edit.created_s, edit.revoked_s = identity or "", number, revoked_s
        await events.add_edit(session, user_id=user_id, edit=edit)


async def _fill_library(runtime: Runtime, user_id: UserId) -> None:
    """A saved show, an episode saved on its own, one begun, and a removed show."""
    now = runtime.clock.now()
    async with runtime.database.transaction(user_id) as session:
        for number in range(3):
            name = f"{MARK} show {number}" if number else '@import, "quoted"'
            session.add(Show(id=f"{MARK}-{user_id}-{number}", name=name, fetched_at=now))
        await session.flush()
        for number in range(2):
            episode = Episode(id=f"{MARK}-{user_id}-e{number}", name=f"{MARK} e{number}")
            episode.show_id = f"{MARK}-{user_id}-{2 - number}"
            episode.release_date, episode.first_seen_at, episode.fetched_at = "2026", now, now
            session.add(episode)
            await session.flush()
        for number in range(2):
            session.add(
                SavedShow(
                    user_id=user_id,
                    show_id=f"{MARK}-{user_id}-{number}",
                    added_at=now - timedelta(days=number),
                    removed_at=now if number else None,
                    heard_at=now,
                )
            )
        session.add(SavedEpisode(user_id=user_id, episode_id=f"{MARK}-{user_id}-e0", added_at=now))
        session.add(
            Play(
                user_id=user_id,
                episode_id=f"{MARK}-{user_id}-e1",
                show_id=f"{MARK}-{user_id}-1",
                fully_played=False,
                position_ms=123_456,
                seen_at=now,
                changed_at=now,
            )
        )


async def _spend(runtime: Runtime, user_id: UserId) -> None:
    """A sync that ended, its call, and a correction of that."""
    now, run_id = runtime.clock.now(), runtime.entropy.uuid()
    async with runtime.database.transaction(user_id) as session:
        session.add(
            SyncRun(
                id=run_id,
                user_id=user_id,
                trigger="manual",
                state="ended",
                outcome="complete",
                message=f"{MARK} went well",
                created_at=now,
                max_calls=9,
                calls=1,
            )
        )
        entries = [
            CostEntry(
                attempt=runtime.entropy.uuid(),
                user_id=user_id,
                run_id=run_id,
                kind=kind,
                day=now.date(),
                service="spotify_api",
                operation=MARK,
                amount_micro=amount,
                outcome="ok",
                at=now,
            )
            for kind, amount in (("charge", 100), ("correction", -40))
        ]
        session.add(entries[0])
        await session.flush()
        entries[1].corrects_id = entries[0].id
        session.add(entries[1])


async def _sign_in(runtime: Runtime, user_id: UserId) -> None:
    """An address, a browser, a token, a sign-in at Spotify under way, and a line of the log."""
    now = runtime.clock.now()
    until = now + timedelta(days=1)
    async with runtime.database.transaction(user_id) as session:
        owner = await session.get_one(User, user_id)
        owner.email, owner.time_zone = EMAIL, "Europe/Berlin"
        session.add(
            UserSession(
                user_id=user_id,
                token_hash=f"secret-s-{user_id}",
                created_at=now,
                last_seen_at=now,
                proved_at=now,
                expires_at=until,
                user_agent=f"-{MARK}",
            )
        )
        token = ApiToken(user_id=user_id, token_hash=f"secret-t-{user_id}", prefix="ph_1")
        token.name, token.scopes, token.created_at, token.expires_at = MARK, "read", now, until
        session.add(token)
        session.add(
            OAuthState(
                user_id=user_id,
                state_hash=f"secret-o-{user_id}",
                verifier_sealed=f"secret-v-{user_id}",
                redirect_uri=f"https://{MARK}.example.org",
                created_at=now,
                expires_at=until,
            )
        )
        await note(session, user_id=user_id, action="token_made", detail=MARK, now=now)
