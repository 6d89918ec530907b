"""A made-up primary school in a SQLite file, as a school system might hold it, and its late corrections.

The marks follow the national shares of primary schools. Nothing here is about anybody: the names are put together by
dice, and stand in the file so that tests can see that they never leave it.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from attsync.window import is_working_day

PERMISSION: Final = "Data Returns: Administer"
YEAR_GROUPS: Final = ("Reception", "Year 1", "Year 2", "Year 3", "Year 4", "Year 5", "Year 6")

_FIRST_NAMES: Final = """
Amabel Bronwen Caspian Delphine Emeric Fenella Gawain Hesper Isolde Jocasta Kerensa Lorcan Morwenna Nerys Osric
Perpetua Quillon Rosalba Sigrid Tamsin Ulric Verity Wilfrid Xanthe Yestin Zenobia
"""
_LAST_NAMES: Final = """
Abernathy Bickerstaff Colquhoun Duckworth Entwistle Fotheringay Greenhalgh Hollingsworth Inglethorpe Jellicoe
Kilbride Loxley Marjoribanks Netherwood Oglethorpe Pemberton Quartermain Ravenscroft Satterthwaite Thistlewood
Underhill Vavasour Winterbourne Yarborough
"""
FIRST_NAMES: Final = tuple(_FIRST_NAMES.split())
LAST_NAMES: Final = tuple(_LAST_NAMES.split())

_SPAN = timedelta(days=21)
_RECENT = 5  # working days within which the reason for an absence may be unknown (DOMAIN.md 6)

# Shares in percent of possible sessions, primary (DOMAIN.md 10). The small codes share what is left.
_PRESENT = 92.6
_HALF_DAY = {"L": 1.1, "U": 0.17, "M": 0.13, "HOSP": 0.14, "N": 0.05}
_WHOLE_DAY = {
    "I": 2.8,
    "O": 0.8,
    "V": 0.73,
    "G": 0.53,
    "C": 0.37,
    "B": 0.19,
    "C2": 0.17,
    "P": 0.06,
    "R": 0.05,
    "E": 0.04,
    "K": 0.04,
    "T": 0.03,
}
_Shares = tuple[tuple[str, ...], tuple[float, ...]]
"""Marks, and their shares added up, as Random.choices takes them."""


def _add_up(shares: Mapping[str, float]) -> _Shares:
    return tuple(shares), tuple(accumulate(shares.values()))


_HALF_DAY_SHARES = _add_up({"PRES": _PRESENT} | _HALF_DAY)
_DAY_SHARES = _add_up({"": _PRESENT + sum(_HALF_DAY.values())} | _WHOLE_DAY)

_TABLES = """
    CREATE TABLE pupils (
        pupil_id      INTEGER PRIMARY KEY,
        first_name    TEXT NOT NULL,
        last_name     TEXT NOT NULL,
        date_of_birth TEXT NOT NULL
    );
    CREATE TABLE enrolments (
        pupil_id     INTEGER NOT NULL REFERENCES pupils,
        year_group   TEXT NOT NULL,
        entry_date   TEXT NOT NULL,
        leaving_date TEXT
    );
    CREATE TABLE roll_call_marks (
        pupil_id   INTEGER NOT NULL REFERENCES pupils,
        mark_date  TEXT NOT NULL,
        session    TEXT NOT NULL,
        year_group TEXT NOT NULL,
        mark       TEXT,
        PRIMARY KEY (pupil_id, mark_date, session)
    );
    CREATE INDEX roll_call_marks_by_date ON roll_call_marks (mark_date);
    CREATE TABLE staff_permissions (
        username   TEXT NOT NULL,
        permission TEXT NOT NULL
    );
