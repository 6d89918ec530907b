"""What is meant to be sent: decides for each day of a school that was read: send, refuse, or nothing to send.

Knows what was sent before, from the log; contacts no DfE and records nothing. `preview` and a dry run end here.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from attsync.log import Entry, Log
from attsync.model import Body, Cells, Day, Fault, Outcome, SchoolDays, SchoolOutcome, Session, State, session_total
from attsync.oddities import marks_fewer
from attsync.problems import Problem
from attsync.report import DayResult, SchoolResult
from attsync.sent import read
from attsync.settings import Settings
from attsync.window import Window
from attsync.wire import build


class Planned(NamedTuple):
    """One message that is ready to go, and what went before it for the same day."""

    body: Body
    last: Entry | None
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


def to_check(found: SchoolDays, plans: Iterable[Planned | Refused]) -> tuple[Problem, ...]:
    """Give what is odd in a school: in what was read, and against what was sent before."""
    sendings = [(p.body.day, p.before, p.body.cells) for p in plans if isinstance(p, Planned) and p.before]
    fewer = marks_fewer(found.school, sendings)
    return (*found.to_check, fewer) if fewer else found.to_check


def school_result(found: SchoolDays, plans: Iterable[Planned | Refused]) -> SchoolResult:
    """Begin the result of a school."""
    outcome: SchoolOutcome = "failed" if found.problem else "read"
    return SchoolResult(school=found.school, outcome=outcome, problem=found.problem, to_check=to_check(found, plans))


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


def _newest(log: Log, last: Entry, is_meant: Callable[[State], bool]) -> Entry | None:
    """Give the newest entry in a state that is meant: `last`, or one before it."""
    if is_meant(last.state):
        return last
    return next((entry for entry in reversed(log.history(last.urn, last.day)) if is_meant(entry.state)), None)


def _cells(entry: Entry | None) -> Cells:
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
