"""The SQL that attsync puts around the SELECTs of the settings file, for every kind of database.

Filters are half-open on the raw column, so that an index serves; casts stand only in what is selected and grouped
(SPEC.md 4). All text is compared trimmed and byte by byte: `L` is never `l`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Literal

from sqlalchemy import (
    BindParameter,
    ColumnClause,
    ColumnElement,
    Connection,
    Date,
    Executable,
    Integer,
    String,
    Subquery,
    Text,
    and_,
    bindparam,
    case,
    cast,
    column,
    false,
    func,
    literal,
    null,
    or_,
    select,
    text,
    type_coerce,
    union_all,
)
from sqlalchemy.sql.elements import quoted_name

from attsync.problems import SchoolError
from attsync.settings import DatabaseSettings
from attsync.sql_text import NotOneSelect, prepare
from attsync.window import Window

SelectName = Literal["marks", "roll", "administrators", "schools"]

NEEDED: Final[dict[SelectName, tuple[str, ...]]] = {
    "marks": ("date", "session", "year_group", "code"),
    "roll": ("year_group", "entry_date", "leaving_date"),
    "administrators": ("username",),
    "schools": ("school", "urn", "name"),
}

_BYTEWISE: Final = {
    "postgresql": "C",
    "sqlite": "BINARY",
    "mysql": "utf8mb4_bin",
    "mariadb": "utf8mb4_bin",
    "mssql": "Latin1_General_100_BIN2",
}
"""Collation under which text is equal only if its bytes are."""

_POSTGRESQL_TEXT: Final = (18, 19, 25, 705, 1042, 1043)  # "char", name, text, unknown, bpchar, varchar
_MYSQL_TEXT: Final = (15, 252, 253, 254)  # VARCHAR, BLOB and TEXT, VAR_STRING, STRING

_NO_DATE_BEFORE: Final = date(1000, 1, 1)  # MySQL's zero date and its like stand for "none"

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Source:
    """One SELECT of the settings, wrapped, with the columns that it turned out to have."""

    name: SelectName
    subquery: Subquery
    names: dict[str, str]
    """Our name of a column -> its name in the SELECT, in the case that the database gives it."""
    texts: frozenset[str]
    """Those of our columns that hold text, or may: dates in them are ISO text."""
    dialect: str

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def column(self, name: str) -> ColumnElement[Any]:
        """Give the raw column."""
        return self.subquery.c[self.names[name]]

    def text(self, name: str) -> ColumnElement[Any]:
        """Give the column as trimmed text that compares byte by byte; NULL where there is no such column."""
        if name not in self.names:
            return cast(null(), self._string())
        trimmed = func.trim(cast(self.column(name), self._string()))
        collation = _BYTEWISE.get(self.dialect)
        return trimmed.collate(collation) if collation else trimmed

    def day(self, name: str) -> ColumnElement[Any]:
        """Give the date of a DATE, a local timestamp or an ISO text."""
        if name in self.texts:
            cut = func.substring if self.dialect == "mssql" else func.substr
            return cut(cast(self.column(name), self._string()), 1, 10)
        return cast(self.column(name), Date)

    def before(self, name: str, day: date) -> ColumnElement[bool]:
        """Tell whether the raw column lies before the beginning of `day`."""
        if name in self.texts:
            return type_coerce(self.column(name), Text) < literal(day.isoformat(), Text)
        return type_coerce(self.column(name), Date) < literal(day, Date)

    def _string(self) -> Any:  # noqa: ANN401
        # A length is needed where CAST AS VARCHAR cuts at 30 (SQL Server) or wants one (Oracle).
        return String(400) if self.dialect in ("mssql", "oracle") else (String() if self._is_mysql else Text())

    @property
    def _is_mysql(self) -> bool:
        return self.dialect in ("mysql", "mariadb")


def source(connection: Connection, database: DatabaseSettings, name: SelectName, window: Window | None) -> Source:
    """Wrap the SELECT `name` and ask the database which columns it has, without reading a row. Raises SchoolError."""
    dialect = connection.dialect.name
    try:
        prepared = prepare(getattr(database.select, name) or "", mysql=dialect in ("mysql", "mariadb"))
    except NotOneSelect as error:
        raise broken(database, name, str(error)) from None
    wrapped = text(prepared.text)
    if window is not None:
        dates = {"start": window.first, "end": window.end}
        wrapped = wrapped.bindparams(*(bindparam(key, dates[key], Date) for key in sorted(prepared.parameters)))
    probe = select(text("*")).select_from(wrapped.columns().subquery(name)).where(text("1 = 0"))
    with connection.execute(probe) as result:
        described = result.cursor.description or ()
    names = {entry[0].lower(): entry[0] for entry in described}
    missing = [need for need in NEEDED[name] if need not in names]
    if missing:
        raise broken(database, name, f"it has no column {' and no column '.join(missing)}")
    columns: list[ColumnClause[Any]] = [column(quoted_name(entry[0], quote=True)) for entry in described]
    texts = frozenset(entry[0].lower() for entry in described if _is_text(dialect, entry[1]))
    return Source(name, wrapped.columns(*columns).subquery(name), names, texts, dialect)


def marks_statement(source: Source, window: Window, leave_out: Sequence[str]) -> Executable:
    """Count the marks of the window for each school, date, session, year group and code, in order of school.

    Rows: school, date, session, year_group, code, marks, pupils. Where the SELECT has a `pupil`, more rows follow, one
    a session, with year_group and code NULL: `marks` counts its rows that name a pupil, `pupils` the different ones.
    Schools whose value is in `leave_out` are not read.
    """
    typed = select(
        source.text("school").label("school"),
        source.day("date").label("day"),
        source.text("session").label("session"),
        source.text("year_group").label("year_group"),
        source.text("code").label("code"),
        (source.column("pupil") if "pupil" in source else null()).label("pupil"),
    ).where(~source.before("date", window.first), source.before("date", window.end))
    if leave_out:
        typed = typed.where(_asked_for(source, leave_out))
    mark = typed.subquery("mark").c
    place = (mark.school, mark.day, mark.session)
    group = (*place, mark.year_group, mark.code)
    counted = select(*group, func.count().label("marks"), cast(null(), Integer).label("pupils")).group_by(*group)
    if "pupil" not in source:
        return counted.order_by(mark.school)
    pupils = select(*place, null(), null(), func.count(mark.pupil), func.count(mark.pupil.distinct())).group_by(*place)
    return union_all(counted, pupils).order_by("school")


def roll_statement(source: Source, window: Window, leaving_date_is: str, leave_out: Sequence[str]) -> Executable:
    """Count the pupils on roll for each school and year group, as at each day of the window, in one pass.

    Rows: school, year_group, not_dates, then one number a day. A pupil counts on a day if the entry date is not after
    it and the leaving date, where there is one, not before it (DOMAIN.md 6); with `leaving_date_is` "first_day_off"
    the leaving date itself no longer counts.
    """
    pupil = source.column("pupil") if "pupil" in source else literal(1)
    counts = []
    for number, day in enumerate(window):
        last_out = day if leaving_date_is == "last_day" else day + _DAY
        on_roll = and_(
            or_(_none(source, "entry_date"), source.before("entry_date", day + _DAY)),
            or_(_none(source, "leaving_date"), ~source.before("leaving_date", last_out)),
        )
        counted = case((on_roll, pupil))
        counts.append(func.count(counted.distinct() if "pupil" in source else counted).label(f"day_{number}"))
    not_dates = or_(_not_a_date(source, "entry_date"), _not_a_date(source, "leaving_date"))
    typed = select(
        source.text("school").label("school"),
        source.text("year_group").label("year_group"),
        func.count(case((not_dates, 1))).label("not_dates"),
        *counts,
    )
    if leave_out:
        typed = typed.where(_asked_for(source, leave_out))
    return typed.group_by(source.text("school"), source.text("year_group"))


def administrators_statement(source: Source, username: str, school: str) -> Executable:
    """Count the rows that give `username` the permission, for `school` where the SELECT tells schools apart."""
    found = select(func.count()).where(source.text("username") == username)
    return found.where(source.text("school") == school) if "school" in source else found


def schools_statement(source: Source) -> Executable:
    """List the schools: school, urn, name."""
    return select(source.text("school"), source.text("urn"), source.text("name")).distinct()


def broken(database: DatabaseSettings, name: SelectName, why: str) -> SchoolError:
    """Say that the SELECT `name` of the settings cannot be used."""
    return SchoolError(
        "DB-SELECT",
        f"{database.name}: the {name} SELECT cannot be used: {why}. Nothing was sent for its schools.",
        f"Mend {name} under [database.select] in the settings file; it needs the columns {', '.join(NEEDED[name])}.",
    )


def _is_text(dialect: str, type_code: object) -> bool:
    match dialect:
        case "sqlite":
            return True  # its columns have no types; dates are ISO text
        case "postgresql":
            return type_code in _POSTGRESQL_TEXT
        case "mysql" | "mariadb":
            return type_code in _MYSQL_TEXT
        case _:
            return type_code is str


def _none(source: Source, name: str) -> ColumnElement[bool]:
    if name in source.texts:
        return func.nullif(source.text(name), "").is_(None)
    return or_(source.column(name).is_(None), source.before(name, _NO_DATE_BEFORE))


def _not_a_date(source: Source, name: str) -> ColumnElement[bool]:
    if name in source.texts:
        return and_(~_none(source, name), source.text(name).not_like("____-__-__%"))
    return false()


def _asked_for(source: Source, leave_out: Sequence[str]) -> ColumnElement[bool]:
    # Written into the SQL, not bound: a supplier's list is longer than the parameters that a statement may have.
    school = source.text("school")
    values: BindParameter[Any] = bindparam("leave_out", list(leave_out), expanding=True, literal_execute=True)
    return or_(school.is_(None), school.not_in(values))
