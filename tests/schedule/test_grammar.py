"""grammar.py: when an entry runs, as people write it for cron and for systemd."""

from datetime import time
from zoneinfo import ZoneInfo

import pytest

from attsync.schedule.grammar import Week, calendar_week, cron_week

MORNING = time(10, 17)


def week(days: range | tuple[int, ...], *times: time) -> Week:
    """Make a week in which it runs at `times` on each of `days`; Monday is 0."""
    return frozenset((day, at) for day in days for at in times)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("17 10 * * 1-5", week(range(5), MORNING)),
        ("17  10 * * mon-fri", week(range(5), MORNING)),
        ("17 10 * * MON,Wed,5", week((0, 2, 4), MORNING)),
        ("17 10 * * *", week(range(7), MORNING)),
        ("17 10 * * 0", week((6,), MORNING)),
        ("17 10 * * 7", week((6,), MORNING)),
        ("17 10 * * 6-7", week((5, 6), MORNING)),
        ("0 8-18/4 * * 1", week((0,), time(8), time(12), time(16))),
        ("*/30 9 * * 2", week((1,), time(9), time(9, 30))),
        ("15/20 9 * * 2", week((1,), time(9, 15), time(9, 35), time(9, 55))),
        ("@daily", week(range(7), time(0))),
        ("@weekly", week((6,), time(0))),
        ("@reboot", frozenset()),
    ],
)
def test_fields_of_cron_are_a_week(fields: str, expected: Week) -> None:
    """Names, ranges, steps and lists; Sunday has two numbers."""
    assert cron_week(fields) == expected


@pytest.mark.parametrize(
    "fields",
    [
        "17 10 1 * *",
        "17 10 * 9 1-5",
        "60 10 * * 1",
        "17 24 * * 1",
        "17 10 * * 8",
        "17 10 * * x",
        "17 10 * *",
        "@monthly",
        "17 5-3 * * 1",
        "17 10/0 * * 1",
        "H 10 * * 1-5",
        "17 10 * * 1-",
    ],
)
def test_what_is_no_week_is_not_guessed_at(fields: str) -> None:
    """A wrong guess would be a wrong tick."""
    assert cron_week(fields) is None


@pytest.mark.parametrize(
    ("text", "days", "zone"),
    [
        ("Mon..Fri 10:17 Europe/London", range(5), ZoneInfo("Europe/London")),
        ("Mon-Fri 10:17", range(5), None),
        ("Mon..Fri *-*-* 10:17:00", range(5), None),
        ("Monday,Wednesday 10:17 UTC", (0, 2), ZoneInfo("UTC")),
        ("*-*-* 10:17", range(7), None),
        ("10:17", range(7), None),
    ],
)
def test_calendar_of_systemd_is_a_week(text: str, days: range, zone: ZoneInfo | None) -> None:
    """As `attsync crontab --systemd` writes it, and as people do."""
    assert calendar_week(text) == (week(days, MORNING), zone)


@pytest.mark.parametrize(
    "text", ["weekly", "Mon *-*-1 10:17", "*:0/15", "10:17 Nowhere/Else", "25:17", "Xyz 10:17", "2026-11-23 10:17", ""]
)
def test_other_calendars_are_not_guessed_at(text: str) -> None:
    """Systemd knows many more."""
    assert calendar_week(text) is None
