"""plausibility.py: what is unusual is one problem with its place, numbers and days; today's sessions are judged."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attsync import messages, plausibility
from attsync.codes import ATTENDED, codes_on
from attsync.model import Cell, Day, School, SchoolDays, Session
from attsync.plausibility import marks_fewer, register_not_taken, to_check, unregistered
from attsync.problems import Problem, catalogue
from attsync.window import LONDON, Window

OAKFIELD = School(900023, "Oakfield Primary School")
MONDAY = date(2026, 11, 23)
FRIDAY = date(2026, 11, 20)
WINDOW = Window(date(2026, 11, 12), MONDAY)
SCHOOL_DAYS = [day for day in WINDOW if day.weekday() < 5]
AM, PM = Session.AM, Session.PM
ROLL = {"7": 30}
COUNTING = (Path(__file__).parent.parent / "docs" / "design" / "counting.md").read_text(encoding="utf-8")
TIMES = (time(10, 15), time(14, 45))

Cells = dict[Cell, dict[str, int]]


def both(am: dict[str, int], pm: dict[str, int], group: str = "7") -> Cells:
    """Return the cells of one year group; without marks it has no cell."""
    return {Cell(group, session): counts for session, counts in ((AM, am), (PM, pm)) if counts}


USUAL = both({"/": 28, "I": 2}, {"\\": 28, "I": 2})


def weeks(cells: Cells | None = None, on: Iterable[date] = (), window: Window = WINDOW, **fields: Any) -> SchoolDays:  # noqa: ANN401
    """Return a usual window, in which the days `on` have other cells (None: no marks) or fields."""
    days = [Day(date=day, cells=USUAL if day.weekday() < 5 else {}, roll=ROLL, pupils_on_roll=30) for day in window]
    changed = {"cells": cells or {}, **fields}
    return SchoolDays(school=OAKFIELD, days=tuple(replace(d, **changed) if d.date in on else d for d in days))


def of_roll(found: SchoolDays, roll: dict[str, int]) -> SchoolDays:
    """Return the same days with another roll."""
    return replace(found, days=tuple(replace(day, roll=roll, pupils_on_roll=sum(roll.values())) for day in found.days))


def november(*days: int) -> list[date]:
    """Return days of November."""
    return [date(2026, 11, day) for day in days]


def only(code: str, found: SchoolDays, window: Window = WINDOW) -> tuple[str, dict[str, Any]]:
    """Return case and parameters of the one thing that is unusual."""
    problems = to_check(found, window)
    assert [problem.code for problem in problems] == [code]
    assert problems[0].exit_code == 0
    assert str(messages.text(problems[0]))
    assert str(messages.next_step(problems[0]))
    return problems[0].case, dict(problems[0].parameters)


def codes_of(found: SchoolDays, window: Window = WINDOW) -> list[str]:
    """Return the codes of what is unusual."""
    return [problem.code for problem in to_check(found, window)]


QUIET = {
    "a usual fortnight": weeks(),
    "a training day": weeks(None, [FRIDAY]),
    "today half done": weeks({Cell("7", AM): {"/": 3}}, [MONDAY], unmarked=27),
    "a school that has not opened yet": of_roll(weeks(None, WINDOW), {}),
    "marks of pupils who are not on roll yet": weeks(both({"/": 30, "Z": 3}, {"\\": 30}), [FRIDAY], not_on_roll=3),
    "a few boarders": of_roll(weeks(), {"7": 34}),
    "a closed school": weeks(both({"#": 30}, {"Y2": 29, "\\": 1}), [FRIDAY]),
    "a Saturday school": weeks(USUAL, november(21)),
    "a Saturday school that closes at noon": weeks(both({"/": 28, "I": 2}, {}), november(21)),
    "no reason yet for some days": weeks(both({"/": 26, "N": 4}, {"\\": 30}), november(17)),
    "some at sport": weeks(both({"/": 25, "P": 3, "I": 2}, {"\\": 28, "I": 2}), SCHOOL_DAYS),
    "a refused day": weeks(None, [FRIDAY], refused=60, problem=Problem("MARK-UNKNOWN")),
    "one day without marks": weeks(None, november(20, 21, 22)),
}


@pytest.mark.parametrize("found", QUIET.values(), ids=QUIET.keys())
def test_what_is_usual_is_not_shown(found: SchoolDays) -> None:
    """A warning that is always there is read by no one."""
    assert codes_of(found) == []


def test_no_marks_on_a_weekend_is_not_shown() -> None:
    """A calendar window of two days may have no working day."""
    weekend = Window(date(2026, 11, 21), date(2026, 11, 22))
    assert codes_of(weeks(window=weekend), weekend) == []


MORNING: Cells = {Cell("7", AM): {"/": 28, "I": 2}}
SHOWN: list[tuple[str, SchoolDays, str, str, dict[str, Any]]] = [
    ("no marks at all", weeks(None, WINDOW), "MARKS-NONE", "", {"pupils": 30, "first": "2026-11-12"}),
    (
        "a copy that stopped four school days ago",
        weeks(None, november(18, 19, 20, 23)),
        "MARKS-NONE",
        "stopped",
        {"since": "2026-11-17", "number": 3, "days": ("2026-11-18", "2026-11-19", "2026-11-20")},
    ),
    ("today alone", weeks(None, set(WINDOW) - {MONDAY}), "DAYS-NONE", "", {"day": "2026-11-23", "number": 7}),
    ("a Sunday", weeks(USUAL, november(22)), "DAYS-WEEKEND", "", {"day": "2026-11-22", "marks": 60}),
    (
        "more marks than pupils",
        weeks(both({"/": 56, "I": 4}, {"\\": 31}), [FRIDAY]),
        "MARKS-HIGH",
        "",
        {"marks": 60, "pupils": 30, "day": "2026-11-20", "session": "AM", "year_group": "7", "more": 1},
    ),
    ("no one on roll", of_roll(weeks(), {}), "MARKS-HIGH", "no_roll", {"marks": 30}),
    (
        "two leavers with marks, two joiners without",
        weeks(USUAL, november(19, 20), not_on_roll=4),
        "MARKS-HIGH",
        "not_on_roll",
        {"marks": 4, "day": "2026-11-20", "more": 1},
    ),
    (
        "an afternoon forgotten",
        weeks(MORNING, november(19, 20)),
        "SESSION-NONE",
        "",
        {"session": "PM", "other": "AM", "other_marks": 30, "day": "2026-11-20", "more_days": 1},
    ),
    ("no afternoons", weeks(MORNING, set(SCHOOL_DAYS) - {MONDAY}), "SESSION-NONE", "all", {"session": "PM"}),
    ("a morning", weeks({Cell("7", PM): {"\\": 28, "I": 2}}, [FRIDAY]), "SESSION-NONE", "", {"session": "AM"}),
    (
        "a year group without marks",
        of_roll(weeks(), {"7": 30, "8": 6, "9": 1}),
        "YEAR-NONE",
        "several",
        {"year_group": "8", "pupils": 6, "number": 7, "of": 7, "more": 1},
    ),
    (
        "a year group without marks on one day",
        of_roll(weeks(USUAL | both({"/": 3}, {"\\": 3}, "8"), set(SCHOOL_DAYS) - {FRIDAY}), {"7": 30, "8": 3}),
        "YEAR-NONE",
        "",
        {"year_group": "8", "day": "2026-11-20"},
    ),
    ("leavers still on roll", of_roll(weeks(), {"7": 80}), "ROLL-HIGH", "", {"pupils": 80, "most": 30}),
    ("two year groups", weeks(USUAL, [FRIDAY], in_two_groups=3), "ROLL-DOUBLE", "", {"pupils": 3, "more": 0}),
    (
        "few present",
        weeks(both({"/": 9, "O": 21}, {"\\": 30}), [FRIDAY]),
        "PRESENT-LOW",
        "",
        {"present": 9, "pupils": 30, "session": "AM", "share": 0.3},
    ),
    ("no absence", weeks(both({"/": 28}, {"\\": 28}), SCHOOL_DAYS), "ABSENCE-NONE", "", {"marks": 392}),
    (
        "P for present",
        weeks(both({"/": 5, "P": 23, "I": 2}, {"\\": 28, "I": 2}), SCHOOL_DAYS),
        "CODE-HIGH",
        "",
        {"code": "P", "marks": 161, "of": 420, "meaning": "Approved sporting activity"},
    ),
    (
        "registers not finished",
        weeks(both({"/": 30}, {"\\": 20}), [FRIDAY], unmarked=10),
        "MARKS-UNMADE",
        "",
        {"marks": 10, "of": 60},
    ),
    (
        "reasons not entered",
        weeks(both({"/": 26, "N": 4}, {"\\": 30}), november(13)),
        "REASON-LATE",
        "",
        {"marks": 4, "of": 30, "session": "AM", "day": "2026-11-13"},
    ),
    ("no column pupil", replace(weeks(), provable=False), "MARKS-UNPROVEN", "", {}),
    ("no column pupil in the roll", weeks(USUAL, SCHOOL_DAYS, pupils_on_roll=None), "MARKS-UNPROVEN", "roll", {}),
    (
        "marks that name no pupil",
        weeks(USUAL, november(19, 20), nameless=4),
        "MARKS-UNPROVEN",
        "nameless",
        {"marks": 4, "day": "2026-11-20", "days": ("2026-11-19", "2026-11-20"), "more": 1},
    ),
]


@pytest.mark.parametrize(("found", "code", "case", "facts"), [row[1:] for row in SHOWN], ids=[row[0] for row in SHOWN])
def test_what_is_unusual_is_shown_once(found: SchoolDays, code: str, case: str, facts: dict[str, Any]) -> None:
    """With the worst place and how many others there are, and nothing besides."""
    shown_case, parameters = only(code, found)

    assert shown_case == case
    assert parameters | facts == parameters


def test_each_rule_has_words_and_a_test() -> None:
    """A rule without them would end a run, or be changed unnoticed."""
    rules = {code for code, _, _ in plausibility._RULES}  # noqa: SLF001  the table is the point

    assert all(catalogue()[code]["exit"] == 0 for code in rules)
    assert set(re.findall(r"^\| ([A-Z]+-[A-Z]+) \|", COUNTING, re.MULTILINE)) == rules | {"MARKS-FEWER"}
    assert rules - {code for _, _, code, _, _ in SHOWN} == {"ROLL-FEW", "ROLL-ENDLESS"}


@pytest.mark.parametrize(("on_roll", "shown"), [(1, True), (4, True), (5, False)])
def test_school_of_very_few_is_shown(on_roll: int, *, shown: bool) -> None:
    """A SELECT that takes a pupil's number for a school would send what that pupil did, as counts of one."""
    days = of_roll(weeks(both({"/": on_roll}, {"\\": on_roll}), SCHOOL_DAYS), {"7": on_roll})

    assert ("ROLL-FEW" in codes_of(days)) is shown


