"""A school year in minutes: two sends a day, late corrections, absences entered ahead, faults and kills.

Whenever a day leaves the window, what the DfE has is compared with the school's database. `make year` runs it all.
"""

import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

import time_machine

from attsync.model import Session
from attsync.sandbox.faults import Fault
from attsync.sandbox.server import Certificates, make_certificates
from attsync.settings import load
from attsync.window import LONDON, is_working_day, window_ending
from tests.factories import OAKFIELD, SchoolDatabase, give_consent, pretend_dfe, settings
from tests.torture.runner import Runner

FIRST: Final = date(2026, 9, 7)
CLOSED: Final = (
    (date(2026, 10, 24), date(2026, 11, 1)),
    (date(2026, 12, 19), date(2027, 1, 3)),
    (date(2027, 2, 13), date(2027, 2, 21)),
    (date(2027, 3, 25), date(2027, 4, 11)),
    (date(2027, 5, 29), date(2027, 6, 6)),
)
"""Half-terms and holidays, both ends included."""
SENDS: Final = {time(10, 20): (Session.AM,), time(14, 50): (Session.AM, Session.PM)}
PUPILS: Final = {"1": range(14), "2": range(14, 26)}
FAULTS: Final = (Fault.BUSY, Fault.LOST, Fault.GARBLED, Fault.UNAUTHORISED_ONCE)
SENT_AFTER: Final = 2
"""School days on which a corrected day is sent again: the DfE hears of it even if a send or two fail or are killed."""
PRESENT: Final = {Session.AM: "/", Session.PM: "\\"}


@dataclass
class Year:
    """What came of a year."""

    days: int = 0
    sends: int = 0
    killed: int = 0
    faults: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    lost: list[date] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def school_days() -> Iterator[date]:
    """Return the days on which the school is open."""
    day = FIRST
    while day < date(2027, 7, 21):
        if is_working_day(day) and not any(first <= day <= last for first, last in CLOSED):
            yield day
        day += timedelta(days=1)


def live(attsync: Runner, folder: Path, certificates: Certificates, *, days: int, seed: int = 7) -> Year:
    """Live through the first `days` school days; the same seed gives the same year."""
    year, random = Year(), Random(seed)  # noqa: S311  repeatable, not secret
    folder.mkdir(parents=True)
    with pretend_dfe(certificates) as dfe:
        school = SchoolDatabase(folder / "school.db")
        for group, pupils in PUPILS.items():
            for pupil in pupils:
                row = (f"{OAKFIELD.urn}", group, "2020-09-01", None, pupil)
                school.change("INSERT INTO roll VALUES (?, ?, ?, ?, ?)", *row)
        loaded = settings(folder, dfe, dfe_lines="connections = 2")
        _with_pupils(folder / "config.toml")
        with time_machine.travel(_at(FIRST, time(8)), tick=True):
            give_consent(load(folder / "config.toml", {}))
        open_days: list[date] = []
        for day in [*school_days()][:days]:
            year.days += 1
            open_days.append(day)
            for at, sessions in SENDS.items():
                _register(school, day, sessions, random)
                _correct(school, open_days, day, random)
                dfe.faults.clear()
                dfe.faults.extend(random.choice(FAULTS) if random.random() < 0.1 else Fault.NONE for _ in range(12))
                year.faults += sum(fault is not Fault.NONE for fault in dfe.faults)
                plan = {"act": "signal", "signal": signal.SIGKILL, "at": random.randrange(1, 250)}
                is_killed = random.random() < 0.1
                with time_machine.travel(moment := _at(day, at), tick=True):
                    ended = attsync(folder, "send", "--quiet", plan=plan if is_killed else None, now=moment.timestamp())
                year.sends += 1
                year.killed += ended.exit_code == -signal.SIGKILL
                year.codes[ended.exit_code] += 1
                if "Traceback" in ended.said or ended.exit_code not in (0, 1, 5, 8, -signal.SIGKILL):
                    year.wrong.append(f"{day} {at}: exit {ended.exit_code}: {ended.said}")
            first = window_ending(day, 8, "working").first
            for left in [each for each in open_days if each < first]:
                open_days.remove(left)
                year.lost += [left] if _of_database(school, left) != _of_dfe(dfe.counts, left) else []
        assert loaded.log.path.exists()
    return year


