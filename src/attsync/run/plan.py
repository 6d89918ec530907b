"""What is meant to be sent: decides for each day of a school that was read: send, refuse, or nothing to send.

Knows what was sent before, from the log; contacts no DfE and records nothing. `preview` and a dry run end here.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple

from attsync.log import Log, Submission
from attsync.model import (
    Body,
    Cells,
    Day,
    Fault,
    Outcome,
    SchoolDays,
    SchoolOutcome,
    Session,
    State,
    session_total,
    total,
)
from attsync.plausibility import marks_fewer
from attsync.plural import plural
from attsync.problems import Problem
from attsync.report import DayResult, SchoolResult
from attsync.sent import read
from attsync.settings import Settings
from attsync.window import Window
from attsync.wire import build


class Planned(NamedTuple):
    """One message that is ready to go, and what went before it for the same day."""

    body: Body
    last: Submission | None
    """The newest message; it may not have arrived."""
    before: Cells | None
    """The counts of the newest message that the DfE has received; None: of none."""


class Refused(NamedTuple):
    """One day that must not be sent."""

    day: Day
    problem: Problem


def plan(settings: Settings, log: Log | None, found: SchoolDays, window: Window) -> list[Planned | Refused]:
    """Decide for each day of a school: send, refuse, or nothing to send."""
    entries = log.latest(window, found.school.urn, with_body=True) if log and found.days else []
    newest = {entry.day: entry for entry in entries}
    plans: list[Planned | Refused] = []
    for day in found.days:
        last = newest.get(day.date)
        received = arrived = None
        faults: list[Fault] = []
        if log and last:
            received = _newest(log, last, lambda state: state.is_received)
            arrived = _newest(log, last, lambda state: state.may_have_arrived)
            faults = log.faults([received]).get(received.id, []) if received else []
        body: Body | Problem | None = day.problem or build(
            found.school, day, _taken(_cells(arrived), faults), send_year_groups=settings.dfe.send_year_groups
        )
        if isinstance(body, Body):
            plans.append(Planned(body, last, _cells(received) if received else None))
        elif body:
            plans.append(Refused(day, body))
    return plans


def all_gone(plans: Collection[Planned | Refused]) -> Problem | None:
    """Say that no mark is left of all that was sent before. It is sent as 0 (SPEC.md 2), and somebody is told.

    One day may lose its marks; where every day has lost them, the database was emptied or is read wrongly.
    """
    bodies = [plan.body for plan in plans if isinstance(plan, Planned)]
    if not bodies or len(bodies) < len(plans) or any(total(body.cells) for body in bodies):
        return None
    days = f"{bodies[0].day:%a %-d %b}" + (f" to {bodies[-1].day:%a %-d %b}" if bodies[1:] else "")
    return Problem(
        "MARKS-GONE",
        f"Not one mark is left in the database of {plural(len(bodies), 'day')} that had some when sent before ({days}):"
        " every count is sent as 0.",
        "If that is not so in the MIS, ask IT at once whether the database was emptied, and whoever wrote the marks"
        " SELECT about its columns date and school: attsync check. The next send puts it right.",
    )


def to_check(found: SchoolDays, plans: Collection[Planned | Refused]) -> tuple[Problem, ...]:
    """Give what is odd in a school: in what was read, and against what was sent before."""
    if all_gone(plans):  # says it all
        return tuple(problem for problem in found.to_check if problem.code != "MARKS-NONE")
    sendings = [(p.body.day, p.before, p.body.cells) for p in plans if isinstance(p, Planned) and p.before]
    fewer = marks_fewer(found.school, sendings)
    return (*found.to_check, fewer) if fewer else found.to_check


def school_result(found: SchoolDays, plans: Collection[Planned | Refused]) -> SchoolResult:
    """Begin the result of a school."""
    outcome: SchoolOutcome = "failed" if found.problem else "read"
    problem = found.problem or all_gone(plans)
    return SchoolResult(school=found.school, outcome=outcome, problem=problem, to_check=to_check(found, plans))


def refusal(plan: Refused) -> DayResult:
    """Give the result of a day that must not be sent."""
    day = plan.day
    return DayResult(
        date=day.date, state=State.REFUSED, marks=_marks(day.cells), on_roll=day.on_roll, problem=plan.problem
    )


def day_result(plan: Planned, outcome: Outcome | None) -> DayResult:
    """Give the result of a message; without an outcome, of one that would be sent."""
    body = plan.body
    return DayResult(
        date=body.day,
        state=outcome.state if outcome else None,
        marks=_marks(body.cells),
        on_roll=body.on_roll,
        changed=_changed(plan.before, body.cells) if plan.before is not None else frozenset(),
        sent_at=outcome.tries[-1].at if outcome and outcome.tries else None,
        problem=outcome.problem if outcome else None,
        faults=outcome.faults if outcome else (),
    )


def _marks(cells: Cells) -> dict[Session, int]:
    sent = dict.fromkeys(cell.session for cell in cells)  # a session that the message leaves out is not there
    return {session: session_total(cells, session) for session in sent}


def _changed(before: Cells, now: Cells) -> frozenset[Session]:
    if before == now:
        return frozenset()
    return frozenset(cell.session for cell in before.keys() | now.keys() if before.get(cell) != now.get(cell))


def _newest(log: Log, last: Submission, is_meant: Callable[[State], bool]) -> Submission | None:
    """Give the newest entry in a state that is meant: `last`, or one before it."""
    if is_meant(last.state):
        return last
    return next((entry for entry in reversed(log.history(last.urn, last.day)) if is_meant(entry.state)), None)


def _cells(entry: Submission | None) -> Cells:
    return read(entry.content).cells if entry and entry.content else {}


def _taken(before: Cells, faults: list[Fault]) -> Cells:
    """Leave out what the DfE did not take: a code that it does not know would be a fault again, even as a zero."""
    refused = {(fault.cell, fault.attendance_code) for fault in faults if fault.code == "VAL104"}
    groups = {fault.cell.year_group for fault in faults if fault.code == "VAL103" and fault.cell}
    return {
        cell: {code: number for code, number in counts.items() if (cell, code) not in refused}
        for cell, counts in before.items()
        if cell.year_group not in groups
    }