def test_enrolments_that_never_end_are_shown() -> None:
    """No one stays at one school for more than 16 years."""
    assert only("ROLL-ENDLESS", replace(weeks(), endless=2))[1]["enrolments"] == 2


def test_saturday_without_a_monday_is_a_day_off() -> None:
    """A Saturday school has marks on Mondays too."""
    changed = replace(weeks(None, november(16, 23)), school=OAKFIELD)
    days = tuple(replace(day, cells=USUAL) if day.date.day == 21 else day for day in changed.days)

    assert codes_of(replace(changed, days=days)) == ["DAYS-WEEKEND"]


@pytest.mark.parametrize(
    ("cells", "marks"), [(USUAL, 60), (both({"#": 30}, {"#": 30}), 0), (both({"G": 2}, {}), 2), ({}, 0)]
)
def test_register_on_a_bank_holiday_is_shown(cells: Cells, marks: int) -> None:
    """A planned closure is the one thing that belongs there."""
    easter = Window(date(2026, 3, 30), date(2026, 4, 8))
    found = weeks(cells, [date(2026, 4, 6)], easter)
    found = replace(found, days=tuple(replace(d, cells={}) if d.date.day == 3 else d for d in found.days))
    told = [p for p in to_check(found, easter) if p.code == "DAYS-WEEKEND"]

    assert [(p.case, p["marks"], p.days) for p in told] == ([("holiday", marks, (date(2026, 4, 6),))] if marks else [])


