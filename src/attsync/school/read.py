"""Reads a database: two grouped statements for all its schools, folded one school at a time.

The number of statements does not grow with schools; rows are streamed, so memory does not either (SPEC.md 9).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

from attsync.fold import Fold, Maps, MarkRow, PupilRow, RollRow
from attsync.model import School, SchoolDays, Unlisted
from attsync.problems import SchoolError
from attsync.school.connect import snapshot
from attsync.school.statements import (
    Source,
    administrators_statement,
    broken,
    marks_statement,
    roll_statement,
    schools_statement,
    source,
)
from attsync.settings import DatabaseSettings, SchoolSettings
from attsync.window import Window

_ROWS_AT_A_TIME = 2_000


def read(
    database: DatabaseSettings, schools: Iterable[SchoolSettings], wanted: Collection[int], window: Window
) -> Iterator[SchoolDays | Unlisted]:
    """Give the days of each school of `schools` whose URN is wanted, one school after the other.

    The marks and the roll of the other schools are not read. Rows of schools that are not in `schools` are counted and
    told at the end, never sent. Raises SchoolError, before the first school or between two.
    """
    listed = {school.school: school for school in schools}
    asked = {value: school for value, school in listed.items() if school.urn in wanted}
    leave_out = sorted(listed.keys() - asked.keys())
    with snapshot(database) as connection:
        marks = source(connection, database, "marks", window)
        roll = source(connection, database, "roll", window)
        for each in (marks, roll):
            _tell_schools_apart(database, each, listed)
        statement = roll_statement(roll, window, database.leaving_date_is, leave_out if "school" in roll else ())
        roll_rows = defaultdict[str | None, list[RollRow]](list)
        for school, year_group, not_dates, *on_roll in connection.execute(statement):
            roll_rows[school].append(RollRow(year_group, not_dates, tuple(on_roll)))
        statement = marks_statement(marks, window, leave_out if "school" in marks else ())
        rows = connection.execution_options(yield_per=_ROWS_AT_A_TIME).execute(statement)
        unlisted = 0
        for value, mark_rows in groupby(rows, itemgetter(0)):
            found = asked.pop(value if "school" in marks else next(iter(asked)), None)
            if found is None:
                unlisted += sum(marks for *_, marks, pupils in mark_rows if pupils is None)
            else:
                yield _fold(database, found, window, mark_rows, _roll_of(found, roll, roll_rows))
        for found in asked.values():
            yield _fold(database, found, window, (), _roll_of(found, roll, roll_rows))
        if unlisted:
            yield Unlisted(database.name, unlisted)


def holds_permission(database: DatabaseSettings, school: SchoolSettings, username: str) -> bool:
    """Look up whether `username` may administer data returns for `school` now. Raises SchoolError."""
    with snapshot(database) as connection:
        administrators = source(connection, database, "administrators", None)
        return bool(connection.execute(administrators_statement(administrators, username, school.school)).scalar())


def schools_of(database: DatabaseSettings) -> tuple[SchoolSettings, ...]:
    """List the schools of a database: those of the settings, or what its `schools` SELECT gives. Raises SchoolError."""
    if database.select.schools is None:
        return database.schools
    with snapshot(database) as connection:
        rows = connection.execute(schools_statement(source(connection, database, "schools", None))).all()
    try:
        return tuple(SchoolSettings(urn=int(urn), name=name, school=value) for value, urn, name in rows)
    except (ValueError, TypeError):
        raise broken(database, "schools", "a school in it has no value, no name or no URN of 6 digits") from None


def _tell_schools_apart(database: DatabaseSettings, each: Source, listed: Collection[str]) -> None:
    if "school" not in each and len(listed) > 1:
        raise SchoolError(
            "DB-SCHOOLS",
            f"{database.name}: {len(listed)} schools are listed, but the {each.name} SELECT has no school column."
            " Nothing was sent for them.",
            f"Add the column school to {each.name} under [database.select] in the settings file.",
        )


def _roll_of(school: SchoolSettings, roll: Source, rows: Mapping[str | None, list[RollRow]]) -> list[RollRow]:
    return rows.get(school.school if "school" in roll else None, [])


def _fold(
    database: DatabaseSettings,
    school: SchoolSettings,
    window: Window,
    mark_rows: Iterable[tuple[Any, ...]],
    roll_rows: Iterable[RollRow],
) -> SchoolDays:
    maps = Maps(codes=database.codes | school.codes, sessions=database.sessions, year_groups=database.year_groups)
    fold = Fold(School(school.urn, school.name), maps, window)
    for _, day, session, year_group, code, marks, pupils in mark_rows:
        if pupils is None:
            fold.add(MarkRow(_date(database, day), session, year_group, code, marks))
        else:
            fold.add_pupils(PupilRow(_date(database, day), session, marks, pupils))
    for row in roll_rows:
        fold.add_roll(row)
    return fold.days()


def _date(database: DatabaseSettings, value: date | str) -> date:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else date(value.year, value.month, value.day)
    except ValueError:
        raise broken(database, "marks", "its date column holds texts that are not dates (YYYY-MM-DD)") from None
