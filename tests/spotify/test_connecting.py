"""Connecting an account: one state, one browser, one user, one Spotify account."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy import select, update
from starlette.responses import JSONResponse

from simulator.faults.board import Fault, Kind
from src.cost_tracking.models import CostEntry
from src.runtime import Runtime
from src.spotify.config import SpotifySettings
from src.spotify.connecting import awaits_confirmation, begin, finish
from src.spotify.errors import (
    AlreadyConnected,
    BadGateway,
    GrantRefused,
    NotAllowed,
    OtherAccount,
    ReconnectNeeded,
    ScopeMissing,
    SpotifyError,
    SpotifyNotConfigured,
    StateExpired,
    StateInvalid,
)
from src.spotify.models import (
    OAuthState,
    Show,
    SpotifyConnection,
    SyncSchedule,
)
from src.spotify.service import Spotify
from src.users.models import AuditEvent
from src.utils.types import UserId
from tests.factories import add_saved_show, add_user
from tests.fixtures import DatabaseUrls
from tests.spotify.sign_ins import add_browser, came_back, connect, schedule_of
from tests.spotify.sync_parts import Stage, spotify_settings
from tests.spotify.token_server import TokenServer
from tests.users.clients import row_counts
from tests.utils.stepped_clock import SteppedClock


async def connection_of(runtime: Runtime, user_id: UserId) -> SpotifyConnection | None:
    """Return the stored connection, if there is one."""
    async with runtime.database.transaction(user_id, write=False) as session:
        found: SpotifyConnection | None = await session.get(SpotifyConnection, user_id)
        return found


async def test_a_first_connection_is_due_at_once(
    stage: Stage, ada: UserId, clock: SteppedClock
) -> None:
    """The account is linked, tokens are sealed, the schedule is due now and the bell rings."""
    row = await connect(stage.spotify, stage.simulator, user_id=ada)

    schedule = await schedule_of(stage.runtime, ada)
    token = await stage.spotify.oauth.tokens.access_token(ada)
    profile = await stage.spotify.oauth.profile(token.value, user_id=ada)
    waiting = asyncio.ensure_future(stage.spotify.bell.wait(3600))
    await clock.run(waiting)
    assert (profile.id, "active", 64) == (row.spotify_id, row.state, len(row.account_key))
    assert token.value.get_secret_value() not in row.access_sealed
    assert (True, clock.now(), stage.spotify.account) == (
        schedule.active,
        schedule.next_sync_at,
        schedule.account,
    )
    assert row.consented_at == row.connected_at == clock.now()


async def test_every_call_of_a_connection_is_on_record(stage: Stage, ada: UserId) -> None:
    """The exchange is free, the profile costs what any call costs; the user pays."""
    await connect(stage.spotify, stage.simulator, user_id=ada)

    async with stage.runtime.database.transaction(ada, write=False) as session:
        entries = await session.execute(
            select(CostEntry.operation, CostEntry.amount_micro).order_by(CostEntry.id)
        )
    assert [("token_exchange", 0), ("profile", 100)] == [tuple(row) for row in entries]


async def test_a_state_works_once(stage: Stage, ada: UserId) -> None:
    """The second request with the same state is refused, though its code is new."""
    browser = await add_browser(stage.runtime, ada)
    back = await came_back(stage.spotify, stage.simulator, user_id=ada, session_id=browser)
    for _ in range(2):
        outcome = await asyncio.gather(
            finish(
                stage.spotify, code=back.code, state=back.state, user_id=ada, session_id=browser
            ),
            return_exceptions=True,
        )

    assert isinstance(outcome[0], StateInvalid)


async def test_a_failed_exchange_consumes_the_state_too(stage: Stage, ada: UserId) -> None:
    """A wrong code is answered by Spotify once; the state is gone before that."""
    browser = await add_browser(stage.runtime, ada)
    back = await came_back(stage.spotify, stage.simulator, user_id=ada, session_id=browser)
    with pytest.raises(GrantRefused, match="invalid_grant"):
        await finish(
            stage.spotify,
            code=SecretStr("guess"),
            state=back.state,
            user_id=ada,
            session_id=browser,
        )

    with pytest.raises(StateInvalid):
        await finish(
            stage.spotify, code=back.code, state=back.state, user_id=ada, session_id=browser
        )

    assert await connection_of(stage.runtime, ada) is None


async def test_a_state_lasts_ten_minutes(stage: Stage, ada: UserId, clock: SteppedClock) -> None:
    """At ten minutes it is too late."""
    browser = await add_browser(stage.runtime, ada)
    back = await came_back(stage.spotify, stage.simulator, user_id=ada, session_id=browser)
    clock.jump(600)

    with pytest.raises(StateExpired):
        await finish(
            stage.spotify, code=back.code, state=back.state, user_id=ada, session_id=browser
        )


async def test_a_new_sign_in_forgets_expired_ones(
    stage: Stage, ada: UserId, clock: SteppedClock
) -> None:
    """States that nobody came back with do not pile up; open ones stay."""
    for seconds in (0, 60, 599):
        clock.jump(seconds)
        await begin(stage.spotify, user_id=ada, session_id=None)

    async with stage.runtime.database.transaction(ada, write=False) as session:
        states = (await session.scalars(select(OAuthState))).all()
    assert 2 == len(states)
    assert {None} == {row.session_id for row in states}
    assert all(64 == len(row.state_hash) for row in states)


async def test_another_users_state_is_refused_and_left_alone(
    stage: Stage, ada: UserId, database_urls: DatabaseUrls
) -> None:
    """Eve cannot finish Ada's sign-in, and cannot spoil it either."""
    eve = await add_user(stage.runtime, "eve")
    browser = await add_browser(stage.runtime, ada)
    back = await came_back(stage.spotify, stage.simulator, user_id=ada, session_id=browser)
    eves = await add_browser(stage.runtime, eve)
    before = row_counts(database_urls)

    with pytest.raises(StateInvalid):
        await finish(stage.spotify, code=back.code, state=back.state, user_id=eve, session_id=eves)

    assert before == row_counts(database_urls)


