"""What became of a run, as values: its schools and their days, and what cron mails about them. Imports no screen.

Holds totals, not counts: a run of thousands of schools has to fit into a small machine.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Final

from attsync import messages
from attsync.model import DayStatus, Outcome, School, SchoolOutcome, Session, Sign, State, faulty_sessions
from attsync.plural import plural
from attsync.problems import Problem, exit_code
from attsync.run.plan import Plan, Refused, changed_sessions
from attsync.status.day import missing_signs, signs_of
from attsync.window import Window

CONSENT_REMOVED: Final = ("CONSENT-NONE", "removed")
"""Code and case of the problem that is silent unless its school was named."""
_MOST_LINES: Final = 12
_SEVERITY: Final = (70, 9, 2, 7, 4, 8, 3, 1, 5, 0)
"""Exit codes of problems, the most urgent for a person first: one that passes by itself comes last. The exit
code of a run goes by the same order, but with 5 before 1 (docs/design/reliability.md 2)."""


@dataclass(slots=True, kw_only=True)
class SchoolResult:
    """What became of one school in one run."""

    school: School
    outcome: SchoolOutcome
    problem: Problem | None = None
    to_check: tuple[Problem, ...] = ()
    days: list[DayStatus] = field(default_factory=list)
    seconds: float = 0.0
    received: int = 0
    """Sessions that were received, or would be sent."""
    changed: int = 0
    """Those of them that changed since the last send."""
    confirmed: bool = False
    """Whether at least one day was received without a fault."""

    def add(self, day: DayStatus) -> None:
        """Add a day that is done."""
        self.days.append(day)
        self.confirmed = self.confirmed or day.state is State.ACCEPTED
        if day.state is None or day.state.is_received:
            well = day.marks.keys() - faulty_sessions(day.faults)
            self.received += len(well)
            self.changed += len(day.changed_sessions.intersection(well))

    def forget_good_days(self) -> None:
        """Forget the days without a problem: of thousands of schools no one asks for them again."""
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
        confirmed = any(result.confirmed for result in self.schools)
        problems = [p for result in self.schools for p in result.problems if _counts(result, p, named)]
        return exit_code([*problems, *([self.problem] if self.problem else [])], confirmed=confirmed)


def _counts(result: SchoolResult, problem: Problem, named: Collection[int]) -> bool:
    # Where someone removed consent, silence is what they asked for, unless the school was named. That no one ever
    # decided, or that what was agreed to has changed, is said at every run.
    return result.school.urn in named or (problem.code, problem.case) != CONSENT_REMOVED


Tell = Callable[[SchoolResult], None]
"""Called for each school when it is done."""


def day_of(plan: Plan, outcome: Outcome | None, report: Report) -> DayStatus:
    """Return the status of a day; without an outcome, of one that would be sent, or that must not be."""
    if isinstance(plan, Refused):
        day = plan.day
        date, on_roll, attendance, changed = day.date, day.total_on_roll, None, frozenset[Session]()
        marks = {session: number for session, number in day.marks_of.items() if number}
        outcome = Outcome(state=State.REFUSED, problem=plan.problem)
    else:
        body, before = plan.body, plan.before
        date, marks, on_roll, attendance = body.day, body.marks, body.on_roll, body.attendance
        changed = changed_sessions(before.cells, body.cells) if before else frozenset()
    state, faults = (outcome.state, outcome.faults) if outcome else (None, ())
    signs = signs_of(state, marks, faults, missing_signs(date, report.times, report.now, report.now, report.now))
    if outcome is None:
        signs |= {session: Sign.NOT_DUE for session, number in marks.items() if number}
    return DayStatus(
        date=date,
        signs=signs,
        state=state,
        marks=marks,
        on_roll=on_roll,
        attendance=attendance,
        sent_at=outcome.tries[-1].at if outcome and outcome.tries else None,
        problem=outcome.problem if outcome else None,
        faults=faults,
        changed_sessions=changed,
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
