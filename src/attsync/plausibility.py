"""What is lawful but odd in the days of a school: to be looked at by a person, and sent all the same (DOMAIN.md 10).

Pure: from counts alone. One problem a kind of oddity, with the worst place and the number of the others, its day, its
numbers and the likely cause. Days that are refused have a problem already and are left out.
"""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from datetime import date, timedelta
from math import ceil
from typing import Final, NamedTuple

from attsync.codes import ABSENT, ATTENDED, AWAY, NOT_POSSIBLE, YEARS_AT_SCHOOL, codes_on, year_groups
from attsync.model import Cell, Cells, Day, School, Session, session_total
from attsync.plural import plural
from attsync.problems import Problem
from attsync.window import Window, is_working_day

_MANY: Final = 0.05
_HALF: Final = 0.5
_ROLL_EXTRA: Final = 5
_FEW_DAYS: Final = 4
_FEWEST: Final = 5
"""Pupils on roll from which a count is not simply about one of them."""
_ENOUGH: Final = 200
"""Marks of which some must be absences."""
_QUARTER: Final = 0.25
_SATURDAY, _SUNDAY = 5, 6
_WEEK: Final = timedelta(days=7)


class _Place(NamedTuple):
    """One place where something is odd; the largest `weight` is told."""

    weight: float
    day: date
    words: str


def oddities(school: School, days: Sequence[Day], window: Window, endless: int) -> tuple[Problem, ...]:
    """Find what is odd in `days`; `endless` is how many enrolments began longer ago than anybody stays."""
    good = [day for day in days if not day.problem]
    marked = [day for day in good if day.marks]
    past = [day for day in marked if day.date < window.last]  # today's registers may still be open
    roll_high = _roll_high(past)
    found = [
        _marks_none(school, days, window),
        _days_none(days, window),
        _days_weekend(good),
        _marks_high(school, marked),
        *(_session_none(school, past, session) for session in Session),
        _year_none(school, past),
        roll_high,
        _roll_few(marked),
        _endless(endless),
        None if roll_high else _present_low(school, past),
        _absence_none(past),
        _code_high(past),
        _unmade(school, [day for day in good if day.date < window.last]),
        _reason_late(school, past, window),
    ]
    return tuple(problem for problem in found if problem)


def marks_fewer(school: School, sendings: Iterable[tuple[date, Cells, Cells]]) -> Problem | None:
    """Find sessions that have half the marks or fewer that they had when they were sent: (date, before, now).

    One whose marks are all gone is told as long as it is sent as 0, not only when the DfE first hears of it.
    """
    places = []
    for day, was, now in sendings:
        sent = {cell.session for cell in now}
        for session in (each for each in Session if each in sent):
            before, after = session_total(was, session), session_total(now, session)
            if not after or after <= before * _HALF:
                had = f"{before:,} when it was sent" if before else "some when it was first sent"
                words = f"{day:%a %-d %b} {session} has {plural(after, 'mark')}, and had {had}"
                places.append(_Place(1 - after / before if before else 1, day, words))
    cause = "a register that was removed, or marks that the marks SELECT no longer finds; what is gone is sent as 0"
    return _worst("MARKS-FEWER", school, places, cause, unit="session")


def _marks_none(school: School, days: Sequence[Day], window: Window) -> Problem | None:
    on_roll = days[-1].on_roll if days else 0
    has_rows = any(day.marks or day.unmarked or day.refused for day in days)
    if has_rows or not on_roll or not any(is_working_day(day) for day in window):
        return None
    return Problem(
        "MARKS-NONE",
        f"No marks from {window.first:%a %-d %b} to {window.last:%a %-d %b}, and {plural(on_roll, 'pupil')} on roll: a"
        " school holiday, or the column date of the marks SELECT does not hold dates (YYYY-MM-DD), or its column school"
        " holds another value for this school.",
        f"In term time, see what the database holds: attsync check --school {school.urn}",
        days=tuple(window),
    )


def _days_none(days: Sequence[Day], window: Window) -> Problem | None:
    marked = [day.date for day in days if day.marks or day.refused]
    without = sum(is_working_day(day) for day in window) - 1
    if len(marked) != 1 or without < _FEW_DAYS:
        return None
    return Problem(
        "DAYS-NONE",
        f"Only {marked[0]:%a %-d %b} has marks; the other {without} working days have none: right after a holiday, or"
        " the marks SELECT gives one day only, and late corrections do not arrive.",
        "Nothing after a holiday; else ask whoever wrote the marks SELECT to let it give every day.",
        days=tuple(marked),
    )


