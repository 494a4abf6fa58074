"""The authorisation page of the accounts service."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from simulator.service.call import Call, Refused
from simulator.service.consent_page import consent_page, refusal_page
from simulator.service.redirects import insecure, registered, source
from simulator.service.reply import Reply, api_error
from simulator.service.state import State

SCOPES = frozenset(
    """
    playlist-modify-private playlist-modify-public playlist-read-collaborative
    playlist-read-private streaming ugc-image-upload user-follow-modify user-follow-read
    user-library-modify user-library-read user-modify-playback-state
    user-read-currently-playing user-read-email user-read-playback-position
    user-read-playback-state user-read-private user-read-recently-played user-top-read
    """.split()  # noqa: SIM905 - reads better than eighteen quoted words
)
PARAMETERS = (
    "client_id",
    "response_type",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge_method",
    "code_challenge",
    "show_dialog",
)
CHALLENGE_LENGTH = 43
_CHALLENGE = frozenset(string.ascii_letters + string.digits + "-_")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to authorise that is in order."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str
    state: str | None


def authorize(state: State, call: Call) -> Reply:
    """Answer `/authorize`: ask a person, or take the decision of a posted form.

    Raises:
        Refused: 400 with a page when there is nowhere safe to send the person;
            a redirect with `error` for every other fault of the app.
    """
    if call.method not in {"GET", "POST"}:
        raise Refused(api_error(405, "Method not allowed"))
    given = call.form if call.method == "POST" else call.query
    asked = _checked(state, given)
    if call.method == "POST":
        return _decide(state, call, asked, given)
    auto = state.auto_consent
    if auto is not None:
        return _consent(state, call, asked, auto.listener) if auto.allow else _denied(asked)
    everyone = [state.world.listener(index) for index in range(state.settings.listeners)]
    parameters = {name: given[name] for name in PARAMETERS if name in given}
    return consent_page(
        parameters, scopes=asked.scopes, listeners=everyone, target=source(asked.redirect_uri)
    )


def _decide(state: State, call: Call, asked: Asked, given: Mapping[str, str]) -> Reply:
    if given.get("decision") == "deny":
        return _denied(asked)
    chosen = given.get("listener", "")
    if given.get("decision") != "allow" or not (chosen.isascii() and chosen.isdigit()):
        raise Refused(refusal_page("Choose a listener, then allow or deny."))
    if not int(chosen[:9]) < state.settings.listeners:
        raise Refused(refusal_page(f"There is no listener {chosen[:9]}."))
    return _consent(state, call, asked, int(chosen[:9]))


def _consent(state: State, call: Call, asked: Asked, listener: int) -> Reply:
    code = state.grants.consent(
        client_id=asked.client_id,
        listener=listener,
        scopes=frozenset(asked.scopes),
        redirect_uri=asked.redirect_uri,
        challenge=asked.challenge,
        at=call.at,
    )
    call.record.listener = listener
    return _back(asked.redirect_uri, {"code": code}, asked.state)


def _denied(asked: Asked) -> Reply:
    return _back(asked.redirect_uri, {"error": "access_denied"}, asked.state)


def _checked(state: State, given: Mapping[str, str]) -> Asked:
    app = state.app(given.get("client_id"))
    if app is None:
        raise Refused(refusal_page("INVALID_CLIENT: Invalid client"))
    uri = given.get("redirect_uri", "")
    if insecure(uri):
        raise Refused(refusal_page("INVALID_CLIENT: Insecure redirect URI"))
    if not registered(uri, app.redirect_uris):
        raise Refused(refusal_page("INVALID_CLIENT: Invalid redirect URI"))

    def refuse(error: str, description: str) -> Refused:
        told = {"error": error, "error_description": description}
        return Refused(_back(uri, told, given.get("state")))

    if given.get("response_type") != "code":
        raise refuse("unsupported_response_type", "response_type must be code")
    if given.get("code_challenge_method") != "S256":
        raise refuse("invalid_request", "code_challenge_method must be S256")
    challenge = given.get("code_challenge", "")
    if len(challenge) != CHALLENGE_LENGTH or not _CHALLENGE.issuperset(challenge):
        raise refuse("invalid_request", "code_challenge must be a SHA-256 hash in base64url")
    scopes = tuple(given.get("scope", "").split())
    if not SCOPES.issuperset(scopes):
        raise refuse("invalid_scope", "Invalid scope")
    return Asked(app.client_id, uri, scopes, challenge, given.get("state"))


def _back(uri: str, told: Mapping[str, str], state: str | None) -> Reply:
    """Send the person back to the app; its `state` goes along unchanged."""
    query = urlencode(dict(told) | ({} if state is None else {"state": state}))
    joint = "&" if "?" in uri else "?"
    headers = {
        "location": f"{uri}{joint}{query}",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
    }
    return Reply(302, b"", "", headers)
