"""How each form tells a stream: the rows it gets, and what of it is lost on the way."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from simulator.archives.defects import Cause, Chances, Defects, Draw, Form
from simulator.archives.rows import Row, Title
from simulator.world.chance import mixed, share
from simulator.world.instants import HOUR_MS, MINUTE_MS, SECOND_MS
from simulator.world.types import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from simulator.archives.streams import Stream

_SPLIT_FROM_MS = 2 * MINUTE_MS
_DIFFERS_FROM_MS = 10 * SECOND_MS
_DIFFERS_BY_MS = 3 * SECOND_MS
_SESSION_MS = MINUTE_MS
_DEVICES = 3
_FORMS = (Form.ACCOUNT, Form.EXTENDED)
_REASONS_END = {
    Reason.FINISHED: "trackdone",
    Reason.PAUSED: "endplay",
    Reason.STOPPED: "endplay",
    Reason.SKIPPED: "fwdbtn",
}


class Loss(NamedTuple):
    """Time of a stream that a form does not tell.

    Attributes:
        form: Which form lacks it.
        ordinal: Which stream.
        ms: How much of it; 0 for a tap of no length.
        cause: Why.
    """

    form: Form
    ordinal: int
    ms: int
    cause: Cause


class Part(NamedTuple):
    """A stream, or a piece of a split one; instants in ms since 1970."""

    start_ms: int
    end_ms: int
    ms: int
    last: bool
    causes: tuple[Cause, ...]


class Teller:
    """Tells one listener's streams in both forms.

    Args:
        seed: Seed of the world.
        listener: Index of the listener.
        defects: What goes wrong.
        zone: Where the listener's clocks are.
        since_ms: Where the account form begins, ms since 1970.
    """

    def __init__(
        self, seed: int, listener: int, *, defects: Defects, zone: ZoneInfo, since_ms: int
    ) -> None:
        self._seed = seed
        self.chances = Chances(seed, listener)
        self._defects = defects
        self._zone = zone
        self._since_ms = since_ms
        self._renamed: dict[Title, Title] = {}

    def tell(self, form: Form, streams: Iterable[Stream]) -> tuple[list[Row], list[Loss]]:
        """Return the rows of a form, and what it lacks; a nameless row counts as both."""
        rows: list[Row] = []
        losses: list[Loss] = []
        before: Stream | None = None
        for stream in streams:
            cause = self._absent(form, stream)
            if cause:
                losses.append(Loss(form, stream.ordinal, stream.ms, cause))
            else:
                follows = (
                    before is not None
                    and before.reason is Reason.FINISHED
                    and stream.start_ms - before.end_ms < _SESSION_MS
                )
                for part in self._parts(form, stream):
                    row = self._row(form, stream, part, follows=follows)
                    rows.append(row)
                    if row.content is None:
                        losses.append(Loss(form, stream.ordinal, part.ms, Cause.NAMELESS))
            before = before if stream.tap else stream
        return rows, losses

    def _absent(self, form: Form, stream: Stream) -> Cause | None:
        """Tell why a form says nothing of a stream, if so."""
        if stream.unreported:
            return Cause.UNREPORTED
        if form is Form.ACCOUNT and stream.end_ms < self._since_ms:
            return Cause.BEFORE_THE_YEAR
        key = 2 * stream.start_ms + _FORMS.index(form)
        if self.chances.hit(Draw.MISSING, key, self._defects.missing):
            return Cause.MISSING
        return None

    def _parts(self, form: Form, stream: Stream) -> list[Part]:
        """Return a stream whole, or in two to four pieces that follow each other."""
        whole = Part(stream.start_ms, stream.end_ms, stream.ms, last=True, causes=())
        if stream.ms < _SPLIT_FROM_MS:
            return [whole]
        bits = self.chances.hit(Draw.SPLIT, stream.start_ms, self._defects.split)
        if not bits or _FORMS[bits >> 1 & 1] is not form:
            return [whole]
        count = 2 + (bits >> 2) % 3
        step_ms = stream.ms // count
        inner = [step_ms * n + (bits >> 8 * n) % (step_ms // 2) for n in range(1, count)]
        edges = [0, *inner, stream.ms]
        return [
            Part(
                stream.start_ms + begin,
                stream.start_ms + end,
                end - begin,
                last=end == stream.ms,
                causes=(Cause.SPLIT,),
            )
            for begin, end in pairwise(edges)
        ]

    def _row(self, form: Form, stream: Stream, part: Part, *, follows: bool) -> Row:
        shift_ms = self._drift_ms(form, stream)
        row = Row(
            content=stream.title,
            end_ms=part.end_ms + shift_ms,
            ms=part.ms,
            reason_start="playbtn" if stream.resumed else "trackdone" if follows else "clickrow",
            reason_end=_REASONS_END[stream.reason] if part.last else "endplay",
            shuffle=False,
            skipped=part.last and stream.reason is Reason.SKIPPED,
            offline=stream.offline,
            offline_timestamp=(part.start_ms + shift_ms) // SECOND_MS,
            video=False,
            device=self.chances.bits(Draw.DEVICE, stream.start_ms) % _DEVICES,
            ordinal=stream.ordinal,
            true_ms=part.ms,
            causes=part.causes
            + ((stream.tap,) if stream.tap else ())
            + ((Cause.CLOCK_DRIFT,) if shift_ms else ()),
        )
        if form is Form.ACCOUNT:
            return self._in_account(row, stream, part)
        return self._in_extended(row, stream, part)

    def _drift_ms(self, form: Form, stream: Stream) -> int:
        """Return how wrong the clock was that a form had an offline stream from."""
        if not stream.offline:
            return 0
        bits = self.chances.hit(Draw.CLOCK_DRIFT, stream.start_ms, self._defects.clock_drift)
        most_ms = int(self._defects.drift_s * SECOND_MS)
        if not bits or not most_ms or _FORMS[bits >> 1 & 1] is not form:
            return 0
        return _off_by(bits, most_ms)

    def _in_account(self, row: Row, stream: Stream, part: Part) -> Row:
        """Apply what only the account form gets wrong."""
        defects, hit, at = self._defects, self.chances.hit, part.end_ms
        end_ms, ms, causes = row.end_ms, row.ms, row.causes
        title = self._as_renamed(stream.title)
        if title is not stream.title:
            causes += (Cause.RENAMED,)
        if ms >= _DIFFERS_FROM_MS and (bits := hit(Draw.MS_DIFFERS, at, defects.ms_differs)):
            ms += _off_by(bits, _DIFFERS_BY_MS)
            causes += (Cause.MS_DIFFERS,)
        if bits := hit(Draw.MOVED, at, defects.moved):
            end_ms += _off_by(bits, MINUTE_MS)
            causes += (Cause.MOVED,)
        if hit(Draw.DST_HOUR, at, defects.dst_hour) and self._doubled(end_ms):
            end_ms -= HOUR_MS
            causes += (Cause.DST_HOUR,)
        return row._replace(content=title, end_ms=end_ms, ms=ms, causes=causes)

    def _in_extended(self, row: Row, stream: Stream, part: Part) -> Row:
        """Apply what only the extended form gets wrong."""
        defects, hit, at = self._defects, self.chances.hit, part.end_ms
        content: Title | None = stream.title
        causes = row.causes
        offline, told_start = row.offline, self._timestamp(row, part)
        if told_start != row.offline_timestamp:
            causes += (Cause.BAD_TIMESTAMP,)
        if hit(Draw.NULL_OFFLINE, at, defects.null_offline):
            offline = None
            causes += (Cause.NULL_OFFLINE,)
        if hit(Draw.NAMELESS, at, defects.nameless):
            content = None
            causes += (Cause.NAMELESS,)
        elif hit(Draw.NO_URI, at, defects.no_uri):
            content = stream.title._replace(uri=None)
            causes += (Cause.NO_URI,)
        video = bool(hit(Draw.VIDEO_FILE, stream.start_ms, defects.video_file))
        if video:
            causes += (Cause.VIDEO_FILE,)
        return row._replace(
            content=content,
            offline=offline,
            offline_timestamp=told_start,
            video=video,
            causes=causes,
        )

    def _timestamp(self, row: Row, part: Part) -> int | None:
        defects = self._defects
        wrong = defects.null_timestamp + defects.zero_timestamp + defects.ms_timestamp
        if not wrong:
            return row.offline_timestamp
        draw = share(self.chances.seed, Draw.TIMESTAMP, part.end_ms)
        if draw < defects.null_timestamp:
            return None
        if draw < defects.null_timestamp + defects.zero_timestamp:
            return 0
        return part.start_ms + row.end_ms - part.end_ms if draw < wrong else row.offline_timestamp

    def _as_renamed(self, title: Title) -> Title:
        """Return the title the account form uses; every listener reads the same."""
        told = self._renamed.get(title)
        if told is None:
            told = self._renamed[title] = self._rename(title)
        return told

    def _rename(self, title: Title) -> Title:
        often, key = self._defects.renamed, mixed(title.show, 0, title.number)
        if share(self._seed, Draw.RENAMED_SHOW, title.show) < often:
            title = title._replace(show_name=f"{title.show_name} \N{EN DASH} The Podcast")
        if share(self._seed, Draw.RENAMED_EPISODE, key) < often:
            title = title._replace(name=f"{title.name} (new cut)")
        return title

    def _doubled(self, at_ms: int) -> bool:
        """Tell whether the listener's clocks show an hour for the second time."""
        return bool(datetime.fromtimestamp(at_ms / SECOND_MS, self._zone).fold)


def _off_by(bits: int, most_ms: int) -> int:
    """Return a deviation of 1 to `most_ms`, either way."""
    size = 1 + (bits >> 3) % most_ms
    return size if bits >> 2 & 1 else -size
