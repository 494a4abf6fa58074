"""What a bearer token was not made for, it cannot do: every route, every scope."""

import pytest
from fastapi import FastAPI

from src.auth import cookie_name
from tests.api.routes import operations
from tests.api.tables import LAST_USED, dump
from tests.api.test_two_users import BODIES, MISSING, PUBLIC
from tests.fixtures import DatabaseUrls
from tests.users.clients import bearer_of, told

OF_A_BROWSER = {
    *("POST /api/auth/password", "POST /api/auth/tokens"),
    *("GET /api/account/export", "DELETE /api/account"),
}
ENDS_ITSELF = "POST /api/auth/logout"
FINISHES_A_SIGN_IN = "POST /api/spotify/auth/callback/confirm"
NEEDED = {
    "account": {
        "PATCH /api/auth/me",
        "GET /api/auth/tokens",
        "DELETE /api/auth/tokens",
        "DELETE /api/auth/tokens/{token_id}",
        "GET /api/spotify/auth/url",
        "DELETE /api/spotify/connection",
    },
    "sync": {"POST /api/spotify/sync", "PUT /api/spotify/sync/schedule"},
    "import": {
        "POST /api/history/events/{event_id}/split",
        "POST /api/history/events/{event_id}/join",
        "POST /api/history/events/{event_id}/hide",
        "DELETE /api/history/edits/{edit_id}",
        "POST /api/history/imports",
        "DELETE /api/history/imports/{import_id}",
        "POST /api/history/uploads",
        "GET /api/history/uploads/{upload_id}",
        "PATCH /api/history/uploads/{upload_id}",
    },
}
IDS = {**MISSING, "year": "2024"}


def needed(name: str) -> str:
    """The scope that opens a route; reading is the rule."""
    return next((scope for scope, names in NEEDED.items() if name in names), "read")


@pytest.mark.parametrize("scope", ["read", "sync", "import", "account"])
async def test_token_opens_the_routes_of_its_scope_alone(
    app: FastAPI, database_urls: DatabaseUrls, scope: str
) -> None:
    """Case 17: 403 scope_missing everywhere else, and no row is changed by what was refused."""
    client = await bearer_of(app, scopes=[scope])
    before = dump(database_urls, without=LAST_USED)
    closed = {
        one.name: one
        for one in operations(app)
        if one.name not in PUBLIC | OF_A_BROWSER | {ENDS_ITSELF, FINISHES_A_SIGN_IN}
        and needed(one.name) != scope
    }

    for name, operation in closed.items():
        url, body = operation.path.format(**IDS), BODIES.get(name)
        reply = await client.request(operation.method, url, json=body)
        assert (403, "scope_missing") == told(reply), name

    for name in OF_A_BROWSER:
        method, url = name.split()
        reply = await client.request(method, url, json=BODIES.get(name))
        assert (403, "reauthenticate") == told(reply), name
    assert len(closed) >= 8
    assert before == dump(database_urls, without=LAST_USED)


async def test_token_beside_a_cookie_is_what_counts(app: FastAPI) -> None:
    """Whoever sends a token asks as that token, whatever cookie the request carries too."""
    client = await bearer_of(app, scopes=["import"])
    client.cookies.set(cookie_name(app.state.runtime.settings), "anything")

    assert (403, "scope_missing") == told(await client.get("/api/auth/me"))
