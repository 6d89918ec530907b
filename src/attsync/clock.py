"""Whether this computer's clock can be right, compared with the log and this release. Contacts no one."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from attsync import __released__
from attsync.log import Log
from attsync.problems import Problem, SettingsError
from attsync.window import LONDON

_STEP: Final = timedelta(minutes=30)
"""How far a clock may be set back while it is corrected."""
_RELEASED: Final = date.fromisoformat(__released__)


def behind(log: Log | None, now: datetime) -> Problem | None:
    """Return the problem of a clock that is behind the log or this release."""
    newest = log.clock_confirmed_at() if log else None
    if newest and now < newest - _STEP:
        ours, theirs = now.astimezone(LONDON), newest.astimezone(LONDON)
        if ours.date() == theirs.date():
            return Problem("CLOCK", "before_run_today", now=f"{ours:%H:%M}", newest=f"{theirs:%H:%M}")
        return Problem("CLOCK", "before_run", now=ours.date(), newest=theirs.date())
    if now.date() < _RELEASED:
        return Problem("CLOCK", "before_release", now=now.astimezone(LONDON).date(), released=_RELEASED)
    return None


def require_clock(log: Log | None) -> None:
    """Raise SettingsError if this computer's clock is behind."""
    if problem := behind(log, datetime.now(UTC)):
        raise SettingsError.of(problem)
