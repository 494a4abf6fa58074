"""Who may call: the token, the allow-list, the owner's Premium, the scopes."""

from __future__ import annotations

from simulator.faults.board import Kind
from simulator.service.call import Call, Refused
from simulator.service.grants import AccessToken
from simulator.service.reply import api_error, plain
from simulator.service.state import State

NOT_REGISTERED = (
    "Check settings on developer.spotify.com/dashboard, the user may not be registered."
)
PREMIUM_LAPSED = "Active premium subscription required for the owner of the app."


def identify(state: State, call: Call) -> None:
    """Attach the token of the Authorization header, without judging it."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        call.token = state.grants.by_access_token(token.strip())


def check_access(state: State, call: Call) -> None:
    """Let a call through that its token, app and listener entitle.

    Raises:
        Refused: 400 or 401 in the error envelope, 403 in plain text.
    """
    token = _valid_token(state, call)
    listener = token.grant.listener
    if state.fault(Kind.REVOKE, call):
        state.grants.revoke(listener, at=call.at)
        raise Refused(api_error(401, "Invalid access token"))
    app = state.app(token.grant.client_id)
    unlisted = app is None or (not state.extended and listener >= app.allow_listed)
    if unlisted or state.fault(Kind.NOT_ALLOW_LISTED, call):
        raise Refused(plain(403, NOT_REGISTERED))
    if listener in state.lapsed or state.fault(Kind.PREMIUM_LAPSED, call):
        raise Refused(plain(403, PREMIUM_LAPSED))


def check_scopes(call: Call, any_of: tuple[str, ...]) -> None:
    """Let a call through whose token carries one of the scopes; none asked: all.

    Raises:
        Refused: 403 in the error envelope.
    """
    if any_of and not call.has_scope(*any_of):
        raise Refused(api_error(403, "Insufficient client scope"))


def _valid_token(state: State, call: Call) -> AccessToken:
    header = call.headers.get("authorization")
    if not header:
        raise Refused(api_error(401, "No token provided"))
    if not header.lower().startswith("bearer "):
        raise Refused(api_error(400, "Only valid bearer authentication supported"))
    if call.token is None or call.token.grant.revoked_at is not None:
        raise Refused(api_error(401, "Invalid access token"))
    if call.at >= call.token.expires_at:
        raise Refused(api_error(401, "The access token expired"))
    return call.token
