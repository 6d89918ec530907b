"""Schools and their days as `status` shows them, from a number of queries that grows with neither.

Imports no screen; the time is a parameter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from attsync import messages
from attsync.consent import ActiveConsent, Terms, active_consent, explain_missing
from attsync.due import next_send
from attsync.log import ConsentRow, Log, Run, SchoolRun, Submission
from attsync.model import DayStatus, School
from attsync.problems import Problem
from attsync.settings import Settings
from attsync.status.day import Context, day_status
from attsync.status.history import history_of, is_received
from attsync.window import LONDON, Window, is_working_day, today_in_london, window_ending

_TERM: Final = timedelta(weeks=13)
"""How long a day that left the window without being received is kept in `status --problems`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolStatus:
    """One school: whether its consent is in force, and its days, newest first."""

    school: School
    consent: ActiveConsent | None
    no_consent: Problem | None
    last: SchoolRun | None
    days: tuple[DayStatus, ...]
    left: tuple[date, ...] = ()
    """Days that left the window without being received, in the last term."""

    @property
    def _of_the_school(self) -> Problem | None:
        """What went wrong with the whole school in the newest run that read it, or tried to."""
        return self.last.problem if self.last and self.last.outcome != "skipped" else None

    @property
    def problems(self) -> list[Problem]:
        """What has to be acted on, if consent is in force."""
        whole = [self._of_the_school] if self._of_the_school else []
        return list(dict.fromkeys([*whole, *(day.problem for day in self.days if day.needs_telling and day.problem)]))

    def told(self) -> list[messages.Told]:
        """Return each problem once, with the days it is about."""
        if not self.consent:
            return []
        return messages.grouped(
            [(self._of_the_school, None), *((day.problem, day.date) for day in self.days if day.needs_telling)]
        )

    @property
    def failed(self) -> bool:
        """Whether something due was not received."""
        return bool(self.consent) and (bool(self.problems) or any(day.failed for day in self.days))

    @property
    def to_check(self) -> list[Problem]:
        """What is allowed but unusual."""
        said = [*self.last.to_check] if self.last else []
        told = {day for problem in said if problem.code == "SESSION-NONE" for day in problem.days}
        return [*(_no_register(day) for day in self.days if day.no_register and day.date not in told), *said]

    @property
    def consent_needed_again(self) -> bool:
        """Whether consent was given, and no longer fits."""
        return self.no_consent is not None and self.no_consent.code == "CONSENT-CHANGED"

    @property
    def is_undecided(self) -> bool:
        """Whether no one has ever decided about consent."""
        return self.no_consent is not None and (self.no_consent.code, self.no_consent.case) == ("CONSENT-NONE", "")

    @property
    def needs_a_look(self) -> bool:
        """Whether someone has to act, or to check."""
        return self.failed or bool(self.consent and self.to_check) or self.consent_needed_again

    @property
    def sent_at(self) -> datetime | None:
        """When something was last sent."""
        return max((day.sent_at for day in self.days if day.sent_at), default=None)

    @property
    def attendance(self) -> float | None:
        """Attendance of the newest day that has marks."""
        return next((day.attendance for day in self.days if day.attendance is not None), None)


