"""One day of one school: how the state of its newest submission becomes two signs, a note, and what to do.

Knows when a session is due (SPEC.md 6) and what may lawfully be missing. Pure.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from attsync.codes import attendance_rate
from attsync.model import Cells, Fault, Session, Sign, State, changed_marks, faulty_sessions, total
from attsync.plural import plural
from attsync.problems import Problem
from attsync.report import DayResult
from attsync.status.history import OPEN, LoggedDay
from attsync.window import LONDON, is_working_day

LATE: Final = timedelta(minutes=30)
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

BAD_SIGNS: Final = {
    Sign.FAULTY: "faulty",
    Sign.REJECTED: "rejected",
    Sign.REFUSED: "refused",
    Sign.NOT_RECEIVED: "not received",
}
"""Signs that somebody has to look at, and how tables call them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayView:
    """One day of one school."""

    date: date
    signs: Mapping[Session, Sign]
    cells: Cells = field(default_factory=dict)
    """What was last sent."""
    roll: Mapping[str, int] = field(default_factory=dict)
    marks: int | None = None
    on_roll: int | None = None
    attendance: float | None = None
    """0.0 to 1.0, as the DfE calculates it; to spot nonsense, not an official figure."""
    sent_at: datetime | None = None
    state: State | None = None
    problem: Problem | None = None
    note: str = ""
    note_session: Session | None = None
    """The only session that is not received, if the note begins with it; None: the note is of the whole day."""
    is_closed: bool = False
    """No register in either session: a weekend, a holiday, a closed school."""
    to_check: bool = False
    not_again: bool = False
    """Received as it is, and the newest send of it did not get through: the DfE holds what is shown."""
    still_held: bool = False
    """The newest submission did not reach the DfE, which holds what is shown all the same."""
    is_going: bool = False
    """Being sent just now; what is shown is what stood before."""

    @property
    def failed(self) -> bool:
        """Some session is not received, or with faults."""
        return bool(self.bad_sessions)

    @property
    def is_empty(self) -> bool:
        """Nothing was sent or refused, and nothing was due, as far as the log knows."""
        return self.state is None and set(self.signs.values()) == {Sign.NOT_DUE}

    @property
    def needs_telling(self) -> bool:
        """Somebody has to hear of its problem."""
        return self.failed or self.not_again

    @property
    def bad_sessions(self) -> list[Session]:
        """The sessions that are not received, or with faults."""
        return [session for session, sign in self.signs.items() if sign in BAD_SIGNS]

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


def view(
    day: date,
    logged: LoggedDay,
    *,
    missing: Mapping[Session, Sign],
    unread: Problem | None,
    times: tuple[time, ...],
    now: datetime,
) -> DayView:
    """Make the view of a day from what the log says of it.

    `missing` is the sign of a session without marks; `unread` is why the school database was not read when it was due;
    `times` are those of the planned sends, none without consent.
    """
    sent, problem = logged.sent, logged.problem
    cells = sent.cells if sent else {}
    not_received = logged.state is not None and _SIGNS[logged.state] is Sign.NOT_RECEIVED
    stands = not_received and logged.is_held
    not_again = stands and not logged.is_going
    signs = _signs_of(logged, missing, stands=stands)
    if problem is None and (not_again or Sign.NOT_RECEIVED in signs.values()):
        problem = _UNSETTLED if not_received else unread or _MISSED
    note = _GOING if logged.is_going else _note(day, logged, signs, problem, times, now, not_again=not_again)
    return DayView(
        date=day,
        signs=signs,
        cells=cells,
        roll=sent.roll if sent else {},
        marks=total(cells) if cells else None,
        on_roll=sent.on_roll if sent else None,
        attendance=attendance_rate(cells, day),
        sent_at=logged.sent_at,
        state=logged.state,
        problem=problem,
        note=note.text,
        note_session=note.session,
        to_check=note.to_check,
        not_again=not_again,
        still_held=logged.still_held,
        is_going=logged.is_going,
        is_closed=set(signs.values()) == {Sign.NO_REGISTER} and not cells,
    )


def day_of_result(day: DayResult, times: tuple[time, ...], now: datetime) -> DayView:
    """Make the view of what one run did with a day, or would do."""
    missing = missing_signs(day.date, times, now, now, now)
    if day.state is None:
        missing |= {session: Sign.NOT_DUE for session, marks in day.marks.items() if marks}
    return DayView(
        date=day.date,
        signs=_signs(day.state, day.marks, day.faults, missing),
        marks=sum(day.marks.values()) if day.marks else None,
        on_roll=day.on_roll,
        sent_at=day.sent_at,
        state=day.state,
        problem=day.problem,
    )


