"""oddities.py: wrong numbers often look odd; each oddity is told once, with its day, its number and a likely cause."""

from dataclasses import replace
from datetime import date

import pytest

from attsync.mapping import Maps
from attsync.model import Cell, Day, School, Session
from attsync.plausibility import marks_fewer, oddities
from attsync.problems import Problem
from attsync.tally import RollRow, Tally
from attsync.window import Window

OAKFIELD = School(900023, "Oakfield Primary School")
MONDAY = date(2026, 11, 23)
WINDOW = Window(date(2026, 11, 12), MONDAY)
AM, PM = Session.AM, Session.PM
USUAL = {Cell("7", AM): {"/": 28, "I": 2}, Cell("7", PM): {"\\": 28, "I": 2}}
ROLL = {"7": 30}

Cells = dict[Cell, dict[str, int]]


def weeks(changed: dict[date, Day | None] | None = None, *, roll: dict[str, int] | None = None) -> list[Day]:
    """Make the days of a usual window, but for those of `changed`; None: no marks on that day."""
    days = []
    for day in WINDOW:
        cells: Cells = {} if day.weekday() > 4 else USUAL
        usual = Day(date=day, cells=cells, roll=ROLL if roll is None else roll)
        given = (changed or {}).get(day, usual)
        days.append(given or Day(date=day, cells={}, roll=ROLL if roll is None else roll))
    return days


def on(day: int, cells: Cells, *, roll: dict[str, int] | None = None, unmarked: int = 0) -> dict[date, Day | None]:
    """Make one day of November."""
    at = date(2026, 11, day)
    return {at: Day(date=at, cells=cells, roll=ROLL if roll is None else roll, unmarked=unmarked)}


def found(days: list[Day], endless: int = 0) -> dict[str, Problem]:
    """Give what is odd, by code."""
    return {problem.code: problem for problem in oddities(OAKFIELD, days, WINDOW, endless)}


def only(code: str, days: list[Day], endless: int = 0) -> str:
    """Give the words of the one thing that is odd."""
    odd = found(days, endless)
    assert set(odd) == {code}
    assert odd[code].exit_code == 0, "odd is not wrong"
    return odd[code].text


def test_a_usual_fortnight_is_not_odd() -> None:
    """A warning that is always there is read by nobody."""
    assert found(weeks()) == {}


def test_a_bank_holiday_or_a_training_day_is_not_odd() -> None:
    """Presence of marks decides; no package knows a school's own holidays."""
    assert found(weeks({date(2026, 11, 20): None})) == {}


def test_today_may_be_half_done() -> None:
    """In the morning the afternoon is not due, and some registers are open."""
    assert found(weeks(on(23, {Cell("7", AM): {"/": 3}}, unmarked=27))) == {}


def test_no_marks_at_all_with_pupils_on_roll() -> None:
    """A holiday looks the same as a date column that holds no dates: it has to be seen."""
    text = only("MARKS-NONE", weeks(dict.fromkeys(WINDOW)))

    assert text.startswith("No marks from Thu 12 Nov to Mon 23 Nov, and 30 pupils on roll: a school holiday, or")
    assert "YYYY-MM-DD" in text


def test_no_marks_and_nobody_on_roll_is_an_empty_school() -> None:
    """A school that has not opened yet is listed without harm."""
    assert found(weeks(dict.fromkeys(WINDOW), roll={})) == {}


def test_no_marks_on_a_weekend_alone() -> None:
    """A calendar window of two days may hold no working day."""
    weekend = Window(date(2026, 11, 21), date(2026, 11, 22))
    days = [Day(date=day, cells={}, roll=ROLL) for day in weekend]

    assert oddities(OAKFIELD, days, weekend, 0) == ()


def test_marks_on_one_day_only() -> None:
    """`WHERE date = today` loses every correction."""
    days = [day if day.date == MONDAY else Day(date=day.date, cells={}, roll=ROLL) for day in weeks()]

    assert only("DAYS-NONE", days).startswith("Only Mon 23 Nov has marks; the other 7 working days have none:")


def test_marks_on_a_sunday() -> None:
    """Midnight in London, written in UTC, is the day before."""
    text = only("DAYS-WEEKEND", weeks(on(22, USUAL)))

    assert text.startswith("Sun 22 Nov has 60 marks: the dates of the marks SELECT may be a day off")


def test_marks_on_saturdays_and_not_on_mondays() -> None:
    """Off by a day the other way; a Saturday school has marks on Mondays too."""
    no_monday: dict[date, Day | None] = {date(2026, 11, 16): None, date(2026, 11, 23): None}

    assert only("DAYS-WEEKEND", weeks(on(21, USUAL) | no_monday)).startswith("Sat 21 Nov has 60 marks")
    assert found(weeks(on(21, USUAL))) == {}


