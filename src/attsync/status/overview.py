"""Schools and their days as `status` shows them, put together from the log.

Refuses to know how they are shown; the time is handed in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from attsync.consent import Consent, active_consent, explain_missing
from attsync.log import Log, Run, SchoolRun, Submission
from attsync.model import School
from attsync.problems import Problem
from attsync.report import grouped
from attsync.settings import Settings
from attsync.status.day import DayView, missing_signs, view
from attsync.status.history import is_over, read_day
from attsync.window import LONDON, Window, is_working_day


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolView:
    """One school: where its consent stands, and its days, newest first."""

    school: School
    consent: Consent | None
    no_consent: Problem | None
    last: SchoolRun | None
    days: tuple[DayView, ...]

    @property
    def _of_the_school(self) -> Problem | None:
        """What went wrong with the whole school in the newest run that read it, or tried to."""
        return self.last.problem if self.last and self.last.outcome != "skipped" else None

    @property
    def problems(self) -> list[Problem]:
        """What has to be acted on, if consent stands."""
        whole = [self._of_the_school] if self._of_the_school else []
        return list(dict.fromkeys([*whole, *(day.problem for day in self.days if day.needs_telling and day.problem)]))

    def told(self) -> list[tuple[Problem, str]]:
        """Give each problem once, with the days it is about."""
        if not self.consent:
            return []
        return grouped(
            [(self._of_the_school, None), *((day.problem, day.date) for day in self.days if day.needs_telling)]
        )

    @property
    def failed(self) -> bool:
        """Something due was not received."""
        return bool(self.consent) and (bool(self.problems) or any(day.failed for day in self.days))

    @property
    def to_check(self) -> list[Problem]:
        """What is lawful but odd."""
        said = [*self.last.to_check] if self.last else []
        told = {day for problem in said if problem.code == "SESSION-NONE" for day in problem.days}
        return [*(_no_register(day) for day in self.days if day.to_check and day.date not in told), *said]

    @property
    def consent_needed_again(self) -> bool:
        """Consent was given, and does not fit any more."""
        return self.no_consent is not None and self.no_consent.code == "CONSENT-CHANGED"

    @property
    def needs_a_look(self) -> bool:
        """Somebody has to act, or to check."""
        return self.failed or bool(self.consent and self.to_check) or self.consent_needed_again

    @property
    def sent_at(self) -> datetime | None:
        """When something was last sent."""
        return max((day.sent_at for day in self.days if day.sent_at), default=None)

    @property
    def attendance(self) -> float | None:
        """Attendance of the newest day that has marks."""
        return next((day.attendance for day in self.days if day.attendance is not None), None)


def _no_register(day: DayView) -> Problem:
    return Problem("SESSION-NONE", f"{day.date:%a %-d %b}: {day.note}.", "Check in the MIS that it was taken.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What `status` shows."""

    window: Window
    now: datetime
    schools: tuple[SchoolView, ...]
    last_run: Run | None
    next_send: datetime | None
    under_way: bool = False
    """The last run is alive: it is sending just now."""
    to_check: tuple[Problem, ...] = ()
    """What the last run found to check in no school of the settings."""
    left_out: tuple[SchoolView, ...] = ()
    """Schools where all is well, if only the others were asked for."""

    @property
    def needs_a_look(self) -> bool:
        """Somebody has to act, or to check."""
        return bool(self.to_check) or any(school.needs_a_look for school in self.schools)

    def only_problems(self) -> "Overview":
        """Leave out the schools where all is well."""
        wanted = tuple(school for school in self.schools if school.needs_a_look)
        left_out = tuple(school for school in self.schools if not school.needs_a_look)
        return replace(self, schools=wanted, left_out=left_out)

    def as_json(self) -> dict[str, Any]:
        """Give `status --json` (SPEC.md 6)."""
        return {
            "version": 1,
            "to_check": [problem.as_json() for problem in self.to_check],
            "schools": [
                {
                    "urn": school.school.urn,
                    "name": school.school.name,
                    "consent": consent_as_json(school.consent),
                    "to_check": [problem.as_json() for problem in (school.to_check if school.consent else ())],
                    "days": [day.as_json() for day in school.days],
                }
                for school in self.schools
            ],
        }


