"""What is wrong with a real export, each thing with a switch of its own."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum, StrEnum

from simulator.world.chance import mixed

_UNIT = 1.0 / (1 << 53)


class Form(StrEnum):
    """Which of the two downloads: about a year by name, or a whole life by URI."""

    ACCOUNT = "account"
    EXTENDED = "extended"


class Era(StrEnum):
    """Which layout: `endsong_*.json` until 2022, `Streaming_History_*.json` since."""

    OLD = "old"
    NEW = "new"


class Cause(StrEnum):
    """Why a form tells a stream otherwise than it was, or not at all."""

    BEFORE_THE_YEAR = "before_the_year"
    UNREPORTED = "unreported"
    ZERO_MS = "zero_ms"
    REPEATED_MINUTE = "repeated_minute"
    NO_URI = "no_uri"
    NAMELESS = "nameless"
    RENAMED = "renamed"
    BAD_TIMESTAMP = "bad_timestamp"
    NULL_OFFLINE = "null_offline"
    VIDEO_FILE = "video_file"
    SPLIT = "split"
    MS_DIFFERS = "ms_differs"
    MOVED = "moved"
    CLOCK_DRIFT = "clock_drift"
    DST_HOUR = "dst_hour"
    MISSING = "missing"
    CUT_FILE = "cut_file"


class Draw(IntEnum):
    """What a draw of the archives is for; far from the purposes of the world itself."""

    ZERO_MS = 101
    REPEATED_MINUTE = 102
    NO_URI = 103
    NAMELESS = 104
    RENAMED_SHOW = 105
    RENAMED_EPISODE = 106
    TIMESTAMP = 107
    NULL_OFFLINE = 108
    VIDEO_FILE = 109
    SPLIT = 110
    MS_DIFFERS = 111
    MOVED = 112
    CLOCK_DRIFT = 113
    DST_HOUR = 114
    MISSING = 115
    CUT_FILE = 116
    MUSIC = 117
    AUDIOBOOK = 118
    TRACKS = 119
    DEVICE = 120


@dataclass(frozen=True, slots=True)
class Defects:
    """How much is wrong; as it stands, about what real exports show.

    Every share is a number from 0 (never) to 1 (always) and has draws of its
    own: changing one leaves the rows of the others as they were.

    Attributes:
        zero_ms: Share of streams with a row of 0 ms just before them: a tap.
        repeated_minute: Share of streams with another row of at most 1,200 ms
            right after them, where the minute of their end has room for it.
        no_uri: Share of extended rows that name the episode without its URI.
        nameless: Share of extended rows with neither URI nor names.
        renamed: Share of shows, and of episodes, under another title in the
            account form.
        null_timestamp: Share of extended rows whose `offline_timestamp` is null.
        zero_timestamp: Share of extended rows where it is 0.
        ms_timestamp: Share of extended rows where it is in milliseconds. The
            three together are at most 1.
        null_offline: Share of extended rows whose `offline` is null.
        video_file: Share of streams told in the Video file, in the new era.
        split: Share of streams of two minutes and more that one form, either
            of the two, tells as two to four rows.
        ms_differs: Share of account rows of ten seconds and more whose length
            is off by 1 ms to 3 s.
        moved: Share of account rows whose end is off by up to 60 s.
        clock_drift: Share of streams heard offline whose end one form, either
            of the two, has by a clock that is wrong.
        drift_s: How wrong that clock is at most, seconds.
        dst_hour: Share of account rows told an hour early because they end
            while the listener's clocks show an hour for the second time.
        missing: Share of streams a form lacks, drawn for each form.
        cut_files: Share of history files that end in the middle of a row of
            their last tenth.
        music: Music rows for each podcast stream, >= 0.
        audiobooks: Audiobook rows for each podcast stream, >= 0.
    """

    zero_ms: float = 0.07
    repeated_minute: float = 0.025
    no_uri: float = 0.01
    nameless: float = 0.002
    renamed: float = 0.02
    null_timestamp: float = 0.05
    zero_timestamp: float = 0.05
    ms_timestamp: float = 0.05
    null_offline: float = 0.02
    video_file: float = 0.1
    split: float = 0.1
    ms_differs: float = 0.02
    moved: float = 0.02
    clock_drift: float = 0.5
    drift_s: float = 50
    dst_hour: float = 0.0
    missing: float = 0.0
    cut_files: float = 0.0
    music: float = 4.0
    audiobooks: float = 0.05

    def __post_init__(self) -> None:
        """Refuse what is no share.

        Raises:
            ValueError: A share is outside 0 to 1, an amount is negative, or the
                three wrong timestamps are more than all.
        """
        amounts = {"music", "audiobooks", "drift_s"}
        for field in fields(self):
            value = getattr(self, field.name)
            if value < 0 or (field.name not in amounts and value > 1):
                raise ValueError(f"{field.name} must be a share from 0 to 1, not {value}")
        if self.null_timestamp + self.zero_timestamp + self.ms_timestamp > 1:
            raise ValueError("wrong timestamps must together be at most 1")


REALISTIC = Defects()
CLEAN = Defects(**{field.name: 0 for field in fields(Defects)})
WORST = Defects(
    zero_ms=0.3,
    repeated_minute=0.1,
    no_uri=0.05,
    nameless=0.005,
    renamed=0.05,
    null_timestamp=0.2,
    zero_timestamp=0.2,
    ms_timestamp=0.2,
    null_offline=0.1,
    video_file=0.3,
    split=0.3,
    ms_differs=0.2,
    moved=0.5,
    clock_drift=1.0,
    drift_s=120,
    dst_hour=1.0,
    missing=0.05,
    cut_files=0.2,
)
MIXES = {"realistic": REALISTIC, "clean": CLEAN, "worst": WORST}


class Chances:
    """The draws of one listener's archives: functions of seed, purpose and instant."""

    def __init__(self, seed: int, listener: int) -> None:
        """Prepare the draws of `listener` in the world of `seed`."""
        self.seed = mixed(seed, Draw.TRACKS, listener)

    def bits(self, draw: Draw, at: int) -> int:
        """Return 64 bits for something that happened at `at`, ms since 1970."""
        return mixed(self.seed, draw, at)

    def hit(self, draw: Draw, at: int, share: float) -> int:
        """Return 0 for a miss, else bits above 0 to decide the rest by.

        Args:
            draw: Which defect.
            at: Instant of the stream, ms since 1970.
            share: How often it hits, 0 to 1.
        """
        if not share:
            return 0
        bits = mixed(self.seed, draw, at)
        return mixed(bits, draw, 1) | 1 if (bits >> 11) * _UNIT < share else 0