def missing_signs(
    day: date, times: tuple[time, ...], since: datetime | None, read_at: datetime | None, now: datetime
) -> dict[Session, Sign]:
    """Give the sign that each session has if it has no marks: not due yet, no register, or never looked for.

    `read_at` is when the school's database was last read for this day; `since` is from when on sends are planned.
    """
    return {session: _missing(day, session, times, since, read_at, now) for session in Session}


def _missing(
    day: date,
    session: Session,
    times: tuple[time, ...],
    since: datetime | None,
    read_at: datetime | None,
    now: datetime,
) -> Sign:
    due = datetime.combine(day, times[0] if session is Session.AM else times[-1], LONDON)
    if not is_working_day(day) or (read_at and read_at >= due - LATE):
        return Sign.NO_REGISTER
    was_planned = since is not None and since < due
    return Sign.NOT_RECEIVED if was_planned and now >= due + LATE else Sign.NOT_DUE


def _signs_of(logged: LoggedDay, missing: Mapping[Session, Sign], *, stands: bool) -> dict[Session, Sign]:
    """Give the signs of a day; `stands` says that the DfE holds the counts, whatever became of the newest entry."""
    state = logged.state
    if logged.is_going:
        state, missing = None, dict.fromkeys(Session, Sign.NOT_DUE)
    sessions = {cell.session for cell in logged.sent.cells} if logged.sent else set()
    return _signs(State.ACCEPTED if stands else state, sessions, logged.faults, missing)


def _signs(
    state: State | None, sent: Container[Session], faults: Iterable[Fault], missing: Mapping[Session, Sign]
) -> dict[Session, Sign]:
    faulty = faulty_sessions(faults)
    signs = {}
    for session in Session:
        is_refused = state is State.REFUSED and missing[session] is not Sign.NOT_DUE
        if state is None or not (session in sent or is_refused):
            signs[session] = missing[session]
        elif state is State.FAULTY and (session in faulty or not faulty):
            signs[session] = Sign.FAULTY
        else:
            signs[session] = _SIGNS[state]
    return signs


_MISSED: Final = Problem("SEND-MISSED")
_UNSETTLED: Final = Problem(
    "STOPPED",
    "The send was stopped before the DfE's answer came: whether it arrived is not known.",
    "Nothing to do: the next send settles it.",
)


class _Note(NamedTuple):
    text: str = ""
    session: Session | None = None
    to_check: bool = False


_GOING: Final = _Note("being sent now")


def _note(
    day: date,
    logged: LoggedDay,
    signs: Mapping[Session, Sign],
    problem: Problem | None,
    times: tuple[time, ...],
    now: datetime,
    *,
    not_again: bool,
) -> _Note:
    """Say what is most worth telling of a day: what is wrong, then what is odd, then what has changed."""
    bad = [session for session, sign in signs.items() if sign in BAD_SIGNS]
    has_marks = logged.sent is not None and bool(logged.sent.cells)
    if bad and problem and not not_again:
        said = f"{_words(signs[bad[0]], logged.state, problem)}: {problem.brief}"
        return _Note(f"{bad[0]} {said}", bad[0]) if len(bad) == 1 and has_marks else _Note(said)
    none = [session for session, sign in signs.items() if sign is Sign.NO_REGISTER]
    if len(none) == 1 and has_marks:
        half = "morning" if none[0] is Session.AM else "afternoon"
        return _Note(f"no {half} register in the database", to_check=True)
    if not_again and problem:
        return _Note(f"not sent again: {problem.brief}")
    if logged.sent and logged.before and (changed := changed_marks(logged.before[0], logged.sent.cells)):
        return _Note(f"{plural(changed, 'mark')} changed since {_since(logged.before[1], now)}")
    if signs[Session.PM] is Sign.NOT_DUE and has_marks and times:
        return _Note(f"afternoon is sent at {times[-1]:%H:%M}")
    return _Note(_why_closed(day) if len(none) == len(Session) else "")


def _words(sign: Sign, state: State | None, problem: Problem) -> str:
    # What was stopped may have arrived all the same.
    is_unsettled = problem.code == "STOPPED" and state in OPEN
    return "not settled" if is_unsettled and sign is Sign.NOT_RECEIVED else BAD_SIGNS[sign]


def _why_closed(day: date) -> str:
    if is_working_day(day):
        return "no register"
    return f"{day:%A}" if day.weekday() >= 5 else "bank holiday"  # noqa: PLR2004  Saturday


def _since(then: datetime, now: datetime) -> str:
    local = then.astimezone(LONDON)
    if local.date() == now.astimezone(LONDON).date():
        return f"{local:%H:%M}"
    return f"{local:%A}" if now - then < timedelta(days=6) else f"{local:%a %-d %b}"