"""


class _Place(NamedTuple):
    """Where one mark stands."""

    pupil_id: int
    day: date
    session: str


@dataclass(frozen=True, slots=True)
class _Pupil:
    pupil_id: int
    first_name: str
    last_name: str
    date_of_birth: date
    year: int
    """0 Reception to 6."""
    entry_date: date
    leaving_date: date | None = None
    """The last day on roll."""

    def is_on_roll(self, day: date) -> bool:
        return self.entry_date <= day and (self.leaving_date is None or day <= self.leaving_date)


def make_school(
    path: Path,
    *,
    today: date,
    seed: int = 900023,
    with_problems: bool = False,
    administrators: Iterable[str] = ("sam",),
    pupils: int = 420,
    afternoon: bool = False,
) -> None:
    """Make the school at `path` (mode 0600): three weeks of marks up to `today`, which has its morning only.

    `afternoon` gives it the afternoon too. If `today` is no working day, the last one before it is complete. The same
    arguments make the same school.
    `with_problems` gives three pupils of Year 4 a mark that nobody knows, on one day. `administrators` are the user
    names that hold the permission to give consent. Raises FileExistsError rather than touch a file.
    """
    dice = Random(f"{seed} {today} {pupils}")  # noqa: S311  nothing secret: the same each time is the point
    days = school_days(today)
    children = list(_children(dice, pupils, days))
    special = _late_marks(dice, children, days) | (_unknown_marks(children, days) if with_problems else {})
    os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(path)) as school, school:
        school.executescript(_TABLES)
        for child in children:
            school.execute(
                "INSERT INTO pupils VALUES (?, ?, ?, ?)",
                (child.pupil_id, child.first_name, child.last_name, child.date_of_birth.isoformat()),
            )
            school.execute(
                "INSERT INTO enrolments VALUES (?, ?, ?, ?)",
                (
                    child.pupil_id,
                    YEAR_GROUPS[child.year],
                    child.entry_date.isoformat(),
                    child.leaving_date and child.leaving_date.isoformat(),
                ),
            )
        school.executemany(
            "INSERT INTO roll_call_marks VALUES (?, ?, ?, ?, ?)",
            _marks(dice, children, days, None if afternoon else today, special),
        )
        school.executemany(
            "INSERT INTO staff_permissions VALUES (?, ?)",
            [*((name, PERMISSION) for name in administrators), ("reception.desk", "Attendance: Edit")],
        )


def correct_marks(path: Path, today: date) -> tuple[str, ...]:
    """Enter the corrections that come in after the first send; say in a sentence each what was changed.

    They touch the last three days that have marks up to `today`. Called again, it corrects what is left, if anything.
    """
    with closing(sqlite3.connect(path)) as school, school:
        dates = school.execute(
            "SELECT DISTINCT mark_date FROM roll_call_marks WHERE mark_date <= ? ORDER BY mark_date DESC LIMIT 3",
            (today.isoformat(),),
        ).fetchall()
        last, second, third = (date.fromisoformat(day) for (day,) in dates)
        sentences = (
            _correct(school, last, "Morning", "U", "L", most=1),
            _correct(school, second, "Morning", "N", "I", most=9),
            _correct(school, second, "Afternoon", "N", "I", most=9),
            _correct(school, second, "Afternoon", "-", "PRES", most=1),
            _correct(school, third, "Afternoon", "HOSP", "C", most=1),
        )
    return tuple(sentence for sentence in sentences if sentence)


def school_days(today: date) -> list[date]:
    """List the working days of the three weeks that end with `today`."""
    first = today - _SPAN + timedelta(days=1)
    return [day for n in range(_SPAN.days) if is_working_day(day := first + timedelta(days=n))]


def _children(dice: Random, pupils: int, days: list[date]) -> Iterator[_Pupil]:
    """Make the pupils; the last ones are a leaver each from before, and some who leave, come, or will come."""
    year_began = days[0].year if days[0].month >= 9 else days[0].year - 1  # noqa: PLR2004  September
    before = date(year_began, 7, 20)
    special: dict[int, tuple[date | None, date | None]] = {
        pupils: (None, before),
        pupils + 1: (None, before),
        pupils + 2: (days[5], None),
        pupils + 3: (days[8], None),
        pupils + 4: (days[-1] + _SPAN, None),
    }
    for number, last_day in zip(sorted(dice.sample(range(pupils), 3)), (days[4], days[6], days[9]), strict=True):
        special[number] = (None, last_day)
    for number in range(pupils + 5):
        year = number * len(YEAR_GROUPS) // pupils if number < pupils else dice.randrange(1, len(YEAR_GROUPS))
        entry_date, leaving_date = special.get(number, (None, None))
        yield _Pupil(
            pupil_id=1001 + number,
            first_name=dice.choice(FIRST_NAMES),
            last_name=dice.choice(LAST_NAMES),
            # Whoever is four on 31 August starts in Reception the day after.
            date_of_birth=date(year_began - year - 5, 9, 1) + timedelta(days=dice.randrange(365)),
            year=year,
            entry_date=entry_date or date(year_began - year, 9, 1),
            leaving_date=leaving_date,
        )


def _late_marks(dice: Random, children: list[_Pupil], days: list[date]) -> dict[_Place, str]:
    """Place what `correct_marks` will correct: an afternoon half entered, reasons not yet known, one who came late."""
    staying = [child.pupil_id for child in children if child.is_on_roll(days[0]) and child.leaving_date is None]
    some = iter(dice.sample(staying, 7))
    return {
        _Place(next(some), days[-1], "Morning"): "U",
        **{_Place(next(some), days[-2], "Morning"): "N" for _ in range(3)},
        **{_Place(next(some), days[-2], "Afternoon"): "-" for _ in range(2)},
        _Place(next(some), days[-3], "Afternoon"): "HOSP",
    }


def _unknown_marks(children: list[_Pupil], days: list[date]) -> dict[_Place, str]:
    day = days[-5]  # in the window of eight, and not a day that is corrected
    year_4 = [child.pupil_id for child in children if YEAR_GROUPS[child.year] == "Year 4" and child.is_on_roll(day)]
    return {_Place(pupil_id, day, "Morning"): "ZZ" for pupil_id in year_4[:3]}


def _marks(
    dice: Random, children: list[_Pupil], days: list[date], half_day: date | None, special: Mapping[_Place, str]
) -> Iterator[tuple[int, str, str, str, str]]:
    for day in days:
        sessions = ("Morning",) if day == half_day else ("Morning", "Afternoon")
        for child in children:
            if child.is_on_roll(day):
                drawn = _draw_day(dice, is_recent=day in days[-_RECENT:])
                for session, mark in zip(sessions, drawn, strict=False):
                    mark = special.get(_Place(child.pupil_id, day, session), mark)  # noqa: PLW2901
                    yield child.pupil_id, day.isoformat(), session, YEAR_GROUPS[child.year], mark


def _draw_day(dice: Random, *, is_recent: bool) -> tuple[str, str]:
    """Draw one pupil's two marks: most absences last all day, lateness and appointments do not."""
    mark = _draw(dice, _DAY_SHARES)
    if not mark:
        return _draw(dice, _HALF_DAY_SHARES), _draw(dice, _HALF_DAY_SHARES)
    if mark == "O" and is_recent and dice.random() < 0.5:  # noqa: PLR2004  the office still asks about every second one
        mark = "N"
    return mark, mark


def _draw(dice: Random, shares: _Shares) -> str:
    marks, added_up = shares
    return dice.choices(marks, cum_weights=added_up)[0]


def _correct(school: sqlite3.Connection, day: date, session: str, old: str, new: str, most: int) -> str:
    changed = school.execute(
        "UPDATE roll_call_marks SET mark = :new WHERE rowid IN ("
        "  SELECT rowid FROM roll_call_marks WHERE mark_date = :day AND session = :session AND mark = :old"
        "  ORDER BY pupil_id LIMIT :most)",
        {"new": new, "day": day.isoformat(), "session": session, "old": old, "most": most},
    ).rowcount
    if not changed:
        return ""
    what = "missing mark" if old == "-" else f"mark {old}"
    if changed > 1:
        what = what.replace("mark", "marks")
    return f"{changed} {what} became {new} ({day:%a} {day.day} {day:%b}, {session.lower()})."
