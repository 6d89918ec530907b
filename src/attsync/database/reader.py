"""Reads a database: a grouped statement for the marks, one for the roll and one for the proofs, for all its schools.

The number of statements does not grow with schools; rows are streamed, and tallied one school at a time. What a value
means is not decided here.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from attsync.database.engine import Snapshot, snapshot
from attsync.database.source import Source, source, unusable
from attsync.database.sql_logging import counted
from attsync.database.statements import (
    administrators_statement,
    doubled_statement,
    marks_statement,
    not_on_roll_statement,
    roll_statement,
    schools_statement,
)
from attsync.deadline import Deadline
from attsync.mapping import Maps
from attsync.model import URNS, School, SchoolDays, Unlisted
from attsync.problems import Problem, SchoolError, SettingsError
from attsync.settings import DatabaseSettings, SchoolSettings
from attsync.tally import MarkRow, ProofRow, PupilRow, RollRow, Tally
from attsync.window import Window

_MOST_YEAR_GROUPS: Final = 100
"""Different values of year_group that one school's roll may have."""
_MOST_SCHOOLS: Final = 25_000
"""All of England has 22,000."""
_URN: Final = re.compile(r"0*([0-9]+)(?:\.0+)?")
_LAESTABS: Final = range(1_000_000, 10_000_000)
"""A number of seven digits is the DfE's other one: local authority and establishment."""
_NO_NAME: Final = re.compile(r"[A-Z]{1,4}|(?=.*[0-9])[A-Z0-9][A-Z0-9/_.-]{0,15}")
"""A value of `school` that is no pupil's name, and can be shown."""


@dataclass(slots=True)
class _Beside:
    """What is read of one school before its marks."""

    roll: list[RollRow] = field(default_factory=list)
    pupils: tuple[int, ...] = ()
    """Of each day: pupils on roll, each counted once; empty: not known."""
    has_too_many_groups: bool = False
    """More year groups than are possible: a wrong column, perhaps of names. Nothing of it is kept."""
    doubled: dict[date, PupilRow] = field(default_factory=dict)
    not_on_roll: Counter[date] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Task:
    """What is to be read of one database."""

    look: Snapshot
    marks: Source
    roll: Source
    window: Window
    asked: Mapping[str, SchoolSettings]
    """Value of school -> school."""
    leave_out: Sequence[str]
    """Values of the schools that are not to be read."""
    unproven: Sequence[date]

    @property
    def has_pupil(self) -> bool:
        """Whether pupils on roll, and so marks of others, can be told apart."""
        return "pupil" in self.roll

    def left_out_of(self, source: Source) -> Sequence[str]:
        """Return the schools that a statement about `source` leaves out."""
        return self.leave_out if "school" in source else ()

    def school_of(self, source: Source, value: str | None) -> str | None:
        """Return the school of a row: its value, or the only school; None if it is not asked for."""
        value = value if "school" in source else next(iter(self.asked))
        return value if value in self.asked else None


def read(
    database: DatabaseSettings,
    schools: Iterable[SchoolSettings],
    wanted: Collection[int],
    window: Window,
    deadline: Deadline,
    unproven: Collection[date] | None = None,
) -> Iterator[SchoolDays | Unlisted]:
    """Return the days of each school of `schools` whose URN is wanted, one school after the other.

    The marks and the roll of the other schools are not read. Rows of schools that are not in `schools` are counted and
    returned last, never sent. `unproven` are the days for which the column pupil has to prove something; None: all.
    Raise SchoolError, before the first school or between two.
    """
    listed = {school.school: school for school in schools}
    asked = {value: school for value, school in listed.items() if school.urn in wanted}
    common = _maps(database)  # what it has found for one school it has for the next
    maps = {value: _maps(database, school) if school.codes else common for value, school in asked.items()}
    with snapshot(database, window, deadline) as look:
        marks, roll = source(look, database, "marks", window), source(look, database, "roll", window)
        for each in (marks, roll):
            if "school" not in each and len(listed) > 1:
                raise SchoolError("DB-SCHOOLS", name=database.name, select=each.name, schools=len(listed))
        days = [day for day in window if unproven is None or day in unproven] if "pupil" in marks else []
        task = _Task(look, marks, roll, window, asked, sorted(listed.keys() - asked.keys()), days)
        beside: dict[str, _Beside] = defaultdict(_Beside)
        _read_roll(task, beside)
        _read_proofs(task, beside, frozenset.intersection(*(each.unmarked() for each in maps.values())))
        left = dict(asked)
        unlisted = 0
        rows = look.stream(marks_statement(marks, window, task.left_out_of(marks)), "marks")
        for value, mark_rows in groupby(counted(rows, f"{database.name}: marks"), itemgetter(0)):
            school = task.school_of(marks, value)
            if school is None:
                unlisted += sum(number for *_, code, number in mark_rows if not common.is_unmarked(code or ""))
            else:
                yield _tally(task, left.pop(school), maps[school], mark_rows, beside.pop(school, _Beside()))
        for school, found in left.items():
            yield _tally(task, found, maps[school], (), beside.pop(school, _Beside()))
        if unlisted:
            yield Unlisted(database.name, unlisted)


