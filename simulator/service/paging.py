"""Pages of lists, in the service's envelope."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

from simulator.faults.board import Kind
from simulator.service.call import Call, Page
from simulator.service.draws import fraction
from simulator.service.reply import encode
from simulator.service.state import State

NULL_SHARE = 0.01


def asked(state: State, call: Call, *, most: int = 50, default: int = 20) -> Page:
    """Return the page asked for, or the first one when offsets are ignored.

    Raises:
        Refused: 400 for a limit or an offset out of range.
    """
    page = call.page(most=most, default=default)
    if page.offset and state.fault(Kind.OFFSET_IGNORED, call):
        page.offset = 0
    return page


def envelope(
    items: Iterable[bytes],
    *,
    url: str,
    page: Page,
    total: int,
    query: dict[str, str] | None = None,
) -> bytes:
    """Put encoded items into a page.

    Args:
        items: Encoded JSON values.
        url: Address of the list without query.
        page: Which part of the list the items are.
        total: Length of the whole list.
        query: Further parameters that the links carry.
    """

    def link(offset: int) -> str:
        parameters = {"offset": str(offset), "limit": str(page.limit)} | (query or {})
        return f"{url}?{urlencode(parameters)}"

    after = page.offset + page.limit
    before = max(page.offset - page.limit, 0)
    return b'{"href":%s,"items":[%s],"limit":%d,"next":%s,"offset":%d,"previous":%s,"total":%d}' % (
        encode(link(page.offset)),
        b",".join(items),
        page.limit,
        encode(link(after) if after < total else None),
        page.offset,
        encode(link(before) if page.offset else None),
        total,
    )


class NullItems:
    """Decides which items of one answer are null.

    Args:
        state: The simulator; a quirk or a fault switches null items on.
        call: The request.
    """

    def __init__(self, state: State, call: Call) -> None:
        self._seed = state.settings.seed
        self._share = NULL_SHARE if state.settings.quirks.null_items else 0.0
        fault = state.fault(Kind.NULL_ITEMS, call)
        if fault is not None:
            self._share = NULL_SHARE if fault.value is None else fault.value

    def hides(self, *item: object) -> bool:
        """True when this item arrives as null; the same at every call."""
        return self._share > 0 and fraction(self._seed, "null", *item) < self._share
