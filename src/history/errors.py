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


class FileGone(ArchiveRefused):
    """It was there when the import began."""

    code = "file_gone"
    title = "File gone"
    advice = (
        "The file is not where it was when the import began. What was read of it is kept; import "
        "it again for the rest."
    )


class WorkTakenOver(PlayheadError):
    """Another process took over this import; stop without writing anything."""

    status = 409
    code = "import_taken_over"
    title = "Import taken over"

    def __init__(self) -> None:
        super().__init__("Another process went on with this import. Nothing is lost.")


class ImportRunning(PlayheadError):
    """The user's last import, or its undoing, has not ended."""

    status = 409
    code = "import_running"
    title = "Import running"

    def __init__(self) -> None:
        super().__init__(
            "An import of yours is not done yet. Wait until it is, then begin the next one."
        )


class NotUndoable(PlayheadError):
    """The import is in a state that has nothing to undo."""

    status = 409
    code = "import_not_undoable"
    title = "Nothing to undo"

    def __init__(self) -> None:
        super().__init__("This import was undone already.")


class NoSpace(PlayheadError):
    """The disk would be too full afterwards."""

    status = 507
    code = "no_space"
    title = "Not enough disk space"

    def __init__(self) -> None:
        super().__init__(
            "There is too little free space on the server's disk to take this file. Free some, or "
            "lower DISK_FLOOR_MIB."
        )


class UploadTooLarge(PlayheadError):
    """More bytes are announced than one import takes."""

    status = 413
    code = "upload_too_large"
    title = "Too large"

    def __init__(self, limit_mib: int) -> None:
        """Say what is allowed."""
        super().__init__(
            f"One import takes {limit_mib} MiB at most. Whoever runs this Playhead may raise "
            "IMPORT_LIMIT_MIB, or import the file with `playhead import`."
        )


class UploadOffset(PlayheadError):
    """A part of an upload begins elsewhere than the last one ended."""

    status = 409
    code = "upload_offset"
    title = "Wrong offset"

    def __init__(self, offset: int) -> None:
        """Say where the next part has to begin."""
        super().__init__(f"The next part of this upload has to begin at byte {offset}.")


class UploadBroken(PlayheadError):
    """The body cannot be taken as one or more files."""

    status = 422
    code = "upload_broken"
    title = "Upload cannot be read"


class EditRefused(PlayheadError):
    """The edit would say something that cannot be."""

    status = 422
    code = "edit_refused"
    title = "Edit refused"
