"""The root of every error Playhead raises, and those any room may need."""

from typing import ClassVar


class PlayheadError(Exception):
    """Something that can happen, with the HTTP status and stable code it is told by.

    Args:
        message: One or two sentences for the reader: what is so and what to do
            next. Never a token, never a whole row.
        retry_after_s: Seconds after which asking again makes sense, if known.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Playhead failed"

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s


class NoUser(PlayheadError):
    """Rows that belong to users were touched by a session opened for nobody."""

    code = "no_user"
    title = "No user"


class SettingsRefused(PlayheadError):
    """The configuration cannot be used; the message says how to mend it."""

    code = "settings_refused"
    title = "Settings refused"


class NotFound(PlayheadError):
    """There is no such thing, or it is not yours; the two look the same."""

    status = 404
    code = "not_found"
    title = "Not found"