def consent_as_json(consent: Consent | None) -> dict[str, Any]:
    """Give where consent stands, for `--json`."""
    row = consent.row if consent else None
    return {
        "standing": row is not None,
        "by": row.person if row else None,
        "at": row.at.astimezone(LONDON).isoformat(timespec="seconds") if row else None,
    }


class _Logged(NamedTuple):
    """What the log says of one school."""

    run: SchoolRun | None
    """The newest that knew it."""
    reads: Sequence[Run]
    """Those that read it in full for a day of the window or after, oldest first."""
    entries: Mapping[date, Submission]
    """Day -> its newest entry."""


def look(
    settings: Settings,
    log: Log | None,
    schools: Iterable[School],
    window: Window,
    now: datetime,
    *,
    under_way: bool = False,
) -> Overview:
    """Read from the log what is known of the schools in the window; `under_way` says that a run is alive."""
    runs = log.latest_school_runs() if log else {}
    reads = log.reads(window) if log else {}
    entries: dict[int, dict[date, Submission]] = {}
    for entry in log.latest(window) if log else ():
        entries.setdefault(entry.urn, {})[entry.day] = entry
    found = []
    for school in schools:
        row = log.latest_consent(school.urn) if log else None
        consent = active_consent(row, settings.dfe.origin)
        run = _within(window, runs.get(school.urn))
        logged = _Logged(run, reads.get(school.urn, ()), entries.get(school.urn, {}))
        is_shown = log is not None and (consent is not None or school.urn in entries)
        found.append(
            SchoolView(
                school=school,
                consent=consent,
                no_consent=None if consent else explain_missing(school, row, settings.dfe.origin),
                last=run,
                days=_days(settings, log, consent, window, now, logged, under_way=under_way)
                if log and is_shown
                else (),
            )
        )
    closed = log.closed_since(settings.dfe.origin) if log else None
    is_planned = any(each.consent for each in found) and not closed
    return Overview(
        window=window,
        now=now,
        schools=tuple(found),
        last_run=log.last_run() if log else None,
        next_send=next_send(settings.schedule.times, now) if is_planned else None,
        under_way=under_way,
        to_check=log.to_check() if log else (),
    )


def _within(window: Window, run: SchoolRun | None) -> SchoolRun | None:
    """Leave out what is odd on other days only: who asks for one day is told of that day."""
    if run is None:
        return None
    asked = [problem for problem in run.to_check if not problem.days or any(day in window for day in problem.days)]
    return replace(run, to_check=tuple(asked))


def _days(
    settings: Settings,
    log: Log,
    consent: Consent | None,
    window: Window,
    now: datetime,
    logged: _Logged,
    *,
    under_way: bool,
) -> tuple[DayView, ...]:
    run, reads, entries = logged
    times = settings.schedule.times
    since = min([*([consent.row.at] if consent else []), *(read.started_at for read in reads)], default=None)
    shown = [day for day in window if day in entries or settings.window.count == "calendar" or is_working_day(day)]
    views = []
    for day in reversed(shown):
        read = next((each for each in reversed(reads) if day in each.window), None)
        entry = entries.get(day)
        views.append(
            view(
                day,
                read_day(log, None if entry and is_over(entry, read) else entry, under_way=under_way),
                missing=missing_signs(day, times, since, read.started_at if read else None, now),
                unread=run.problem if run and run.outcome == "failed" else None,
                times=times if consent else (),
                now=now,
            )
        )
    return tuple(views)


_SATURDAY: Final = 5
"""From here on cron does not run."""


def next_send(times: tuple[time, ...], now: datetime) -> datetime:
    """Give the next planned send: Monday to Friday, at one of `times` in London."""
    local = now.astimezone(LONDON)
    days = (local.date() + timedelta(days=number) for number in range(4))  # from a Friday to the Monday after it
    planned = (datetime.combine(day, at, LONDON) for day in days if day.weekday() < _SATURDAY for at in times)
    return min(then for then in planned if then > local)
