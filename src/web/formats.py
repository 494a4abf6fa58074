"""How pages write durations, money, numbers and times: one formatter for each."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup

_MICRO = 1_000_000
_CRUMB = 100
_HOURS_ALONE = 100


def duration(ms: int | None) -> str:
    """Return a length in words: `38 s`, `42 min`, `1 h 12 min`, `412 h`; "" when unknown.

    Args:
        ms: Milliseconds, 0 or more. Parts of a minute are left off from one minute on.
    """
    if ms is None:
        return ""
    seconds = ms // 1000
    minutes, hours = seconds // 60, seconds // 3600
    if not minutes:
        return f"{seconds} s"
    if not hours:
        return f"{minutes} min"
    if hours >= _HOURS_ALONE or not minutes % 60:
        return f"{count(hours)} h"
    return f"{hours} h {minutes % 60} min"


def money(micro: int) -> str:
    """Return micro-dollars as a sum: four decimals below $1, two above; nothing is `$0`.

    A sum that four decimals would show as nothing is `less than $0.0001`.
    """
    if micro == 0:
        return "$0"
    if abs(micro) < _CRUMB:
        return "less than $0.0001"
    sign, size = ("\N{MINUS SIGN}" if micro < 0 else ""), abs(micro)
    ten_thousandths = (size + _CRUMB // 2) // _CRUMB
    if ten_thousandths < _MICRO // _CRUMB:
        return f"{sign}$0.{ten_thousandths:04}"
    cents = (size + 5_000) // 10_000
    return f"{sign}${cents // 100:,}.{cents % 100:02}"


def count(number: int) -> str:
    """Return a whole number with commas between thousands."""
    return f"{number:,}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: `1 show`, `2,318 shows`; `many` is `one` with an s."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


@dataclass(frozen=True, slots=True)
class Times:
    """Writes instants as one person reads them.

    Attributes:
        zone: IANA name of their time zone.
        now: The present instant, aware.
    """

    zone: str
    now: datetime

    def at(self, instant: datetime) -> Markup:
        """Return clock time, with the day unless it is today, as a `<time>` element."""
        local, today = self._local(instant), self._local(self.now).date()
        words = f"{local:%H:%M}"
        if local.date() != today:
            words = f"{self._day(local.date(), today)}, {words}"
        return _element(instant, words)

    def day(self, instant: datetime) -> Markup:
        """Return the day, as `Sat 21 Nov`, with its year if it is another, as `<time>`."""
        return _element(
            instant, self._day(self._local(instant).date(), self._local(self.now).date())
        )

    def released(self, text: str) -> str:
        """Return a release date of Spotify's: a day, a month or a year, whatever `text` tells.

        What is no date is returned as it is.
        """
        try:
            if len(text) == len("2026"):
                return text
            if len(text) == len("2026-11"):
                return f"{date.fromisoformat(f'{text}-01'):%b %Y}"
            return self._day(date.fromisoformat(text[:10]), self._local(self.now).date())
        except ValueError:
            return text

    def until(self, instant: datetime) -> str:
        """Return how long it is until an instant of the next day: `in 1 h 22 min`, `now`, or ""."""
        left = instant - self.now
        if left >= timedelta(days=1):
            return ""
        if left < timedelta(minutes=1):
            return "now"
        return f"in {duration(int(left.total_seconds()) * 1000)}"

    def _local(self, instant: datetime) -> datetime:
        return instant.astimezone(ZoneInfo(self.zone))

    @staticmethod
    def _day(day: date, today: date) -> str:
        words = f"{day:%a} {day.day} {day:%b}"
        return words if day.year == today.year else f"{words} {day.year}"


def _element(instant: datetime, words: str) -> Markup:
    machine = instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Markup('<time datetime="{}">{}</time>').format(machine, words)
