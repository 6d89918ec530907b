"""What became of a run, as values: its schools and their days, and what there is to tell. Pure.

Holds totals, not counts: a run of thousands of schools must fit into a small machine. Refuses to know screens.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, NamedTuple

from attsync.model import Fault, School, SchoolOutcome, Session, State, faulty_sessions
from attsync.plural import plural
from attsync.problems import Problem, exit_code
from attsync.window import Window

_MOST_LINES: Final = 12
_NAMES_ITS_DAY: Final = frozenset(
    {"MARK-UNKNOWN", "SESSION-UNKNOWN", "YEAR-UNKNOWN", "MARK-DOUBLE", "COLUMN-WRONG", "COUNT-WRONG"}
)
"""Problems of a day whose text says which day."""
_OF_SINGLE_MARKS: Final = frozenset({"MARK-UNKNOWN", "DFE-FAULTS", "DFE-REJECTED"})
"""Problems of single marks: each has to be corrected, so each is told. The others are of a SELECT, mended once."""


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
    number: int = 0
    """The run's number in the log, from 1; a dry run has none."""
    schools: list[SchoolResult] = field(default_factory=list)
    to_check: list[Problem] = field(default_factory=list)
    exit_code: int = 0

    def told(self, named: Collection[int]) -> list[tuple[SchoolResult, Problem, str]]:
        """Give each problem that counts once, with its school and days; `named` are schools that were asked for."""
        return [
            (result, problem, days)
            for result in self.schools
            for problem, days in result.told()
            if _counts(result, problem, named)
        ]

    def exit_code_of(self, named: Collection[int]) -> int:
        """Reduce the problems that count to an exit code (RELIABILITY.md 2); `named` as in `told`."""
        confirmed = any(result.sums.confirmed for result in self.schools)
        problems = [p for result in self.schools for p in result.problems if _counts(result, p, named)]
        return exit_code(problems, confirmed=confirmed)


def _counts(result: SchoolResult, problem: Problem, named: Collection[int]) -> bool:
    # Without consent nothing is due, unless the school was named (RELIABILITY.md 2); also if it was removed meanwhile.
    # A consent that a change of receiver or data has ended is another thing: nobody removed it, and somebody must know.
    return result.school.urn in named or problem.code != "CONSENT-NONE"


Tell = Callable[[SchoolResult], None]
"""Hears of each school when it is done."""


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
        if day.state and not day.state.is_received:
            continue
        well = day.marks.keys() - faulty_sessions(day.faults)
        received += len(well)
        changed += len(day.changed.intersection(well))
    return Sums(received, changed, confirmed)


def grouped(problems: Iterable[tuple[Problem | None, date | None]]) -> list[tuple[Problem, str]]:
    """Say once what several days have in common; with it go the days, as far as the text does not name them.

    What is to be corrected mark by mark is told for each day.
    """
    groups: dict[object, tuple[Problem, list[date]]] = {}
    for problem, day in problems:
        if problem:
            _, days = groups.setdefault(_kind_of(problem), (problem, []))
            days += [day] if day else []
    return [_with_days(problem, sorted(days)) for problem, days in groups.values()]


def _kind_of(problem: Problem) -> object:
    """Give what is the same in problems that are told once."""
    if problem.code in _OF_SINGLE_MARKS:
        return problem
    return problem.code if problem.code in _NAMES_ITS_DAY else (problem.code, problem.next)


def _with_days(problem: Problem, days: list[date]) -> tuple[Problem, str]:
    more = plural(len(days) - 1, "more day")
    if problem.code in _NAMES_ITS_DAY:
        like = f" The like on {more}." if days[1:] else ""
        return problem.but(happened=f"{problem.happened}{like}"), ""
    return problem, f"{days[0]:%a %-d %b}{f' and {more}' if days[1:] else ''}: " if days else ""