def _at(day: date, at: time) -> datetime:
    return datetime.combine(day, at, LONDON).astimezone(UTC)


def _with_pupils(config: Path) -> None:
    text = config.read_text()
    text = text.replace("year_group, code FROM marks", "year_group, code, pupil FROM marks")
    config.write_text(text.replace("entry_date, leaving_date FROM roll", "entry_date, leaving_date, pupil FROM roll"))


def _register(school: SchoolDatabase, day: date, sessions: tuple[Session, ...], random: Random) -> None:
    """Take the registers of these sessions, but for marks that were entered ahead; enter some ahead."""
    ahead = [(Session.PM, day), *((session, day + timedelta(days=1)) for session in Session)]
    for session, when in ahead:
        if session not in sessions or when != day:
            _mark(school, when, session, random.sample(range(26), 2), ["M", "C"])
    for session in sessions:
        codes = random.choices((PRESENT[session], "I", "L", "N"), (90, 5, 3, 2), k=26)
        _mark(school, day, session, range(26), codes)


def _mark(school: SchoolDatabase, day: date, session: Session, pupils: range | list[int], codes: list[str]) -> None:
    group = {pupil: name for name, members in PUPILS.items() for pupil in members}
    for pupil, code in zip(pupils, codes, strict=True):
        school.change(
            "INSERT INTO marks (school, date, session, year_group, code, pupil) SELECT ?, ?, ?, ?, ?, ? WHERE"
            " NOT EXISTS (SELECT 1 FROM marks WHERE date = ? AND session = ? AND pupil = ?)",
            *(f"{OAKFIELD.urn}", f"{day}", session.value, group[pupil], code, pupil),
            *(f"{day}", session.value, pupil),
        )


def _correct(school: SchoolDatabase, open_days: list[date], today: date, random: Random) -> None:
    """Correct a few marks of days that are still to be sent several times."""
    later = [day for day in school_days() if day > today][:SENT_AFTER] or [today]
    first = window_ending(later[-1], 8, "working").first
    still_open = [each for each in open_days if each >= first]
    for day in random.choices(still_open, k=2) if still_open else ():
        values = (random.choice(["L", "I", "M", "O"]), f"{day}", random.randrange(26))
        school.change("UPDATE marks SET code = ? WHERE date = ? AND pupil = ?", *values)


def _of_database(school: SchoolDatabase, day: date) -> dict[tuple[str, str, str], int]:
    sql = "SELECT session, year_group, code, count(*) FROM marks WHERE date = ? GROUP BY 1, 2, 3"
    return {(session, group, code): number for session, group, code, number in school.ask(sql, f"{day}")}


def _of_dfe(counts: dict[tuple[int, date, str, str, str], int], day: date) -> dict[tuple[str, str, str], int]:
    return {(s, group, code): number for (_, when, s, group, code), number in counts.items() if when == day and number}


def main() -> int:
    """Live through the whole year, and print what came of it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="attsync-year-")))
        attsync = stack.enter_context(Runner())
        year = live(attsync, folder / "school", make_certificates(folder), days=int((sys.argv[1:] or ["200"])[0]))
    exits = ", ".join(f"{code}: {number}" for code, number in sorted(year.codes.items()))
    sys.stdout.write(
        f"school days {year.days}, sends {year.sends}, killed {year.killed}, faults planned {year.faults}\n"
        f"exit codes {exits}\ndays lost {len(year.lost)}, anything else wrong {len(year.wrong)}\n"
    )
    for what in [*map(str, year.lost), *year.wrong][:10]:
        sys.stdout.write(f"    {what}\n")
    return 1 if year.lost or year.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
