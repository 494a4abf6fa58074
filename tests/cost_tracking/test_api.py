"""The route about money."""

import pytest

from src.cost_tracking import ledger
from src.cost_tracking.ledger import Attempt
from src.cost_tracking.prices import Service
from src.runtime import Runtime
from src.utils.types import UserId
from tests.fixtures import DatabaseUrls
from tests.users.clients import app_on, bearer_of, program, signed_in


@pytest.fixture
def database_urls(sqlite_database: DatabaseUrls) -> DatabaseUrls:
    """The sums are tested on both engines elsewhere; the route needs one."""
    return sqlite_database


async def test_a_user_sees_what_was_spent(runtime: Runtime) -> None:
    """Total, today, days, operations, and the price that made them."""
    client = await signed_in(app_on(runtime))
    user_id = UserId((await client.get("/api/auth/me")).json()["id"])
    await ledger.record(
        runtime.database,
        Attempt(
            id=runtime.entropy.uuid(),
            user_id=user_id,
            service=Service.SPOTIFY_API,
            operation="show",
            outcome="ok",
            at=runtime.clock.now(),
        ),
    )

    found = (await client.get("/api/costs/summary", params={"days": 2})).json()

    spent = {"calls": 1, "failed": 0, "amount_micro": 100}
    operation = {**spent, "service": "spotify_api", "operation": "show"}
    nothing = {"calls": 0, "failed": 0, "amount_micro": 0, "by_operation": []}
    assert {
        "since": "2026-10-31",
        "until": "2026-11-01",
        "total": spent,
        "today": spent,
        "by_day": [
            {**nothing, "day": "2026-10-31"},
            {**spent, "day": "2026-11-01", "by_operation": [operation]},
        ],
        "by_operation": [operation],
        "first_sync": None,
        "price": {"price_micro": 100, "per_quantity": 1, "valid_from": "2026-01-01T00:00:00Z"},
    } == found


@pytest.mark.parametrize(("days", "status"), [(0, 422), (1, 200), (366, 200), (367, 422)])
async def test_the_period_is_bounded(runtime: Runtime, days: int, status: int) -> None:
    """A day at least, a year at most."""
    client = await signed_in(app_on(runtime))

    reply = await client.get("/api/costs/summary", params={"days": days})

    assert status == reply.status_code


async def test_costs_are_for_those_who_may_read(runtime: Runtime) -> None:
    """Nobody without a sign-in, no token without the scope."""
    app = app_on(runtime)
    stranger = await program(app).get("/api/costs/summary")
    importer = await bearer_of(app, scopes=["import"])
    refused = await importer.get("/api/costs/summary")

    assert (401, 403) == (stranger.status_code, refused.status_code)
