"""Schools and their days as `status` shows them, with a fixed number of queries.

Imports no screen; the time is a parameter.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from attsync import messages
from attsync.clock import behind
from attsync.consent import ActiveConsent, Terms, active_consent, explain_missing
from attsync.due import LATE, next_send, planned_sends
from attsync.log import ConsentRow, Log, Run, SchoolRun, Submission
from attsync.model import DayStatus, School
from attsync.problems import Problem
from attsync.schedule import run_times
from attsync.settings import Settings
from attsync.status.day import Context, day_status
from attsync.status.history import history_of, is_received, newest_read
from attsync.window import LONDON, Window, is_working_day, today_in_london, window_ending

_FORTNIGHT: Final = timedelta(days=14)
_TERM: Final = timedelta(weeks=13)
"""How long a day that left the window without being received is kept in `status --problems`."""


Standing: TypeAlias = Literal["failed", "to check", "consent again", "no consent", "undecided", "waiting", "well"]
"""The state of a school. Waiting: nothing was sent yet. Consent again: what was agreed to has changed."""


@dataclass(frozen=True, kw_only=True)
class SchoolStatus:
    """One school: whether its consent is in force, and its days, newest first."""

    school: School
    consent: ActiveConsent | None = None
    no_consent: Problem | None = None
    last: SchoolRun | None = None
    days: tuple[DayStatus, ...] = ()
    left: tuple[date, ...] = ()
    """Days that left the window without being received, in the last term."""

    @property
    def _of_the_school(self) -> Problem | None:
        """What went wrong with the whole school in the newest run that read it, or tried to."""
        return self.last.problem if self.last and self.last.outcome != "skipped" else None

    def told(self) -> list[messages.Told]:
        """Return each problem to act on once, with the days it is about; none without consent."""
        if not self.consent:
            return []
        return messages.grouped(
            [(self._of_the_school, None), *((day.problem, day.date) for day in self.days if day.needs_telling)]
        )

    @property
    def to_check(self) -> list[Problem]:
        """What is allowed but unusual."""
        said = [*self.last.to_check] if self.last else []
        told = {day for problem in said if problem.code == "SESSION-NONE" for day in problem.days}
        return [*(_no_register(day) for day in self.days if day.no_register and day.date not in told), *said]

    @cached_property
    def standing(self) -> Standing:
        """The most important fact about the school."""
        if not self.consent:
            why = (self.no_consent.code, self.no_consent.case) if self.no_consent else None
            if why == ("CONSENT-NONE", ""):
                return "undecided"
            return "consent again" if why and why[0] == "CONSENT-CHANGED" else "no consent"
        if self._of_the_school or any(day.needs_telling for day in self.days):
            return "failed"
        if self.to_check:
            return "to check"
        return "well" if self.sent_at else "waiting"

    @property
    def needs_a_look(self) -> bool:
        """Whether someone has to act, or to check."""
        return self.standing in ("failed", "to check", "consent again")

    @property
    def sent_at(self) -> datetime | None:
        """When something was last sent."""
        return max((day.sent_at for day in self.days if day.sent_at), default=None)


def _no_register(day: DayStatus) -> Problem:
    return Problem("SESSION-NONE", "not_in_database", day=day.date, note=day.note)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What `status` shows."""

    now: datetime
    schools: tuple[SchoolStatus, ...]
    last_run: Run | None = None
    next_send: datetime | None = None
    """None: there is nothing to send, or no schedule is known."""
    can_send: bool = False
    """A send started now would work: none is in progress, and the service is not closed."""
    under_way: bool = False
    """A run is sending now."""
    to_check: tuple[Problem, ...] = ()
    """What the last run found to check, but not about a school in the settings."""
    left_out: tuple[SchoolStatus, ...] = ()
    """Schools where all is well, if only the others were asked for."""
    has_problems_only: bool = False
    """Only the schools with problems were asked for."""
    receiver: str = ""
    receiver_before: str | None = None
    """Where messages were sent before; None if nothing was ever sent elsewhere, or something was sent to `receiver`
    since."""
    sends: Window | None = None
    """The days that a send now would include; None: there is no log yet."""

    @property
    def needs_a_look(self) -> bool:
        """Whether someone has to act, or to check."""
        return bool(self.to_check) or any(school.needs_a_look for school in self.schools)

    @property
    def exit_code(self) -> int:
        """The exit code of `status`: 1 to act or to check, 7 if only a decision about consent is missing."""
        standings = {each.standing for each in self.schools}
        if self.to_check or standings & {"failed", "to check"}:
            return 1
        is_missing = standings & {"undecided", "consent again"} or not (self.schools or self.left_out)
        return 7 if is_missing else 0

    def only_problems(self) -> "Overview":
        """Leave out the schools where all is well, and add days that left the window without being received."""
        wanted = tuple(each for each in self.schools if each.needs_a_look or each.left or each.standing == "undecided")
        left_out = tuple(school for school in self.schools if school not in wanted)
        return replace(self, schools=wanted, left_out=left_out, has_problems_only=True)

    def as_json(self) -> dict[str, Any]:
        """Return `status --json` (docs/design/sending.md 6)."""
        return {
            "version": 1,
            "to_check": [messages.as_json(problem) for problem in self.to_check],
            "schools": [
                {
                    "urn": school.school.urn,
                    "name": school.school.name,
                    "consent": consent_as_json(school.consent),
                    "to_check": [messages.as_json(p) for p in (school.to_check if school.consent else ())],
                    "days": [day_as_json(day) for day in school.days],
                }
                for school in self.schools
            ],
        }


