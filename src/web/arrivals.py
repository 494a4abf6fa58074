"""What is said to somebody who comes back from Spotify, or from a form that did its work."""

from collections.abc import Mapping

from src.spotify import errors
from src.users.schemas import Notice

_DENIED = (
    "You chose not to connect, and Spotify told us so. Nothing was stored. You can connect later."
)
_REFUSED = "Spotify did not accept the sign-in. Nothing was stored. Start it again here."
_UNKNOWN = "Connecting did not work this time. Nothing was stored. Start it again here."

_ADVICE = {
    kind.code: kind.advice
    for kind in (
        errors.StateInvalid,
        errors.StateExpired,
        errors.AlreadyConnected,
        errors.OtherAccount,
        errors.NotAllowed,
        errors.PremiumLapsed,
        errors.ScopeMissing,
        errors.Transient,
        errors.BadGateway,
        errors.TimedOut,
        errors.Unreachable,
        errors.Garbled,
        errors.SpotifyBusy,
        errors.QuotaExhausted,
        errors.SpotifyNotConfigured,
    )
} | {"access_denied": _DENIED, errors.GrantRefused.code: _REFUSED}

_DONE = {
    "connected": Notice(
        kind="ok",
        head="Spotify is connected",
        text="The first sync begins by itself. Your shows appear below as they are read.",
    ),
    "saved": Notice(kind="ok", head="Saved", text="Your schedule is as you set it."),
    "disconnected": Notice(
        kind="ok",
        head="Spotify is disconnected",
        text="Tokens and everything Spotify told of you are deleted here. The last step is yours: "
        "remove Playhead under Apps on your Spotify account page.",
    ),
}


def arrival_notice(query: Mapping[str, str]) -> Notice | None:
    """Return what to say for the query of an address; its own text is never shown."""
    code = query.get("connect_error")
    if code is not None:
        words = _ADVICE.get(code, _UNKNOWN)
        return Notice(kind="warn", head="Spotify was not connected", text=words)
    return next((notice for name, notice in _DONE.items() if query.get(name) == "1"), None)
