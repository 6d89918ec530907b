"""What is allowed but unusual in the days of a school: shown *to check* and sent, because it may be right.

Pure, from counts alone. Each rule that needs no log and no clock is a row of `_RULES`; its sentences are in
data/problems.toml. To add one: a test function, a row, a table there, and a case in tests/test_plausibility.py.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from math import ceil
from typing import Final, NamedTuple

from attsync.codes import ABSENT, ATTENDED, AWAY, HERE, NOT_POSSIBLE, YEARS_AT_SCHOOL, codes_on, year_groups
from attsync.due import LATE, session_due_at
from attsync.model import Cells, Day, School, SchoolDays, Session, session_total
from attsync.problems import Problem
from attsync.window import Window, is_bank_holiday, is_working_day, today_in_london

_SATURDAY, _SUNDAY = 5, 6
_WEEK: Final = timedelta(days=7)
_LEFT: Final = 0.5
"""A session with at most this share of the marks it was sent with has probably lost its register."""
_COVERED: Final = 0.5
_COVERED_IF_NO_ONE_IS_HERE: Final = 0.9
"""Shares of the pupils of the other session: with fewer, the register was not taken (docs/design/counting.md 4)."""
_ALL_ABSENT: Final = 0.9
_MOSTLY_ABSENT: Final = 0.5


class _Found(NamedTuple):
    """One place where something is unusual. The one with the most weight is shown; the others are counted."""

    weight: float
    days: tuple[date, ...]
    """The last one is shown."""
    parameters: Mapping[str, object]
    case: str = ""


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the rules look at."""

    found: SchoolDays
    window: Window
    good: Sequence[Day]
    """Days that are not refused: a refused day has a problem already."""
    marked: Sequence[Day]
    """Those of them with marks."""
    past: Sequence[Day]
    """Those of them before today, whose registers may still be open."""


def to_check(found: SchoolDays, window: Window) -> tuple[Problem, ...]:
    """Return what is unusual in the days of a school, one problem per rule."""
    good = [day for day in found.days if not day.problem]
    marked = [day for day in good if day.marks]
    facts = _Facts(found, window, good, marked, [day for day in marked if day.date < window.last])
    problems: list[Problem] = []
    for code, test, unless in _RULES:
        if not any(each.code == unless for each in problems) and (problem := _worst(code, found.school, test(facts))):
            problems.append(problem)
    return tuple(problems)


def marks_fewer(school: School, sendings: Iterable[tuple[date, Cells, Cells]]) -> Problem | None:
    """Return the problem of sessions that lost half their marks since they were sent: (date, before, now).

    One that has lost all of them is reported as long as it is sent as 0, not only the first time.
    """
    places = []
    for day, was, now in sendings:
        sent = {cell.session for cell in now}
        for session in (each for each in Session if each in sent):
            before, after = session_total(was, session), session_total(now, session)
            if not after or after <= before * _LEFT:
                share = 1 - after / before if before else 1
                parameters = {"session": session, "marks": after, "before": before}
                places.append(_Found(share, (day,), parameters, "" if before else "gone"))
    return _worst("MARKS-FEWER", school, places)


def unregistered(day: Day) -> frozenset[Session]:
    """Return the sessions of today whose marks look as if they had been entered before the register is taken.

    docs/design/counting.md 4 has the rule. Before such a session is due it is not sent.
    """
    return frozenset(session for session in Session if day.marks_of[session] and not _is_register(day, session))


def register_not_taken(school: School, day: Day, times: tuple[time, ...], now: datetime) -> Problem | None:
    """Return the problem of a session of today that is due, and without marks or only entered ahead."""
    ahead = unregistered(day)
    places = [
        _Found(0, (day.date,), _session_of(day, session), "unregistered" if session in ahead else "today")
        for session in Session
        if day.date == today_in_london(now) and now >= session_due_at(day.date, session, times) - LATE
        if session in ahead or (day.marks and not day.marks_of[session] and is_working_day(day.date))
    ]
    return None if day.problem else _worst("SESSION-NONE", school, places)


def _is_register(day: Day, session: Session) -> bool:
    marks = day.marks_of[session]
    other = _other(session)
    absent = _of(day, session, ABSENT)
    if marks < day.marks_of[other] * _COVERED or absent >= marks * _ALL_ABSENT:
        return False
    if _of(day, session, {HERE}):
        return True
    # No pupil is in school: a trip or closure of the whole school, or marks entered ahead for some.
    pupils = day.marks_of[other] if _of(day, other, {HERE}) else day.total_on_roll
    return absent <= marks * _MOSTLY_ABSENT and marks >= pupils * _COVERED_IF_NO_ONE_IS_HERE


def _marks_none(facts: _Facts, *, at_least: int) -> Iterator[_Found]:
    days = facts.found.days
    on_roll = days[-1].total_on_roll if days else 0
    # Absences may be entered ahead for days on which nothing else is copied any more.
    kept = [day.date for day in days if day.refused or day.marks > sum(_of(day, each, ABSENT) for each in Session)]
    if kept:
        without = tuple(d for d in facts.window if kept[-1] < d < facts.window.last and is_working_day(d))
        if len(without) >= at_least:
            yield _Found(0, without, {"since": kept[-1], "number": len(without)}, "stopped")
    elif on_roll and any(map(is_working_day, facts.window)) and not any(day.marks or day.unmarked for day in days):
        window = {"first": facts.window.first, "last": facts.window.last}
        yield _Found(0, tuple(facts.window), {**window, "pupils": on_roll})


