"""due.py: when sends are planned, when a session is due, and which planned send did not come."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from attsync.due import LATE, is_term_time, missed_since, next_send, planned_sends, session_due_at
from attsync.model import Session
from attsync.window import LONDON

TWICE = (time(10, 15), time(14, 45))
ONCE = (time(10, 15),)
FRIDAY, SATURDAY, MONDAY, TUESDAY = (date(2026, 11, day) for day in (20, 21, 23, 24))


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """Return a time in London."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=LONDON)


def test_sends_are_planned_from_monday_to_friday() -> None:
    """As cron runs them: on a bank holiday too, never at a weekend."""
    found = [*planned_sends(TWICE, FRIDAY, MONDAY)]

    assert found == [at(FRIDAY, 10, 15), at(FRIDAY, 14, 45), at(MONDAY, 10, 15), at(MONDAY, 14, 45)]
    assert [*planned_sends(ONCE, date(2026, 12, 25), date(2026, 12, 25))] == [at(date(2026, 12, 25), 10, 15)]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 11, 23, 9, 0, tzinfo=UTC), at(MONDAY, 10, 15)),
        (datetime(2026, 11, 23, 10, 15, tzinfo=UTC), at(MONDAY, 14, 45)),
        (datetime(2026, 11, 20, 18, 0, tzinfo=UTC), at(MONDAY, 10, 15)),
        (datetime(2026, 11, 21, 0, 0, tzinfo=UTC), at(MONDAY, 10, 15)),
        (datetime(2026, 7, 1, 9, 30, tzinfo=UTC), at(date(2026, 7, 1), 14, 45)),  # 10:30 in London
        (datetime(2026, 7, 1, 23, 30, tzinfo=UTC), at(date(2026, 7, 2), 10, 15)),  # the next day in London
    ],
)
def test_next_send_is_counted_in_london(now: datetime, expected: datetime) -> None:
    """Whatever the zone of the computer's clock."""
    assert next_send(TWICE, now) == expected


@pytest.mark.parametrize(
    ("last_run", "now", "missed"),
    [
        (at(MONDAY, 10, 17), at(MONDAY, 14, 45), None),
        (at(MONDAY, 10, 17), at(MONDAY, 15, 15), None),
        (at(MONDAY, 10, 17), at(MONDAY, 15, 16), at(MONDAY, 14, 45)),
        (at(MONDAY, 10, 15), at(MONDAY, 14, 50), None),
        (at(MONDAY, 10, 14), at(MONDAY, 14, 50), at(MONDAY, 10, 15)),
        (at(FRIDAY, 14, 50), at(MONDAY, 10, 16), None),  # no send is planned at a weekend
        (at(FRIDAY, 14, 40), at(MONDAY, 10, 16), at(FRIDAY, 14, 45)),
        (at(FRIDAY, 14, 50), at(TUESDAY, 10, 16), at(MONDAY, 10, 15)),
        (at(TUESDAY, 10, 17), at(MONDAY, 10, 17), None),  # a clock that was set back
    ],
)
def test_first_planned_send_after_a_run_that_did_not_come(
    last_run: datetime, now: datetime, missed: datetime | None
) -> None:
    """A9: after a gap, what the log shows may not be what the receiver holds. Half an hour late is not missed."""
    assert missed_since(last_run.astimezone(UTC), TWICE, now.astimezone(UTC)) == missed
    assert timedelta(minutes=30) == LATE


@pytest.mark.parametrize(
    ("times", "day", "morning", "afternoon"),
    [
        (TWICE, MONDAY, at(MONDAY, 10, 15), at(MONDAY, 14, 45)),
        ((time(8), time(12), time(16)), MONDAY, at(MONDAY, 12), at(MONDAY, 16)),
        (ONCE, MONDAY, at(MONDAY, 10, 15), at(TUESDAY, 10, 15)),  # the afternoon is not over at 10:15
        (ONCE, FRIDAY, at(FRIDAY, 10, 15), at(MONDAY, 10, 15)),
        (ONCE, SATURDAY, at(SATURDAY, 10, 15), at(MONDAY, 10, 15)),
        ((time(15, 30),), MONDAY, at(MONDAY, 15, 30), at(MONDAY, 15, 30)),
        ((time(14),), MONDAY, at(MONDAY, 14), at(MONDAY, 14)),
        ((time(7),), MONDAY, at(TUESDAY, 7), at(TUESDAY, 7)),
    ],
)
def test_session_is_due_at_the_first_send_after_it_is_over(
    times: tuple[time, ...], day: date, morning: datetime, afternoon: datetime
) -> None:
    """A14: with one time a day no afternoon is missing at 10:40."""
    assert (session_due_at(day, Session.AM, times), session_due_at(day, Session.PM, times)) == (morning, afternoon)


@pytest.mark.parametrize(
    ("day", "is_so"),
    [
        (MONDAY, True),
        (date(2026, 9, 14), True),
        (date(2026, 2, 18), True),  # a half-term of a week
        (date(2026, 12, 14), False),
        (date(2027, 1, 12), False),
        (date(2027, 1, 13), True),
        (date(2027, 4, 5), False),
        (date(2026, 8, 20), False),
        (date(2026, 10, 28), False),
    ],
)
def test_term_time_leaves_out_every_long_holiday(day: date, *, is_so: bool) -> None:
    """No marks for a week in term time is a problem; in a holiday nothing is."""
    assert is_term_time(day) is is_so


@pytest.mark.parametrize(
    ("times", "am", "pm"),
    [
        ("10:15 14:45", "23 10:15", "23 14:45"),
        ("10:15", "23 10:15", "24 10:15"),  # the afternoon is not over
        ("15:30", "23 15:30", "23 15:30"),
        ("09:00 11:00", "23 09:00", "24 09:00"),
        ("09:15 13:45 15:30", "23 09:15", "23 15:30"),
        ("08:00 12:00", "23 12:00", "24 08:00"),
        ("02:00", "24 02:00", "24 02:00"),
        ("07:00 19:00", "23 19:00", "23 19:00"),
    ],
)
def test_session_is_due_at_the_send_after_its_register(times: str, am: str, pm: str) -> None:
    """Before it nothing is missing; a time at which no register can be there says nothing of it."""
    planned = tuple(time.fromisoformat(each) for each in times.split())

    assert f"{session_due_at(MONDAY, Session.AM, planned):%d %H:%M}" == am
    assert f"{session_due_at(MONDAY, Session.PM, planned):%d %H:%M}" == pm
