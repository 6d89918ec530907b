"""One day of one school: how its history becomes two signs, a note, and what to do. Reads no clock and no log."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple

from attsync import messages
from attsync.due import LATE, session_due_at
from attsync.model import DayStatus, Fault, Session, Sign, State, faulty_sessions
from attsync.plural import plural
from attsync.problems import Problem
from attsync.status.history import OPEN, History
from attsync.window import LONDON, is_weekend, is_working_day

_SIGNS: Final = {
    State.ACCEPTED: Sign.RECEIVED,
    State.FAULTY: Sign.RECEIVED,  # except the cells with faults
    State.REJECTED: Sign.REJECTED,
    State.REFUSED: Sign.REFUSED,
    State.SENDING: Sign.NOT_RECEIVED,
    State.UNKNOWN: Sign.NOT_RECEIVED,
    State.FAILED: Sign.NOT_RECEIVED,
    State.SUPERSEDED: Sign.NOT_RECEIVED,
}
SIGN_WORDS: Final = {
    Sign.RECEIVED: "received",
    Sign.FAULTY: "faulty",
    Sign.REJECTED: "rejected",
    Sign.REFUSED: "refused",
    Sign.NOT_RECEIVED: "not received",
    Sign.NO_REGISTER: "no register taken",
    Sign.NOT_DUE: "not due yet",
}
"""What each sign is called in a sentence, and for someone who cannot see it."""
_MISSED: Final = Problem("SEND-MISSED")
_UNSETTLED: Final = Problem("STOPPED", "unsettled")


class Context(NamedTuple):
    """What the days of one school have in common."""

    times: tuple[time, ...]
    """Of the planned sends."""
    has_consent: bool
    now: datetime
    since: datetime | None
    """From when on sends are planned."""
    unread: Problem | None
    """Why the school's database was not read when it was due."""
    unread_at: datetime | None = None
    """When that run began."""


def day_status(day: date, history: History, read_at: datetime | None, context: Context) -> DayStatus:
    """Return the status of a day; `read_at` is when the school's database was last read for it."""
    newest, shown = history.newest, history.shown
    state = newest.state if newest else None
    missing = missing_signs(day, context.times, context.since, read_at, context.now, context.unread_at)
    not_received = state is not None and _SIGNS[state] is Sign.NOT_RECEIVED
    is_held = not_received and history.is_held
    not_again = is_held and not history.is_going
    signs = _signs_of_history(history, missing, is_held=is_held)
    problem = newest.problem if newest else None
    if problem is None and (not_again or Sign.NOT_RECEIVED in signs.values()):
        problem = _UNSETTLED if not_received else context.unread or _MISSED
    status = DayStatus(
        date=day,
        signs=signs,
        state=state,
        marks=shown.marks if shown else {},
        on_roll=shown.on_roll if shown else None,
        attendance=shown.attendance if shown else None,
        sent_at=shown.sent_at if shown else None,
        problem=problem,
        faults=newest.faults if newest else (),
        changed=shown.changed if shown else 0,
        changed_from=shown.changed_from if shown else None,
        not_again=not_again,
        still_held=history.still_held,
        is_going=history.is_going,
    )
    return replace(status, note=_note(status, context))


def missing_signs(
    day: date,
    times: tuple[time, ...],
    since: datetime | None,
    read_at: datetime | None,
    now: datetime,
    unread_at: datetime | None = None,
) -> dict[Session, Sign]:
    """Return the sign that each session has if it has no marks: not due yet, no register, or never read.

    `read_at` is when the school's database was last read for this day, `unread_at` when that last failed; `since` is
    from when on sends are planned.
    """
    signs = {}
    for session in Session:
        due = session_due_at(day, session, times)
        if not is_working_day(day) or (read_at and read_at >= due - LATE):
            signs[session] = Sign.NO_REGISTER
        else:
            has_failed = unread_at is not None and unread_at >= due - LATE
            is_late = since is not None and since < due and (now >= due + LATE or has_failed)
            signs[session] = Sign.NOT_RECEIVED if is_late else Sign.NOT_DUE
    return signs


def signs_of(
    state: State | None, marks: Mapping[Session, int], faults: Iterable[Fault], missing: Mapping[Session, Sign]
) -> dict[Session, Sign]:
    """Return the signs of a day whose newest submission is in `state` and has these `marks`.

    A session that the receiver has as 0 has the sign of one that was not sent.
    """
    faulty = faulty_sessions(faults)
    is_received = state is not None and state.is_received
    told = {session for session, number in marks.items() if number or session in faulty or not is_received}
    signs = {}
    for session in Session:
        is_refused = state is State.REFUSED and missing[session] is not Sign.NOT_DUE
        if state is None or not (session in told or is_refused):
            signs[session] = missing[session]
        elif state is State.FAULTY and (session in faulty or not faulty):
            signs[session] = Sign.FAULTY
        else:
            signs[session] = _SIGNS[state]
    return signs


def _signs_of_history(history: History, missing: Mapping[Session, Sign], *, is_held: bool) -> dict[Session, Sign]:
    """Return the signs of a day; `is_held`: the receiver has the counts, even if the newest submission failed."""
    state = history.newest.state if history.newest else None
    if history.is_going:
        state, missing = None, dict.fromkeys(Session, Sign.NOT_DUE)
    if is_held:
        state = State.ACCEPTED
    sessions = history.shown.marks if history.shown else {}
    return signs_of(state, sessions, history.newest.faults if history.newest else (), missing)


def _note(day: DayStatus, context: Context) -> str:  # noqa: PLR0911  one line per kind of note
    """Return the most important note on a day: what is wrong, then what is unusual, then what has changed."""
    if day.is_going:
        return "being sent now"
    if (bad := day.bad_sessions) and day.problem and not day.not_again:
        words = f"{_sign_words(day, day.signs[bad[0]])}: {messages.brief(day.problem)}"
        return f"{bad[0]} {words}" if len(bad) == 1 and day.marks else words
    if day.no_register:
        return f"no {'morning' if day.signs[Session.AM] is Sign.NO_REGISTER else 'afternoon'} register in the database"
    if day.not_again and day.problem:
        return f"not sent again: {messages.brief(day.problem)}"
    if day.changed and day.changed_from:
        return f"{plural(day.changed, 'mark')} changed since {_since(day.changed_from, context.now)}"
    if day.signs[Session.PM] is Sign.NOT_DUE and day.marks and context.has_consent:
        due = session_due_at(day.date, Session.PM, context.times)
        return f"afternoon is sent {f'at {due:%H:%M}' if due.date() == day.date else f'{due:%a at %H:%M}'}"
    return _why_closed(day.date) if {*day.signs.values()} == {Sign.NO_REGISTER} else ""


def _sign_words(day: DayStatus, sign: Sign) -> str:
    # A stopped send may have arrived.
    is_open = day.problem is not None and day.problem.code == "STOPPED" and day.state in OPEN
    return "not settled" if is_open and sign is Sign.NOT_RECEIVED else SIGN_WORDS[sign]


def _why_closed(day: date) -> str:
    if is_working_day(day):
        return "no register"
    return f"{day:%A}" if is_weekend(day) else "bank holiday"


def _since(then: datetime, now: datetime) -> str:
    local = then.astimezone(LONDON)
    if local.date() == now.astimezone(LONDON).date():
        return f"{local:%H:%M}"
    return f"{local:%A}" if now - then < timedelta(days=6) else f"{local:%a %-d %b}"
