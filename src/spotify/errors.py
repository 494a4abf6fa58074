"""What can go wrong with Spotify, grouped by what the caller does about it."""

from http import HTTPStatus
from typing import ClassVar

from src.errors import PlayheadError


class SpotifyError(PlayheadError):
    """Root of what this room raises.

    Args:
        message: What is so and what to do next; by default the class's `advice`.
        retry_after_s: Seconds after which asking again makes sense, if known.
    """

    status = 502
    code = "spotify_error"
    title = "Spotify answered with an error"
    advice: ClassVar[str] = "Spotify answered with an error. Nothing was changed."

    def __init__(self, message: str | None = None, *, retry_after_s: float | None = None) -> None:
        super().__init__(message or self.advice, retry_after_s=retry_after_s)


# Worth another attempt.


class Transient(SpotifyError):
    """The service failed; the same call may well work in a moment. Counts for the breaker."""

    code = "spotify_failed"
    title = "Spotify failed"
    advice = "Spotify failed. We try again later; nothing was changed."


class BadGateway(Transient):
    """Spotify answered 5xx."""

    code = "spotify_bad_gateway"
    advice = "Spotify answered with an error of its own. We try again later."


class TimedOut(Transient):
    """The answer, or the rest of it, did not come in time."""

    status = 504
    code = "spotify_timed_out"
    title = "Spotify took too long"
    advice = "Spotify took too long to answer. We try again later."


class Unreachable(Transient):
    """No connection, no such host, or a connection that broke."""

    status = 504
    code = "spotify_unreachable"
    title = "Spotify is out of reach"
    advice = "Spotify could not be reached. We try again later."


class Garbled(Transient):
    """The answer is not the JSON that was agreed: cut, HTML, a redirect, or too large."""

    code = "spotify_garbled"
    title = "Spotify's answer is unreadable"
    advice = "Spotify's answer could not be read. Nothing was changed; we try again later."


class Slowed(SpotifyError):
    """Spotify asked to slow down for a few seconds; handled inside the client."""

    status = 503
    code = "spotify_slowed"
    title = "Spotify asked to slow down"
    advice = "Spotify asked us to slow down for a few seconds. No need to do anything."


# Come back later.


class SpotifyBusy(SpotifyError):
    """The wait for a turn, or the one Spotify asked for, is longer than the caller's patience."""

    status = 503
    code = "spotify_busy"
    title = "Spotify is busy"
    advice = "Spotify cannot take this call right now. It is made again later by itself."


class QuotaExhausted(SpotifyError):
    """The developer account's daily allowance is used up; everybody on it waits."""

    status = 503
    code = "quota_exhausted"
    title = "Daily allowance used up"
    advice = (
        "Spotify's daily quota is used up for everyone here. We wait and go on where we stopped. "
        "Asking sooner would make it longer."
    )


class CallCapReached(SpotifyError):
    """This piece of work has made all the calls it was allowed."""

    status = 429
    code = "call_cap_reached"
    title = "Call limit reached"

    def __init__(self, max_calls: int) -> None:
        """Say how many calls were allowed."""
        super().__init__(
            f"All {max_calls} Spotify calls allowed at once are made. What is left comes with "
            "the next sync."
        )


class LeaseLost(SpotifyError):
    """Another process took over this run; stop without writing anything."""

    status = 409
    code = "lease_lost"
    title = "Run taken over"
    advice = "Another process went on with this sync. Nothing is lost."


# The user, or the app's owner, has to do something.


class SpotifyNotConfigured(SpotifyError):
    """No client id is set."""

    status = 409
    code = "spotify_not_configured"
    title = "No Spotify app yet"
    advice = (
        "Playhead has no Spotify app yet. Create one at developer.spotify.com and set its "
        "client id as SPOTIFY_CLIENT_ID."
    )


class NotConnected(SpotifyError):
    """The user has not connected Spotify."""

    status = 409
    code = "not_connected"
    title = "Spotify is not connected"
    advice = "Spotify is not connected yet. Connect it first."


