"""A first look at a school database, for `attsync check`: each SELECT tried on its own, rows counted, rights asked.

Only counts, and names and types of columns, come out. Knows facts; refuses to have an opinion.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from time import monotonic
from typing import Any, Literal

from sqlalchemy import Connection, func, select

from attsync.database.engine import knows_london, running, snapshot
from attsync.database.reader import read, schools_of
from attsync.database.rights import index_serves, writes
from attsync.database.source import NEEDED, SelectName, Source, source
from attsync.database.statements import marks_statement, overlaps_statement, rows_statement
from attsync.model import SchoolDays, Unlisted
from attsync.problems import Problem, SchoolError
from attsync.settings import DatabaseSettings
from attsync.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectFacts:
    """What one SELECT of the settings turned out to give."""

    name: SelectName
    problem: Problem | None = None
    """Why it gives nothing."""
    columns: tuple[tuple[str, str], ...] = ()
    """Those that attsync uses, with their types."""
    rows: int = 0
    no_date: int = 0
    not_dates: int = 0
    in_utc: int = 0
    """Texts that say that they are in UTC."""
    overlaps: int = 0
    """Pupils on roll today in more than one year group."""
    has_index: bool | None = None
    """None: not asked."""
    seconds: float = 0.0

    @property
    def has_pupil(self) -> bool:
        """The rows say which belong to one pupil."""
        return any(name == "pupil" for name, _ in self.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """What one database turned out to be."""

    name: str
    problem: Problem | None = None
    """Why nothing could be tried."""
    address: Literal["url", "url_file"] = "url"
    """The setting that holds its address."""
    kind: str = ""
    writes: tuple[str, ...] | None = None
    """What its account may do besides reading; None: not asked."""
    knows_london: bool = True
    selects: tuple[SelectFacts, ...] = ()
    schools: tuple[SchoolDays, ...] = ()
    unlisted: int = 0
    seconds: float = 0.0
    """What the two statements of a send took."""

    @property
    def fails(self) -> bool:
        """Its schools could not be read."""
        return bool(self.problem or any(select.problem for select in self.selects))


def look(database: DatabaseSettings, only: Collection[int], window: Window) -> DatabaseFacts:
    """Look at `database`, and read the window of its schools, or of those of `only`, as a send does."""
    address: Literal["url", "url_file"] = "url_file" if database.url_file else "url"
    try:
        with snapshot(database, window) as connection:
            kind, account, zone = connection.dialect.name, writes(connection), knows_london(connection)
    except SchoolError as error:
        return DatabaseFacts(name=database.name, problem=error.problem, address=address)
    names = [name for name in NEEDED if getattr(database.select, name)]
    selects = tuple(_try(database, name, window) for name in names)
    schools: list[SchoolDays] = []
    unlisted = 0
    problem = None
    started = monotonic()
    if not any(each.problem for each in selects):
        try:
            listed = schools_of(database)
            wanted = [school.urn for school in listed if not only or school.urn in only]
            for found in read(database, listed, wanted, window) if wanted else ():
                if isinstance(found, Unlisted):
                    unlisted = found.marks
                else:
                    schools.append(found)
        except SchoolError as error:
            problem = error.problem
    return DatabaseFacts(
        name=database.name,
        problem=problem,
        address=address,
        kind=kind,
        writes=account,
        knows_london=zone,
        selects=selects,
        schools=tuple(schools),
        unlisted=unlisted,
        seconds=monotonic() - started,
    )


def _try(database: DatabaseSettings, name: SelectName, window: Window) -> SelectFacts:
    started = monotonic()
    try:
        with snapshot(database, window) as connection:
            found = source(connection, database, name, window if name in ("marks", "roll") else None)
            running(connection, name)
            rows, *more = connection.execute(rows_statement(found)).one()
            columns = tuple((each, found.types[each]) for each in (*NEEDED[name], "school", "pupil") if each in found)
            if connection.dialect.name == "sqlite":
                columns = _types_of_values(connection, found, columns)
            facts = {"rows": rows, **dict(zip(("no_date", "not_dates", "in_utc"), more, strict=False))}
            if name == "marks":
                statement = marks_statement(found, window, (), sessions=database.sessions, unmarked=())
                facts["has_index"] = index_serves(connection, statement, window.first)
            if name == "roll" and "pupil" in found:
                overlapping = overlaps_statement(found, window.last, database.leaving_date_is)
                facts["overlaps"] = connection.execute(overlapping).scalar()
            return SelectFacts(name=name, columns=columns, seconds=monotonic() - started, **facts)
    except SchoolError as error:
        return SelectFacts(name=name, problem=error.problem)


def _types_of_values(
    connection: Connection, found: Source, columns: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    """Ask SQLite, whose columns have no types, what their values are."""
    parts: list[Any] = []
    for name, _ in columns:
        kind: Callable[[Any], Any] = func.typeof
        value = func.nullif(kind(found.column(name)), "null")
        parts += [func.min(value), func.max(value)]
    low_high = connection.execute(select(*parts)).one()
    pairs = zip(columns, low_high[::2], low_high[1::2], strict=True)
    return tuple((name, " or ".join(sorted({low, high} - {None})) or "only NULL") for (name, _), low, high in pairs)
