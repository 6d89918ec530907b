"""Reads a database: a grouped statement for the marks, one for the roll and one for the proofs, for all its schools.

The number of statements does not grow with schools; rows are streamed, and tallied one school at a time. Does not
decide what a value means.
"""

import pickle
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Final
from zlib import compress, decompress

from attsync.database.engine import Snapshot, snapshot
from attsync.database.source import Source, source, unusable
from attsync.database.statements import (
    administrators_statement,
    doubled_statement,
    first_mark_statement,
    marks_statement,
    not_on_roll_statement,
    roll_statement,
    schools_statement,
    suspects_statement,
)
from attsync.deadline import Deadline
from attsync.mapping import Maps
from attsync.model import URNS, School, SchoolDays, Unlisted
from attsync.problems import Problem, SchoolError, SettingsError
from attsync.settings import DatabaseSettings, SchoolSettings
from attsync.tally import MarkRow, Proofs, PupilRow, RollRow, Tally, prove
from attsync.window import Window

_MOST_SCHOOLS: Final = 25_000
"""All of England has 22,000."""
_URN: Final = re.compile(r"0*([0-9]+)(?:\.0+)?")
_LAESTABS: Final = range(1_000_000, 10_000_000)
"""A number of seven digits is the DfE's other one: local authority and establishment."""
_NO_NAME: Final = re.compile(r"[A-Z]{1,4}|(?=.*[0-9])[A-Z0-9][A-Z0-9/_.-]{0,15}")
"""A value of `school` that is no pupil's name, and can be shown."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is to be read of one database."""

    look: Snapshot
    marks: Source
    roll: Source
    window: Window
    listed: Collection[str]
    """Values of all its schools."""
    asked: Mapping[str, SchoolSettings]
    """Value of school -> school, of those that are to be read."""
    maps: Maps
    """Those of the database."""
    unmarked: Collection[str]
    """Codes that mean "unmarked" in each of these schools."""

    def left_out_of(self, source: Source, asked: Collection[str]) -> Sequence[str]:
        """Return the schools that a statement about `source` leaves out to read those of `asked`."""
        return sorted(set(self.listed) - set(asked)) if "school" in source else ()

    def school_of(self, source: Source, value: str | None) -> str | None:
        """Return the school of a row: its value, or the only school; None if it is not asked for."""
        value = value if "school" in source else next(iter(self.asked))
        return value if value in self.asked else None

    def read_roll(self, tallies: Mapping[str, Tally]) -> None:
        """Put the pupils on roll into the tally of each school."""
        leave_out = self.left_out_of(self.roll, self.asked)
        statement = roll_statement(self.roll, self.window, self.look.database.leaving_date_is, leave_out)
        pupils: dict[str, Sequence[int]] = {}
        for value, year_group, is_total, not_dates, endless, *numbers in self.look.stream(statement, "roll"):
            if (school := self.school_of(self.roll, value)) is None:
                continue
            on_roll = tuple(int(number or 0) for number in numbers)  # without any rows, the sum is NULL
            if is_total:
                pupils[school] = on_roll
            else:
                tallies[school].add_roll(RollRow(year_group, int(not_dates or 0), int(endless or 0), on_roll))
        if "pupil" in self.roll:
            for school, tally in tallies.items():
                tally.add_pupils(pupils.get(school))

    def proofs(self, days: Collection[date], asked: Collection[str]) -> Mapping[str, Proofs]:
        """Return what the column pupil proves for `days`, for each school of `asked`.

        Most schools have nothing to count: they are ruled out together, by one statement.
        """
        if not days or "pupil" not in self.marks:
            return {school: Proofs() for school in asked}
        found = {school: Proofs(days) for school in asked}
        database, days = self.look.database, sorted(days)
        suspects = suspects_statement(
            self.marks,
            self.roll,
            days,
            self.left_out_of(self.marks, asked),
            sessions=database.sessions,
            leaving_date_is=database.leaving_date_is,
        )
        doubled, absent = set[str](), set[str]()
        for value, is_doubled, is_absent in self.look.stream(suspects, "marks"):
            school = self.school_of(self.marks, value)
            if school in found:
                doubled.update([school] * is_doubled)
                absent.update([school] * is_absent)
        if doubled:
            self._prove_doubled(found, days, doubled)
        if absent:
            self._prove_absent(found, days, absent)
        return found

    def _prove_doubled(self, found: dict[str, Proofs], days: Sequence[date], asked: Collection[str]) -> None:
        database, leave_out = self.look.database, self.left_out_of(self.marks, asked)
        statement = doubled_statement(self.marks, days, leave_out, sessions=database.sessions, unmarked=self.unmarked)
        for value, at, session, number, pupils, nameless in self.look.stream(statement, "marks"):
            school, day = self.school_of(self.marks, value), _date(at)
            if school is not None and school in found:
                found[school].nameless[day] += nameless
                row, before = PupilRow(session, number, pupils), found[school].doubled.get(day)
                if row.rows - row.pupils > (before.rows - before.pupils if before else 0):
                    found[school].doubled[day] = row

    def _prove_absent(self, found: dict[str, Proofs], days: Sequence[date], asked: Collection[str]) -> None:
        statement = not_on_roll_statement(
            self.marks,
            self.roll,
            days,
            self.left_out_of(self.marks, asked),
            leaving_date_is=self.look.database.leaving_date_is,
            unmarked=self.unmarked,
        )
        for value, at, number in self.look.stream(statement, "marks"):
            school, day = self.school_of(self.marks, value), _date(at)
            if school is not None and school in found:
                found[school].not_on_roll[day] += number

    def _require_dates(self) -> None:
        """Raise SchoolError if there are marks, but none has a date that can be read: all would be sent as 0."""
        there, dated = (
            self.look.all(first_mark_statement(self.marks, is_dated=each), "marks") for each in (False, True)
        )
        if there and not dated:
            raise SchoolError("COLUMN-WRONG", "no_dates", name=self.look.database.name)

    def schools(
        self, tallies: dict[str, Tally], unproven: Callable[[SchoolDays], Collection[date]] | None
    ) -> Iterator[SchoolDays | Unlisted]:
        """Read the marks, and return each school when they are tallied, or when more of its days are proven."""
        window = self.window
        proofs = self.proofs([window.last] if unproven else [*window], tallies)
        kept: dict[str, bytes] = {}
        days: set[date] = set()
        unlisted = 0
        has_marks = False
        statement = marks_statement(self.marks, window, self.left_out_of(self.marks, tallies))
        for value, rows in groupby(self.look.stream(statement, "marks"), itemgetter(0)):
            school, has_marks = self.school_of(self.marks, value), True
            if school is None:
                unlisted += sum(number for *_, code, number in rows if not self.maps.is_unmarked(code or ""))
                continue
            tally = tallies.pop(school)
            for _, day, session, year_group, code, number in rows:
                tally.add(MarkRow(_date(day), session, year_group, code, number))
            found = prove(tally.days(), window, proofs[school])
            if more := unproven(found) if unproven and found.provable else ():
                kept[school] = compress(pickle.dumps(found))  # otherwise those of many schools would fill the memory
                days.update(more)
            else:
                yield found
        if not has_marks:
            self._require_dates()
        for school, tally in tallies.items():
            yield prove(tally.days(), window, proofs[school])
        proofs = self.proofs(days, kept)
        for school, content in kept.items():
            yield prove(pickle.loads(decompress(content)), window, proofs[school])  # noqa: S301  made above
        if unlisted:
            yield Unlisted(self.look.database.name, unlisted)