class ReconnectNeeded(SpotifyError):
    """The grant is gone: revoked, or six months old. Only a new sign-in helps."""

    status = 409
    code = "reconnect_needed"
    title = "Connect Spotify again"
    advice = (
        "Spotify no longer accepts this connection. Your history is safe. Connect again to go on."
    )


class AlreadyConnected(SpotifyError):
    """This Spotify account belongs to another user of this Playhead."""

    status = 409
    code = "already_connected"
    title = "Spotify account in use"
    advice = (
        "This Spotify account is connected to another user here. Disconnect it there, or "
        "sign in to Spotify with another account."
    )


class OtherAccount(SpotifyError):
    """The user signed in to another Spotify account than the connected one."""

    status = 409
    code = "other_account"
    title = "Another Spotify account"
    advice = (
        "You signed in to another Spotify account than the one connected here; nothing of it "
        "was kept. Keep the connected one: there is nothing to do. Or disconnect it first, which "
        "deletes what came by it, and connect the other one then."
    )


class StateInvalid(SpotifyError):
    """The sign-in that came back was not started here, or not by this session."""

    status = 403
    code = "state_invalid"
    title = "Sign-in not recognised"
    advice = "This sign-in was not started from this page. Start it again here."


class StateExpired(SpotifyError):
    """The sign-in was open for too long."""

    status = 403
    code = "state_expired"
    title = "Sign-in took too long"
    advice = (
        "That sign-in was open for more than ten minutes, so we closed it. Start again; "
        "nothing was lost."
    )


class NotAllowed(SpotifyError):
    """Spotify lets the user sign in, but the app's owner has not listed them."""

    status = 403
    code = "spotify_not_allowed"
    title = "Not on the app's list"
    advice = (
        "Spotify let you sign in but refused the data. The app's owner has to add your "
        "Spotify e-mail under User management; five people fit."
    )


class PremiumLapsed(SpotifyError):
    """The app's owner has no Premium any more, so Spotify refuses everybody."""

    status = 403
    code = "spotify_premium_lapsed"
    title = "The app's owner needs Premium"
    advice = (
        "Spotify now wants the owner of the app to have Premium, and refused us. Your "
        "history here stays readable."
    )


class ScopeMissing(SpotifyError):
    """The grant does not cover what was asked."""

    status = 403
    code = "spotify_scope_missing"
    title = "Permission missing"
    advice = (
        "Spotify was not given every permission that syncing needs. Connect again and leave "
        "all of them ticked."
    )


class CallRemoved(SpotifyError):
    """Spotify refuses this call to apps like ours: it was taken out of the Web API."""

    code = "spotify_call_removed"
    title = "No longer offered by Spotify"
    advice = "Spotify does not offer this to apps like yours any more. What is stored stays."


class CallRefused(SpotifyError):
    """Spotify says that the call itself is wrong (another 4xx)."""

    code = "spotify_call_refused"
    title = "Spotify refused the call"
    advice = "Spotify refused the call. Nothing was changed."


class SpotifyNotFound(SpotifyError):
    """Spotify says 404. It does so at random too: once is no deletion."""

    status = 404
    code = "spotify_not_found"
    title = "Not found at Spotify"
    advice = "Spotify does not know this, or says so for the moment."


# Between the wire and those who hold the tokens.


class TokenRejected(SpotifyError):
    """Spotify answered 401: the access token is no longer good; refreshed inside the client."""

    code = "spotify_token_rejected"
    title = "Access token rejected"
    advice = "Spotify no longer accepts the access token."


class GrantRefused(SpotifyError):
    """The accounts service refused a token request.

    Attributes:
        error: Its error code, such as `invalid_grant` or `invalid_client`; "" if none came.
        ends_grant: Whether that is the one answer after which the grant is of no more use.
    """

    code = "spotify_grant_refused"
    title = "Spotify refused the sign-in"

    def __init__(self, error: str, *, http_status: int = 400) -> None:
        """Keep the error code, cut to 64 characters."""
        self.error = error[:64]
        self.ends_grant = http_status == HTTPStatus.BAD_REQUEST and error == "invalid_grant"
        super().__init__(f"Spotify's accounts service refused the request ({self.error}).")
