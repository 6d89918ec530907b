"""Reads a database: a grouped statement for the marks, one for the roll and one for the proofs, for all its schools.

The number of statements does not grow with schools; rows are streamed, and tallied one school at a time. What a value
means is not decided here.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
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
    marks_statement,
    proof_statement,
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
_NO_NAME: Final = re.compile(r"[A-Z0-9][A-Z0-9/_.-]{0,15}")
"""A value of `school` that is no pupil's name, and can be shown."""


@dataclass(slots=True)
class _Roll:
    """The roll of one school."""

    rows: list[RollRow] = field(default_factory=list)
    pupils: tuple[int, ...] = ()
    """Of each day: pupils on roll, each counted once; empty: not known."""
    in_two_groups: tuple[int, ...] = ()
    has_too_many: bool = False
    """More year groups than are possible: a wrong column, perhaps of names. Nothing of it is kept."""


@dataclass(slots=True)
class _Proof:
    """What the column pupil proves to be wrong, on one day of one school."""

    doubled: PupilRow | None = None
    not_on_roll: int = 0


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
    leave_out = sorted(listed.keys() - asked.keys())
    common = _maps(database)  # what it has found for one school it has for the next
    maps = {value: _maps(database, school) if school.codes else common for value, school in asked.items()}
    days = [day for day in window if unproven is None or day in unproven]
    with snapshot(database, window, deadline) as look:
        marks = source(look, database, "marks", window)
        roll = source(look, database, "roll", window)
        for each in (marks, roll):
            if "school" not in each and len(listed) > 1:
                raise SchoolError("DB-SCHOOLS", name=database.name, select=each.name, schools=len(listed))
        rolls = _read_rolls(look, roll, window, asked, leave_out)
        unmarked = frozenset.intersection(*(each.unmarked() for each in maps.values()))
        proofs = _read_proofs(look, (marks, roll), window, days, asked, leave_out, unmarked)

        def tallied(school: SchoolSettings, mark_rows: Iterable[Sequence[Any]]) -> SchoolDays:
            mine = rolls.pop(school.school if "school" in roll else None, _Roll())
            proven = proofs.pop(school.school if "school" in marks else None, {})
            if mine.has_too_many:
                problem = Problem("COLUMN-WRONG", "roll_groups", name=database.name, most=_MOST_YEAR_GROUPS)
                return SchoolDays(school=School(school.urn, school.name), problem=problem)
            tally = Tally(School(school.urn, school.name), maps[school.school], window, provable="pupil" in marks)
            for _, day, session, year_group, code, number in mark_rows:
                tally.add(MarkRow(_date(day), session, year_group, code, number))
            for row in mine.rows:
                tally.add_roll(row)
            for number, day in enumerate(window):
                proof = proven.get(day, _Proof())
                if proof.doubled:
                    tally.add_pupils(proof.doubled)
                on_roll = mine.pupils[number] if mine.pupils else 0 if "pupil" in roll else None
                in_two = mine.in_two_groups[number] if mine.pupils else 0
                tally.add_proof(ProofRow(day, on_roll, in_two, proof.not_on_roll, "pupil" in marks and day in days))
            return tally.days()

        unlisted = 0
        statement = marks_statement(marks, window, leave_out if "school" in marks else ())
        rows = counted(look.stream(statement, "marks"), f"{database.name}: marks")
        for value, mark_rows in groupby(rows, itemgetter(0)):
            found = asked.pop(value if "school" in marks else next(iter(asked)), None)
            if found is None:
                unlisted += sum(number for *_, code, number in mark_rows if not common.is_unmarked(code or ""))
            else:
                yield tallied(found, mark_rows)
        for found in asked.values():
            yield tallied(found, ())
        if unlisted:
            yield Unlisted(database.name, unlisted)


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
        raise unusable(database, "schools", "school_empty", urn=number[1] if number and len(number[1]) < 8 else "")
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
    return value if value and _NO_NAME.fullmatch(value) and (len(value) <= 4 or re.search("[0-9]", value)) else ""


def _read_rolls(
    look: Snapshot, roll: Source, window: Window, asked: Collection[str], leave_out: Sequence[str]
) -> dict[str | None, _Roll]:
    """Read the roll of every school that is asked for."""
    statement = roll_statement(roll, window, look.database.leaving_date_is, leave_out if "school" in roll else ())
    rolls = defaultdict[str | None, _Roll](_Roll)
    length = len([*window])
    rows = counted(look.stream(statement, "roll", slowly=False), f"{look.database.name}: roll")
    for school, year_group, not_dates, endless, *numbers in rows:
        if "school" in roll and school not in asked:
            continue
        if numbers[0] is None:  # the sums of an empty roll
            continue
        mine = rolls[school]
        on_roll = tuple(map(int, numbers[:length]))
        if numbers[length] is not None:
            mine.pupils, mine.in_two_groups = on_roll, tuple(map(int, numbers[length:]))
        elif mine.has_too_many or len(mine.rows) == _MOST_YEAR_GROUPS:
            mine.has_too_many = True
            mine.rows.clear()
        else:
            mine.rows.append(RollRow(year_group, int(not_dates), int(endless), on_roll))
    return rolls


def _read_proofs(
    look: Snapshot,
    sources: tuple[Source, Source],
    window: Window,
    days: Sequence[date],
    asked: Collection[str],
    leave_out: Sequence[str],
    unmarked: Collection[str],
) -> dict[str | None, dict[date, _Proof]]:
    """Read what the column pupil proves to be wrong on `days`."""
    marks, roll = sources
    if "pupil" not in marks or not days:
        return {}
    statement = proof_statement(
        marks,
        roll if "pupil" in roll else None,
        window,
        days,
        leave_out if "school" in marks else (),
        leaving_date_is=look.database.leaving_date_is,
        sessions=look.database.sessions,
        unmarked=unmarked,
    )
    proofs = defaultdict[str | None, dict[date, _Proof]](lambda: defaultdict(_Proof))
    rows = counted(look.stream(statement, "marks", slowly=False), f"{look.database.name}: proof")
    for school, text, session, number, pupils, not_on_roll in rows:
        day = _date(text)
        if day is None or ("school" in marks and school not in asked):
            continue
        proof = proofs[school][day]
        proof.not_on_roll += int(not_on_roll)
        before = proof.doubled
        if number - pupils > (before.rows - before.pupils if before else 0):
            proof.doubled = PupilRow(day, session, number, pupils)
    return proofs


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
