"""report.py: what became of a run, and problems in a few words."""

from datetime import date

import pytest

from attsync.problems import KINDS, Problem
from attsync.report import brief, grouped

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
BUSY = Problem("DFE-BUSY", "Busy.", "Wait.")
MARKS = Problem("MARK-UNKNOWN", '3 marks on Mon 23 Nov AM have the code "ZZ".', "Correct it.")


@pytest.mark.parametrize("code", [code for code in KINDS if code.startswith(("MARK", "SESSION", "YEAR", "ROLL", "D"))])
def test_each_problem_of_a_school_has_a_name_of_a_few_words(code: str) -> None:
    """It has to fit into a cell of a table; the code itself is no word."""
    words = brief(Problem(code, "text", "next"))

    assert len(words) <= 40 or code == "DEMO-MISSING"


def test_brief_name_shows_the_value_if_the_text_does() -> None:
    """Whoever sees ZZ knows at once; what the text does not show, nobody does."""
    assert brief(MARKS) == 'unknown mark code "ZZ"'
    assert brief(Problem("MARK-UNKNOWN", "3 marks have a code that is not known.", "")) == "unknown mark code"


def test_what_several_days_have_in_common_is_said_once() -> None:
    """An outage of a week is one problem."""
    other = Problem("DFE-BUSY", "Still busy.", "Wait.")

    assert grouped([(BUSY, TUESDAY), (other, MONDAY), (None, None)]) == [(BUSY, "Mon 23 Nov and 1 more day: ")]


def test_marks_are_told_for_each_day() -> None:
    """Each has to be found and corrected."""
    more = Problem("MARK-UNKNOWN", '1 mark on Tue 24 Nov PM has the code "Q9".', "Correct it.")

    assert grouped([(MARKS, MONDAY), (more, TUESDAY)]) == [(MARKS, ""), (more, "")]


def test_day_is_added_where_the_text_leaves_it_out() -> None:
    """A message names the day (UX.md)."""
    faults = Problem("DFE-FAULTS", "The DfE found 1 fault.", "Correct it.")

    assert grouped([(faults, MONDAY)]) == [(faults, "Mon 23 Nov: ")]
    assert grouped([(BUSY, None)]) == [(BUSY, "")]
