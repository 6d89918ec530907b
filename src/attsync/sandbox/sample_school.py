"""A made-up primary school in an SQLite file, as an MIS might store it, and its late corrections.

The marks follow the national shares of primary schools. The names are random; they are in the file so that
tests can check that they never leave it.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from attsync import data
from attsync.plural import plural
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
_RECENT = 5  # working days within which the reason for an absence may be unknown (docs/design/domain.md 6)

# Shares in percent of possible sessions, primary (docs/design/domain.md 10). The small codes share what is left.
_PRESENT = 92.6
_HALF_DAY = {"PRES": _PRESENT, "L": 1.1, "U": 0.17, "M": 0.13, "HOSP": 0.14, "N": 0.05}
_WHOLE_DAY = {"": sum(_HALF_DAY.values()), "I": 2.8, "O": 0.8, "V": 0.73, "G": 0.53, "C": 0.37, "B": 0.19} | {
    "C2": 0.17, "P": 0.06, "R": 0.05, "E": 0.04, "K": 0.04, "T": 0.03
}  # fmt: skip

_CORRECTIONS: Final = (
    (-1, "Morning", "U", "L", 1),
    (-2, "Morning", "N", "I", 3),
    (-2, "Afternoon", "-", "PRES", 2),
    (-3, "Afternoon", "HOSP", "C", 1),
)
"""Day (counted from the last), session, mark and what it becomes, for so many pupils."""

_Place = tuple[int, date, str]
"""Of one mark: pupil, day, session."""


class _Pupil(NamedTuple):
    pupil_id: int
    first_name: str
    last_name: str
    date_of_birth: date
    year_group: str
    entry_date: date
    leaving_date: date
    """The last day on roll; date.max: none yet."""

    def is_on_roll(self, day: date) -> bool:
        return self.entry_date <= day <= self.leaving_date


def make_school(
    path: Path,
    *,
    today: date,
    with_problems: bool = False,
    administrator: str = "sam",
    pupils: int = 420,
    afternoon: bool = False,
) -> None:
    """Make the school at `path` (mode 0600): 3 weeks of marks up to `today`, with its morning only.

    `afternoon` adds the afternoon. If `today` is not a working day, the last one before it is complete. The same
    arguments make the same school.
    `with_problems` gives three pupils of Year 4 an unknown mark on one day. `administrator` is the user name that has
    the permission to give consent. Raise FileExistsError if there is such a file.
    """
    dice = Random(f"{today} {pupils}")  # noqa: S311  nothing secret: the same each time is the point
    days = school_days(today)
    children = list(_children(dice, pupils, days))
    special = _late_marks(dice, children, days) | (_unknown_marks(children, days[-5]) if with_problems else {})
    marks = _marks(dice, children, days, None if afternoon else today, special)
    permissions = [(administrator, PERMISSION), ("reception.desk", "Attendance: Edit")]
    os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(path)) as school, school:
        school.executescript(data.text("sample_school.sql"))
        for child in children:
            names = (child.pupil_id, child.first_name, child.last_name, f"{child.date_of_birth}")
            left = f"{child.leaving_date}" if child.leaving_date < date.max else None
            school.execute("INSERT INTO pupils VALUES (?, ?, ?, ?)", names)
            enrolment = (child.pupil_id, child.year_group, f"{child.entry_date}", left)
            school.execute("INSERT INTO enrolments VALUES (?, ?, ?, ?)", enrolment)
        school.executemany("INSERT INTO roll_call_marks VALUES (?, ?, ?, ?, ?)", marks)
        school.executemany("INSERT INTO staff_permissions VALUES (?, ?)", permissions)


def correct_marks(path: Path, today: date) -> list[str]:
    """Enter the corrections that come in after the first send; return a sentence for each.

    They touch the last three days that have marks up to `today`. Called again, it corrects what is left, if anything.
    """
    days, sentences = school_days(today), []
    with closing(sqlite3.connect(path)) as school, school:
        for number, session, old, new, most in _CORRECTIONS:
            day = days[number]
            changed = school.execute(
                "UPDATE roll_call_marks SET mark = ? WHERE rowid IN (SELECT rowid FROM roll_call_marks"
                " WHERE mark_date = ? AND session = ? AND mark = ? ORDER BY pupil_id LIMIT ?)",
                (new, f"{day}", session, old, most),
            ).rowcount
            if changed:
                what = "missing mark" if old == "-" else f"mark {old}"
                what = plural(changed, what, what.replace("mark", "marks"))
                sentences.append(f"{what} became {new} ({day:%a} {day.day} {day:%b}, {session.lower()}).")
    return sentences


def school_days(today: date) -> list[date]:
    """Return the working days of the three weeks that end with `today`."""
    first = today - _SPAN + timedelta(days=1)
    return [day for n in range(_SPAN.days) if is_working_day(day := first + timedelta(days=n))]


def _children(dice: Random, pupils: int, days: list[date]) -> Iterator[_Pupil]:
    """Make the pupils; the last ones are former pupils, some who join or will join, and some who leave."""
    year_began = days[0].year if days[0].month >= 9 else days[0].year - 1  # noqa: PLR2004  September
    left = dict.fromkeys((pupils, pupils + 1), date(year_began, 7, 20))
    left |= zip(dice.sample(range(pupils), 3), (days[4], days[6], days[9]), strict=True)
    joins = {pupils + 2: days[5], pupils + 3: days[8], pupils + 4: days[-1] + _SPAN}
    for number in range(pupils + 5):
        year = number * len(YEAR_GROUPS) // pupils if number < pupils else dice.randrange(1, len(YEAR_GROUPS))
        yield _Pupil(
            pupil_id=1001 + number,
            first_name=dice.choice(FIRST_NAMES),
            last_name=dice.choice(LAST_NAMES),
            # A child who is four on 31 August starts in Reception the day after.
            date_of_birth=date(year_began - year - 5, 9, 1) + timedelta(days=dice.randrange(365)),
            year_group=YEAR_GROUPS[year],
            entry_date=joins.get(number, date(year_began - year, 9, 1)),
            leaving_date=left.get(number, date.max),
        )


def _late_marks(dice: Random, children: list[_Pupil], days: list[date]) -> dict[_Place, str]:
    """Return what `correct_marks` will correct: a missing mark, reasons not yet known, one pupil who came late."""
    staying = [child.pupil_id for child in children if child.is_on_roll(days[0]) and child.is_on_roll(days[-1])]
    some = iter(dice.sample(staying, sum(most for *_, most in _CORRECTIONS)))
    return {
        (next(some), days[number], session): old for number, session, old, _, most in _CORRECTIONS for _ in range(most)
    }


def _unknown_marks(children: list[_Pupil], day: date) -> dict[_Place, str]:
    year_4 = [child.pupil_id for child in children if child.year_group == "Year 4" and child.is_on_roll(day)]
    return {(pupil_id, day, "Morning"): "ZZ" for pupil_id in year_4[:3]}


def _marks(
    dice: Random, children: list[_Pupil], days: list[date], half_day: date | None, special: Mapping[_Place, str]
) -> Iterator[tuple[int, str, str, str, str]]:
    for day in days:
        sessions = ("Morning",) if day == half_day else ("Morning", "Afternoon")
        for child in children:
            if child.is_on_roll(day):
                drawn = _draw_day(dice, is_recent=day in days[-_RECENT:])
                for session, mark in zip(sessions, drawn, strict=False):
                    mark = special.get((child.pupil_id, day, session), mark)  # noqa: PLW2901
                    yield child.pupil_id, f"{day}", session, child.year_group, mark


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