def _tally(
    task: _Task, found: SchoolSettings, maps: Maps, mark_rows: Iterable[Sequence[Any]], beside: _Beside
) -> SchoolDays:
    """Return the days of one school."""
    school = School(found.urn, found.name)
    if beside.has_too_many_groups:
        what = {"name": task.look.database.name, "most": _MOST_YEAR_GROUPS}
        return SchoolDays(school=school, problem=Problem("COLUMN-WRONG", "roll_groups", **what))
    tally = Tally(school, maps, task.window, provable="pupil" in task.marks)
    for _, day, session, year_group, code, number in mark_rows:
        tally.add(MarkRow(_date(day), session, year_group, code, number))
    for row in beside.roll:
        tally.add_roll(row)
    for doubled in beside.doubled.values():
        tally.add_pupils(doubled)
    for number, day in enumerate(task.window):
        in_groups = sum(row.on_roll[number] for row in beside.roll)
        pupils = beside.pupils[number] if beside.pupils else in_groups if task.has_pupil else None
        in_two = 0 if pupils is None else in_groups - pupils
        tally.add_proof(ProofRow(day, pupils, in_two, beside.not_on_roll[day], day in task.unproven))
    return tally.days()


def _read_roll(task: _Task, beside: dict[str, _Beside]) -> None:
    database = task.look.database
    statement = roll_statement(task.roll, task.window, database.leaving_date_is, task.left_out_of(task.roll))
    rows = counted(task.look.stream(statement, "roll", slowly=False), f"{database.name}: roll")
    for value, year_group, is_total, not_dates, endless, *numbers in rows:
        school = task.school_of(task.roll, value)
        if school is None:
            continue
        mine = beside[school]
        on_roll = tuple(int(number or 0) for number in numbers)  # of no rows at all there is no sum
        if is_total:
            mine.pupils = on_roll
        elif mine.has_too_many_groups or len(mine.roll) == _MOST_YEAR_GROUPS:
            mine.has_too_many_groups = True
            mine.roll.clear()
        else:
            mine.roll.append(RollRow(year_group, int(not_dates or 0), int(endless or 0), on_roll))


def _read_proofs(task: _Task, beside: dict[str, _Beside], unmarked: Collection[str]) -> None:
    """Read what the column pupil proves to be wrong."""
    if not task.unproven:
        return
    look, marks, leave_out = task.look, task.marks, task.left_out_of(task.marks)
    database = look.database
    doubled = doubled_statement(marks, task.unproven, leave_out, sessions=database.sessions, unmarked=unmarked)
    rows = look.stream(doubled, "marks", slowly=False)
    for value, text, session, number, pupils in counted(rows, f"{database.name}: doubled marks"):
        school, day = task.school_of(marks, value), _date(text)
        if school is not None and day is not None:
            row, before = PupilRow(day, session, number, pupils), beside[school].doubled.get(day)
            if before is None or row.rows - row.pupils > before.rows - before.pupils:
                beside[school].doubled[day] = row
    if not task.has_pupil:
        return
    absent = not_on_roll_statement(
        marks,
        task.roll,
        task.window,
        task.unproven,
        leave_out,
        leaving_date_is=database.leaving_date_is,
        unmarked=unmarked,
    )
    rows = look.stream(absent, "marks", slowly=False)
    for value, text, number in counted(rows, f"{database.name}: marks of pupils not on roll"):
        school, day = task.school_of(marks, value), _date(text)
        if school is not None and day is not None:
            beside[school].not_on_roll[day] += number


