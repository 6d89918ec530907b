"""What the log means to a person: for each school and day, two signs, the counts, a note and what to do.

Knows when a session is due and how the states of a submission become signs (SPEC.md 6). Log entries in, views out;
no screen, no clock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from attsync.codes import attendance_rate
from attsync.consent import Consent, standing, why_not
from attsync.log import Entry, Log, Run, SchoolRun
from attsync.model import Cells, Fault, School, Session, Sign, State, changed_marks, session_total, total
from attsync.problems import Problem
from attsync.report import DayResult
from attsync.sent import read
from attsync.settings import Settings
from attsync.window import LONDON, Window, is_working_day

_LATE: Final = timedelta(minutes=30)
"""How long after its time a planned send may begin; `attsync crontab` spreads schools over some minutes."""

_SIGNS: Final = {
    State.ACCEPTED: Sign.RECEIVED,
    State.FAULTY: Sign.RECEIVED,  # but for the cells with faults
    State.REJECTED: Sign.REJECTED,
    State.REFUSED: Sign.REFUSED,
    State.SENDING: Sign.NOT_RECEIVED,
    State.UNKNOWN: Sign.NOT_RECEIVED,
    State.FAILED: Sign.NOT_RECEIVED,
    State.SUPERSEDED: Sign.NOT_RECEIVED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DayView:
    """One day of one school."""

    date: date
    signs: Mapping[Session, Sign]
    marks: int | None = None
    on_roll: int | None = None
    attendance: float | None = None
    """0.0 to 1.0, as the DfE calculates it; to spot nonsense, not an official figure."""
    sent_at: datetime | None = None
    state: State | None = None
    problem: Problem | None = None
    note: str = ""
    is_closed: bool = False
    """No register in either session: a weekend, a holiday, a closed school."""
    to_check: bool = False

    @property
    def failed(self) -> bool:
        """Some session is not received, or with faults."""
        good = (Sign.RECEIVED, Sign.NO_REGISTER, Sign.NOT_DUE)
        return any(sign not in good for sign in self.signs.values())

    def as_json(self) -> dict[str, Any]:
        """Give the day as SPEC.md 6 has it in `status --json` and `send --json`."""
        return {
            "date": self.date.isoformat(),
            "AM": self.signs[Session.AM].value,
            "PM": self.signs[Session.PM].value,
            "marks": self.marks,
            "on_roll": self.on_roll,
            "sent_at": self.sent_at.astimezone(LONDON).isoformat(timespec="seconds") if self.sent_at else None,
            "state": self.state.value if self.state else None,
            "problem": self.problem.as_json() if self.problem else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolView:
    """One school: where its consent stands, and its days, newest first."""

    school: School
    consent: Consent | None
    no_consent: Problem | None
    last: SchoolRun | None
    days: tuple[DayView, ...]

    @property
    def problems(self) -> list[Problem]:
        """What has to be acted on."""
        if not self.consent:
            return []
        whole = [self.last.problem] if self.last and self.last.outcome == "failed" and self.last.problem else []
        return list(dict.fromkeys([*whole, *(day.problem for day in self.days if day.failed and day.problem)]))

    @property
    def failed(self) -> bool:
        """Something due was not received."""
        return bool(self.consent) and (bool(self.problems) or any(day.failed for day in self.days))

    @property
    def to_check(self) -> list[str]:
        """What is lawful but odd."""
        noted = [f"{day.date:%a %-d %b}: {day.note}" for day in self.days if day.to_check]
        return noted + [problem.text for problem in (self.last.to_check if self.last else ())]

    @property
    def sent_at(self) -> datetime | None:
        """When something was last sent."""
        return max((day.sent_at for day in self.days if day.sent_at), default=None)

    @property
    def attendance(self) -> float | None:
        """Attendance of the newest day that has marks."""
        return next((day.attendance for day in self.days if day.attendance is not None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What `status` shows."""

    window: Window
    now: datetime
    schools: tuple[SchoolView, ...]
    last_run: Run | None
    next_send: datetime | None

    @property
    def needs_a_look(self) -> bool:
        """Somebody has to act, or to check."""
        return any(school.failed or (school.consent and school.to_check) for school in self.schools)

    def only_problems(self) -> "Overview":
        """Leave out the schools where all is well."""
        return replace(self, schools=tuple(school for school in self.schools if school.failed))

    def as_json(self) -> dict[str, Any]:
        """Give `status --json` (SPEC.md 6)."""
        return {
            "version": 1,
            "schools": [
                {
                    "urn": school.school.urn,
                    "name": school.school.name,
                    "consent": consent_as_json(school.consent),
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


def known_schools(settings: Settings, log: Log | None) -> dict[int, School]:
    """Give the schools of the settings file, by URN, and those of the log where a database lists its schools itself."""
    known = {s.urn: School(s.urn, s.name) for database in settings.database for s in database.schools}
    if log and any(database.select.schools for database in settings.database):
        known = log.schools() | known
    return known


def look(settings: Settings, log: Log | None, schools: Iterable[School], window: Window, now: datetime) -> Overview:
    """Read from the log what is known of the schools in the window."""
    runs = log.latest_school_runs() if log else {}
    found: dict[int, dict[date, Entry]] = {}
    for entry in log.latest(window) if log else ():
        found.setdefault(entry.urn, {})[entry.day] = entry
    views = []
    for school in schools:
        row = log.latest_consent(school.urn) if log else None
        consent = standing(row, settings.dfe.origin)
        views.append(
            SchoolView(
                school=school,
                consent=consent,
                no_consent=None if consent else why_not(school, row, settings.dfe.origin),
                last=runs.get(school.urn),
                days=_days(settings, log, school, window, now, runs.get(school.urn), found.get(school.urn, {}))
                if log and (consent or school.urn in found)
                else (),
            )
        )
    return Overview(
        window=window,
        now=now,
        schools=tuple(views),
        last_run=log.last_run() if log else None,
        next_send=next_send(settings.schedule.times, now),
    )


def view(  # noqa: PLR0913  each is one thing that is known of the day
    day: date,
    *,
    state: State | None,
    cells: Cells,
    on_roll: int | None,
    sent_at: datetime | None,
    problem: Problem | None,
    faults: Iterable[Fault],
    missing: Mapping[Session, Sign],
    before: tuple[Cells, datetime] | None = None,
    times: tuple[time, ...],
    now: datetime,
) -> DayView:
    """Make the view of a day from its newest submission. `missing` is the sign of a session without marks."""
    has_marks = {session: session_total(cells, session) > 0 for session in Session}
    faulty = {fault.cell.session if fault.cell else None for fault in faults}
    signs = {}
    for session in Session:
        sign = _SIGNS[state] if state else missing[session]
        if state is State.FAULTY and (session in faulty or None in faulty):
            sign = Sign.FAULTY
        was_sent = any(cell.session is session for cell in cells)
        signs[session] = sign if has_marks[session] or was_sent or state is State.REFUSED else missing[session]
    note, to_check = _note(day, signs, problem, cells, before, times, now)
    return DayView(
        date=day,
        signs=signs,
        marks=total(cells),
        on_roll=on_roll,
        attendance=attendance_rate(cells, day),
        sent_at=sent_at,
        state=state,
        problem=problem,
        note=note,
        to_check=to_check,
        is_closed=set(signs.values()) == {Sign.NO_REGISTER} and not cells,
    )


def day_of_result(day: DayResult, times: tuple[time, ...], now: datetime) -> DayView:
    """Make the view of what one run did with a day."""
    return view(
        day.date,
        state=day.state,
        cells=day.cells,
        on_roll=day.on_roll,
        sent_at=day.sent_at,
        problem=day.problem,
        faults=day.faults,
        missing={s: _missing(day.date, s, times, now, now) for s in Session},
        times=times,
        now=now,
    )


def _days(
    settings: Settings,
    log: Log,
    school: School,
    window: Window,
    now: datetime,
    run: SchoolRun | None,
    entries: Mapping[date, Entry],
) -> tuple[DayView, ...]:
    shown = [day for day in window if day in entries or settings.window.count == "calendar" or is_working_day(day)]
    read_at = run.read_at if run else None
    faults = log.faults(entries.values())
    views = []
    for day in reversed(shown):
        missing = {s: _missing(day, s, settings.schedule.times, read_at, now) for s in Session}
        entry = entries.get(day)
        if entry is None:
            views.append(_view_without_marks(day, missing, run, settings.schedule.times, now))
            continue
        history = log.history(school.urn, day)
        sent = next((e for e in reversed(history) if e.content), None)
        content = read(sent.content) if sent and sent.content else None
        views.append(
            view(
                day,
                state=entry.state,
                cells=content.cells if content else {},
                on_roll=content.on_roll if content else None,
                sent_at=_sent_at(log, sent),
                problem=entry.problem,
                faults=faults.get(entry.id, ()),
                missing=missing,
                before=_before(history, sent),
                times=settings.schedule.times,
                now=now,
            )
        )
    return tuple(views)


def _view_without_marks(
    day: date, missing: Mapping[Session, Sign], run: SchoolRun | None, times: tuple[time, ...], now: datetime
) -> DayView:
    failed = Sign.NOT_RECEIVED in missing.values()
    problem = None
    if failed and run and run.outcome == "failed":
        problem = run.problem
    elif failed:
        problem = Problem(
            "SEND-MISSED",
            f"The send that was planned for {day:%a %-d %b} did not happen.",
            "Ask IT whether cron runs attsync. To send now: attsync send",
        )
    note, _ = _note(day, missing, problem, {}, None, times, now)
    return DayView(
        date=day, signs=missing, problem=problem, note=note, is_closed=set(missing.values()) == {Sign.NO_REGISTER}
    )


def _missing(day: date, session: Session, times: tuple[time, ...], read_at: datetime | None, now: datetime) -> Sign:
    """Give the sign of a session without marks: not due yet, no register, or never looked for."""
    due = datetime.combine(day, times[0] if session is Session.AM else times[-1], LONDON)
    if not is_working_day(day) or (read_at and read_at >= due - _LATE):
        return Sign.NO_REGISTER
    return Sign.NOT_DUE if read_at is None or now < due + _LATE else Sign.NOT_RECEIVED


def _note(
    day: date,
    signs: Mapping[Session, Sign],
    problem: Problem | None,
    cells: Cells,
    before: tuple[Cells, datetime] | None,
    times: tuple[time, ...],
    now: datetime,
) -> tuple[str, bool]:
    """Give the note of a day, and whether somebody should check it."""
    if problem:
        return problem.text.split(". ")[0].rstrip("."), False
    none = [session for session, sign in signs.items() if sign is Sign.NO_REGISTER]
    if len(none) == 1 and cells:
        return f"no {'morning' if none[0] is Session.AM else 'afternoon'} register in the database", True
    if before and (changed := changed_marks(before[0], cells)):
        return f"{changed} {'mark' if changed == 1 else 'marks'} changed since {_since(before[1], now)}", False
    if signs[Session.PM] is Sign.NOT_DUE and cells:
        return f"afternoon is sent at {times[-1]:%H:%M}", False
    if len(none) == len(Session) and not is_working_day(day):
        return f"{day:%A}" if day.weekday() >= 5 else "bank holiday", False  # noqa: PLR2004
    return "", False


def _since(then: datetime, now: datetime) -> str:
    local = then.astimezone(LONDON)
    if local.date() == now.astimezone(LONDON).date():
        return f"{local:%H:%M}"
    return f"{local:%A}" if now - then < timedelta(days=6) else f"{local:%a %-d %b}"


def _before(history: list[Entry], sent: Entry | None) -> tuple[Cells, datetime] | None:
    """Find the newest sending that said something else than `sent`."""
    for entry in reversed(history):
        if sent and entry.content and entry.sha256 != sent.sha256 and entry.state in (State.ACCEPTED, State.FAULTY):
            return read(entry.content).cells, entry.recorded_at
    return None


def _sent_at(log: Log, sent: Entry | None) -> datetime | None:
    tries = log.tries(sent) if sent else []
    return tries[-1].at if tries else None


def next_send(times: tuple[time, ...], now: datetime) -> datetime | None:
    """Give the next planned send: Monday to Friday, at one of `times` in London."""
    local = now.astimezone(LONDON)
    for number in range(15):
        day = local.date() + timedelta(days=number)
        for planned in sorted(times) if day.weekday() < 5 else ():  # noqa: PLR2004  cron runs Monday to Friday
            then = datetime.combine(day, planned, LONDON)
            if then > local:
                return then
    return None
