"""When an entry runs: the five fields of cron and the simple calendars of systemd, as a week.

What is no week (a day of the month, every other hour of some month) is not guessed at: it is None. Knows no files.
"""

import re
from datetime import time, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

Week = frozenset[tuple[int, time]]
"""Day of the week, Monday is 0, and time of the day."""

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NICKNAMES: Final = {"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *", "@weekly": "0 0 * * 0"}
_CRON_DAYS: Final = {name: (number + 1) % 7 for number, name in enumerate(DAYS)}
_CALENDAR: Final = re.compile(
    r"(?:(?P<days>[a-z]{3,9}(?:(?:\.\.|-|,)[a-z]{3,9})*)\s+)?(?:\*-\*-\*\s+)?"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::00)?(?:\s+(?P<zone>[A-Za-z_]+(?:/[A-Za-z_+-]+)*))?",
    re.IGNORECASE,
)


def cron_week(when: str) -> Week | None:
    """Read the five fields of a crontab, or a nickname such as @daily; @reboot runs at no time."""
    if when == "@reboot":
        return frozenset()
    fields = _NICKNAMES.get(when, when).lower().split()
    try:
        minute, hour, day, month, weekday = fields
        if (day, month) != ("*", "*"):
            return None
        times = [time(h, m) for h in _numbers(hour, 0, 23) for m in _numbers(minute, 0, 59)]
        # Sunday is 0, or 7.
        return frozenset(((d - 1) % 7, at) for d in _numbers(weekday, 0, 7, _CRON_DAYS) for at in times)
    except (ValueError, KeyError):
        return None


def calendar_week(text: str) -> tuple[Week, tzinfo | None] | None:
    """Read OnCalendar= where it is days of the week and one time; with its time zone, if it names one."""
    match = _CALENDAR.fullmatch(text.strip())
    try:
        if match is None:
            return None
        at = time(int(match["hour"]), int(match["minute"]))
        zone = ZoneInfo(match["zone"]) if match["zone"] else None
        return frozenset((day, at) for day in _days(match["days"])), zone
    except (ValueError, KeyError, OSError):  # a time, a day or a zone that there is not
        return None


def _numbers(field: str, low: int, high: int, names: dict[str, int] | None = None) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = low, high
        else:
            start = _number(first, names)
            end = _number(last, names) if dash else high if step else start
        if not low <= start <= end <= high:
            raise ValueError(part)
        found |= set(range(start, end + 1, int(step or 1)))
    return found


def _number(text: str, names: dict[str, int] | None) -> int:
    return names[text] if names and text in names else int(text)


def _days(text: str | None) -> set[int]:
    if text is None:
        return set(range(7))
    found: set[int] = set()
    for part in text.lower().split(","):
        first, *last = (DAYS.index(day[:3]) for day in re.split(r"\.\.|-", part))
        found |= set(range(first, (last or [first])[0] + 1))
    return found
