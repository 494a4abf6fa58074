"""A walk through a user's library of shows, which may take several runs; pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from src.spotify.payloads import PAGE, Listing, SavedShowPayload

Page = Listing[SavedShowPayload]


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryWalk:
    """How far a listing of the library has come.

    Attributes:
        began_at: Since when (UTC) a show that was met counts as met by this walk.
        offset: Where it goes on.
        total: Length of the library by every page so far; None once two of them differed
            or one was not readable throughout. The walk goes on, since it brings news of
            the shows it meets, but cannot vouch for those it does not.
        has_ended: Whether nothing is left to read.
    """

    began_at: datetime
    offset: int
    total: int | None
    has_ended: bool = False

    @classmethod
    def begin(cls, top: Page, *, now: datetime) -> "LibraryWalk":
        """Return the walk that begins with the first page of the library."""
        return cls(began_at=now, offset=0, total=top.total).over(top)

    def over(self, page: Page) -> "LibraryWalk":
        """Return the walk after the page at its offset."""
        advance = len(page.items) + page.quarantined
        offset = self.offset + advance
        at_end = not page.has_next if page.total is None else offset >= page.total
        return replace(self._beside(page), offset=offset, has_ended=at_end or not advance)

    def resume(self, top: Page) -> "LibraryWalk":
        """Return the walk of an earlier run, after another look at the library's first page."""
        at_end = top.total is not None and self.offset >= top.total
        return replace(self._beside(top), has_ended=at_end)

    def give_up(self) -> "LibraryWalk":
        """Return the walk ended by a page that came before: Spotify ignores the offset."""
        return replace(self, total=None, has_ended=True)

    def is_complete(self, *, met: int) -> bool:
        """Tell whether what was not among the `met` shows is really not in the library.

        Shows that moved past the walk leave fewer met than there are.
        """
        return self.has_ended and self.total is not None and met >= self.total

    def _beside(self, page: Page) -> "LibraryWalk":
        steady = page.total == self.total and not page.quarantined
        return replace(self, total=self.total if steady else None)


def pages_this_run(walk: LibraryWalk, total: int | None, *, calls_left: int, is_first: bool) -> int:
    """Return how many more pages a run may read.

    All of them, if that leaves the shows a third of the calls; a first run lists the
    library whole whatever is left. Of a library too large for that as many as leave
    the shows their third: the next run goes on.

    Args:
        walk: How far it has come.
        total: Length of the library by the last page; None counts as short.
        calls_left: Calls the run may still make.
        is_first: Whether this user never had a run that got through.
    """
    needed = -(-((total or 0) - walk.offset) // PAGE)
    room = calls_left if is_first else calls_left * 2 // 3
    return calls_left if needed <= room else room
