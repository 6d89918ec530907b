"""Decides for each day of a school that was read: send, refuse, or nothing to send. Sends and records nothing.

`preview` and a dry run end here. Imports no database and no HTTP.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from attsync.codes import codes_on
from attsync.due import LATE, missed_since, session_due_at
from attsync.log import Log, Submission
from attsync.model import Body, Cells, Day, Fault, SchoolDays, Session, State, total
from attsync.plausibility import marks_fewer, register_not_taken, unregistered
from attsync.problems import Problem
from attsync.settings import Settings
from attsync.window import LONDON, Window
from attsync.wire import build, parse


class Sent(NamedTuple):
    """A message that the receiver has confirmed."""

    cells: Cells
    at: datetime


class Planned(NamedTuple):
    """One message that is ready to go, and what went before it for the same day."""

    body: Body
    last: Submission | None
    """The newest message; it may not have arrived."""
    before: Sent | None
    """The newest message that the receiver has confirmed."""


class Refused(NamedTuple):
    """One day that must not be sent."""

    day: Day
    problem: Problem


Plan = Planned | Refused


class Planner:
    """Plans the schools of one run, from what the log says was sent before to this receiver."""

    def __init__(self, settings: Settings, log: Log | None, window: Window, now: datetime) -> None:
        self._settings, self._log, self._window, self._now = settings, log, window, now
        last = log.last_run() if log else None
        self.has_gap = bool(last and missed_since(last.started_at, settings.schedule.times, now))
        """Whether a planned send is not in the log: someone else may have sent what this log does not show."""

    def plan(self, found: SchoolDays) -> list[Plan]:
        """Decide for each day of a school."""
        if not found.days:
            return []
        urn = found.school.urn
        days = self._log.submissions(self._settings.dfe.origin, self._window, urn).get(urn, {}) if self._log else {}
        plans: list[Plan] = []
        for read in found.days:
            history = [each for each in days.get(read.date, ()) if each.body_id is not None]
            last = history[-1] if history else None
            received = _newest(history, lambda state: state.is_received)
            arrived = self._cells(_newest(history, lambda state: state.may_have_arrived))
            day = self.without_early_sessions(read, arrived)
            zeros = _taken(self._zeros(day, arrived), received.faults if received else ())
            body = day.problem or build(found.school, day, zeros, send_year_groups=self._settings.dfe.send_year_groups)
            if isinstance(body, Body):
                before = Sent(self._cells(received), received.recorded_at) if received else None
                plans.append(Planned(body, last, before))
            elif body:
                plans.append(Refused(day, body))
        return plans

    def without_early_sessions(self, day: Day, arrived: Cells) -> Day:
        """Return today without the sessions that are not registered yet, unless they were sent before."""
        local = self._now.astimezone(LONDON)
        if day.problem or day.date != local.date():
            return day
        early = {
            session
            for session in unregistered(day)
            if self._now < session_due_at(day.date, session, self._settings.schedule.times) - LATE
            and not any(cell.session is session for cell in arrived)
        }
        return day.without(early) if early else day

    def to_check(self, found: SchoolDays, plans: Collection[Plan]) -> tuple[Problem, ...]:
        """Return what is unusual in a school: in what was read, and against what was sent before."""
        if all_gone(plans):  # says it all
            return tuple(problem for problem in found.to_check if problem.code != "MARKS-NONE")
        sendings = [(p.body.day, p.before.cells, p.body.cells) for p in plans if isinstance(p, Planned) and p.before]
        late = [register_not_taken(found.school, d, self._settings.schedule.times, self._now) for d in found.days[-1:]]
        more = [marks_fewer(found.school, sendings), *late]
        return (*found.to_check, *(problem for problem in more if problem))

    def _zeros(self, day: Day, arrived: Cells) -> Cells:
        """Return the cells and codes that are sent as 0 where they have no marks now."""
        if not self.has_gap:
            return arrived
        codes = codes_on(day.date)
        return {
            cell: {code: 0 for code, known in codes.items() if cell.session in known.sessions}
            for cell in {*day.cells, *arrived}
        }

    def _cells(self, submission: Submission | None) -> Cells:
        content = self._log.content(submission) if self._log and submission else None
        return parse(content).cells if content else {}


def all_gone(plans: Collection[Plan]) -> Problem | None:
    """Return the problem that no mark is left of all that was sent before; None while some are.

    It is sent as 0 (docs/design/sending.md 2). One day may lose its marks; where every day has lost them, the database
    was emptied or is read wrongly.
    """
    bodies = [plan.body for plan in plans if isinstance(plan, Planned)]
    if not bodies or len(bodies) < len(plans) or any(total(body.cells) for body in bodies):
        return None
    return Problem("MARKS-GONE", number=len(bodies), first=bodies[0].day, last=bodies[-1].day if bodies[1:] else None)


def changed_sessions(before: Cells, now: Cells) -> frozenset[Session]:
    """Return the sessions in which two messages differ."""
    return frozenset(cell.session for cell in before.keys() | now.keys() if before.get(cell) != now.get(cell))


def _newest(history: Sequence[Submission], is_meant: Callable[[State], bool]) -> Submission | None:
    return next((submission for submission in reversed(history) if is_meant(submission.state)), None)


def _taken(before: Cells, faults: Iterable[Fault]) -> Cells:
    """Leave out what the DfE did not take: a code that it does not know would be a fault again, even as a zero."""
    refused = {(fault.cell, fault.attendance_code) for fault in faults if fault.code == "VAL104"}
    groups = {fault.cell.year_group for fault in faults if fault.code == "VAL103" and fault.cell}
    return {
        cell: {code: number for code, number in counts.items() if (cell, code) not in refused}
        for cell, counts in before.items()
        if cell.year_group not in groups
    }