def _days_weekend(days: Sequence[Day]) -> Problem | None:
    monday_has_marks = any(day.marks for day in days if day.date.weekday() == 0)
    odd = _SUNDAY if monday_has_marks else _SATURDAY
    found = [day for day in days if day.marks and day.date.weekday() >= odd]
    if not found:
        return None
    return Problem(
        "DAYS-WEEKEND",
        f"{found[-1].date:%a %-d %b} has {plural(found[-1].marks, 'mark')}: the dates of the marks SELECT may be a day"
        " off, as when midnight in London is written in UTC.",
        "Ask whoever wrote the marks SELECT to give the date in London; nothing if there was school on that day.",
        days=tuple(day.date for day in found),
    )


def _marks_high(school: School, days: Sequence[Day]) -> Problem | None:
    places = [
        _Place(
            marks - on_roll,
            day.date,
            f"{year_groups()[cell.year_group]} has {plural(marks, 'mark')} and {plural(on_roll, 'pupil')} on roll on"
            f" {day.date:%a %-d %b} {cell.session}",
        )
        for day in days
        for cell in day.cells
        if (marks := _without_z(day, cell)) > (on_roll := day.roll.get(cell.year_group, 0))
    ]
    no_roll = not any(day.on_roll for day in days)
    cause = (
        "the roll SELECT gives nobody of this school"
        if no_roll
        else ("a join that doubles, guests, or enrolments that the roll SELECT lacks")
    )
    return _worst("MARKS-HIGH", school, places, cause)


def _session_none(school: School, days: Sequence[Day], session: Session) -> Problem | None:
    lacking = [day for day in days if not day.marks_of[session]]
    number = len(lacking)
    if not number:
        return None
    other = Session.PM if session is Session.AM else Session.AM
    last = lacking[-1]
    all_days = number == len(days) and number > 1
    which = "any day before today" if all_days else f"{last.date:%a %-d %b}"
    more = f", and none on {plural(number - 1, 'more day')}" if not all_days and number > 1 else ""
    cause = "the marks SELECT leaves it out" if all_days else "a register not taken, or marks not in the database yet"
    return Problem(
        "SESSION-NONE",
        f"No {session} marks on {which}{more}, while {other} has {plural(last.marks_of[other], 'mark')}: {cause}.",
        f"Compare with the MIS: attsync preview --school {school.urn} --date {last.date}",
        days=tuple(day.date for day in lacking),
    )


def _year_none(school: School, days: Sequence[Day]) -> Problem | None:
    places = []
    lacking = [(day, day.roll.keys() - _marked_groups(day)) for day in days]
    for group, name in year_groups().items():
        if without := [day for day, groups in lacking if group in groups and day.roll[group]]:
            last = without[-1]
            on = f"{last.date:%a %-d %b}"
            if len(without) > 1:
                on = f"{len(without)} of {len(days)} days, last on {on}"
            words = f"{name} has {plural(last.roll[group], 'pupil')} on roll and no marks on {on}"
            places.append(_Place(last.roll[group] * len(without), last.date, words))
    cause = "its marks have another year group than its pupils, or its registers were not taken"
    worst = _worst("YEAR-NONE", school, places, cause, unit="year group")
    about = tuple(day.date for day, groups in lacking if any(day.roll[group] for group in groups))
    return worst and worst.but(days=about)


def _roll_high(days: Sequence[Day]) -> Problem | None:
    # The best day counts: on the others a register may be missing. Year groups without any mark are told of elsewhere.
    best = max(days, key=lambda day: _rows_at_most(day) - _roll_of_marked(day), default=None)
    if best is None:
        return None
    rows, on_roll = _rows_at_most(best), _roll_of_marked(best)
    if on_roll - rows < max(_ROLL_EXTRA, on_roll * _MANY):
        return None
    return Problem(
        "ROLL-HIGH",
        f"{plural(on_roll, 'pupil')} on roll in the year groups with marks on {best.date:%a %-d %b}, and no session has"
        f" more than {rows:,} of them: leavers without a leaving date, pupils of other schools or still to come in the"
        " roll SELECT, marks that the marks SELECT loses, or boarders.",
        "Compare with the MIS, and ask whoever wrote the SELECTs to look at joins and at enrolments that have ended.",
        days=(best.date,),
    )


def _roll_few(days: Sequence[Day]) -> Problem | None:
    on_roll = max((day.on_roll for day in days), default=0)
    if not 0 < on_roll < _FEWEST:
        return None
    return Problem(
        "ROLL-FEW",
        f"Only {plural(on_roll, 'pupil')} on roll, so the counts say what somebody in particular did: a very small"
        " school, or the column school (or the schools SELECT) that makes a school of a class or of a pupil.",
        "If this is no whole school, let it have no consent, and ask whoever wrote the SELECTs to correct school.",
    )


def _endless(number: int) -> Problem | None:
    if not number:
        return None
    began = plural(number, "enrolment on roll began", "enrolments on roll began")
    return Problem(
        "ROLL-ENDLESS",
        f"{began} more than {YEARS_AT_SCHOOL} years ago and never ended: leavers without a leaving date.",
        "Enter the leaving dates in the MIS, or leave these enrolments out of the roll SELECT.",
    )


