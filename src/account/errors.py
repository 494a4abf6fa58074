"""What can be wrong with a restore, and with leaving."""

from collections.abc import Sequence

from src.errors import PlayheadError

_MOST_SHOWN = 10


class NotAnExportOfOurs(PlayheadError):
    """The file is no export of a Playhead, or of a later version of it."""

    status = 422
    code = "not_a_playhead_export"
    title = "No export of a Playhead"

    def __init__(self, why: str) -> None:
        """Say what is not as it should be."""
        super().__init__(f"This is no export that this Playhead can read: {why}.")


class ExportDamaged(PlayheadError):
    """A line of the export cannot be read, or something is missing."""

    status = 422
    code = "export_damaged"
    title = "Export damaged"

    def __init__(self, where: str, why: str) -> None:
        """Say where, and what is wrong there."""
        super().__init__(
            f"{where}: {why}. Nothing was stored. Use the file just as Playhead gave it out."
        )


class AccountNotEmpty(PlayheadError):
    """The account holds something already."""

    status = 409
    code = "account_not_empty"
    title = "Account not empty"

    def __init__(self, held: Sequence[str]) -> None:
        """Name what it holds."""
        super().__init__(
            f"This account holds {', '.join(held)} already, and a restore never mixes. Make "
            "another account and restore into that."
        )


class HeldBySomebody(PlayheadError):
    """What the export tells of is in this database, in another account."""

    status = 409
    code = "export_in_use"
    title = "Restored already"

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__(
            "Another account here holds what this export tells of. Erase that one first, or "
            "restore into another Playhead."
        )


class EventsDiffer(PlayheadError):
    """The plays that follow from the export's lines are not those that it lists."""

    status = 422
    code = "events_differ"
    title = "Plays differ"

    def __init__(self, differences: Sequence[str], *, count: int) -> None:
        """List the first of `count` differences."""
        shown = "\n".join(differences[:_MOST_SHOWN])
        super().__init__(
            f"{count} of the plays that follow from this export differ from those it lists, so "
            f"nothing was stored. The file was changed, or this is our fault:\n{shown}"
        )


class ExportRunning(PlayheadError):
    """The user's last export is still being written."""

    status = 429
    code = "export_running"
    title = "Export running"

    def __init__(self) -> None:
        """Ask to come back."""
        super().__init__(
            "Your last export is still being written. Ask again when it is there.",
            retry_after_s=10,
        )


class NameDiffers(PlayheadError):
    """What was typed to confirm is not the account's name."""

    status = 409
    code = "name_differs"
    title = "Name differs"

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__(
            "Nothing was erased: what you typed is not the name of this account. Type it as you "
            "do to sign in."
        )


class OwnerStays(PlayheadError):
    """The account owns this Playhead, and others use it."""

    status = 409
    code = "owner_stays"
    title = "Others use this Playhead"

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__(
            "You own this Playhead and others use it. They have to leave first; whoever runs "
            "the machine can erase their accounts with playhead user erase NAME."
        )