def test_absences_entered_ahead_do_not_hide_a_copy_that_stopped() -> None:
    """The days after it have marks, but no one who is not absent."""
    found = weeks(both({"I": 1}, {"I": 1}), november(18, 19, 20, 23))

    assert [p.case for p in to_check(found, WINDOW) if p.code == "MARKS-NONE"] == ["stopped"]


@pytest.mark.parametrize("days", [WINDOW, november(18, 19, 20, 23)])
def test_either_way_of_having_no_marks_has_words_in_term_time(days: Iterable[date]) -> None:
    """Then a run does not end with 0, and a person reads them."""
    (problem,) = to_check(weeks(None, days), WINDOW)

    assert problem.but("term").exit_code == 1
    assert "There " in str(messages.text(problem.but("term")))


@pytest.mark.parametrize("roll", [{}, {"7": 30}])
@pytest.mark.parametrize("days", [november(23), november(20, 23), []])
def test_a_day_or_two_without_marks_is_no_copy_that_stopped(days: list[date], roll: dict[str, int]) -> None:
    """A training day, and today before the registers: one working day before today is not enough."""
    assert "MARKS-NONE" not in codes_of(of_roll(weeks(None, days), roll))


def test_morning_and_afternoon_are_each_shown() -> None:
    """A morning of one day does not hide the afternoon of another."""
    found = weeks(MORNING, [FRIDAY])
    days = tuple(replace(d, cells=both({}, {"\\": 30})) if d.date.day == 19 else d for d in found.days)
    told = to_check(replace(found, days=days), WINDOW)

    assert [(p["session"], [day.day for day in p.days]) for p in told] == [("AM", [19]), ("PM", [20])]


