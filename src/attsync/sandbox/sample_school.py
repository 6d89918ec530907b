"""A made-up primary school in an SQLite file, as an MIS might store it, and its late corrections.

The marks follow the national shares of primary schools. The names are put together at random; they are in the file so
that tests can check that they never leave it.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from attsync.window import is_working_day

PERMISSION: Final = "Data Returns: Administer"
YEAR_GROUPS: Final = ("Reception", "Year 1", "Year 2", "Year 3", "Year 4", "Year 5", "Year 6")

_FIRST_NAMES: Final = """
Amabel Bronwen Caspian Delphine Emeric Fenella Gawain Hesper Isolde Jocasta Kerensa Lorcan Morwenna Nerys Osric
Perpetua Quillon Rosalba Sigrid Tamsin Ulric Venetia Wilfrid Xanthe Yestin Zenobia
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
_HALF_DAY = {"PRES": _PRESENT, "L": 1.1, "U": 0.17, "M": 0.13, "HOSP": 0.14, "N": 0.05}
_WHOLE_DAY = {"": sum(_HALF_DAY.values()), "I": 2.8, "O": 0.8, "V": 0.73, "G": 0.53, "C": 0.37, "B": 0.19} | {
    "C2": 0.17, "P": 0.06, "R": 0.05, "E": 0.04, "K": 0.04, "T": 0.03
}  # fmt: skip


class _Place(NamedTuple):
    """The place of one mark."""

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

    `afternoon` adds the afternoon. If `today` is not a working day, the last one before it is complete. The same
    arguments make the same school.
    `with_problems` gives three pupils of Year 4 an unknown mark on one day. `administrators` are the user names that
    have the permission to give consent. Raise FileExistsError if there is such a file.
    """
    dice = Random(f"{seed} {today} {pupils}")  # noqa: S311  nothing secret: the same each time is the point
    days = school_days(today)
    children = list(_children(dice, pupils, days))
    special = _late_marks(dice, children, days) | (_unknown_marks(children, days) if with_problems else {})
    os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    marks = _marks(dice, children, days, None if afternoon else today, special)
    permissions = [*((name, PERMISSION) for name in administrators), ("reception.desk", "Attendance: Edit")]
    with closing(sqlite3.connect(path)) as school, school:
        school.executescript(files("attsync").joinpath("data", "sample_school.sql").read_text(encoding="utf-8"))
        pupil_rows = [
            (child.pupil_id, child.first_name, child.last_name, f"{child.date_of_birth}") for child in children
        ]
        school.executemany("INSERT INTO pupils VALUES (?, ?, ?, ?)", pupil_rows)
        school.executemany("INSERT INTO enrolments VALUES (?, ?, ?, ?)", map(_enrolment, children))
        school.executemany("INSERT INTO roll_call_marks VALUES (?, ?, ?, ?, ?)", marks)
        school.executemany("INSERT INTO staff_permissions VALUES (?, ?)", permissions)


def correct_marks(path: Path, today: date) -> tuple[str, ...]:
    """Enter the corrections that come in after the first send; return a sentence for each.

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
    """Return the working days of the three weeks that end with `today`."""
    first = today - _SPAN + timedelta(days=1)
    return [day for n in range(_SPAN.days) if is_working_day(day := first + timedelta(days=n))]


def _children(dice: Random, pupils: int, days: list[date]) -> Iterator[_Pupil]:
    """Make the pupils; the last ones are former pupils, and some who leave, join or will join."""
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
            # A child who is four on 31 August starts in Reception the day after.
            date_of_birth=date(year_began - year - 5, 9, 1) + timedelta(days=dice.randrange(365)),
            year=year,
            entry_date=entry_date or date(year_began - year, 9, 1),
            leaving_date=leaving_date,
        )


def _enrolment(child: _Pupil) -> tuple[int, str, str, str | None]:
    left = child.leaving_date.isoformat() if child.leaving_date else None
    return child.pupil_id, YEAR_GROUPS[child.year], child.entry_date.isoformat(), left


def _late_marks(dice: Random, children: list[_Pupil], days: list[date]) -> dict[_Place, str]:
    """Return what `correct_marks` will correct: a missing mark, reasons not yet known, one pupil who came late."""
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
    mark = _draw(dice, _WHOLE_DAY)
    if not mark:
        return _draw(dice, _HALF_DAY), _draw(dice, _HALF_DAY)
    if mark == "O" and is_recent and dice.random() < 0.5:  # noqa: PLR2004  the office still asks about every second one
        mark = "N"
    return mark, mark


def _draw(dice: Random, shares: Mapping[str, float]) -> str:
    return dice.choices(tuple(shares), tuple(shares.values()))[0]


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
