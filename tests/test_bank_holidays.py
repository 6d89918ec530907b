"""The table of bank holidays is the library's, and reaches far enough."""

from datetime import date

import holidays

from attsync.window import is_working_day

LAST_YEAR = 2050


def test_table_holds_the_bank_holidays_of_england() -> None:
    """A day that is missing would be counted as a school day and shorten the window."""
    days = holidays.country_holidays("GB", subdiv="ENG", years=range(2012, LAST_YEAR + 1))

    assert [day for day in days if is_working_day(day)] == []


def test_table_holds_nothing_else() -> None:
    """A day too many would lengthen the window, and hide a send that did not happen."""
    known = holidays.country_holidays("GB", subdiv="ENG", years=range(2012, LAST_YEAR + 1))
    weekdays = [
        day
        for number in range(date(2012, 1, 1).toordinal(), date(LAST_YEAR, 12, 31).toordinal() + 1)
        if (day := date.fromordinal(number)).weekday() < 5
    ]

    assert [day for day in weekdays if not is_working_day(day) and day not in known] == []
