"""window.py: the days of a send, counted in dates of Europe/London."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attsync.window import (
    Window,
    is_bank_holiday,
    is_working_day,
    today_in_london,
    window_ending,
)

MONDAY = date(2026, 11, 23)
DATES = st.dates(date(2020, 1, 1), date(2028, 12, 31))
DAYS = st.integers(1, 8)


def test_eight_working_days_span_ten_dates_in_a_usual_week() -> None:
    """Monday, the five days before, and Thursday and Wednesday of the week before that."""
    assert window_ending(MONDAY, 8, "working") == Window(date(2026, 11, 12), MONDAY)


def test_bank_holidays_are_no_working_days() -> None:
    """Good Friday and Easter Monday stretch the window."""
    assert window_ending(date(2026, 4, 8), 3, "working").first == date(2026, 4, 2)


def test_on_a_saturday_the_window_still_ends_today() -> None:
    """A Saturday school's marks are sent; the working days are counted before it."""
    assert window_ending(date(2026, 11, 28), 1, "working") == Window(date(2026, 11, 27), date(2026, 11, 28))


def test_calendar_days_are_plainly_counted() -> None:
    """Eight days, today included."""
    assert window_ending(MONDAY, 8, "calendar") == Window(date(2026, 11, 16), MONDAY)
    assert window_ending(MONDAY, 1, "calendar") == Window(MONDAY, MONDAY)


@given(today=DATES, days=DAYS)
def test_a_window_holds_as_many_working_days_as_were_asked_for(today: date, days: int) -> None:
    """One too few would lose corrections."""
    window = window_ending(today, days, "working")

    assert sum(is_working_day(day) for day in window) == days
    assert is_working_day(window.first)
    assert window.last == today


@pytest.mark.parametrize(
    ("window", "days"),
    [
        (Window(MONDAY, MONDAY), ["2026-11-23"]),
        (Window(date(2026, 11, 20), MONDAY), ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"]),
        (Window(date(2028, 2, 28), date(2028, 3, 1)), ["2028-02-28", "2028-02-29", "2028-03-01"]),
        (Window(date(2026, 12, 31), date(2027, 1, 1)), ["2026-12-31", "2027-01-01"]),
        (Window(date(2026, 3, 28), date(2026, 3, 30)), ["2026-03-28", "2026-03-29", "2026-03-30"]),  # clocks change
    ],
)
def test_a_window_holds_its_days_in_order_and_no_other(window: Window, days: list[str]) -> None:
    """Weekends too: a Saturday school's marks are sent."""
    assert [f"{day}" for day in window] == days
    assert [date.fromisoformat(day) in window for day in days] == [True] * len(days)


@pytest.mark.parametrize("outside", [date(2026, 11, 19), date(2026, 11, 24), date(2025, 11, 21), date(2027, 11, 21)])
def test_a_window_does_not_hold_the_days_around_it(outside: date) -> None:
    """The day before it, the day after it, and the same days of other years."""
    assert outside not in Window(date(2026, 11, 20), MONDAY)


def test_end_of_a_window_is_the_first_day_that_is_out_again() -> None:
    """Half-open filters take it; also at the end of a year."""
    assert Window(date(2026, 11, 20), MONDAY).end == date(2026, 11, 24)
    assert Window(date(2026, 12, 31), date(2026, 12, 31)).end == date(2027, 1, 1)


@given(today=DATES, days=DAYS)
def test_days_of_the_calendar_are_those_up_to_today(today: date, days: int) -> None:
    """Never a future date, and as many as were asked for."""
    assert [*window_ending(today, days, "calendar")] == [today - timedelta(days=n) for n in reversed(range(days))]


@pytest.mark.parametrize(
    ("utc", "day"),
    [
        (datetime(2026, 6, 14, 22, 59, tzinfo=UTC), date(2026, 6, 14)),
        (datetime(2026, 6, 14, 23, 30, tzinfo=UTC), date(2026, 6, 15)),
        (datetime(2026, 11, 22, 23, 30, tzinfo=UTC), date(2026, 11, 22)),
        (datetime(2026, 11, 23, 0, 0, tzinfo=UTC), date(2026, 11, 23)),
    ],
)
def test_today_is_londons_whatever_the_servers_clock_says(utc: datetime, day: date) -> None:
    """Half past midnight in summer is still yesterday in UTC."""
    assert today_in_london(utc) == day


def test_today_is_now_if_no_time_is_given() -> None:
    """The one place that looks at the clock."""
    assert abs(today_in_london() - datetime.now(UTC).date()) <= timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "holiday"),
    [(date(2026, 4, 6), True), (date(2026, 4, 5), False), (date(2026, 4, 7), False), (date(2027, 12, 25), False)],
)
def test_bank_holiday_is_one_of_monday_to_friday(day: date, *, holiday: bool) -> None:
    """On a weekend there is no school anyway."""
    assert is_bank_holiday(day) is holiday