def read(
    database: DatabaseSettings,
    schools: Iterable[SchoolSettings],
    wanted: Collection[int],
    window: Window,
    deadline: Deadline,
    unproven: Callable[[SchoolDays], Collection[date]] | None = None,
) -> Iterator[SchoolDays | Unlisted]:
    """Return the days of each school of `schools` whose URN is wanted, one school after the other.

    The marks and the roll of the other schools are not read. Rows of schools that are not in `schools` are counted and
    returned last, never sent. What the column pupil proves is looked for on every day or, with `unproven`, on the last
    day and on those that it returns for a school (docs/design/counting.md 6). Raise SchoolError, before the first
    school or between two.
    """
    listed = {school.school: school for school in schools}
    asked = {value: school for value, school in listed.items() if school.urn in wanted}
    common = _maps(database)  # shared, as its cache also serves the next school
    maps = {value: _maps(database, school) if school.codes else common for value, school in asked.items()}
    with snapshot(database, window, deadline) as look:
        marks, roll = source(look, database, "marks", window), source(look, database, "roll", window)
        for each in (marks, roll):
            if "school" not in each and len(listed) > 1:
                raise SchoolError("DB-SCHOOLS", name=database.name, select=each.name, schools=len(listed))
        unmarked = frozenset.intersection(*(each.unmarked() for each in maps.values()))
        reading = _Reading(look, marks, roll, window, listed, asked, common, unmarked)
        tallies = {
            value: Tally(School(school.urn, school.name), maps[value], window, provable="pupil" in marks)
            for value, school in asked.items()
        }
        reading.read_roll(tallies)
        yield from reading.schools(tallies, unproven)


def holds_permission(database: DatabaseSettings, school: SchoolSettings, username: str, deadline: Deadline) -> bool:
    """Look up whether `username` has the permission for `school` now. Raise SchoolError."""
    with snapshot(database, None, deadline) as look:
        administrators = source(look, database, "administrators", None)
        ((number,),) = look.all(administrators_statement(administrators, username, school.school), "administrators")
        return bool(number)


def schools_of(database: DatabaseSettings, deadline: Deadline) -> tuple[SchoolSettings, ...]:
    """List the schools of a database: from the settings, or from its `schools` SELECT. Raise SchoolError."""
    if database.select.schools is None:
        return database.schools
    found: dict[int, SchoolSettings] = {}
    with snapshot(database, None, deadline) as look:
        rows = look.stream(schools_statement(source(look, database, "schools", None)), "schools")
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

    Raise SettingsError if one URN is in two databases: both would send the same days.
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