def day_as_json(day: DayStatus) -> dict[str, Any]:
    """Return a day as `status --json` and `send --json` have it."""
    return {
        "date": day.date.isoformat(),
        **{session.value: sign.value for session, sign in day.signs.items()},
        "marks": day.total,
        "on_roll": day.on_roll,
        "sent_at": day.sent_at.astimezone(LONDON).isoformat(timespec="seconds") if day.sent_at else None,
        "state": day.state.value if day.state else None,
        "problem": messages.as_json(day.problem) if day.problem else None,
    }


def consent_as_json(consent: ActiveConsent | None) -> dict[str, Any]:
    """Return whether consent is in force, for `--json`."""
    row = consent.row if consent else None
    return {
        "standing": row is not None,
        "by": row.person if row else None,
        "at": row.at.astimezone(LONDON).isoformat(timespec="seconds") if row else None,
    }


def overview(
    settings: Settings,
    log: Log | None,
    schools: Iterable[School],
    window: Window,
    now: datetime,
    *,
    under_way: bool = False,
    is_scheduled: Callable[[], bool] = lambda: False,
) -> Overview:
    """Read from the log what is known of the schools in the window; `under_way`: a run is sending now.

    `is_scheduled` says whether this machine sends automatically. It is called if no planned send has happened recently.
    """
    terms = Terms.of(settings)
    if log is None:
        undecided = (SchoolStatus(school=each, no_consent=explain_missing(each, None, terms)) for each in schools)
        return Overview(now=now, schools=tuple(undecided))
    times, receiver = run_times(settings), terms.receiver
    known = _Known(
        terms=terms,
        times=times,
        all_days=settings.window.count == "calendar",
        under_way=under_way,
        consents=log.latest_consents(),
        runs=log.latest_school_runs(receiver),
        reads=log.reads(window, receiver, now),
        submissions=log.submissions(receiver, window),
        before=log.not_accepted(receiver, Window(window.first - _TERM, window.first - timedelta(days=1))),
    )
    found = tuple(_school(known, school, window, now) for school in schools)
    clock = behind(log, now)
    is_open = any(each.consent for each in found) and not log.closed_since(receiver)
    return Overview(
        now=now,
        schools=found,
        last_run=log.last_run(receiver),
        next_send=next_send(times, now) if is_open and (_has_come(log, times, now) or is_scheduled()) else None,
        can_send=is_open and not under_way,
        under_way=under_way,
        to_check=(*([clock.but(undone="none")] if clock else []), *log.to_check(receiver)),
        receiver=receiver,
        receiver_before=None if any(each.sent_at for each in found) else log.last_receiver(other_than=receiver),
        sends=window_ending(today_in_london(now), settings.window.days, settings.window.count),
    )


def _has_come(log: Log, times: tuple[time, ...], now: datetime) -> bool:
    """Whether a planned send of the last fortnight happened."""
    today = today_in_london(now)
    planned = [*planned_sends(times, today - _FORTNIGHT, today)]
    return any(abs(run.started_at - at) < LATE for run in log.runs_since(now - _FORTNIGHT) for at in planned)


class _Known(NamedTuple):
    """The log's data on all schools, by URN, read at once."""

    terms: Terms
    times: tuple[time, ...]
    all_days: bool
    under_way: bool
    consents: Mapping[int, ConsentRow]
    runs: Mapping[int, SchoolRun]
    reads: Mapping[int, Sequence[Run]]
    submissions: Mapping[int, Mapping[date, Sequence[Submission]]]
    before: Mapping[int, Mapping[date, Sequence[Submission]]]
    """Those of the last term that were not received."""


def _school(known: _Known, school: School, window: Window, now: datetime) -> SchoolStatus:
    row = known.consents.get(school.urn)
    consent = active_consent(row, known.terms)
    run = _within(window, known.runs.get(school.urn))
    failed = run.run.started_at if run and run.outcome == "failed" else None
    reads = known.reads.get(school.urn, ())
    submissions = known.submissions.get(school.urn, {})
    starts = [*([consent.row.at] if consent else []), *(read.started_at for read in reads)]
    context = Context(
        times=known.times,
        has_consent=consent is not None,
        now=now,
        since=min(starts, default=None),
        unread=run.problem if run and failed else None,
        unread_at=failed,
    )
    days = []
    for day in reversed([day for day in window if day in submissions or known.all_days or is_working_day(day)]):
        read = newest_read(day, reads)
        history = history_of(submissions.get(day, ()), read, under_way=known.under_way)
        days.append(day_status(day, history, read.started_at if read else None, context))
    left = sorted(day for day, past in known.before.get(school.urn, {}).items() if not is_received(past))
    return SchoolStatus(
        school=school,
        consent=consent,
        no_consent=None if consent else explain_missing(school, row, known.terms),
        last=run,
        days=tuple(days) if consent or submissions else (),
        left=tuple(left),
    )


def _within(window: Window, run: SchoolRun | None) -> SchoolRun | None:
    """Leave out what is unusual on other days only: one day was asked for."""
    if run is None:
        return None
    asked = [problem for problem in run.to_check if not problem.days or any(day in window for day in problem.days)]
    return replace(run, to_check=tuple(asked))
