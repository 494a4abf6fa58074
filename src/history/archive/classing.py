"""Rows to plays and counts: what each row is, and whether it can be true."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from src.history.archive.ordinals import Ordinals
from src.history.archive.reasons import BadRow
from src.history.archive.report import BadPlace, Counts, Flag, PodcastPlay, Span
from src.history.archive.rows import UNREADABLE_TIME, Row, Unusable
from src.history.archive.text import storable

EARLIEST = datetime(2006, 4, 1, tzinfo=UTC)
"""Spotify was founded in this month; nobody listened before."""
AHEAD = timedelta(days=1)
"""How much later than now a row may end: clocks differ."""
LONGEST_MS = 7 * 86_400_000
"""A week. No row is that long."""

_LONGEST_WALL_S = 48 * 3600
_START_SLACK_S = 5
_MILLISECONDS_FROM = 10**11
_NAME_CHARACTERS = 1_000
_ID_CHARACTERS = 64
_EPISODE = "spotify:episode:"
_BAD_TOLD = 10
_OFFLINE, _START_TOLD = int(Flag.OFFLINE), int(Flag.START_TOLD)


@dataclass(slots=True)
class Classed:
    """What some rows were."""

    plays: list[PodcastPlay] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    bad: tuple[BadPlace, ...] = ()
    span: Span | None = None


class Classifier:
    """Classes the rows of one file, in order.

    Args:
        file: Name of the file.
        now: The present; UTC.
        is_video: Whether the file is named as one of videos.
    """

    def __init__(self, file: str, *, now: datetime, is_video: bool) -> None:
        self.counts = Counts()
        self.span: Span | None = None
        self.bad: tuple[BadPlace, ...] = ()
        self._file = file
        self._latest = now + AHEAD
        self._flags = int(Flag.VIDEO) if is_video else 0
        self._ordinals = Ordinals()
        self._batch = Classed()

    def batch(self) -> Classed:
        """Return what was taken since the last batch."""
        done, self._batch = self._batch, Classed()
        return done

    def take(self, rows: Sequence[Row], *, mended: int = 0) -> None:
        """Class the next rows of the file, `mended` of which had to be."""
        plays = self._batch.plays
        plays_before = len(plays)
        bad: dict[BadRow, int] = {}
        audiobooks = music = unidentified = 0
        earliest, latest = EARLIEST, self._latest
        first, last = latest, earliest
        # Every row of every export comes through here: what is not needed is left out.
        for index, row in enumerate(rows):
            ts, ms = row.ts, row.ms_played
            if ts is None or ms is None or not (earliest <= ts <= latest and 0 <= ms <= LONGEST_MS):
                reason = _fault(row, latest)
                bad[reason] = bad.get(reason, 0) + 1
                self._place(index, reason)
                continue
            if ts < first:  # noqa: PLR1730 - min() and max() take four times as long
                first = ts
            if ts > last:  # noqa: PLR1730
                last = ts
            if (row.spotify_episode_uri or row.episode_name) and (play := self._play(row, ts, ms)):
                plays.append(play)
            elif row.audiobook_uri or row.audiobook_title:
                audiobooks += 1
            elif row.spotify_track_uri or row.master_metadata_track_name:
                music += 1
            else:
                unidentified += 1
        counts = Counts(
            rows=len(rows),
            podcasts=len(plays) - plays_before,
            music=music,
            audiobooks=audiobooks,
            unidentified=unidentified,
            bad=bad,
            mended=mended,
        )
        span = Span(int(first.timestamp()), int(last.timestamp())) if first <= last else None
        for known in (self, self._batch):
            known.counts.add(counts)
            known.span = known.span if span is None else span.joined(known.span)

    def _place(self, index: int, reason: BadRow) -> None:
        """Note where a bad row is, if it is one of the first."""
        if len(self.bad) < _BAD_TOLD:
            place = BadPlace(self._file, self.counts.rows + index + 1, reason)
            self.bad += (place,)
            self._batch.bad += (place,)

    def _play(self, row: Row, ts: datetime, ms: int) -> PodcastPlay | None:
        """Return the play that a row tells of; None if it does not tell of which episode."""
        episode_id = _id(row.spotify_episode_uri)
        show, episode = _name(row.episode_show_name), _name(row.episode_name)
        if episode_id is None and episode is None:
            return None
        ended_s = int(ts.timestamp())
        flags = self._flags
        if row.offline is True:
            flags |= _OFFLINE
        began_s = _told_start(row.offline_timestamp, ended_s, ms)
        if began_s is None:
            began_s = ended_s + -ms // 1000  # rounded down, so that what was heard has room
        else:
            flags |= _START_TOLD
        n = self._ordinals.next((ended_s, ms, episode_id or (show, episode)))
        return PodcastPlay(ended_s, began_s, ms, episode_id, show, episode, flags, n)


def _told_start(told: object, ended_s: int, ms: int) -> int | None:
    """Return the start that `offline_timestamp` tells, if it can be one.

    It is the start of a row, online or not: what it has more than was heard is pauses.
    """
    if type(told) is not int or told <= 0:
        return None
    start_s = told // 1000 if told > _MILLISECONDS_FROM else told
    wall_s = ended_s - start_s
    is_possible = 0 <= wall_s <= _LONGEST_WALL_S and wall_s >= ms / 1000 - _START_SLACK_S
    return start_s if is_possible else None


def _id(uri: str | None) -> str | None:
    """Return the id in the address of an episode."""
    if uri is None or not uri.startswith(_EPISODE):
        return None
    found = uri[len(_EPISODE) :]
    is_id = found.isalnum() and found.isascii() and len(found) <= _ID_CHARACTERS
    return found if is_id else None


def _name(text: str | None) -> str | None:
    """Return a name as it can be stored; None for a blank one."""
    if text is None:
        return None
    name = text if text.isprintable() else storable(text)  # all that is printable is storable
    return None if not name or name.isspace() else name[:_NAME_CHARACTERS]


def _fault(row: Row, latest: datetime) -> BadRow:
    """Tell what is wrong with a row that is bad."""
    if isinstance(row, Unusable):
        return row.reason
    if row.ts is None or row.ms_played is None:
        return BadRow.NO_TIME if row.ts is None else BadRow.NO_DURATION
    if row.ts is UNREADABLE_TIME:
        return BadRow.BAD_TIME
    if row.ts < EARLIEST:
        return BadRow.TOO_EARLY
    if row.ts > latest:
        return BadRow.IN_FUTURE
    return BadRow.NEGATIVE if row.ms_played < 0 else BadRow.ABSURD_DURATION
