"""Decides for each day of a school that was read: send, refuse, or nothing to send. Sends and records nothing.

`preview` and a dry run end here. Imports no database and no HTTP.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from attsync.codes import codes_on
from attsync.due import LATE, is_term_time, missed_since, session_due_at
from attsync.log import Log, Submission
from attsync.model import Body, Cell, Cells, Day, Fault, SchoolDays, Session, State, total
from attsync.plausibility import marks_fewer, register_not_taken, unregistered
from attsync.problems import Problem
from attsync.schedule import run_times
from attsync.settings import Settings
from attsync.status.history import is_over, is_received, newest_read
from attsync.window import LONDON, Window, is_working_day, today_in_london
from attsync.wire import build, parse

_LOOK_BACK: Final = timedelta(weeks=4)
"""How far before the window runs are looked up: longer than the longest half-term holiday."""


_FROM_PROOFS: Final = {
    ("MARKS-HIGH", "not_on_roll"),
    ("MARKS-UNPROVEN", ""),
    ("MARKS-UNPROVEN", "roll"),
    ("MARKS-UNPROVEN", "nameless"),
}
"""Problems to check that would be forgotten, or be false, if the days of a school were not proven again."""


class Sent(NamedTuple):
    """A message that the receiver has confirmed."""

    cells: Cells
    at: datetime


class Planned(NamedTuple):
    """One message that is ready to send, and what was sent before it for the same day."""

    body: Body
    last: Submission | None
    """The newest message; it may not have arrived."""
    before: Sent | None
    """The newest message that the receiver has confirmed."""
    had: frozenset[Session] = frozenset()
    """Sessions that have marks, or were sent with some before."""
    again: bool = False
    """The newest submission of the day is of today, and the same message."""


class Refused(NamedTuple):
    """One day that must not be sent."""

    day: Day
    problem: Problem


Plan = Planned | Refused


class Planner:
    """Plans the schools of one run, from what the log says was sent before to this receiver."""

    def __init__(
        self,
        settings: Settings,
        log: Log | None,
        window: Window,
        now: datetime,
        clock_ahead: Callable[[], timedelta] = timedelta,
    ) -> None:
        self._settings, self._log, self._window, self._now = settings, log, window, now
        self._times = run_times(settings)
        self._clock_ahead: Callable[[], timedelta] | None = clock_ahead
        before = Window(window.first - _LOOK_BACK, window.last)
        self._reads = log.reads(before, settings.dfe.origin, now) if log else {}
        self._consents = log.latest_consents() if log else {}
        self._latest = log.latest_school_runs(settings.dfe.origin) if log else {}
        self._found: SchoolDays | None = None
        self._plans: list[Plan] = []

    def plan(self, found: SchoolDays) -> list[Plan]:
        """Decide for each day of a school, once."""
        if found is not self._found:
            self._found = found
            self._plans = self._plan(found) if found.days else []
        return self._plans

    def was_read_today(self, urn: int) -> bool:
        """Whether the newest run of today has read a school for the whole window: its days were proven today then."""
        last = self._latest.get(urn)
        if last is None or last.outcome != "read" or last.run.window.first > self._window.first:
            return False
        return self._is_today(last.run.started_at)

    def unproven(self, found: SchoolDays) -> list[date]:
        """Return the days of a school that was read today whose counts have not been proven today, and found right.

        docs/design/counting.md 6 has the rule.
        """
        told = {(problem.code, problem.case) for problem in self._latest[found.school.urn].to_check}
        again = {plan.body.day for plan in self.plan(found) if isinstance(plan, Planned) and plan.again}
        days = [day.date for day in found.days if (day.marks or day.refused) and not day.proven]
        return days if told & _FROM_PROOFS else [day for day in days if day not in again]

    def _is_today(self, at: datetime) -> bool:
        return today_in_london(at) == today_in_london(self._now)

    def _plan(self, found: SchoolDays) -> list[Plan]:
        urn = found.school.urn
        days = self._log.submissions(self._settings.dfe.origin, self._window, urn).get(urn, {}) if self._log else {}
        gap, has_marks = self._gap(urn), any(day.marks for day in found.days)
        plans: list[Plan] = []
        for read in found.days:
            past = days.get(read.date, [])
            history = [each for each in past if each.body_id is not None]
            last = history[-1] if history else None
            received = _newest(history, lambda state: state.is_received)
            newest = _newest(history, lambda state: state.may_have_arrived)
            arrived = self._cells(newest)
            day = self.without_early_sessions(read, arrived)
            is_known = gap is None or (received and received.sent_at and received.sent_at >= gap)
            zeros = arrived if is_known else self._zeros(day, arrived, every_session=has_marks)
            if received and received.faults:
                taken = self._cells(_newest(history, lambda state: state is State.ACCEPTED))
                zeros = _taken(zeros, received.faults, taken)
            body = day.problem or build(found.school, day, zeros, send_year_groups=self._settings.dfe.send_year_groups)
            if isinstance(body, Body):
                cells = arrived if received is newest else self._cells(received)
                before = Sent(cells, received.recorded_at) if received else None
                again = bool(past) and self._is_again(past[-1], body)
                plans.append(Planned(body, last, before, self._had(urn, body), again))
            elif body:
                plans.append(Refused(day, body))
        return plans

    def _had(self, urn: int, body: Body) -> frozenset[Session]:
        had = {session for session, number in body.marks.items() if number}
        if self._log and len(had) < len(body.marks):
            past = self._log.history(self._settings.dfe.origin, body.day, urn)
            had |= {s for each in past if each.state.may_have_arrived for s, number in each.marks.items() if number}
        return frozenset(had)

    def _is_again(self, newest: Submission, body: Body) -> bool:
        return self._is_today(newest.recorded_at) and self._log is not None and self._log.has_body(newest, body)

    def without_early_sessions(self, day: Day, arrived: Cells) -> Day:
        """Return today without the sessions that are not registered yet, unless they were sent before."""
        local = self._now.astimezone(LONDON)
        if day.problem or day.date < local.date():
            return day
        early = {
            session
            for session in unregistered(day)
            if not any(cell.session is session for cell in arrived) and not self._is_due(day.date, session)
        }
        return day.without(early) if early else day

    def _is_due(self, day: date, session: Session) -> bool:
        """Whether a session of today that looks entered ahead is due, also by the receiver's clock, asked once."""
        due = session_due_at(day, session, self._times) - LATE
        if self._now >= due and self._clock_ahead:
            self._now, self._clock_ahead = self._now + min(self._clock_ahead(), timedelta()), None
        return self._now >= due

    def to_check(self, found: SchoolDays, plans: Collection[Plan]) -> tuple[Problem, ...]:
        """Return what is unusual in a school: in what was read, and against what was sent before."""
        if all_gone(plans):  # already says this
            return tuple(problem for problem in found.to_check if problem.code != "MARKS-NONE")
        sendings = [
            (p.body.day, p.before.cells, {cell: n for cell, n in p.body.cells.items() if cell.session in p.had})
            for p in plans
            if isinstance(p, Planned) and p.before
        ]
        late = [register_not_taken(found.school, d, self._times, self._now) for d in found.days[-1:]]
        more = [marks_fewer(found.school, sendings), *late]
        return (*found.to_check, *(problem for problem in more if problem))

    def _gap(self, urn: int) -> datetime | None:
        """Return the newest planned send of a school that is not in the log; None if there is none.

        Another copy of attsync may then have sent what this log does not show. Before the consent in the log there is
        no gap (docs/design/reliability.md 3).
        """
        consent = self._consents.get(urn)
        runs = [run.started_at for run in self._reads.get(urn, ())]
        starts = sorted([*runs, *([consent.at] if consent else []), self._now], reverse=True)
        missed = (missed_since(run, self._settings.schedule.times, then) for then, run in pairwise(starts))
        return next(filter(None, missed), None)

    def _zeros(self, day: Day, arrived: Cells, *, every_session: bool) -> Cells:
        """Return every cell and code that may have been sent for a day, as 0.

        `every_session`: on a working day before today also of a session that has no marks any more.
        """
        codes = codes_on(day.date)
        sessions = {cell.session for cell in (*day.cells, *arrived)}
        if every_session and is_working_day(day.date) and day.date < today_in_london(self._now):
            sessions.update(Session)
        groups = {*day.roll, *(cell.year_group for cell in (*day.cells, *arrived))}
        return {
            Cell(group, session): {code: 0 for code, known in codes.items() if session in known.sessions}
            for group in groups
            for session in sessions
        }

    def days_left(self, urn: int) -> Problem | None:
        """Return the problem of days that have left the window since a school was last read for all of it.

        Without those that the receiver confirmed, and those that a later run had nothing to send for. With those in
        term time that no run came to read.
        """
        reads, window = self._reads.get(urn, ()), self._window
        whole = next((run.window for run in reversed(reads) if self._length(run.window) >= self._length(window)), None)
        latest, consent = self._latest.get(urn), self._consents.get(urn)
        if not reads and latest and latest.outcome == "read":  # long ago
            whole = latest.run.window
        if self._log is None or consent is None or whole is None or whole.first >= window.first:
            return None
        gone = Window(whole.first, window.first - timedelta(days=1))
        days = self._log.submissions(self._settings.dfe.origin, gone, urn).get(urn, {})
        left = [
            day
            for day in gone
            if (past := days.get(day)) and not is_received(past) and not is_over(past[-1], newest_read(day, reads))
        ]
        due_from = max(whole.last + timedelta(days=1), today_in_london(consent.at))
        left += [
            day
            for day in gone
            if day >= due_from and day not in days and not newest_read(day, reads)
            if is_working_day(day) and is_term_time(day)
        ]
        return Problem("DAY-LEFT", days=left, number=len(left), first=left[0], urn=urn) if left else None

    def _length(self, window: Window) -> int:
        """Return how many of its days the settings count: a weekend more or less does not make a window longer."""
        return sum(map(is_working_day, window)) if self._settings.window.count == "working" else len(window)

    def _cells(self, submission: Submission | None) -> Cells:
        content = self._log.content(submission) if self._log and submission else None
        return parse(content).cells if content else {}


