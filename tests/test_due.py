"""due.py: the planned send by which the register of a session has to be there."""

from datetime import date, datetime, time

import pytest

from attsync.due import session_due_at
from attsync.model import Session
from attsync.window import LONDON
from tests.factories import MONDAY


@pytest.mark.parametrize(
    ("times", "am", "pm"),
    [
        ("10:15 14:45", "23 10:15", "23 14:45"),
        ("10:15", "23 10:15", "24 10:15"),  # CASES.md A14: the afternoon is not over
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


def test_friday_afternoon_is_due_on_monday_if_only_mornings_are_planned() -> None:
    """Crontab and timer run from Monday to Friday; a Saturday school's too."""
    monday = datetime(2026, 11, 30, 10, 15, tzinfo=LONDON)

    assert session_due_at(date(2026, 11, 27), Session.PM, (time(10, 15),)) == monday
    assert session_due_at(date(2026, 11, 28), Session.PM, (time(10, 15),)) == monday
