"""The token endpoint of the accounts service."""

from __future__ import annotations

import base64
import string
from hashlib import sha256

from simulator.faults.board import Kind
from simulator.service.call import Call, Refused
from simulator.service.grants import ACCESS_LIFETIME_S, Code, Grant
from simulator.service.reply import Reply, flat_error, ok
from simulator.service.state import State

VERIFIER_LENGTHS = range(43, 129)
_VERIFIER = frozenset(string.ascii_letters + string.digits + "._~-")
_REVOKED = "Refresh token revoked"


def token(state: State, call: Call) -> Reply:
    """Answer `/api/token`: exchange a code, or refresh an access token.

    Raises:
        Refused: 400 in the flat error shape; 405 for another method.
    """
    if call.method != "POST":
        raise _refuse("invalid_request", "Method not allowed", status=405)
    kind = call.form.get("grant_type")
    if kind is None:
        raise _refuse("unsupported_grant_type", "grant_type parameter is missing")
    if kind not in {"authorization_code", "refresh_token"}:
        raise _refuse("unsupported_grant_type", "grant_type must be authorization_code or refresh")
    call.record.endpoint = kind
    app = state.app(call.form.get("client_id"))
    if app is None or "authorization" in call.headers:
        raise _refuse("invalid_client", "Invalid client")
    call.record.client_id = app.client_id
    if kind == "refresh_token":
        return _refresh(state, call, app.client_id)
    return _exchange(state, call, app.client_id)


def _exchange(state: State, call: Call, client_id: str) -> Reply:
    for name in ("code", "redirect_uri", "code_verifier"):
        if not call.form.get(name):
            raise _refuse("invalid_request", f"{name} must be supplied")
    code = state.grants.code(call.form["code"])
    if code is None or code.grant.client_id != client_id:
        raise _refuse("invalid_grant", "Invalid authorization code")
    _name(call, code.grant)
    if call.at >= code.expires_at:
        raise _refuse("invalid_grant", "Authorization code expired")
    if call.form["redirect_uri"] != code.redirect_uri:
        raise _refuse("invalid_grant", "Invalid redirect URI")
    _check_verifier(call.form["code_verifier"], code)
    access = state.grants.redeem(call.form["code"], at=call.at)
    return _tokens(code.grant, access, refresh_token=code.grant.refresh_token)


def _check_verifier(verifier: str, code: Code) -> None:
    if len(verifier) not in VERIFIER_LENGTHS or not _VERIFIER.issuperset(verifier):
        raise _refuse("invalid_request", "code_verifier must be 43 to 128 unreserved characters")
    digest = base64.urlsafe_b64encode(sha256(verifier.encode()).digest())
    if digest.decode().rstrip("=") != code.challenge:
        raise _refuse("invalid_grant", "code_verifier was incorrect")


def _refresh(state: State, call: Call, client_id: str) -> Reply:
    given = call.form.get("refresh_token")
    if not given:
        raise _refuse("invalid_request", "refresh_token must be supplied")
    grant = state.grants.by_refresh_token(given)
    if grant is None or grant.client_id != client_id:
        raise _refuse("invalid_grant", "Invalid refresh token")
    _name(call, grant)
    if state.fault(Kind.WRONG_INVALID_GRANT, call):
        raise _refuse("invalid_grant", _REVOKED)
    if given in grant.spent or not grant.alive(call.at):
        raise _refuse("invalid_grant", _REVOKED)
    access = state.grants.access(grant, at=call.at)
    rotated = state.settings.quirks.rotation or state.fault(Kind.ROTATION, call)
    return _tokens(grant, access, refresh_token=state.grants.rotate(grant) if rotated else None)


def _tokens(grant: Grant, access: str, *, refresh_token: str | None) -> Reply:
    told: dict[str, object] = {
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": ACCESS_LIFETIME_S,
    }
    if refresh_token is not None:
        told["refresh_token"] = refresh_token
    reply = ok(told | {"scope": " ".join(sorted(grant.scopes))})
    reply.headers |= {"cache-control": "no-store", "pragma": "no-cache"}
    return reply


def _name(call: Call, grant: Grant) -> None:
    """Let the log line say whose grant this is."""
    call.record.listener, call.record.grant = grant.listener, grant.id


def _refuse(error: str, description: str, *, status: int = 400) -> Refused:
    return Refused(flat_error(error, description, status=status))
