"""What can go wrong between a person and their account."""

from math import ceil

from src.errors import PlayheadError


class RegistrationClosed(PlayheadError):
    """This Playhead does not take the account that was asked for."""

    status = 403
    code = "registration_closed"
    title = "Registration is closed"


class SetupDone(PlayheadError):
    """Somebody owns this Playhead already."""

    status = 409
    code = "setup_done"
    title = "Already set up"

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__(
            "This Playhead has its owner, so the set-up code is spent. Ask them for an invite."
        )


class UsernameTaken(PlayheadError):
    """Another user has this name."""

    status = 409
    code = "username_taken"
    title = "Name in use"

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__("Somebody here has this name already. Choose another.")


class PasswordRefused(PlayheadError):
    """The password could be guessed, or is too short or too long."""

    status = 422
    code = "password_refused"
    title = "Choose another password"


class BadCredentials(PlayheadError):
    """Name and password do not belong together; which of them is wrong is not told."""

    status = 401
    code = "bad_credentials"
    title = "Not signed in"

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__("This name and password do not belong together. Check both.")


class Throttled(PlayheadError):
    """Too many sign-ins failed; the next one has to wait."""

    status = 429
    code = "throttled"
    title = "Too many attempts"

    def __init__(self, *, retry_after_s: float) -> None:
        """Say for how long.

        Args:
            retry_after_s: Seconds until the next attempt counts.
        """
        wait_s = max(1, ceil(retry_after_s))
        unit = "second" if wait_s == 1 else "seconds"
        super().__init__(
            f"That was a lot at once. Try again in {wait_s} {unit}.", retry_after_s=wait_s
        )


class RequestsLimited(PlayheadError):
    """The user's browsers and programs asked more often than 120 times within a minute."""

    status = 429
    code = "rate_limited"
    title = "Too many requests"

    def __init__(self, *, retry_after_s: float) -> None:
        """Say for how long.

        Args:
            retry_after_s: Seconds until the next request is answered.
        """
        wait_s = max(1, ceil(retry_after_s))
        unit = "second" if wait_s == 1 else "seconds"
        super().__init__(
            f"That was more than 120 requests within a minute. Ask again in {wait_s} {unit}.",
            retry_after_s=wait_s,
        )


class Busy(PlayheadError):
    """More passwords wait to be checked than this machine can take."""

    status = 503
    code = "busy"
    title = "Busy"

    def __init__(self) -> None:
        """Ask to come back in two seconds."""
        super().__init__(
            "Many people are signing in just now. Try again in 2 seconds.", retry_after_s=2
        )


class NotSignedIn(PlayheadError):
    """The request carries neither cookie nor token."""

    status = 401
    code = "not_signed_in"
    title = "Sign in first"

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__("Sign in first; programs send a token as Authorization: Bearer.")


class SignedOut(PlayheadError):
    """The cookie belongs to no session any more."""

    status = 401
    code = "signed_out"
    title = "Signed out"

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__("You have been signed out. Sign in again to go on.")


class TokenInvalid(PlayheadError):
    """The bearer token is mistyped, ended or expired."""

    status = 401
    code = "token_invalid"
    title = "Token not accepted"

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__(
            "This token is mistyped, was ended or has expired. Make a new one in the settings."
        )


class ScopeNotGranted(PlayheadError):
    """The bearer token may not do this."""

    status = 403
    code = "scope_missing"
    title = "Token may not do this"

    def __init__(self, scope: str) -> None:
        """Name the scope that is missing."""
        super().__init__(f"This token lacks the scope “{scope}”. Make one that has it.")


class Reauthenticate(PlayheadError):
    """Only a browser session whose password was given a moment ago may do this."""

    status = 403
    code = "reauthenticate"
    title = "Give your password again"

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__(
            "This needs your password from the last ten minutes. Sign in again in the browser "
            "and repeat it."
        )
