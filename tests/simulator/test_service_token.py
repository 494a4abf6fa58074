"""The token endpoint: every wrong request has its own error."""

from datetime import timedelta

import pytest

from simulator.faults.board import Fault, Kind
from simulator.service.grants import months_later
from simulator.settings import App, Quirks, Settings
from tests.simulator.driving import SCOPES, START, VERIFIER, Driver, drive

OTHER_APP = "0123456789abcdef0123456789abcdef"


async def test_exchange_answers_as_the_service_does(driver: Driver) -> None:
    """Tokens, an hour, and the granted scopes."""
    tokens = await driver.tokens(0, scope="user-library-read user-read-private")

    assert {"access_token", "token_type", "expires_in", "refresh_token", "scope"} == set(tokens)
    assert ("Bearer", 3600) == (tokens["token_type"], tokens["expires_in"])
    assert "user-library-read user-read-private" == tokens["scope"]


async def test_refresh_does_not_rotate_and_omits_the_refresh_token(driver: Driver) -> None:
    """The old refresh token stays the one to keep."""
    tokens = await driver.tokens(0)

    first = (await driver.refresh(tokens["refresh_token"])).json()
    second = (await driver.refresh(tokens["refresh_token"])).json()

    assert {"access_token", "token_type", "expires_in", "scope"} == set(first)
    assert sorted(SCOPES.split()) == first["scope"].split()
    assert 3 == len({tokens["access_token"], first["access_token"], second["access_token"]})


@pytest.mark.parametrize(
    ("changed", "error", "description"),
    [
        ({"grant_type": None}, "unsupported_grant_type", "grant_type parameter is missing"),
        ({"grant_type": "password"}, "unsupported_grant_type", "grant_type must be"),
        ({"client_id": None}, "invalid_client", "Invalid client"),
        ({"client_id": "0" * 32}, "invalid_client", "Invalid client"),
        ({"client_id": OTHER_APP}, "invalid_grant", "Invalid authorization code"),
        ({"code": None}, "invalid_request", "code must be supplied"),
        ({"code": "AQBwrong"}, "invalid_grant", "Invalid authorization code"),
        ({"redirect_uri": None}, "invalid_request", "redirect_uri must be supplied"),
        (
            {"redirect_uri": "http://127.0.0.1:9/api/spotify/auth/callback"},
            "invalid_grant",
            "Invalid redirect URI",
        ),
        ({"code_verifier": None}, "invalid_request", "code_verifier must be supplied"),
        ({"code_verifier": "short"}, "invalid_request", "43 to 128"),
        ({"code_verifier": "!" * 43}, "invalid_request", "43 to 128"),
        ({"code_verifier": VERIFIER + "x"}, "invalid_grant", "code_verifier was incorrect"),
    ],
)
async def test_each_wrong_exchange_has_its_error(
    changed: dict[str, str | None], error: str, description: str
) -> None:
    """Flat errors, 400, and the code still works for the right request."""
    driver = drive(Settings(shows=5, listeners=1, apps=(App(), App(client_id=OTHER_APP))))
    code = await driver.code()

    wrong = await driver.exchange(**({"code": code} | changed))
    right = await driver.exchange(code=code)

    assert 400 == wrong.status_code
    assert error == wrong.json()["error"]
    assert description in wrong.json()["error_description"]
    assert {"error", "error_description"} == set(wrong.json())
    assert 200 == right.status_code


async def test_a_code_works_once(driver: Driver) -> None:
    """Used again, it is an invalid code."""
    code = await driver.code()
    await driver.exchange(code=code)

    again = await driver.exchange(code=code)

    assert "Invalid authorization code" == again.json()["error_description"]


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 400)])
async def test_a_code_lives_ten_minutes(driver: Driver, seconds: int, status: int) -> None:
    """After ten minutes it is refused."""
    code = await driver.code()
    driver.simulator.clock.step(seconds)

    assert status == (await driver.exchange(code=code)).status_code


async def test_an_authorization_header_is_refused(driver: Driver) -> None:
    """A client with PKCE has no secret to send."""
    form = {"grant_type": "refresh_token", "client_id": "x"}
    reply = await driver.http.post("/api/token", data=form, auth=("id", "secret"))

    assert "invalid_client" == reply.json()["error"]


async def test_only_posted_forms_are_read(driver: Driver) -> None:
    """JSON has no grant type, GET no answer, and a huge body is cut off."""
    as_json = await driver.http.post("/api/token", json={"grant_type": "refresh_token"})
    got = await driver.http.get("/api/token")
    huge = await driver.http.post("/api/token", data={"code": "x" * 70_000})

    assert "unsupported_grant_type" == as_json.json()["error"]
    assert 405 == got.status_code
    assert 413 == huge.status_code