def _days_none(facts: _Facts, *, at_least: int) -> Iterator[_Found]:
    marked = [day.date for day in facts.found.days if day.marks or day.refused]
    without = sum(map(is_working_day, facts.window)) - 1
    if len(marked) == 1 and without >= at_least:
        yield _Found(0, (marked[0],), {"number": without})


def _days_weekend(facts: _Facts) -> Iterator[_Found]:
    monday_has_marks = any(day.marks for day in facts.good if day.date.weekday() == 0)
    first = _SUNDAY if monday_has_marks else _SATURDAY
    if days := [day for day in facts.marked if day.date.weekday() >= first]:
        yield _Found(0, tuple(day.date for day in days), {"marks": days[-1].marks})


def _bank_holiday(facts: _Facts) -> Iterator[_Found]:
    for day in facts.marked:
        marks = day.marks - sum(_of(day, session, NOT_POSSIBLE) for session in Session)
        if marks and is_bank_holiday(day.date):
            yield _Found(marks, (day.date,), {"marks": marks}, "holiday")


def _marks_high(facts: _Facts) -> Iterator[_Found]:
    case = "" if any(day.on_roll for day in facts.marked) else "no_roll"
    for day in facts.marked:
        for cell, counts in day.cells.items():
            marks = sum(counts.values()) - counts.get("Z", 0)  # Z: not yet on roll (docs/design/domain.md 6)
            if marks > (on_roll := day.roll.get(cell.year_group, 0)):
                yield _Found(marks - on_roll, (day.date,), cell._asdict() | {"marks": marks, "pupils": on_roll}, case)


def _not_on_roll(facts: _Facts) -> Iterator[_Found]:
    for day in facts.marked:
        marks = day.not_on_roll - sum(counts.get("Z", 0) for counts in day.cells.values())
        if marks > 0:
            yield _Found(marks, (day.date,), {"marks": marks}, "not_on_roll")


def _session_none(facts: _Facts, *, session: Session) -> Iterator[_Found]:
    # A school that is open on a Saturday may close at noon.
    past = [day for day in facts.past if is_working_day(day.date)]
    if days := [day for day in past if not day.marks_of[session]]:
        case = "all" if len(days) == len(past) > 1 else ""
        dates = tuple(day.date for day in days)
        yield _Found(0, dates, _session_of(days[-1], session) | {"more_days": len(days) - 1}, case)


def _year_none(facts: _Facts) -> Iterator[_Found]:
    for group in year_groups():
        if days := [day for day in facts.past if day.roll.get(group) and group not in _marked_groups(day)]:
            pupils, number = days[-1].roll[group], len(days)
            parameters = {"year_group": group, "pupils": pupils, "number": number, "of": len(facts.past)}
            yield _Found(pupils * number, tuple(d.date for d in days), parameters, "several" if number > 1 else "")


def _roll_high(facts: _Facts, *, share: float, at_least: int) -> Iterator[_Found]:
    gaps: list[tuple[int, date, int]] = []
    for day in facts.past:
        # Year groups without any mark have their own problem.
        on_roll = sum(day.roll.get(group, 0) for group in _marked_groups(day))
        marks = [number for number in day.marks_of.values() if number]
        gaps.append((on_roll - max(marks) - ceil(day.unmarked / len(marks)), day.date, on_roll))
    # The best day counts: on the others a register may be missing.
    for gap, at, on_roll in sorted(gaps)[:1]:
        if gap >= max(at_least, on_roll * share):
            yield _Found(0, (at,), {"pupils": on_roll, "most": on_roll - gap})


def _roll_few(facts: _Facts, *, fewer_than: int) -> Iterator[_Found]:
    pupils = max((day.total_on_roll for day in facts.marked), default=0)
    if 0 < pupils < fewer_than:
        yield _Found(0, (), {"pupils": pupils})


def _roll_endless(facts: _Facts) -> Iterator[_Found]:
    if facts.found.endless:
        yield _Found(0, (), {"enrolments": facts.found.endless, "years": YEARS_AT_SCHOOL})


def _roll_double(facts: _Facts) -> Iterator[_Found]:
    for day in facts.marked:
        if day.in_two_groups:
            yield _Found(day.in_two_groups, (day.date,), {"pupils": day.in_two_groups})


def _present_low(facts: _Facts, *, share: float) -> Iterator[_Found]:
    for day in facts.past:
        for session in Session:
            present = _of(day, session, ATTENDED)
            possible = day.total_on_roll - _of(day, session, NOT_POSSIBLE)
            if day.marks_of[session] and possible > 0 and present < possible * share:
                parameters = {"session": session, "present": present, "pupils": possible, "share": present / possible}
                yield _Found(1 - present / possible, (day.date,), parameters)