def test_a_register_that_is_gone_since_it_was_sent_is_shown() -> None:
    """It is sent as zeros, so someone has to know."""
    gone = marks_fewer(OAKFIELD, [(MONDAY, USUAL, {Cell("7", AM): {"/": 28, "I": 2}, Cell("7", PM): {"\\": 0}})])

    assert gone
    assert (gone.code, gone["session"], gone["marks"], gone["before"]) == ("MARKS-FEWER", "PM", 0, 30)
    zeros = {Cell("7", PM): {"\\": 0}}
    still = marks_fewer(OAKFIELD, [(MONDAY, zeros, zeros)])
    assert still
    assert still.case == "gone", "as long as it is sent as 0"
    assert str(messages.text(still))


def test_a_late_correction_is_not_shown() -> None:
    """Marks come and go every day."""
    assert marks_fewer(OAKFIELD, [(MONDAY, USUAL, {**USUAL, Cell("7", AM): {"/": 16}})]) is None


def today(am: dict[str, int], pm: dict[str, int], on_roll: int = 210) -> Day:
    """Return today with these marks."""
    return Day(date=MONDAY, cells=both(am, pm), roll={"7": on_roll})


def at(hour: int, minute: int = 0, day: date = MONDAY) -> datetime:
    """Return a time in London."""
    return datetime.combine(day, time(hour, minute), LONDON)


