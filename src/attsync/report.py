"""What became of a run, as values: its schools and their days, and how a problem is called in a few words. Pure.

Holds totals, not counts: a run of thousands of schools must fit into a small machine.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, NamedTuple

from attsync.log import SchoolOutcome
from attsync.model import Fault, School, Session, State
from attsync.problems import KINDS, Problem
from attsync.window import Window

_MOST_LINES: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class DayResult:
    """What became of one day of one school."""

    date: date
    state: State | None
    """None: it would be sent (a dry run)."""
    marks: Mapping[Session, int]
    """Session -> its marks in the message; a session that the message leaves out is not there."""
    on_roll: int
    changed: frozenset[Session] = frozenset()
    """Sessions that were sent before with other counts."""
    sent_at: datetime | None = None
    problem: Problem | None = None
    faults: tuple[Fault, ...] = ()


class Sums(NamedTuple):
    """What became of the days of a school, added up."""

    received: int
    """Sessions that were received, or would be sent."""
    changed: int
    """Those of them that changed since the last send."""
    confirmed: bool
    """At least one day was received without a fault."""


@dataclass(slots=True, kw_only=True)
class SchoolResult:
    """What became of one school in one run."""

    school: School
    outcome: SchoolOutcome
    problem: Problem | None = None
    to_check: tuple[Problem, ...] = ()
    days: list[DayResult] = field(default_factory=list)
    seconds: float = 0.0
    _sums: Sums | None = None

    @property
    def sums(self) -> Sums:
        """Its days in three figures."""
        return self._sums or _sums_of(self.days)

    def keep_sums(self) -> None:
        """Forget the days without a problem: of thousands of schools nobody asks for them again."""
        self._sums = self.sums
        self.days = [day for day in self.days if day.problem]

    @property
    def problems(self) -> list[Problem]:
        """Everything that somebody has to act on: the school's, then its days'."""
        return [p for p in (self.problem, *(day.problem for day in self.days)) if p]

    def told(self) -> list[tuple[Problem, str]]:
        """Give each problem once, with what its text leaves out: the day, or how many days it is about."""
        return grouped([(self.problem, None), *((day.problem, day.date) for day in self.days)])


@dataclass(slots=True, kw_only=True)
class Report:
    """What became of a run."""

    window: Window
    number: int | None = None
    """The run's number in the log; None for a dry run."""
    schools: list[SchoolResult] = field(default_factory=list)
    to_check: list[Problem] = field(default_factory=list)
    exit_code: int = 0

    def told(self, named: Collection[int]) -> list[tuple[SchoolResult, Problem, str]]:
        """Give each problem once, with its school and days. No consent is one only for a school that was `named`."""
        return [
            (result, problem, days)
            for result in self.schools
            for problem, days in result.told()
            if result.school.urn in named or problem.code != "CONSENT-NONE"  # also if it was removed in the middle
        ]


def problem_lines(report: Report, named: Collection[int]) -> list[str]:
    """Say each problem in one line that is whole in itself, then what to do: what cron mails, at most 12 lines."""
    lines = []
    for result, problem, days in report.told(named):
        lines += [f"attsync: {result.school}: {days}{problem.text} [{problem.code}]", f"  {problem.next}"]
    if len(lines) > _MOST_LINES:
        left = (len(lines) - _MOST_LINES + 2) // 2
        lines = [*lines[: _MOST_LINES - 2], f"attsync: {left} more problems.", "  To see them: attsync status"]
    return lines


def _sums_of(days: Iterable[DayResult]) -> Sums:
    received = changed = 0
    confirmed = False
    for day in days:
        confirmed = confirmed or day.state is State.ACCEPTED
        if day.state not in (State.ACCEPTED, State.FAULTY, None):
            continue
        faulty = {fault.cell.session if fault.cell else None for fault in day.faults}
        well = [session for session in day.marks if session not in faulty and None not in faulty]
        received += len(well)
        changed += len(day.changed.intersection(well))
    return Sums(received, changed, confirmed)


