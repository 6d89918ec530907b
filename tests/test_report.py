"""report.py: what there is to tell of a run, each thing once."""

from datetime import timedelta

import pytest

from attsync.mapping import Maps
from attsync.problems import Problem
from attsync.report import grouped
from attsync.tally import MarkRow, PupilRow, RollRow, Tally
from attsync.wire import build
from tests.factories import MONDAY, OAKFIELD, WINDOW, day

TUESDAY = MONDAY + timedelta(days=1)


def _found(*rows: MarkRow | PupilRow) -> Problem:
    """Tally rows of Monday; give what is wrong with it."""
    fold = Tally(OAKFIELD, Maps(codes={}, sessions={}, year_groups={}), WINDOW)
    for row in rows:
        if isinstance(row, MarkRow):
            fold.add(row)
        else:
            fold.add_pupils(row)
    fold.add_roll(RollRow("7", 0, 0, tuple(30 for _ in WINDOW)))
    (found,) = (each.problem for each in fold.days().days if each.date == MONDAY)
    assert found
    return found


def _impossible() -> Problem:
    found = build(OAKFIELD, day(PRESENT=-1), {})
    assert isinstance(found, Problem)
    return found


@pytest.mark.parametrize(
    "problem",
    [
        _found(MarkRow(MONDAY, "AM", "7", "ZZ", 3)),
        _found(MarkRow(MONDAY, "P3", "7", "/", 3)),
        _found(MarkRow(MONDAY, "AM", "70", "/", 3)),
        _found(MarkRow(MONDAY, "AM", "7", "/", 3), PupilRow(MONDAY, "AM", 3, 2)),
        _found(*(MarkRow(MONDAY, "AM", "7", f"x{number}", 1) for number in range(2000))),
        _impossible(),
    ],
    ids=lambda problem: problem.code,
)
def test_day_is_said_once(problem: Problem) -> None:
    """Some sentences name it themselves; it does not stand before them again."""
    ((_, days),) = grouped([(problem, MONDAY)])

    assert f"{MONDAY:%a %-d %b}" in problem.text
    assert days == ""


def test_days_that_differ_in_numbers_alone_are_one_problem() -> None:
    """Pupils without a year group are to be mended once, though there are more of them each day."""
    problems = [Problem("ROLL-UNKNOWN", f"{number} pupils.", "Map it.") for number in (2, 3)]

    assert grouped([(problems[0], MONDAY), (problems[1], TUESDAY)]) == [
        (problems[0], f"{MONDAY:%a %-d %b} and 1 more day: ")
    ]


def test_what_the_dfe_found_is_told_for_each_day() -> None:
    """The words differ, and each has to be mended."""
    problems = [Problem("DFE-FAULTS", f"Fault {number}.", "Correct it.") for number in (1, 2)]

    assert [days for _, days in grouped([(problems[0], MONDAY), (problems[1], TUESDAY)])] == [
        f"{MONDAY:%a %-d %b}: ",
        f"{TUESDAY:%a %-d %b}: ",
    ]


def test_what_a_select_does_wrong_is_told_once() -> None:
    """Eight days with the same doubled join are one thing to mend; single marks are many."""
    doubled = [_found(MarkRow(MONDAY, "AM", "7", "/", 3), PupilRow(MONDAY, "AM", 3, number)) for number in (1, 2)]
    usual = MarkRow(MONDAY, "AM", "7", "/", 97)
    marks = [_found(usual, MarkRow(MONDAY, "AM", "7", code, 3)) for code in ("ZZ", "QQ")]

    ((once, _),) = grouped([(doubled[0], MONDAY), (doubled[1], TUESDAY), (doubled[1], TUESDAY + timedelta(days=1))])

    assert (once.code, once["more_days"]) == ("MARK-DOUBLE", 2)
    assert [problem for problem, _ in grouped([(marks[0], MONDAY), (marks[1], TUESDAY)])] == marks