@pytest.mark.parametrize("confirmed", [False, True])
async def test_another_session_of_the_same_user_is_refused(
    stage: Stage, ada: UserId, confirmed: bool
) -> None:
    """A sign-in begun in one browser cannot be finished in another."""
    begun_in, other = [await add_browser(stage.runtime, ada) for _ in range(2)]
    back = await came_back(stage.spotify, stage.simulator, user_id=ada, session_id=begun_in)

    with pytest.raises(StateInvalid):
        await finish(
            stage.spotify,
            code=back.code,
            state=back.state,
            user_id=ada,
            session_id=other,
            confirmed=confirmed,
        )


async def test_a_programs_sign_in_needs_a_persons_press(stage: Stage, ada: UserId) -> None:
    """Begun with a token, it waits for a confirmation in any browser of the user."""
    eve = await add_user(stage.runtime, "eve")
    browser = await add_browser(stage.runtime, ada)
    back = await came_back(stage.spotify, stage.simulator, user_id=ada, session_id=None)

    waiting = [
        await awaits_confirmation(stage.spotify, state=back.state, user_id=user)
        for user in (ada, eve)
    ]
    row = await finish(
        stage.spotify,
        code=back.code,
        state=back.state,
        user_id=ada,
        session_id=browser,
        confirmed=True,
    )

    assert [True, False] == waiting
    assert "active" == row.state


async def test_a_programs_sign_in_without_the_press_is_refused(stage: Stage, ada: UserId) -> None:
    """Nobody is connected by merely following an address."""
    browser = await add_browser(stage.runtime, ada)
    back = await came_back(stage.spotify, stage.simulator, user_id=ada, session_id=None)

    with pytest.raises(StateInvalid):
        await finish(
            stage.spotify, code=back.code, state=back.state, user_id=ada, session_id=browser
        )


async def test_one_account_of_two_users_in_a_race_goes_to_one(stage: Stage, ada: UserId) -> None:
    """The unique index decides; the other user is told, and nothing of theirs is stored."""
    eve = await add_user(stage.runtime, "eve")

    outcomes = await asyncio.gather(
        *(connect(stage.spotify, stage.simulator, user_id=user) for user in (ada, eve)),
        return_exceptions=True,
    )

    kinds = {type(outcome) for outcome in outcomes}
    stored = [await connection_of(stage.runtime, user) for user in (ada, eve)]
    assert {SpotifyConnection, AlreadyConnected} == kinds
    assert 1 == sum(row is not None for row in stored)


async def test_another_account_is_refused_and_nothing_is_mixed(stage: Stage, ada: UserId) -> None:
    """Signing in to a second account leaves the first connection as it was."""
    before = await connect(stage.spotify, stage.simulator, user_id=ada, listener=0)

    with pytest.raises(OtherAccount):
        await connect(stage.spotify, stage.simulator, user_id=ada, listener=1)

    after = await connection_of(stage.runtime, ada)
    assert after is not None
    assert (before.account_key, before.refresh_sealed) == (after.account_key, after.refresh_sealed)


async def test_reconnecting_renews_consent_and_keeps_all_data(
    stage: Stage, ada: UserId, clock: SteppedClock
) -> None:
    """The same account again: fresh tokens, consent from now, the schedule due, shows kept."""
    first = await connect(stage.spotify, stage.simulator, user_id=ada)
    await add_saved_show(stage.runtime, ada, "kept")
    async with stage.runtime.database.transaction(ada) as session:
        parked = {"state": "reconnect_needed", "reason": "revoked", "lapsed_at": clock.now()}
        await session.execute(update(SpotifyConnection).values(parked))
        await session.execute(update(SyncSchedule).values(active=False, interval_hours=6, fence=7))
    clock.jump(86_400)

    again = await connect(stage.spotify, stage.simulator, user_id=ada)

    schedule = await schedule_of(stage.runtime, ada)
    async with stage.runtime.database.transaction(ada, write=False) as session:
        shows = (await session.scalars(select(Show.id))).all()
        audited = (await session.scalars(select(AuditEvent.action))).all()
    assert ("active", None, None) == (again.state, again.reason, again.lapsed_at)
    assert (first.connected_at, clock.now()) == (again.connected_at, again.consented_at)
    assert first.fence < again.fence
    assert (True, 6, 7, clock.now()) == (
        schedule.active,
        schedule.interval_hours,
        schedule.fence,
        schedule.next_sync_at,
    )
    assert ["kept"] == shows
    assert ["spotify_connected"] * 2 == audited