def test_hundreds_of_marks_and_not_one_absence() -> None:
    """A SELECT of those present alone would make every school perfect."""
    changed: dict[date, Day | None] = {}
    for day in (12, 13, 16, 17, 18, 19, 20):
        changed |= on(day, {Cell("7", AM): {"/": 28}, Cell("7", PM): {"\\": 28}})

    assert only("ABSENCE-NONE", weeks(changed)).startswith("Not one of 392 marks before today is an absence:")


def test_more_marks_than_pupils_on_roll() -> None:
    """A join that doubles, where no pupil column can prove it."""
    doubled: Cells = {Cell("7", AM): {"/": 56, "I": 4}, Cell("7", PM): {"\\": 28}}
    text = only("MARKS-HIGH", weeks(on(20, doubled) | on(19, {Cell("7", AM): {"/": 31}, Cell("7", PM): {"\\": 30}})))

    assert text == (
        "Year 7 has 60 marks and 30 pupils on roll on Fri 20 Nov AM; the like in 1 more place: a join that doubles,"
        " guests, or enrolments that the roll SELECT lacks."
    )


def test_pupils_who_are_not_on_roll_yet_have_marks_too() -> None:
    """Code Z makes more marks than pupils lawful."""
    assert found(weeks(on(20, {Cell("7", AM): {"/": 30, "Z": 3}, Cell("7", PM): {"\\": 30}}))) == {}


def test_marks_of_a_school_with_nobody_on_roll() -> None:
    """Then the roll SELECT is to blame, not a join."""
    assert "the roll SELECT gives nobody of this school" in only("MARKS-HIGH", weeks(roll={}))


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ([20], "No PM marks on Fri 20 Nov, while AM has 30 marks: a register not taken"),
        ([19, 20], "No PM marks on Fri 20 Nov, and none on 1 more day, while"),
        ([18, 19, 20], "No PM marks on Fri 20 Nov, and none on 2 more days, while"),
        ([12, 13, 16, 17, 18, 19, 20], "No PM marks on any day before today, while AM has 30 marks: the marks SELECT"),
    ],
)
def test_a_session_without_marks(days: list[int], words: str) -> None:
    """On some days a register was forgotten; on all of them the SELECT forgets it."""
    morning = {Cell("7", AM): {"/": 28, "I": 2}}
    changed: dict[date, Day | None] = {}
    for day in days:
        changed |= on(day, morning)

    assert only("SESSION-NONE", weeks(changed)).startswith(words)


def test_mornings_can_be_missing_as_well() -> None:
    """The like, the other way round."""
    assert only("SESSION-NONE", weeks(on(20, {Cell("7", PM): {"\\": 30}}))).startswith("No AM marks on Fri 20 Nov")


def test_a_year_group_without_marks() -> None:
    """Its marks may have another year group than its pupils."""
    text = only("YEAR-NONE", weeks(roll={"7": 30, "8": 6, "9": 1}))

    assert text.startswith(
        "Year 8 has 6 pupils on roll and no marks on 7 of 7 days, last on Fri 20 Nov; the like in 1 more year group:"
    )


def test_a_year_group_without_marks_on_one_day() -> None:
    """Named with its day."""
    both = {"7": 30, "8": 3}
    usual: Cells = {**USUAL, Cell("8", AM): {"/": 3}, Cell("8", PM): {"\\": 3}}
    changed: dict[date, Day | None] = {}
    for day in (12, 13, 16, 17, 18, 19):
        changed |= on(day, usual, roll=both)
    changed |= on(20, USUAL, roll=both)

    assert "Year 8 has 3 pupils on roll and no marks on Fri 20 Nov:" in only("YEAR-NONE", weeks(changed))


def test_a_roll_far_above_the_marks() -> None:
    """Leavers who never left; then few present is no news."""
    text = only("ROLL-HIGH", weeks(roll={"7": 80}))

    assert text.startswith("80 pupils on roll in the year groups with marks on ")
    assert "and no session has more than 30 of them: leavers without a leaving date" in text


def test_a_few_boarders_are_not_odd() -> None:
    """They have no marks: fewer marks than pupils is not in itself a fault (DOMAIN.md 6)."""
    assert found(weeks(roll={"7": 34})) == {}


@pytest.mark.parametrize(("number", "words"), [(1, "1 enrolment on roll began"), (2, "2 enrolments on roll began")])
def test_enrolments_that_never_end(number: int, words: str) -> None:
    """Nobody stays at one school for more than 16 years."""
    assert only("ROLL-ENDLESS", weeks(), endless=number).startswith(words)


def test_fewer_than_half_present() -> None:
    """A SELECT that leaves marks out, or merges them, looks like an empty school."""
    text = only("PRESENT-LOW", weeks(on(20, {Cell("7", AM): {"/": 9, "O": 21}, Cell("7", PM): {"\\": 30}})))

    assert text.startswith("9 of 30 pupils on roll are present on Fri 20 Nov AM (30%): marks that")


def test_a_closed_school_has_nobody_present() -> None:
    """With # or Y no session is possible."""
    assert found(weeks(on(20, {Cell("7", AM): {"#": 30}, Cell("7", PM): {"Y2": 29, "\\": 1}}))) == {}