def holds_permission(database: DatabaseSettings, school: SchoolSettings, username: str, deadline: Deadline) -> bool:
    """Look up whether `username` may administer data returns for `school` now. Raise SchoolError."""
    with snapshot(database, None, deadline) as look:
        administrators = source(look, database, "administrators", None)
        ((number,),) = look.all(administrators_statement(administrators, username, school.school), "administrators")
        return bool(number)


def schools_of(database: DatabaseSettings, deadline: Deadline) -> tuple[SchoolSettings, ...]:
    """List the schools of a database: those of the settings, or what its `schools` SELECT gives. Raise SchoolError."""
    if database.select.schools is None:
        return database.schools
    found: dict[int, SchoolSettings] = {}
    with snapshot(database, None, deadline) as look:
        rows = look.stream(schools_statement(source(look, database, "schools", None)), "schools", slowly=False)
        for number, (value, urn, name) in enumerate(rows):
            if number == _MOST_SCHOOLS:
                raise SchoolError("COLUMN-WRONG", "schools", name=database.name, most=_MOST_SCHOOLS)
            school = _school(database, value, urn, name)
            if school.urn in found:
                raise unusable(database, "schools", "urn_twice", urn=f"{school.urn}")
            found[school.urn] = school
    if not found:
        raise unusable(database, "schools", "no_schools")
    values = Counter(school.school for school in found.values())
    if twice := [value for value, number in values.items() if number > 1]:
        raise unusable(database, "schools", "school_twice", school=_shown(twice[0]))
    return tuple(found.values())


def schools_by_database(
    databases: Iterable[DatabaseSettings], deadline: Deadline
) -> list[tuple[DatabaseSettings, tuple[SchoolSettings, ...] | Problem]]:
    """List the schools of every database, or why they cannot be listed, before anything else is read.

    Raise SettingsError if one URN is in two databases: each would send what the other has sent already.
    """
    found: list[tuple[DatabaseSettings, tuple[SchoolSettings, ...] | Problem]] = []
    owner: dict[int, str] = {}
    for database in databases:
        try:
            schools = schools_of(database, deadline)
        except SchoolError as error:
            found.append((database, error.problem))
            continue
        for school in schools:
            if school.urn in owner:
                names = (owner[school.urn], database.name)
                raise SettingsError("SCHOOL-NONE", "two_databases", urn=f"{school.urn}", databases=names)
            owner[school.urn] = database.name
        found.append((database, schools))
    return found


def _school(database: DatabaseSettings, value: str | None, urn: str | None, name: str | None) -> SchoolSettings:
    """Return one row of the schools SELECT; raise SchoolError, which names the row's school, if it is not one."""
    number = _URN.fullmatch(urn or "")
    what = {"school": _shown(value)}
    if not value:
        raise unusable(database, "schools", "school_empty", urn=number[1] if number else "")
    if not urn:
        raise unusable(database, "schools", "urn_empty", **what)
    if number is None or int(number[1]) not in URNS:
        laestab = (number is not None and int(number[1]) in _LAESTABS) or re.fullmatch(r"[0-9]{3}/[0-9]{4}", urn)
        raise unusable(database, "schools", "urn_laestab" if laestab else "urn_wrong", **what)
    if not name:
        raise unusable(database, "schools", "name_empty", **what)
    try:
        return SchoolSettings(urn=int(number[1]), name=name, school=value)
    except ValueError:
        raise unusable(database, "schools", "name_wrong", **what) from None


def _shown(value: str | None) -> str:
    """Return a value of `school` if it cannot be a name."""
    return value if value and _NO_NAME.fullmatch(value) else ""


def _maps(database: DatabaseSettings, school: SchoolSettings | None = None) -> Maps:
    codes = database.codes | school.codes if school else database.codes
    return Maps(codes=codes, sessions=database.sessions, year_groups=database.year_groups)


@lru_cache(maxsize=64)  # more than a window has
def _date(value: date | str) -> date | None:
    if not isinstance(value, str):
        return date(value.year, value.month, value.day)
    try:
        return date.fromisoformat(value) if len(value) == len("2026-11-23") else None
    except ValueError:
        return None