async def test_an_account_linked_by_its_old_identifier_is_the_same(
    stage: Stage, ada: UserId
) -> None:
    """A connection from before there was an immutable id is renewed and linked by that id."""
    first = await connect(stage.spotify, stage.simulator, user_id=ada)
    async with stage.runtime.database.transaction(ada) as session:
        await session.execute(update(SpotifyConnection).values(account_key="of the id alone"))

    again = await connect(stage.spotify, stage.simulator, user_id=ada)

    assert first.account_key == again.account_key


async def test_a_wrong_invalid_grant_costs_a_sign_in_and_no_data(
    stage: Stage, ada: UserId, clock: SteppedClock
) -> None:
    """Spotify once refused good grants: parked connections came back by signing in again."""
    await connect(stage.spotify, stage.simulator, user_id=ada)
    await add_saved_show(stage.runtime, ada, "kept")
    clock.jump(3600)
    stage.simulator.faults.add(Fault(Kind.WRONG_INVALID_GRANT, times=1))
    with pytest.raises(ReconnectNeeded):
        await stage.spotify.oauth.tokens.access_token(ada)

    again = await connect(stage.spotify, stage.simulator, user_id=ada)

    async with stage.runtime.database.transaction(ada, write=False) as session:
        shows = (await session.scalars(select(Show.id))).all()
    assert ("active", ["kept"]) == (again.state, shows)


async def test_a_person_not_on_the_apps_list_is_told(stage: Stage, ada: UserId) -> None:
    """Spotify signs them in but refuses the profile; nothing is stored."""
    with pytest.raises(NotAllowed):
        await connect(stage.spotify, stage.simulator, user_id=ada, listener=6)

    assert await connection_of(stage.runtime, ada) is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"access_token": "a", "refresh_token": "r", "scope": "user-library-read"}, ScopeMissing),
        ({"access_token": "a"}, GrantRefused),
    ],
    ids=["scope missing", "no refresh token"],
)
async def test_an_incomplete_grant_is_refused(
    runtime: Runtime, ada: UserId, answer: dict[str, str], expected: type[SpotifyError]
) -> None:
    """A grant that could not sync, or not for longer than an hour, is not stored."""
    server = TokenServer()
    server.answers.append(JSONResponse(answer))
    spotify = Spotify.open(runtime, spotify_settings(), transport=httpx2.ASGITransport(app=server))
    browser = await add_browser(runtime, ada)
    begun = await begin(spotify, user_id=ada, session_id=browser)
    state = parse_qs(urlsplit(begun.url).query)["state"][0]

    with pytest.raises(expected):
        await finish(spotify, code=SecretStr("code"), state=state, user_id=ada, session_id=browser)

    await spotify.close()
    assert await connection_of(runtime, ada) is None


async def test_a_verifier_that_does_not_open_ends_the_sign_in(stage: Stage, ada: UserId) -> None:
    """After a change of keys, or for a verifier moved between rows, the user starts again."""
    browser = await add_browser(stage.runtime, ada)
    back = await came_back(stage.spotify, stage.simulator, user_id=ada, session_id=browser)
    async with stage.runtime.database.transaction(ada) as session:
        await session.execute(update(OAuthState).values(verifier_sealed="of another row"))

    with pytest.raises(StateInvalid):
        await finish(
            stage.spotify, code=back.code, state=back.state, user_id=ada, session_id=browser
        )


async def test_an_outage_at_the_exchange_stores_nothing(stage: Stage, ada: UserId) -> None:
    """The user starts again; a code is never sent twice."""
    stage.simulator.faults.add(Fault(Kind.BAD_GATEWAY, path="/api/token"))

    with pytest.raises(BadGateway):
        await connect(stage.spotify, stage.simulator, user_id=ada)

    assert await connection_of(stage.runtime, ada) is None


async def test_without_a_client_id_the_steps_to_one_are_told(runtime: Runtime, ada: UserId) -> None:
    """The message names this Playhead's own redirect address."""
    spotify = Spotify.open(runtime, SpotifySettings(_env_file=None))

    with pytest.raises(SpotifyNotConfigured) as refused:
        await begin(spotify, user_id=ada, session_id=None)

    await spotify.close()
    assert (409, "spotify_not_configured") == (refused.value.status, refused.value.code)
    assert "http://127.0.0.1:8000/api/spotify/auth/callback" in refused.value.message
    assert all(step in refused.value.message for step in ("(1)", "(2)", "(3)"))