def grouped(problems: Iterable[tuple[Problem | None, date | None]]) -> list[tuple[Problem, str]]:
    """Say once what several days have in common; with it go the days, as far as the text does not name them.

    What was found in the marks is told for each day: the words differ.
    """
    groups: dict[object, tuple[Problem, list[date]]] = {}
    for problem, day in problems:
        if problem:
            is_of_the_day = problem.exit_code == 1 and problem.code != "SEND-MISSED"
            _, days = groups.setdefault(problem if is_of_the_day else (problem.code, problem.next), (problem, []))
            days += [day] if day else []
    return [(problem, _which(problem, sorted(days))) for problem, days in groups.values()]


def _which(problem: Problem, days: list[date]) -> str:
    if not days or f"{days[0]:%a %-d %b}" in problem.text:
        return ""
    others = len(days) - 1
    return f"{days[0]:%a %-d %b}{f' and {others} more day' if others else ''}{'s' if others > 1 else ''}: "


_BRIEF: Final = {
    "MARK-UNKNOWN": "unknown mark code",
    "SESSION-UNKNOWN": "unknown session",
    "YEAR-UNKNOWN": "unknown year group",
    "ROLL-UNKNOWN": "unknown year group on roll",
    "MARK-DOUBLE": "marks are doubled",
    "COLUMN-WRONG": "a SELECT has a wrong column",
    "COUNT-WRONG": "counts that cannot be",
    "SCHOOL-UNLISTED": "marks of a school that is not listed",
    "MARKS-NONE": "no marks in these days",
    "MARKS-FEWER": "half the marks are gone",
    "MARKS-HIGH": "more marks than pupils on roll",
    "MARKS-UNMADE": "many rows without a mark",
    "DAYS-NONE": "marks on one day only",
    "DAYS-WEEKEND": "marks on a day without school",
    "SESSION-NONE": "a session without marks",
    "YEAR-NONE": "a year group without marks",
    "ROLL-HIGH": "more pupils on roll than have marks",
    "ROLL-ENDLESS": "enrolments that never end",
    "PRESENT-LOW": "fewer than half present",
    "REASON-LATE": "many reasons not yet known",
    "DATE-NONE": "marks without a date",
    "DB-WRITE": "the account may write",
    "SEND-MISSED": "send missed",
    "DFE-FAULTS": "faults found by the DfE",
    "DFE-REJECTED": "not accepted by the DfE",
    "SCHOOL-NONE": "in no database",
    "SECRET-FILE": "secret file",
    "DB-DRIVER": "database driver missing",
    "DB-NONE": "school database does not answer",
    "DB-SIGNIN": "school database refused the sign-in",
    "DB-RIGHTS": "school database: not allowed to read",
    "DB-SELECT": "a SELECT does not work",
    "DB-SLOW": "school database too slow",
    "DB-SCHOOLS": "no school column",
    "SIGNIN-REFUSED": "DfE refused the sign-in",
    "DFE-CLOSED": "DfE service closed",
    "DFE-UNREACHABLE": "DfE not reached",
    "DFE-BUSY": "DfE busy",
    "RUN-TIME": "time limit reached",
    "STOPPED": "send was stopped",
    "CONSENT-NONE": "no consent",
    "DFE-CERTIFICATE": "certificate not trusted",
    "DFE-ANSWER": "not an answer of the DfE",
}
_SAID: Final = {
    "DFE-FAULTS": re.compile(r"found [0-9]+ faults?: (?:[^:;]* (?:AM|PM): )?([^(;]{1,60}) \("),
    "DFE-REJECTED": re.compile(r"rejected this day \(([^)]{1,60})\)|(does not know this school's URN)"),
}
"""What the DfE found, in the text of the problem; if it is too long for a table, the words above have to do."""

_VALUE: Final = re.compile(r'(?:code|session|year group) ("[^"]{1,12}")')


def brief(problem: Problem) -> str:
    """Name a problem in a few words, for a cell of a table; with the value that is not known, if the text shows it."""
    if problem.code in _SAID and (said := _SAID[problem.code].search(problem.text)):
        return said[1] or f"the DfE {said[2]}"
    words = _BRIEF.get(problem.code, KINDS[problem.code].meaning)
    value = _VALUE.search(problem.text) if problem.code.endswith("-UNKNOWN") else None
    return f"{words} {value[1]}" if value else words
