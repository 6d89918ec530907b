"""Whole runs half an hour from midnight, and in the nights when the clocks change."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.commands.trial import URN, Trial
from tests.factories import believed

Start = Callable[..., Trial]

NIGHTS = {
    "in summer, yesterday in UTC": ("2026-07-06T23:30", "2026-07-07"),
    "in winter": ("2026-12-08T00:30", "2026-12-08"),
    "before the clocks go forward": ("2026-03-28T23:30", "2026-03-28"),
    "while the clocks go forward": ("2026-03-29T00:30", "2026-03-29"),
    "after the clocks went forward": ("2026-03-29T23:30", "2026-03-30"),
    "before the clocks go back": ("2026-10-24T23:30", "2026-10-25"),
    "the second half past one": ("2026-10-25T01:30", "2026-10-25"),
    "after the clocks went back": ("2026-10-25T23:30", "2026-10-25"),
}


@pytest.mark.parametrize(("utc", "today"), NIGHTS.values(), ids=NIGHTS)
def test_night_belongs_to_the_day_it_is_in_london(trial: Start, utc: str, today: str) -> None:
    """The window ends with that date; marks of it are sent, marks of the next one are not, and status says so."""
    run = trial(at=datetime.fromisoformat(utc).replace(tzinfo=UTC))
    last = date.fromisoformat(today)
    days = [f"{last + timedelta(days=number)}" for number in (-7, -1, 0, 1)]
    run.school("UPDATE enrolments SET entry_date = '2020-09-01', leaving_date = NULL")
    run.school("DELETE FROM roll_call_marks WHERE mark_date <> '2026-11-20'")
    for day in days:
        run.school(
            "INSERT INTO roll_call_marks SELECT pupil_id, ?, session, year_group, mark FROM roll_call_marks"
            " WHERE mark_date = '2026-11-20'",
            [day],
        )

    ran = run("send", "--window", "8")

    assert ran.exit_code == 0, ran.out + ran.err
    assert {f"{day}" for _, day, *_ in believed(run.sandbox.store)} == set(days[:-1])
    (school,) = run("status", "--json").json["schools"]
    assert (school["urn"], max(day["date"] for day in school["days"])) == (URN, today)
