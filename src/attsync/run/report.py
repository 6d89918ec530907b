"""The result of a run, as values: its schools and their days, and what cron mails about them. Imports no screen.

Has totals, not counts: a run of thousands of schools has to fit into a small machine.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, time
from itertools import chain
from typing import Final

from attsync import messages
from attsync.log import Log
from attsync.model import DayStatus, Outcome, School, SchoolOutcome, Session, Sign, State, faulty_sessions
from attsync.notify import Message
from attsync.plural import plural
from attsync.problems import Problem, exit_code
from attsync.run.plan import Plan, Refused, changed_sessions
from attsync.status.day import missing_signs, signs_of
from attsync.window import Window

_MOST_LINES: Final = 12
_LINES_OF_REST: Final = 3
"""Lines at the end: how many problems are left, the schools not named before, and how to see them."""
_SEVERITY: Final = (70, 9, 2, 7, 4, 8, 3, 1, 5, 0)
"""Exit codes of problems, the most urgent for a person first: one that needs no action is last. The
exit code of a run uses the same order, but with 5 before 1 (docs/design/reliability.md 2)."""
_PROBLEMS: Final = messages.attsync("status", "--problems")


@dataclass(slots=True, kw_only=True)
class SchoolResult:
    """The result of one school in one run."""

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
        """Drop the days without a problem, to save memory: they are not needed again."""
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
    """The result of a run."""

    window: Window
    now: datetime
    times: tuple[time, ...]
    """Times of the planned sends."""
    number: int = 0
    """The run's number in the log, from 1; a dry run has none."""
    schools: list[SchoolResult] = field(default_factory=list)
    problem: Problem | None = None
    """What is wrong with the whole run."""
    to_check: list[Problem] = field(default_factory=list)
    exit_code: int = 0
    closed: bool = False
    """Whether the receiver said in this run that the service has been closed."""
    failing_before: Collection[int] = ()
    """URNs of the schools with a problem in the run before, if a change leads to a message."""

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
    return result.school.urn in named or not is_wanted(problem)


def is_wanted(problem: Problem) -> bool:
    """Whether a problem is not reported, unless its school was named."""
    # Removed consent is only reported if the school was named. That no one ever decided, or that what was agreed to
    # has changed, is reported by every run.
    return (problem.code, problem.case) == ("CONSENT-NONE", "removed")


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
    """Return what cron mails: a line for each cause with the schools it hits, then what to do; 12 lines at most.

    The worst first. Every school with a problem is named.
    """
    for alike in (False, True):  # where not all fit, problems of single marks are one cause per kind
        causes = messages.by_cause(((each.school, told) for each, told in report.told(named)), alike=alike)
        causes += [([], messages.Told(report.problem, ()))] if report.problem else []
        causes.sort(key=lambda cause: _SEVERITY.index(cause[1].problem.exit_code))
        said = [_said(schools, told, alike=alike) for schools, told in causes]
        if sum(map(len, said)) <= _MOST_LINES:
            return [*chain(*said)]
    fits = next(n for n in range(len(said), -1, -1) if sum(map(len, said[:n])) <= _MOST_LINES - _LINES_OF_REST)
    left = {school for schools, _ in causes[fits:] for school in schools}
    left -= {school for schools, _ in causes[:fits] for school in schools}
    names = [f"  Schools: {_listed(left)}"] if left else []
    more = plural(len(causes) - fits, "more problem")
    return [*chain(*said[:fits]), f"attsync: {more}.", *names, f"  To see them: {_PROBLEMS.completed}"]


def _said(schools: list[School], told: messages.Told, *, alike: bool) -> list[str]:
    problem, days = told
    text, then = messages.text(problem, days, discreet=True), messages.next_step(problem, discreet=True)
    if alike and not messages.is_shared(problem) and (schools[1:] or days[1:]):
        text = messages.in_general(problem) if schools[1:] else text
        then = messages.Text(("To see each of them: ", _PROBLEMS))
    first, *names = _line(schools, f"{text.completed} [{problem.code}]")
    return [f"attsync: {first}", *names, f"  {then.completed}"]


def _line(schools: Collection[School], text: str) -> list[str]:
    """Return one complete line, and below it the schools if there are several."""
    names = [f"  Schools: {_listed(schools)}"] if len(schools) > 1 else []
    return [f"{_who(schools)}: {text}" if schools else text, *names]


def _who(schools: Collection[School]) -> str:
    return _listed(schools) if len(schools) == 1 else plural(len(schools), "school")


def _listed(schools: Collection[School]) -> str:
    return ", ".join(sorted(map(str, schools)))


def failing(log: Log, receiver: str) -> set[int]:
    """Return the URNs of the schools with a problem in the newest run for `receiver` that reported them."""
    runs = log.latest_school_runs(receiver, told=True)
    windows = [each.run.window for each in runs.values()]
    span = Window(min(w.first for w in windows), max(w.last for w in windows)) if windows else None
    days = log.not_accepted(receiver, span) if span else {}
    return {
        urn
        for urn, each in runs.items()
        if (each.problem and not is_wanted(each.problem))
        or any(
            one.run_id == each.run.id and one.state is not State.ACCEPTED
            for past in days.get(urn, {}).values()
            for one in past
        )
    }


def turned(report: Report) -> Message | None:
    """Return the message to people: which schools have a problem and had none in the run before, or the reverse.

    Without a count, a value or the DfE's words: it goes to services outside the school.
    """
    causes: dict[tuple[str, str], set[School]] = {}
    told = [(each.school, told.problem) for each, told in report.told(())]
    for school, problem in sorted(told, key=lambda each: _SEVERITY.index(each[1].exit_code)):
        if school.urn not in report.failing_before:
            database = str(problem.get("name")) if problem.code.startswith("DB-") else ""
            causes.setdefault((problem.code, database), set()).add(school)
    well = [each for each in report.schools if each.outcome == "read" and not each.problems]
    good = [each.school for each in well if each.school.urn in report.failing_before]
    lines: list[str] = []
    for (code, database), schools in causes.items():
        brief = messages.brief(Problem(code))
        lines += _line(schools, f"{brief}{f' ({database})' if database else ''} [{code}]")
    if good:
        lines.append(f"No problem any more: {_listed(good)}")
    if not causes:
        return Message(f"attsync: no problem any more at {_who(good)}", lines) if good else None
    title = f"attsync: a problem at {_who({school for schools in causes.values() for school in schools})}"
    return Message(title, [*lines, f"To see what to do: {_PROBLEMS}"], is_good=False)
