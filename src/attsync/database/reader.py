"""Reads a database: two grouped statements for all its schools, folded one school at a time.

The number of statements does not grow with schools; rows are streamed, so memory does not either (SPEC.md 9). Knows
in which order things are asked; refuses to know what a value means.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection

from attsync.database.engine import allow_stream, running, snapshot
from attsync.database.errors import NOT_SENT
from attsync.database.source import Source, broken, source
from attsync.database.sql_logging import counted
from attsync.database.statements import administrators_statement, marks_statement, roll_statement, schools_statement
from attsync.mapping import Maps
from attsync.model import School, SchoolDays, Unlisted
from attsync.problems import SchoolError
from attsync.settings import DatabaseSettings, SchoolSettings
from attsync.tally import MarkRow, PupilRow, RollRow, Tally
from attsync.window import Window

_ROWS_AT_A_TIME = 2_000
_MOST_YEAR_GROUPS = 100
"""Different values of year_group that one school's roll may have."""


def read(
    database: DatabaseSettings, schools: Iterable[SchoolSettings], wanted: Collection[int], window: Window
) -> Iterator[SchoolDays | Unlisted]:
    """Give the days of each school of `schools` whose URN is wanted, one school after the other.

    The marks and the roll of the other schools are not read. Rows of schools that are not in `schools` are counted and
    told at the end, never sent. Raises SchoolError, before the first school or between two.
    """
    listed = {school.school: school for school in schools}
    asked = {value: school for value, school in listed.items() if school.urn in wanted}
    common = _maps(database)  # what it has found for one school it knows for the next
    maps = {value: _maps(database, school) if school.codes else common for value, school in asked.items()}
    leave_out = sorted(listed.keys() - asked.keys())
    with snapshot(database, window) as connection:
        marks = source(connection, database, "marks", window)
        roll = source(connection, database, "roll", window)
        for each in (marks, roll):
            _tell_schools_apart(database, each, listed)
        roll_rows = _read_roll(connection, database, roll, window, asked, leave_out)
        statement = marks_statement(
            marks,
            window,
            leave_out if "school" in marks else (),
            sessions=database.sessions,
            unmarked=frozenset.intersection(*(each.unmarked() for each in maps.values())),
        )
        running(connection, "marks")
        allow_stream(connection)
        unlisted = 0
        with connection.execution_options(yield_per=_ROWS_AT_A_TIME).execute(statement) as rows:
            for value, mark_rows in groupby(counted(rows, f"{database.name}: marks"), itemgetter(0)):
                found = asked.pop(value if "school" in marks else next(iter(asked)), None)
                if found is None:
                    unlisted += sum(
                        n for *_, code, n, pupils in mark_rows if pupils is None and not common.is_unmarked(code or "")
                    )
                else:
                    yield _tally_school(found, maps[found.school], window, mark_rows, _roll_of(found, roll, roll_rows))
        for found in asked.values():
            yield _tally_school(found, maps[found.school], window, (), _roll_of(found, roll, roll_rows))
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
        schools = tuple(SchoolSettings(urn=int(urn), name=name, school=value) for value, urn, name in rows)
    except (ValueError, TypeError):
        raise broken(database, "schools", "a school in it has no value, no name or no URN of 6 digits") from None
    if not schools:
        raise broken(database, "schools", "it gives no school")
    if len({school.urn for school in schools}) < len(schools) or len({s.school for s in schools}) < len(schools):
        raise broken(database, "schools", "two schools in it have the same URN or the same value of school")
    return schools


def _tell_schools_apart(database: DatabaseSettings, each: Source, listed: Collection[str]) -> None:
    if "school" not in each and len(listed) > 1:
        raise SchoolError(
            "DB-SCHOOLS",
            f"{database.name}: {len(listed)} schools are listed, but the {each.name} SELECT has no school column.",
            f"Add the column school to {each.name} under [database.select] in the settings file.",
            not_done=NOT_SENT,
        )


def _read_roll(
    connection: Connection,
    database: DatabaseSettings,
    roll: Source,
    window: Window,
    asked: Collection[str],
    leave_out: Sequence[str],
) -> dict[str | None, list[RollRow]]:
    statement = roll_statement(roll, window, database.leaving_date_is, leave_out if "school" in roll else ())
    rows = defaultdict[str | None, list[RollRow]](list)
    running(connection, "roll")
    for school, year_group, not_dates, endless, *on_roll in counted(
        connection.execute(statement), f"{database.name}: roll"
    ):
        if "school" in roll and school not in asked:
            continue
        row = RollRow(year_group, not_dates, endless, tuple(on_roll))
        if len(rows[school]) < _MOST_YEAR_GROUPS:
            rows[school].append(row)
        else:  # more than there can be: a wrong column, perhaps of names. Keep nothing of it
            rows[school][-1] = _added(rows[school][-1], row)
    return rows


def _added(one: RollRow, other: RollRow) -> RollRow:
    on_roll = tuple(map(sum, zip(one.on_roll, other.on_roll, strict=True)))
    return RollRow(None, one.not_dates + other.not_dates, one.endless + other.endless, on_roll)


def _roll_of(school: SchoolSettings, roll: Source, rows: dict[str | None, list[RollRow]]) -> list[RollRow]:
    return rows.pop(school.school if "school" in roll else None, [])


def _maps(database: DatabaseSettings, school: SchoolSettings | None = None) -> Maps:
    codes = database.codes | school.codes if school else database.codes
    return Maps(codes=codes, sessions=database.sessions, year_groups=database.year_groups)


def _tally_school(
    school: SchoolSettings,
    maps: Maps,
    window: Window,
    mark_rows: Iterable[Sequence[Any]],
    roll_rows: Iterable[RollRow],
) -> SchoolDays:
    tally = Tally(School(school.urn, school.name), maps, window)
    for _, day, session, year_group, code, marks, pupils in mark_rows:
        if pupils is None:
            tally.add(MarkRow(_date(day), session, year_group, code, marks))
        else:
            tally.add_pupils(PupilRow(_date(day), session, marks, pupils))
    for row in roll_rows:
        tally.add_roll(row)
    return tally.days()


@lru_cache(maxsize=64)  # more than a window has
def _date(value: date | str) -> date | None:
    if not isinstance(value, str):
        return date(value.year, value.month, value.day)
    try:
        return date.fromisoformat(value) if len(value) == len("2026-11-23") else None
    except ValueError:
        return None
