"""In which direction a show's episodes are listed, told from release dates; pure.

Spotify lists most shows newest first and some oldest first, and says so nowhere.
"""

from collections.abc import Sequence
from itertools import pairwise

from src.spotify.library_models import ListOrder

_UNDATED = "0000"


def detect_order(release_dates: Sequence[str]) -> ListOrder:
    """Tell the order of a page by the majority of its adjacent, different dates.

    Args:
        release_dates: Spotify's texts in the order of the page; precision may be
            day, month or year, and dates are compared in what both state.

    Returns:
        `UNKNOWN` when nothing differs or the two directions are as frequent.
    """
    newer = older = 0
    for first, second in pairwise(date for date in release_dates if not _is_undated(date)):
        shared = min(len(first), len(second))
        newer += first[:shared] > second[:shared]
        older += first[:shared] < second[:shared]
    if newer == older:
        return ListOrder.UNKNOWN
    return ListOrder.NEWEST_FIRST if newer > older else ListOrder.OLDEST_FIRST


def _is_undated(date: str) -> bool:
    return not date or date.startswith(_UNDATED)