def _no_register(day: DayStatus) -> Problem:
    return Problem("SESSION-NONE", "not_in_database", day=day.date, note=day.note)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What `status` shows."""

    window: Window
    now: datetime
    schools: tuple[SchoolStatus, ...]
    last_run: Run | None
    next_send: datetime | None
    under_way: bool = False
    """A run is sending now."""
    to_check: tuple[Problem, ...] = ()
    """What the last run found to be checked of no school in the settings."""
    left_out: tuple[SchoolStatus, ...] = ()
    """Schools where all is well, if only the others were asked for."""
    has_problems_only: bool = False
    """Only the schools with problems were asked for."""
    receiver: str = ""
    receiver_before: str | None = None
    """Where sends went before; None if nothing was ever sent elsewhere, or something was sent to `receiver` since."""
    sends: Window | None = None
    """The days that a send now would take; None: there is no log yet."""

    @property
    def needs_a_look(self) -> bool:
        """Whether someone has to act, or to check."""
        return bool(self.to_check) or any(school.needs_a_look for school in self.schools)

    @property
    def exit_code(self) -> int:
        """What `status` ends with: 1 to act or to check, 7 if nothing is wrong but no one decided about a school."""
        is_undecided = any(each.is_undecided for each in self.schools) or not (self.schools or self.left_out)
        return 1 if self.needs_a_look else 7 if is_undecided else 0

    @property
    def can_send(self) -> bool:
        """Whether a send that someone starts now would send: none is under way, and the service is not closed."""
        return self.next_send is not None and not self.under_way

    def only_problems(self) -> "Overview":
        """Leave out the schools where all is well, and add days that left the window without being received."""
        wanted = tuple(each for each in self.schools if each.needs_a_look or each.left or each.is_undecided)
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
) -> Overview:
    """Read from the log what is known of the schools in the window; `under_way`: a run is sending now."""
    terms = Terms.of(settings)
    if log is None:
        found = [_school(settings, None, school, window, now) for school in schools]
        return Overview(window=window, now=now, schools=tuple(found), last_run=None, next_send=None)
    known = _Known(log, window, terms, under_way=under_way)
    found = [_school(settings, known, school, window, now) for school in schools]
    last_run = log.last_run(terms.receiver)
    is_planned = any(each.consent for each in found) and not log.closed_since(terms.receiver)
    return Overview(
        window=window,
        now=now,
        schools=tuple(found),
        last_run=last_run,
        next_send=next_send(settings.schedule.times, now) if is_planned else None,
        under_way=under_way,
        to_check=log.to_check(terms.receiver),
        receiver=terms.receiver,
        receiver_before=None if any(each.sent_at for each in found) else log.last_receiver(other_than=terms.receiver),
        sends=window_ending(today_in_london(now), settings.window.days, settings.window.count),
    )


class _Known:
    """What the log says of all schools, read at once."""

    def __init__(self, log: Log, window: Window, terms: Terms, *, under_way: bool) -> None:
        self.terms, self.under_way = terms, under_way
        self.consents: dict[int, ConsentRow] = log.latest_consents()
        self.runs = log.latest_school_runs(terms.receiver)
        self.reads = log.reads(window, terms.receiver)
        self.submissions = log.submissions(terms.receiver, window)
        self.before = log.not_accepted(terms.receiver, Window(window.first - _TERM, window.first - timedelta(days=1)))


def _school(settings: Settings, known: _Known | None, school: School, window: Window, now: datetime) -> SchoolStatus:
    terms = Terms.of(settings)
    row = known.consents.get(school.urn) if known else None
    consent = active_consent(row, terms)
    run = _within(window, known.runs.get(school.urn)) if known else None
    submissions = known.submissions.get(school.urn, {}) if known else {}
    return SchoolStatus(
        school=school,
        consent=consent,
        no_consent=None if consent else explain_missing(school, row, terms),
        last=run,
        days=_days(settings, known, school, window, now, run) if known and (consent or submissions) else (),
        left=_left(known.before.get(school.urn, {})) if known else (),
    )


def _left(days: dict[date, list[Submission]]) -> tuple[date, ...]:
    """Return the days that were not received, or not all of them, when they left the window."""
    return tuple(sorted(day for day, past in days.items() if not is_received(past)))


def _within(window: Window, run: SchoolRun | None) -> SchoolRun | None:
    """Leave out what is unusual on other days only: someone who asks for one day is told of that day."""
    if run is None:
        return None
    asked = [problem for problem in run.to_check if not problem.days or any(day in window for day in problem.days)]
    return replace(run, to_check=tuple(asked))


def _days(
    settings: Settings, known: _Known, school: School, window: Window, now: datetime, run: SchoolRun | None
) -> tuple[DayStatus, ...]:
    row = known.consents.get(school.urn)
    consent = active_consent(row, known.terms)
    reads: Sequence[Run] = known.reads.get(school.urn, ())
    submissions = known.submissions.get(school.urn, {})
    starts = [*([consent.row.at] if consent else []), *(read.started_at for read in reads)]
    context = Context(
        times=settings.schedule.times,
        has_consent=consent is not None,
        now=now,
        since=min(starts, default=None),
        unread=run.problem if run and run.outcome == "failed" else None,
        unread_at=run.run.started_at if run and run.outcome == "failed" else None,
    )
    all_days = settings.window.count == "calendar"
    shown = [day for day in window if day in submissions or all_days or is_working_day(day)]
    days = []
    for day in reversed(shown):
        read = next((each for each in reversed(reads) if day in each.window), None)
        history = history_of(submissions.get(day, ()), read, under_way=known.under_way)
        days.append(day_status(day, history, read.started_at if read else None, context))
    return tuple(days)
