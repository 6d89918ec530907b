"""The rolling window of days that a run sends, counted in dates of Europe/London.

Only `today_in_london` reads the clock; everything else gets dates as parameters.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from attsync import data

LONDON = ZoneInfo("Europe/London")
_DAY = timedelta(days=1)
_SATURDAY = 5

Count = Literal["working", "calendar"]

LONGEST: Final = 8
"""Days of the longest window (docs/design/sending.md 3)."""


@dataclass(frozen=True, slots=True)
class Window:
    """The days from `first` to `last`, both included."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def __iter__(self) -> Iterator[date]:
        for number in range(len(self)):
            yield self.first + number * _DAY

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def end(self) -> date:
        """The day after the last, for half-open filters and `:end` in a SELECT."""
        return self.last + _DAY


def window_ending(today: date, days: int, count: Count) -> Window:
    """Return the window of `days` days that ends today.

    With `count` "working", the first day is the `days`-th working day back, today included if it is one;
    with "calendar" it is today minus `days` - 1.
    """
    if count == "calendar":
        return Window(today - (days - 1) * _DAY, today)
    first = today
    left = days - is_working_day(first)
    while left > 0:
        first -= _DAY
        left -= is_working_day(first)
    return Window(first, today)


def is_weekend(day: date) -> bool:
    """Whether `day` is a Saturday or a Sunday."""
    return day.weekday() >= _SATURDAY


def is_working_day(day: date) -> bool:
    """Whether `day` is one of Monday to Friday and not a bank holiday of England."""
    return not is_weekend(day) and day not in _bank_holidays()


def is_bank_holiday(day: date) -> bool:
    """Whether `day` is a bank holiday of England, on one of Monday to Friday."""
    return not is_weekend(day) and day in _bank_holidays()


def today_in_london(now: datetime | None = None) -> date:
    """Return the date in Europe/London; 00:30 in summer is still yesterday in UTC (docs/design/domain.md 7)."""
    return (now or datetime.now(UTC)).astimezone(LONDON).date()


@cache
def _bank_holidays() -> frozenset[date]:
    # Made from the library `holidays` (make calendar) and compared with it by a test: importing it takes 130 ms at
    # every run of every command, more than a whole `status`.
    lines = data.text("bank_holidays.csv").splitlines()
    return frozenset(date.fromisoformat(line[:10]) for line in lines[1:])