HELD: dict[str, tuple[Day, set[Session]]] = {
    "planned absences of a few": (today({"/": 200, "I": 10}, {"I": 8, "M": 2}), {PM}),
    "N for everyone": (today({"/": 200, "I": 10}, {"N": 210}), {PM}),
    "N for those who are not away": (today({"/": 200, "I": 10}, {"N": 150, "V": 60}), {PM}),
    "a visit of one class": (today({"/": 200, "I": 10}, {"V": 30}), {PM}),
    "a visit of most classes": (today({"/": 200, "I": 10}, {"V": 130, "I": 2}), {PM}),
    "one class registered": (today({"/": 200, "I": 10}, {"\\": 28, "I": 2}), {PM}),
    "planned absences before school": (today({"I": 3}, {"I": 5}), {AM, PM}),
    "a visit before school": (today({"V": 20}, {"V": 20}), {AM, PM}),
    "some mornings, the afternoon ahead": (today({"/": 60}, {"V": 208, "I": 2}), {AM}),
    "3 pupils, one at the dentist": (today({"/": 3}, {"M": 1}, 3), {PM}),
}
SENT: dict[str, Day] = {
    "a usual day": today({"/": 200, "I": 10}, {"\\": 200, "I": 10}),
    "3 pupils, 2 ill": today({"/": 1, "I": 2}, {"\\": 1, "I": 2}, 3),
    "3 pupils, one gone home": today({"/": 3}, {"\\": 2}, 3),
    "1 pupil": today({"/": 1}, {"\\": 1}, 1),
    "a boarding house, day pupils only": today({"/": 38, "I": 2}, {"\\": 38, "I": 2}, 100),
    "day pupils on a trip in the afternoon": today({"/": 38, "I": 2}, {"V": 38, "I": 2}, 100),
    "a trip of all": today({"/": 200, "I": 10}, {"V": 190, "B": 10, "I": 10}),
    "a trip of all, all day": today({"V": 200, "I": 10}, {"V": 200, "I": 10}),
    "a half day": today({"/": 200, "I": 10}, {"#": 210}),
    "a closed school": today({"#": 210}, {"#": 210}),
    "flu": today({"/": 90, "I": 120}, {"\\": 90, "I": 120}),
    "a morning alone": today({"/": 200, "I": 10}, {}),
    "no one on roll": today({"/": 200, "I": 10}, {"\\": 200, "I": 10}, 0),
}


@pytest.mark.parametrize(("day", "held"), HELD.values(), ids=HELD.keys())
def test_session_that_is_only_entered_ahead_waits_for_its_time(day: Day, held: set[Session]) -> None:
    """Before it the DfE would have no one present; after it the register is missing, and that is shown."""
    assert unregistered(day) == held
    told = register_not_taken(OAKFIELD, day, TIMES, at(14, 47))
    assert told
    assert (told.code, told.case, told.exit_code) == ("SESSION-NONE", "unregistered", 0)
    assert told.days == (MONDAY,)


@pytest.mark.parametrize("day", SENT.values(), ids=SENT.keys())
def test_register_is_sent_at_once(day: Day) -> None:
    """Small schools, boarders, half days and trips are not held back."""
    assert unregistered(day) == set()
    told = register_not_taken(OAKFIELD, day, TIMES, at(14, 47))
    assert (told.case if told else None) == ("today" if not day.marks_of[PM] else None)


def test_register_is_missing_only_when_it_is_due() -> None:
    """And only today's: the days before have their own rule."""
    day = SENT["a morning alone"]

    assert register_not_taken(OAKFIELD, day, TIMES, at(14, 14)) is None
    assert register_not_taken(OAKFIELD, day, TIMES, at(14, 15)), "from then on it is sent"
    assert register_not_taken(OAKFIELD, day, TIMES, at(15, 0, date(2026, 11, 24))) is None
    assert register_not_taken(OAKFIELD, day, (time(10, 15),), at(10, 40)) is None, "the afternoon is not over"
    assert register_not_taken(OAKFIELD, replace(day, problem=Problem("MARK-UNKNOWN")), TIMES, at(15)) is None
    assert register_not_taken(OAKFIELD, today({}, {}), TIMES, at(15)) is None, "a training day"


COUNTS = st.dictionaries(st.sampled_from([code for code in codes_on(MONDAY) if code not in "/\\"]), st.integers(1, 300))


@given(am=COUNTS, pm=COUNTS, here=st.tuples(st.integers(0, 300), st.integers(0, 300)), on_roll=st.integers(0, 400))
def test_session_is_held_only_for_a_reason(
    am: dict[str, int], pm: dict[str, int], here: tuple[int, int], on_roll: int
) -> None:
    """Whatever the counts: one with half of the pupils, of whom half attend, is a register; one with fewer is not."""
    day = today(am | {"/": here[0]}, pm | {"\\": here[1]}, on_roll)
    held = unregistered(day)

    for session, other, counts, present in ((AM, PM, am, here[0]), (PM, AM, pm, here[1])):
        attend = present + sum(n for code, n in counts.items() if codes_on(MONDAY)[code].category in ATTENDED)
        if present and attend * 2 >= day.marks_of[session] and day.marks_of[session] * 2 >= day.marks_of[other]:
            assert session not in held
        if day.marks_of[session] * 2 < day.marks_of[other] and day.marks_of[session]:
            assert session in held
