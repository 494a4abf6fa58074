"""What can be wrong with a file that somebody gives us as their listening history."""

from typing import ClassVar

from src.errors import PlayheadError


class ArchiveRefused(PlayheadError):
    """The whole file cannot be used. By itself: what is in it is not safe to open.

    Args:
        message: What is so and what to do next; by default the class's `advice`.
    """

    status = 422
    code = "archive_refused"
    title = "Archive refused"
    advice: ClassVar[str] = (
        "Nothing in this archive is safe to open. Use the zip just as Spotify sent it."
    )

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.advice)


class NotAnExport(ArchiveRefused):
    """There is no listening history of Spotify's in it."""

    code = "not_an_export"
    title = "No listening history in it"
    advice = (
        "There is no Spotify listening history in this file. Use the zip just as Spotify sent it, "
        "or one of its JSON files whose name begins with Streaming_History, StreamingHistory or "
        "endsong."
    )


class ArchiveDamaged(ArchiveRefused):
    """It begins like a zip and cannot be opened as one."""

    code = "archive_damaged"
    title = "Archive damaged"
    advice = "This zip is damaged or incomplete. Download it from Spotify again."


class TooManyMembers(ArchiveRefused):
    """It holds more files than any export does."""

    code = "archive_too_many_files"
    title = "Too many files in the archive"

    def __init__(self, most: int) -> None:
        """Say how many files are allowed."""
        super().__init__(
            f"This zip holds more than the {most:,} files we open. Use the zip just as Spotify "
            "sent it, or give us its JSON files one by one."
        )