def test_many_rows_without_a_mark() -> None:
    """Registers not finished, or a map that takes a code for none."""
    half: Cells = {Cell("7", AM): {"/": 30}, Cell("7", PM): {"\\": 20}}
    text = only("MARKS-UNMADE", weeks(on(20, half, unmarked=10)))

    assert text.startswith("10 of 60 rows hold no mark on Fri 20 Nov (17%):")


def test_no_reason_after_a_week() -> None:
    """After five school days N has to become O or another code."""
    late: Cells = {Cell("7", AM): {"/": 26, "N": 4}, Cell("7", PM): {"\\": 30}}

    assert only("REASON-LATE", weeks(on(13, late))).startswith("4 marks of 30 on Fri 13 Nov AM are still N")
    assert found(weeks(on(17, late))) == {}
    one: Cells = {Cell("7", AM): {"/": 18, "N": 1}, Cell("7", PM): {"\\": 19}}
    assert only("REASON-LATE", weeks(on(13, one))).startswith("1 mark of 19 on Fri 13 Nov AM is still N")


def test_a_day_that_is_refused_is_not_also_odd() -> None:
    """Its problem says more, and its numbers are not whole."""
    refused = Day(
        date=date(2026, 11, 20), cells={}, roll=ROLL, refused=60, problem=Problem("MARK-UNKNOWN", "text", "next")
    )

    assert found(weeks({refused.date: refused})) == {}


@pytest.mark.parametrize(
    ("sport", "words"),
    [(0, None), (5, None), (25, "175 of 420 marks before today are P (Approved sporting activity)")],
)
def test_a_code_that_means_something_else_to_the_dfe(sport: int, words: str | None) -> None:
    """Schools write P for present; the DfE has it for sport."""
    cells = {Cell("7", AM): {"/": 30 - sport, "P": sport}, Cell("7", PM): {"\\": 28, "I": 2}}
    days = weeks({day.date: replace(day, cells=cells) for day in weeks() if day.cells})

    odd = found(days).get("CODE-HIGH")

    assert (odd.text[: len(words or "")] if odd else None) == words


def test_morning_and_afternoon_are_each_told() -> None:
    """A morning of one day does not hide the afternoon of another."""
    days = weeks(on(19, {Cell("7", PM): {"\\": 30}}) | on(20, {Cell("7", AM): {"/": 30}}))

    odd = [problem for problem in oddities(OAKFIELD, days, WINDOW, 0) if problem.code == "SESSION-NONE"]

    assert [(problem.text[:23], [day.day for day in problem.days]) for problem in odd] == [
        ("No AM marks on Thu 19 N", [19]),
        ("No PM marks on Fri 20 N", [20]),
    ]


def test_what_to_do_names_the_day() -> None:
    """One line to paste."""
    odd = found(weeks(on(20, {Cell("7", AM): {"/": 30}})))["SESSION-NONE"]

    assert odd.next == "Compare with the MIS: attsync preview --school 900023 --date 2026-11-20"


def test_the_fold_asks_for_oddities() -> None:
    """They are part of what is read for a school."""
    fold = Tally(OAKFIELD, Maps(codes={}, sessions={}, year_groups={}), WINDOW)

    assert fold.days().to_check == ()
    fold.add_roll(RollRow("7", 0, 0, (30,) * 12))
    assert [problem.code for problem in fold.days().to_check] == ["MARKS-NONE"]


def test_a_register_that_is_gone_since_it_was_sent() -> None:
    """It goes as zeros, so somebody has to know."""
    gone = marks_fewer(OAKFIELD, [(MONDAY, USUAL, {Cell("7", AM): {"/": 28, "I": 2}, Cell("7", PM): {"\\": 0}})])

    assert gone is not None
    assert gone.code == "MARKS-FEWER"
    assert gone.text.startswith("Mon 23 Nov PM has 0 marks, and had 30 when it was sent: a register that was removed")


def test_a_late_correction_is_not_odd() -> None:
    """Marks come and go every day."""
    assert marks_fewer(OAKFIELD, [(MONDAY, USUAL, {**USUAL, Cell("7", AM): {"/": 16}})]) is None


@pytest.mark.parametrize(("on_roll", "words"), [(1, "Only 1 pupil on roll"), (4, "Only 4 pupils on roll"), (5, "")])
def test_school_of_very_few_is_told(on_roll: int, words: str) -> None:
    """A SELECT that takes a pupil's number for a school would send what that pupil did, as counts of one."""
    cells = {Cell("7", AM): {"/": on_roll}, Cell("7", PM): {"\\": on_roll}}
    days = [Day(date=day, cells=cells if day.weekday() < 5 else {}, roll={"7": on_roll}) for day in WINDOW]

    assert found(days).get("ROLL-FEW", Problem("ROLL-FEW", "", "")).text.startswith(words)
    assert ("ROLL-FEW" in found(days)) is bool(words)