def all_gone(plans: Collection[Plan]) -> Problem | None:
    """Return the problem that no marks are left of all that was sent before; None while some are.

    It is sent as 0 (docs/design/sending.md 2). One day may lose its marks; where every day has lost them, the database
    was emptied or is read wrongly.
    """
    bodies = [plan.body for plan in plans if isinstance(plan, Planned)]
    had_marks = any(isinstance(plan, Planned) and plan.had for plan in plans)
    if not had_marks or len(bodies) < len(plans) or any(total(body.cells) for body in bodies):
        return None
    return Problem("MARKS-GONE", number=len(bodies), first=bodies[0].day, last=bodies[-1].day if bodies[1:] else None)


def changed_sessions(before: Cells, now: Cells) -> frozenset[Session]:
    """Return the sessions in which two messages differ."""
    return frozenset(cell.session for cell in before.keys() | now.keys() if before.get(cell) != now.get(cell))


def _newest(history: Sequence[Submission], is_meant: Callable[[State], bool]) -> Submission | None:
    return next((submission for submission in reversed(history) if is_meant(submission.state)), None)


def _taken(before: Cells, faults: Iterable[Fault], taken: Cells) -> Cells:
    """Leave out what the DfE never accepted: an unknown code would be a fault again, even as a zero."""
    refused = {(fault.cell, fault.attendance_code) for fault in faults if fault.code == "VAL104"}
    groups = {fault.cell.year_group for fault in faults if fault.code == "VAL103" and fault.cell}
    return {
        cell: {code: n for code, n in counts.items() if (cell, code) not in refused or code in taken.get(cell, ())}
        for cell, counts in before.items()
        if cell.year_group not in groups or cell in taken
    }