@pytest.mark.parametrize(
    ("given", "description"),
    [("", "refresh_token must be supplied"), ("AQAwrong", "Invalid refresh token")],
)
async def test_wrong_refreshes_have_their_errors(
    driver: Driver, given: str, description: str
) -> None:
    """Missing and unknown differ."""
    assert description == (await driver.refresh(given)).json()["error_description"]


@pytest.mark.parametrize(("days", "status"), [(180, 200), (185, 400)])
async def test_a_grant_dies_six_months_after_consent(
    driver: Driver, days: int, status: int
) -> None:
    """Refreshing on the way does not extend it."""
    token = (await driver.tokens(0))["refresh_token"]
    driver.simulator.clock.step(timedelta(days=90).total_seconds())
    await driver.refresh(token)
    driver.simulator.clock.step(timedelta(days=days - 90).total_seconds())

    reply = await driver.refresh(token)

    assert status == reply.status_code
    if status == 400:
        assert {"error": "invalid_grant", "error_description": "Refresh token revoked"} == (
            reply.json()
        )


async def test_a_new_consent_restarts_the_six_months(driver: Driver) -> None:
    """Only a new sign-in does."""
    await driver.tokens(0)
    driver.simulator.clock.step(timedelta(days=185).total_seconds())
    token = (await driver.tokens(0))["refresh_token"]
    driver.simulator.clock.step(timedelta(days=100).total_seconds())

    assert 200 == (await driver.refresh(token)).status_code


def test_months_end_on_the_last_day_of_shorter_ones() -> None:
    """31 August and six months is the end of February."""
    at = START.replace(month=8, day=31)

    assert at.replace(year=2027, month=2, day=28) == months_later(at, 6)


async def test_revocation_ends_refresh_and_access(driver: Driver) -> None:
    """Of this listener alone."""
    mine, other = await driver.tokens(0), await driver.tokens(1)
    caller = await driver.connected(0)

    assert 2 == driver.simulator.revoke(0)
    assert 400 == (await driver.refresh(mine["refresh_token"])).status_code
    assert 401 == (await caller.get("/me")).status_code
    assert 200 == (await driver.refresh(other["refresh_token"])).status_code


async def test_rotation_spends_the_old_token() -> None:
    """Switched on, a refresh hands out a new token and the old one is revoked."""
    driver = drive(Settings(shows=5, listeners=1, quirks=Quirks(rotation=True)))
    first = (await driver.tokens(0))["refresh_token"]

    second = (await driver.refresh(first)).json()["refresh_token"]
    old = await driver.refresh(first)

    assert "Refresh token revoked" == old.json()["error_description"]
    assert 200 == (await driver.refresh(second)).status_code


async def test_rotation_can_be_switched_on_while_it_runs(driver: Driver) -> None:
    """A fault of that name rotates once."""
    first = (await driver.tokens(0))["refresh_token"]
    driver.simulator.faults.add(Fault(Kind.ROTATION, times=1))

    rotated = (await driver.refresh(first)).json()["refresh_token"]
    kept = (await driver.refresh(rotated)).json()

    assert first != rotated
    assert "refresh_token" not in kept


async def test_a_wrong_invalid_grant_comes_once_and_passes(driver: Driver) -> None:
    """The token was good all along."""
    token = (await driver.tokens(0))["refresh_token"]
    driver.simulator.faults.add(Fault(Kind.WRONG_INVALID_GRANT, times=1))

    wrong, right = await driver.refresh(token), await driver.refresh(token)

    assert "invalid_grant" == wrong.json()["error"]
    assert 200 == right.status_code


async def test_refreshes_are_counted_by_grant(driver: Driver) -> None:
    """Refused ones count as well; an unknown token has no grant."""
    token = (await driver.tokens(0))["refresh_token"]
    await driver.refresh(token)
    driver.simulator.revoke(0)
    await driver.refresh(token)
    await driver.refresh("AQAwrong")

    assert {"g1": 2, "unknown": 1} == driver.simulator.requests.refreshes()


async def test_tokens_follow_from_the_seed() -> None:
    """The same seed hands out the same tokens, another seed others."""
    tokens = [
        (await drive(Settings(seed=seed, shows=5, listeners=1)).tokens())["access_token"]
        for seed in (1, 1, 2)
    ]

    assert tokens[0] == tokens[1] != tokens[2]