def _present_low(school: School, days: Sequence[Day]) -> Problem | None:
    places = []
    for day in days:
        for session in Session:
            present = _of(day, session, ATTENDED)
            possible = day.on_roll - _of(day, session, NOT_POSSIBLE)
            if day.marks_of[session] and possible > 0 and present < possible * _HALF:
                share = present / possible
                words = (
                    f"{present:,} of {plural(possible, 'pupil')} on roll are present on {day.date:%a %-d %b} {session}"
                )
                places.append(_Place(1 - share, day.date, f"{words} ({share:.0%})"))
    cause = "marks that the marks SELECT leaves out or merges, or a map that makes absences of them"
    return _worst("PRESENT-LOW", school, places, cause, unit="session")


def _absence_none(days: Sequence[Day]) -> Problem | None:
    marks = sum(day.marks for day in days)
    if marks < _ENOUGH or any(_of(day, session, ABSENT) for day in days for session in Session):
        return None
    return Problem(
        "ABSENCE-NONE",
        f"Not one of {plural(marks, 'mark')} before today is an absence: the marks SELECT leaves absences out, or the"
        " map makes something else of them.",
        "Compare with the MIS, and ask whoever wrote the marks SELECT to give every mark.",
    )


def _code_high(days: Sequence[Day]) -> Problem | None:
    # "P" is what a school may write for present, and what the DfE has for sport: nothing else would tell.
    numbers: Counter[str] = Counter()
    for day in days:
        for counts in day.cells.values():
            numbers.update(counts)
    known = codes_on(days[-1].date) if days else {}
    rare = [code for code in numbers if code in known and known[code].category == AWAY]
    code = max(rare, key=numbers.__getitem__, default=None)
    if code is None or numbers.total() < _ENOUGH or numbers[code] < numbers.total() * _QUARTER:
        return None
    return Problem(
        "CODE-HIGH",
        f"{numbers[code]:,} of {plural(numbers.total(), 'mark')} before today are {code} ({known[code].description}): a"
        " code of the school's own that means something else to the DfE, or pupils who are taught elsewhere.",
        f"Compare with the MIS. If {code} means something else there, say what, under [database.codes] in the settings"
        " file.",
    )


def _unmade(school: School, days: Sequence[Day]) -> Problem | None:
    places = []
    for day in days:
        rows = day.unmarked + day.marks
        if rows and day.unmarked > rows * _MANY:
            words = f"{day.unmarked:,} of {rows:,} rows hold no mark on {day.date:%a %-d %b}"
            places.append(_Place(day.unmarked / rows, day.date, f"{words} ({day.unmarked / rows:.0%})"))
    cause = "registers not finished, or a map that takes a code for no mark"
    return _worst("MARKS-UNMADE", school, places, cause, unit="day")


def _reason_late(school: School, days: Sequence[Day], window: Window) -> Problem | None:
    places = []
    for day in (day for day in days if day.date < window.last - _WEEK):
        for session in Session:
            number = sum(counts.get("N", 0) for cell, counts in day.cells.items() if cell.session is session)
            marks = day.marks_of[session]
            if number > marks * _MANY:
                still = f"{'is' if number == 1 else 'are'} still N, no reason yet"
                words = f"{plural(number, 'mark')} of {marks:,} on {day.date:%a %-d %b} {session} {still}"
                places.append(_Place(number / marks, day.date, words))
    cause = "the reasons were not entered; after five school days N has to become O or another code"
    return _worst("REASON-LATE", school, places, cause, unit="session")


def _worst(code: str, school: School, places: Sequence[_Place], cause: str, *, unit: str = "place") -> Problem | None:
    if not places:
        return None
    worst = max(places, key=lambda place: (place.weight, place.day))
    others = len(places) - 1
    more = f"; the like in {plural(others, f'more {unit}')}" if others else ""
    return Problem(
        code,
        f"{worst.words}{more}: {cause}.",
        f"Compare with the MIS: attsync preview --school {school.urn} --date {worst.day}",
        days=tuple(sorted({place.day for place in places})),
    )


def _without_z(day: Day, cell: Cell) -> int:
    # Z: not yet on roll, so such marks stand in the counts and their pupils not on the roll (DOMAIN.md 6).
    return sum(number for code, number in day.cells[cell].items() if code != "Z")


def _of(day: Day, session: Session, categories: Container[str]) -> int:
    known = codes_on(day.date)
    return sum(
        number
        for cell, counts in day.cells.items()
        if cell.session is session
        for code, number in counts.items()
        if known[code].category in categories
    )


def _rows_at_most(day: Day) -> int:
    marks = day.marks_of.values()
    return max(marks) + ceil(day.unmarked / sum(number > 0 for number in marks))


def _roll_of_marked(day: Day) -> int:
    return sum(day.roll.get(group, 0) for group in _marked_groups(day))


def _marked_groups(day: Day) -> set[str]:
    return {cell.year_group for cell in day.cells}
