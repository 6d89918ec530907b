"""What `attsync check` says of the schedule: whether something sends at the planned times, and by which clock.

Pure: what there is on the machine is handed in.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

from attsync.checks.finding import Finding
from attsync.schedule.grammar import DAYS, Week
from attsync.schedule.machine import Entry, Machine
from attsync.schedule.units import by_clock
from attsync.settings import Settings
from attsync.status.day import LATE
from attsync.window import LONDON

_SCHEDULE: Final = "Schedule"
_TIMES: Final = ("schedule", "times")
_WORKING: Final = range(5)
"""Monday to Friday: `status` expects a send on each."""


def schedule_findings(settings: Settings, machine: Machine, now: datetime) -> Iterator[Finding]:
    """Say whether something sends with these settings at the times of [schedule], in winter and in summer."""
    ours = [entry for entry in machine.entries if entry.config and entry.config.resolve() == settings.path.resolve()]
    running = [entry for entry in ours if entry.enabled]
    for entry in ours:
        yield from _faults(entry, machine)
    if not ours:
        yield _nothing(machine)
    elif running and all(entry.week is not None for entry in running):
        yield _times(settings, machine, running, now)


def _nothing(machine: Machine) -> Finding:
    others = sorted({str(entry.config) for entry in machine.entries if entry.config})
    why = {
        "read": f"no entry in the crontab of {machine.account}, and no timer of systemd",
        "refused": f"{machine.account} may not use cron, and there is no timer of systemd",
        "none": "this computer has no crontab program, and there is no timer of systemd",
    }[machine.crontab]
    then = "attsync crontab --install" if machine.crontab == "read" else "attsync crontab --systemd"
    for_others = f" (there is one for {', '.join(others)})" if others else ""
    return Finding(
        "check", _SCHEDULE, f"Nothing sends by itself: {why}{for_others}.", f"The account that is to send: {then}"
    )


def _faults(entry: Entry, machine: Machine) -> Iterator[Finding]:
    if not entry.enabled:
        name = entry.source.removeprefix("timer ")
        yield Finding("check", _SCHEDULE, f"{entry.source}: not enabled.", f"Root: systemctl enable --now {name}")
    if entry.missing_program:
        yield Finding(
            "check",
            _SCHEDULE,
            f"{entry.source}: it would run {entry.missing_program}, which is not there, or no program.",
            "Write the entry anew: attsync crontab --install",
        )
    if entry.week is None:
        yield Finding(
            "check",
            _SCHEDULE,
            f'{entry.source}: sends at "{entry.said}", which this cannot compare with the planned times.',
            "Compare it with [schedule] times yourself, or write it anew: attsync crontab",
            setting=_TIMES,
        )
    if entry.by_cron_tz and not machine.clock.is_of_london:
        yield Finding(
            "check",
            _SCHEDULE,
            f"{entry.source}: CRON_TZ stands above it, and not every cron knows it: Debian's and Ubuntu's do not.",
            "After the next planned send, look whether it came at its time: attsync status",
        )


def _times(settings: Settings, machine: Machine, running: Sequence[Entry], now: datetime) -> Finding:
    said = "; ".join(
        dict.fromkeys(_said(running, source, machine) for source in dict.fromkeys(e.source for e in running))
    )
    now_here = now.astimezone(LONDON)
    seasons = {bool(day.dst()): day.date() for day in (_noon(now_here.year, 1), _noon(now_here.year, 7))}
    is_summer = bool(now_here.dst())
    missed = {summer: _missed(settings, machine, running, day) for summer, day in seasons.items()}
    if not any(missed.values()):
        return Finding("good", _SCHEDULE, said)
    wrong = is_summer if missed[is_summer] else not is_summer
    times = " and ".join(f"{at:%H:%M}" for at in missed[wrong])
    if missed[is_summer]:
        text = f"{said}. Nothing sends at {times} UK time, as [schedule] times says."
    else:
        text = f"{said}. From {_change_after(now_here.date()):%-d %B}, when UK clocks change, nothing sends at {times}."
    return Finding("check", _SCHEDULE, text, _entries(settings, machine), setting=_TIMES)


def _said(running: Iterable[Entry], source: str, machine: Machine) -> str:
    """Say when one source sends: "crontab of sam: weekdays 10:17 and 14:47 (server clock: Europe/London)"."""
    entries = [entry for entry in running if entry.source == source]
    week = frozenset[tuple[int, time]]().union(*(entry.week or () for entry in entries))
    zones = {str(entry.zone) if entry.zone else f"server clock: {machine.clock.name}" for entry in entries}
    return f"{source}: {_week(week)} ({', '.join(sorted(zones))})"


def _week(week: Week) -> str:
    by_times: dict[tuple[time, ...], list[int]] = {}
    for day in range(7):
        if times := tuple(sorted(at for on, at in week if on == day)):
            by_times.setdefault(times, []).append(day)
    parts = []
    for times, days in by_times.items():
        names = {tuple(_WORKING): "weekdays", tuple(range(7)): "every day"}
        shown = " and ".join(f"{at:%H:%M}" for at in times) if len(times) <= 4 else f"{len(times)} times"  # noqa: PLR2004
        parts.append(f"{names.get(tuple(days)) or ' '.join(DAYS[day].title() for day in days)} {shown}")
    return ", ".join(parts) or "at no time"


def _missed(settings: Settings, machine: Machine, running: Iterable[Entry], noon: date) -> list[time]:
    """Give the planned times after which nothing sends within the time that `status` waits, in the week of `noon`."""
    monday = noon - timedelta(days=noon.weekday())
    runs = [
        datetime.combine(monday + timedelta(days=day + shift), at, entry.zone or machine.clock.zone)
        for entry in running
        for day, at in entry.week or ()
        for shift in (-7, 0, 7)  # a Sunday evening elsewhere may be our Monday
    ]
    planned = {
        at: [datetime.combine(monday + timedelta(days=day), at, LONDON) for day in _WORKING]
        for at in settings.schedule.times
    }
    return [at for at, days in planned.items() if not all(any(day <= run < day + LATE for run in runs) for day in days)]


def _entries(settings: Settings, machine: Machine) -> str:
    """Say what the entries should be."""
    if machine.clock.is_of_london:
        return "Write the entries anew: attsync crontab --install"
    return by_clock(settings, machine.clock)


def _noon(year: int, month: int) -> datetime:
    return datetime(year, month, 15, 12, tzinfo=LONDON)


def _change_after(day: date) -> date:
    """Give the next day on which the clocks of the UK change."""
    offset = datetime.combine(day, time(12), LONDON).utcoffset()
    while datetime.combine(day, time(12), LONDON).utcoffset() == offset:
        day += timedelta(days=1)
    return day
