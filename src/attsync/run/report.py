"""What became of a run, as values: its schools and their days, and what cron mails about them. Imports no screen.

Holds totals, not counts: a run of thousands of schools has to fit into a small machine.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Final, NamedTuple

from attsync import messages
from attsync.model import DayStatus, Outcome, School, SchoolOutcome, Sign, State, faulty_sessions
from attsync.plural import plural
from attsync.problems import Problem, exit_code
from attsync.run.plan import Planned, Refused, changed_sessions
from attsync.status.day import missing_signs, signs_of
from attsync.window import Window

CONSENT_REMOVED: Final = ("CONSENT-NONE", "removed")
"""Code and case of the problem that is silent unless its school was named."""
_MOST_LINES: Final = 12
_SEVERITY: Final = (70, 9, 2, 7, 4, 8, 3, 1, 5, 0)
"""Exit codes of problems, the most urgent for a person first: one that passes by itself comes last. The exit
code of a run goes by the same order, but with 5 before 1 (docs/design/reliability.md 2)."""


class Sums(NamedTuple):
    """What became of the days of a school, added up."""

    received: int
    """Sessions that were received, or would be sent."""
    changed: int
    """Those of them that changed since the last send."""
    confirmed: bool
    """Whether at least one day was received without a fault."""


@dataclass(slots=True, kw_only=True)
class SchoolResult:
    """What became of one school in one run."""

    school: School
    outcome: SchoolOutcome
    problem: Problem | None = None
    to_check: tuple[Problem, ...] = ()
    days: list[DayStatus] = field(default_factory=list)
    seconds: float = 0.0
    _sums: Sums | None = None

    @property
    def sums(self) -> Sums:
        """Its days in three figures."""
        return self._sums or _sums_of(self.days)

    def keep_sums(self) -> None:
        """Forget the days without a problem: of thousands of schools no one asks for them again."""
        self._sums = self.sums
        self.days = [day for day in self.days if day.problem]

    @property
    def problems(self) -> list[Problem]:
        """Everything that someone has to act on: the school's, then its days'."""
        return [p for p in (self.problem, *(day.problem for day in self.days)) if p]

    def told(self) -> list[messages.Told]:
        """Return each problem once, with the days it is about."""
        return messages.grouped([(self.problem, None), *((day.problem, day.date) for day in self.days)])


@dataclass(slots=True, kw_only=True)
class Report:
    """What became of a run."""

    window: Window
    now: datetime
    times: tuple[time, ...]
    """Of the planned sends."""
    number: int = 0
    """The run's number in the log, from 1; a dry run has none."""
    schools: list[SchoolResult] = field(default_factory=list)
    problem: Problem | None = None
    """What is wrong with the whole run."""
    to_check: list[Problem] = field(default_factory=list)
    exit_code: int = 0
    closed: bool = False
    """Whether the receiver said in this run that the service has been closed."""

    def told(self, named: Collection[int]) -> list[tuple[SchoolResult, messages.Told]]:
        """Return each problem that counts, with its school; `named` are schools that were asked for."""
        return [
            (result, told) for result in self.schools for told in result.told() if _counts(result, told.problem, named)
        ]

    def exit_code_of(self, named: Collection[int]) -> int:
        """Return the exit code of the problems that count (docs/design/reliability.md 2); `named` as in `told`."""
        confirmed = any(result.sums.confirmed for result in self.schools)
        problems = [p for result in self.schools for p in result.problems if _counts(result, p, named)]
        return exit_code([*problems, *([self.problem] if self.problem else [])], confirmed=confirmed)


def _counts(result: SchoolResult, problem: Problem, named: Collection[int]) -> bool:
    # Where someone removed consent, silence is what they asked for, unless the school was named. That no one ever
    # decided, or that what was agreed to has changed, is said at every run.
    return result.school.urn in named or (problem.code, problem.case) != CONSENT_REMOVED


Tell = Callable[[SchoolResult], None]
"""Called for each school when it is done."""


def day_of_refusal(plan: Refused, report: Report) -> DayStatus:
    """Return the status of a day that must not be sent."""
    day = plan.day
    missing = missing_signs(day.date, report.times, report.now, report.now, report.now)
    marks = {session: number for session, number in day.marks_of.items() if number}
    return DayStatus(
        date=day.date,
        signs=signs_of(State.REFUSED, marks, (), missing),
        state=State.REFUSED,
        marks=marks,
        on_roll=day.total_on_roll,
        problem=plan.problem,
    )


def day_of_outcome(plan: Planned, outcome: Outcome | None, report: Report) -> DayStatus:
    """Return the status of a message; without an outcome, of one that would be sent."""
    body, before = plan.body, plan.before
    missing = missing_signs(body.day, report.times, report.now, report.now, report.now)
    state = outcome.state if outcome else None
    signs = signs_of(state, body.marks, outcome.faults if outcome else (), missing)
    if state is None:
        signs |= {session: Sign.NOT_DUE for session, marks in body.marks.items() if marks}
    return DayStatus(
        date=body.day,
        signs=signs,
        state=state,
        marks=body.marks,
        on_roll=body.on_roll,
        attendance=body.attendance,
        sent_at=outcome.tries[-1].at if outcome and outcome.tries else None,
        problem=outcome.problem if outcome else None,
        faults=outcome.faults if outcome else (),
        changed_sessions=changed_sessions(before.cells, body.cells) if before else frozenset(),
    )


def mail(report: Report, named: Collection[int]) -> list[str]:
    """Return what cron mails: a line for each cause with the schools it hits, then what to do; 12 lines at most."""
    causes = messages.by_cause((result.school, told) for result, told in report.told(named))
    if report.problem:
        causes.append(([], messages.Told(report.problem, ())))
    ranked = sorted(causes, key=lambda cause: _SEVERITY.index(cause[1].problem.exit_code))
    lines: list[str] = []
    for number, (schools, told) in enumerate(ranked):
        said = _lines(told, schools)
        if len(lines) + len(said) > _MOST_LINES - 2 * (number + 1 < len(ranked)):
            left = plural(len(ranked) - number, "more problem")
            return [*lines, f"attsync: {left}.", f"  To see them: {messages.attsync('status', '--problems').completed}"]
        lines += said
    return lines


def _lines(told: messages.Told, schools: list[School]) -> list[str]:
    first = f"{schools[0]}: " if len(schools) == 1 else f"{plural(len(schools), 'school')}: " if schools else ""
    text = messages.text(told.problem, told.days, discreet=True).completed
    lines = [f"attsync: {first}{text} [{told.problem.code}]"]
    if len(schools) > 1:
        lines.append(f"  Schools: {', '.join(map(str, schools))}")
    return [*lines, f"  {messages.next_step(told.problem, discreet=True).completed}"]


def _sums_of(days: Iterable[DayStatus]) -> Sums:
    received = changed = 0
    confirmed = False
    for day in days:
        confirmed = confirmed or day.state is State.ACCEPTED
        if day.state and not day.state.is_received:
            continue
        well = day.marks.keys() - faulty_sessions(day.faults)
        received += len(well)
        changed += len(day.changed_sessions.intersection(well))
    return Sums(received, changed, confirmed)
