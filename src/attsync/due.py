"""When sends are planned, and when a session is due (docs/design/counting.md). Imports only `model` and `window`."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from attsync.model import Session
from attsync.window import LONDON, is_weekend

LATE: Final = timedelta(minutes=30)
"""How long after its time a planned send may begin: `attsync crontab` spreads schools over some minutes."""


def planned_sends(times: tuple[time, ...], first: date, last: date) -> Iterator[datetime]:
    """Return the planned sends from `first` to `last`: Monday to Friday, at each of `times` in London."""
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if not is_weekend(day):
            for at in times:
                yield datetime.combine(day, at, LONDON)


def next_send(times: tuple[time, ...], now: datetime) -> datetime:
    """Return the next planned send."""
    today = now.astimezone(LONDON).date()
    return next(at for at in planned_sends(times, today, today + timedelta(days=4)) if at > now)


@lru_cache  # the schools of a trust have the same runs
def missed_since(last_run: datetime, times: tuple[time, ...], now: datetime) -> datetime | None:
    """Return the first planned send after `last_run` that is too late by now; None if there is none."""
    first, today = last_run.astimezone(LONDON).date(), now.astimezone(LONDON).date()
    return next((at for at in planned_sends(times, first, today) if last_run < at and at + LATE < now), None)


_EARLIEST: Final = {Session.AM: time(9), Session.PM: time(13, 30)}
"""A planned send before this time is too early for the register of a session (docs/design/counting.md 3)."""


def session_due_at(day: date, session: Session, times: tuple[time, ...]) -> datetime:
    """Return the planned send by which a session of `day` is due.

    The morning is due at the first time that is not too early for it, the afternoon at the last one. If all are too
    early, the session is due at the next planned send, which is on another day.
    """
    if late_enough := [at for at in times if at >= _EARLIEST[session]]:
        return datetime.combine(day, late_enough[0 if session is Session.AM else -1], LONDON)
    return next(planned_sends(times, day + timedelta(days=1), day + timedelta(days=4)))


_HOLIDAYS: Final = (((1, 1), (1, 12)), ((3, 20), (4, 26)), ((7, 8), (9, 12)), ((10, 10), (11, 9)), ((12, 14), (12, 31)))
"""First and last day of the spans in which a school in England may be closed for more than a week."""


def is_term_time(day: date) -> bool:
    """Whether no school in England is on a long holiday on `day`; a half-term of a week may still be then."""
    return not any(first <= (day.month, day.day) <= last for first, last in _HOLIDAYS)
