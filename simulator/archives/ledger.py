"""What an export holds and what it lacks: the answers an import is scored by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from simulator.archives.defects import Defects, Form
from simulator.archives.rows import Chapter, Row, Title, Track
from simulator.archives.streams import Stream
from simulator.archives.telling import Loss


class FileFacts(NamedTuple):
    """One history file.

    Attributes:
        name: Its name in the zip, with the folder.
        form: Which form it belongs to.
        rows: Whole rows in it.
        broken: 1 when it ends in the middle of another row, else 0.
    """

    name: str
    form: Form
    rows: int
    broken: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """The truth behind one export.

    For each form the time of the streams is that of its podcast rows and its
    losses: `sum(stream.ms) == sum(row.true_ms) + sum(loss.ms)`, and what the
    rows tell differs from it by `row.ms - row.true_ms` alone.

    Attributes:
        listener: Whose export it is.
        since: Where the account form begins, aware UTC.
        until: When the export was written, aware UTC.
        defects: What went wrong.
        streams: Everything streamed before `until`, in order of the ends.
        podcasts: The whole rows of podcasts in each form written, file by file.
        losses: What each form written lacks.
        counts: Whole rows of `podcast`, `music`, `audiobook` and `unidentified`
            in each form written, and `broken` ones.
        files: The history files, in order.
    """

    listener: int
    since: datetime
    until: datetime
    defects: Defects
    streams: tuple[Stream, ...]
    podcasts: Mapping[Form, tuple[Row, ...]]
    losses: tuple[Loss, ...]
    counts: Mapping[Form, Mapping[str, int]]
    files: tuple[FileFacts, ...]

    def lost(self, form: Form) -> dict[int, int]:
        """Return the milliseconds a form lacks, by stream; 0 ms is a loss as well."""
        lost: dict[int, int] = {}
        for loss in self.losses:
            if loss.form is form:
                lost[loss.ordinal] = lost.get(loss.ordinal, 0) + loss.ms
        return lost

    def told(self, *forms: Form) -> list[Stream]:
        """Return the streams that at least one of the forms tells, at least in part."""
        ordinals = {row.ordinal for form in forms for row in self.podcasts.get(form, ())}
        return [stream for stream in self.streams if stream.ordinal in ordinals]

    def summary(self) -> dict[str, object]:
        """Return the figures of the export, as JSON knows them."""
        return {
            "listener": self.listener,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "streams": len(self.streams),
            "heard_ms": sum(stream.ms for stream in self.streams),
            "rows": {form.value: dict(counts) for form, counts in self.counts.items()},
            "told_ms": {
                form.value: sum(row.ms for row in rows) for form, rows in self.podcasts.items()
            },
            "lost_ms": {form.value: self._by_cause(form, in_ms=True) for form in self.podcasts},
            "lost_rows": {form.value: self._by_cause(form, in_ms=False) for form in self.podcasts},
            "defects": {
                form.value: dict(Counter(it.value for row in rows for it in row.causes))
                for form, rows in self.podcasts.items()
            },
            "files": [one._asdict() for one in self.files],
        }

    def _by_cause(self, form: Form, *, in_ms: bool) -> dict[str, int]:
        found: Counter[str] = Counter()
        for loss in self.losses:
            if loss.form is form:
                found[loss.cause.value] += loss.ms if in_ms else 1
        return dict(found)


def kind_of(row: Row) -> str:
    """Return what an import should count a row as."""
    if isinstance(row.content, Title):
        return "podcast"
    if isinstance(row.content, Track):
        return "music"
    return "audiobook" if isinstance(row.content, Chapter) else "unidentified"