def _absence_none(facts: _Facts, *, at_least: int) -> Iterator[_Found]:
    marks = sum(day.marks for day in facts.past)
    if marks >= at_least and not any(_of(day, session, ABSENT) for day in facts.past for session in Session):
        yield _Found(0, (), {"marks": marks})


def _code_high(facts: _Facts, *, share: float, at_least: int) -> Iterator[_Found]:
    # A school may write "P" for present, but the DfE reads it as sport: no other rule would notice that.
    numbers: Counter[str] = Counter()
    for day in facts.past:
        for counts in day.cells.values():
            numbers.update(counts)
    known = codes_on(facts.past[-1].date) if facts.past else {}
    for code, marks in numbers.items():
        if code in known and known[code].category == AWAY and marks >= numbers.total() * share:
            parameters = {"code": code, "marks": marks, "of": numbers.total(), "meaning": known[code].description}
            yield from [_Found(marks, (), parameters)] if numbers.total() >= at_least else ()


def _marks_unmade(facts: _Facts, *, share: float) -> Iterator[_Found]:
    for day in facts.good:
        rows = day.unmarked + day.marks
        if day.date < facts.window.last and day.unmarked > rows * share:
            parameters = {"marks": day.unmarked, "of": rows, "share": day.unmarked / rows}
            yield _Found(day.unmarked / rows, (day.date,), parameters)


def _marks_unproven(facts: _Facts) -> Iterator[_Found]:
    if facts.marked and not facts.found.provable:
        yield _Found(0, (), {})
    elif facts.marked and all(day.pupils_on_roll is None for day in facts.marked):
        yield _Found(0, (), {}, "roll")


def _marks_nameless(facts: _Facts) -> Iterator[_Found]:
    for day in facts.marked:
        if day.nameless:
            yield _Found(day.nameless, (day.date,), {"marks": day.nameless}, "nameless")


def _reason_late(facts: _Facts, *, share: float) -> Iterator[_Found]:
    for day in (day for day in facts.past if day.date < facts.window.last - _WEEK):
        for session in Session:
            number = sum(counts.get("N", 0) for cell, counts in day.cells.items() if cell.session is session)
            marks = day.marks_of[session]
            if number > marks * share:
                yield _Found(number / marks, (day.date,), {"session": session, "marks": number, "of": marks})


_RULES: Final[tuple[tuple[str, Callable[[_Facts], Iterable[_Found]], str], ...]] = (
    ("MARKS-NONE", partial(_marks_none, at_least=2), ""),
    ("DAYS-NONE", partial(_days_none, at_least=4), "MARKS-NONE"),
    ("DAYS-WEEKEND", _days_weekend, ""),
    ("DAYS-WEEKEND", _bank_holiday, ""),
    ("MARKS-HIGH", _marks_high, ""),
    ("MARKS-HIGH", _not_on_roll, ""),
    ("SESSION-NONE", partial(_session_none, session=Session.AM), ""),
    ("SESSION-NONE", partial(_session_none, session=Session.PM), ""),
    ("YEAR-NONE", _year_none, ""),
    ("ROLL-HIGH", partial(_roll_high, share=0.05, at_least=5), ""),
    ("ROLL-FEW", partial(_roll_few, fewer_than=5), ""),
    ("ROLL-ENDLESS", _roll_endless, ""),
    ("ROLL-DOUBLE", _roll_double, ""),
    ("PRESENT-LOW", partial(_present_low, share=0.5), "ROLL-HIGH"),
    ("ABSENCE-NONE", partial(_absence_none, at_least=200), ""),
    ("CODE-HIGH", partial(_code_high, share=0.25, at_least=200), ""),
    ("MARKS-UNMADE", partial(_marks_unmade, share=0.05), ""),
    ("REASON-LATE", partial(_reason_late, share=0.05), ""),
    ("MARKS-UNPROVEN", _marks_unproven, ""),
    ("MARKS-UNPROVEN", _marks_nameless, ""),
)
"""Problem, its test, and a problem that explains this one."""


def _worst(code: str, school: School, places: Iterable[_Found]) -> Problem | None:
    """Return one problem for all places, if there are any: that with the most weight, and how many others there are."""
    places = list(places)
    if not places:
        return None
    worst = max(places, key=lambda place: (place.weight, place.days[-1:]))
    days = tuple(sorted({day for place in places for day in place.days}))
    day, more = worst.days[-1] if worst.days else None, len(places) - 1
    return Problem(code, worst.case, urn=school.urn, day=day, days=days, more=more, **worst.parameters)


def _session_of(day: Day, session: Session) -> dict[str, object]:
    other = _other(session)
    return {"session": session, "marks": day.marks_of[session], "other": other, "other_marks": day.marks_of[other]}


def _other(session: Session) -> Session:
    return Session.PM if session is Session.AM else Session.AM


def _of(day: Day, session: Session, categories: Container[str]) -> int:
    known = codes_on(day.date)
    return sum(
        number
        for cell, counts in day.cells.items()
        if cell.session is session
        for code, number in counts.items()
        if known[code].category in categories
    )


def _marked_groups(day: Day) -> set[str]:
    return {cell.year_group for cell in day.cells}
