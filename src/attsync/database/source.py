"""One SELECT of the settings, wrapped: the columns that it turned out to have, and how each is read (SPEC.md 4).

Refuses what would give wrong numbers in silence: rows left out, rows merged, dates that are numbers, a name that stands
for two columns. All text is compared trimmed and byte by byte: `L` is never `l`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, Literal

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    Connection,
    Date,
    String,
    Subquery,
    Text,
    Unicode,
    bindparam,
    cast,
    column,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    text,
    type_coerce,
)
from sqlalchemy.sql.elements import quoted_name

from attsync.database.engine import knows_london, london_offset, running
from attsync.database.errors import NOT_SENT
from attsync.database.sql_logging import PROBE
from attsync.problems import SchoolError
from attsync.settings import DatabaseSettings
from attsync.sql_guard import NotOneSelect, prepare
from attsync.window import Window

SelectName = Literal["marks", "roll", "administrators", "schools"]

NEEDED: Final[dict[SelectName, tuple[str, ...]]] = {
    "marks": ("date", "session", "year_group", "code"),
    "roll": ("year_group", "entry_date", "leaving_date"),
    "administrators": ("username",),
    "schools": ("school", "urn", "name"),
}
_DATES: Final = ("date", "entry_date", "leaving_date")
_USED: Final = frozenset({"school", "pupil", *(name for names in NEEDED.values() for name in names)})

_BYTEWISE: Final = {
    "postgresql": "C",
    "sqlite": "BINARY",
    "mysql": "utf8mb4_bin",
    "mariadb": "utf8mb4_bin",
    "mssql": "Latin1_General_100_BIN2",
}
"""Collation under which text is equal only if its bytes are. Oracle compares so unless it is told otherwise."""

Kind = Literal["text", "bytes", "number", "timestamp", "other"]
"""What a column holds, as far as it matters: "timestamp" is an instant that the server turns into a time of day."""

_POSTGRESQL: Final[dict[Kind, tuple[object, ...]]] = {
    "text": (18, 19, 25, 705, 1042, 1043),  # "char", name, text, unknown, bpchar, varchar
    "number": (20, 21, 23, 26, 700, 701, 790, 1700),
    "bytes": (17,),
}
_MYSQL: Final[dict[Kind, tuple[object, ...]]] = {
    "text": (15, 247, 248, 252, 253, 254),  # also BINARY and BLOB, whose bytes CAST takes for text
    "number": (0, 1, 2, 3, 4, 5, 8, 9, 13, 246),
    "timestamp": (7,),
}
_PYTHON: Final[dict[Kind, tuple[object, ...]]] = {"text": (str,), "number": (int, float, Decimal, bool)}

_NO_DATE_BEFORE: Final = date(1901, 1, 1)
"""0000-00-00, 0001-01-01, 1753-01-01, 1899-12-30, 1900-01-01: what systems write where there is no date."""


@dataclass(frozen=True, slots=True)
class Source:
    """One SELECT of the settings, wrapped, with the columns that it turned out to have."""

    name: SelectName
    subquery: Subquery
    names: Mapping[str, str]
    """Our name of a column -> its name in the SELECT, in the case that the database gives it."""
    kinds: Mapping[str, Kind]
    """What each of our columns holds; "text" where it may: dates in it are ISO text."""
    types: Mapping[str, str]
    """What the database calls the type of each column; empty where it has none (SQLite)."""
    dialect: str

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def column(self, name: str) -> ColumnElement[Any]:
        """Give the raw column."""
        return self.subquery.c[self.names[name]]

    def text(self, name: str) -> ColumnElement[Any]:
        """Give the column as trimmed text that compares byte by byte; NULL where there is no such column."""
        if name not in self.names:
            return cast(null(), self.string())
        raw = self.column(name)
        if self.dialect == "postgresql" and self.kinds[name] == "bytes":
            raw = func.encode(raw, literal_column("'escape'"))
        trimmed = func.trim(cast(raw, self.string()))
        collation = _BYTEWISE.get(self.dialect)
        return trimmed.collate(collation) if collation else trimmed

    def pupil(self) -> ColumnElement[Any]:
        """Give what tells pupils apart, so that `aB` is another than `ab`."""
        if self.dialect == "sqlite":
            return self.column("pupil").collate("BINARY")
        return self.text("pupil") if self.kinds["pupil"] == "text" else self.column("pupil")

    def day(self, name: str) -> ColumnElement[Any]:
        """Give the date of a DATE, a local timestamp or an ISO text."""
        if self.kinds[name] == "text":
            cut = func.substring if self.dialect == "mssql" else func.substr
            return cut(cast(self.column(name), self.string()), 1, 10)
        if self.dialect == "oracle":  # its DATE has a time of day
            return func.trunc(self.column(name))
        return cast(self.column(name), Date)

    def before(self, name: str, day: date) -> ColumnElement[bool]:
        """Tell whether the raw column lies before the beginning of `day`."""
        if self.kinds[name] == "text":
            kind = String(400) if self.dialect == "oracle" else Unicode(400) if self.dialect == "mssql" else Text()
            return type_coerce(self.column(name), kind) < literal(day.isoformat(), kind)
        return type_coerce(self.column(name), Date) < literal(day, Date)

    def none(self, name: str) -> ColumnElement[bool]:
        """Tell whether there is no date: NULL, an empty text, or a date that stands for none."""
        return or_(self.column(name).is_(None), self.before(name, _NO_DATE_BEFORE))

    def string(self) -> Any:  # noqa: ANN401  SQLAlchemy's types have no useful common one
        """Give the type in which texts are compared."""
        match self.dialect:
            case "mssql":
                return Unicode(400)  # VARCHAR cuts at 30, and makes an O of letters that its code page has not
            case "oracle":
                return String(400)
            case "mysql" | "mariadb":
                return _mysql_text()
            case _:
                return Text()


def source(connection: Connection, database: DatabaseSettings, name: SelectName, window: Window | None) -> Source:
    """Wrap the SELECT `name` and ask the database which columns it has, without reading a row. Raises SchoolError."""
    dialect = connection.dialect.name
    try:
        prepared = prepare(getattr(database.select, name) or "", dialect)
    except NotOneSelect as error:
        raise broken(database, name, str(error)) from None
    wrapped = text(prepared.text)
    if window is not None:
        dates = {"start": window.first, "end": window.end}
        wrapped = wrapped.bindparams(*(bindparam(key, dates[key], Date) for key in sorted(prepared.parameters)))
    elif prepared.parameters:
        raise broken(database, name, ":start and :end can stand in marks and roll only")
    running(connection, name)
    probe = (
        select(text("*")).select_from(wrapped.columns().subquery(name)).where(text("1 = 0")).execution_options(**PROBE)
    )
    with connection.execute(probe) as result:
        described = result.cursor.description or ()
    if dialect == "sqlite":  # it gives the second column of a name as `code:1`
        described = [(re.sub(r":[0-9]+\Z", "", entry[0]), *entry[1:]) for entry in described]
    names = {entry[0].lower(): entry[0] for entry in described}
    kinds = {entry[0].lower(): _kind(dialect, entry[1]) for entry in described}
    columns: list[ColumnClause[Any]] = [column(quoted_name(actual, quote=True)) for actual in names.values()]
    subquery = wrapped.columns(*columns).subquery(name)
    types = {entry[0].lower(): _type_name(dialect, entry) for entry in described}
    found = Source(name, subquery, names, kinds, types, dialect)
    if why := _what_is_wrong(found, [entry[0].lower() for entry in described], prepared.merges):
        raise broken(database, name, why)
    if window is not None and not knows_london(connection):
        _refuse_instants(database, found, window)
    return found


def broken(database: DatabaseSettings, name: SelectName, why: str) -> SchoolError:
    """Say that the SELECT `name` of the settings cannot be used."""
    return SchoolError(
        "DB-SELECT",
        f"{database.name}: the {name} SELECT cannot be used: {why}.",
        f"Mend {name} under [database.select] in the settings file; it needs the columns {', '.join(NEEDED[name])}.",
        not_done=NOT_SENT,
    )


def _what_is_wrong(found: Source, names: Iterable[str], merges: str | None) -> str | None:
    if missing := [need for need in NEEDED[found.name] if need not in found]:
        return f"it has no column {' and no column '.join(missing)}"
    if twice := [name for name, number in Counter(names).items() if number > 1 and name in _USED]:
        return f"it has two columns {twice[0]}"
    if numbers := [name for name in _DATES if name in found and found.kinds[name] == "number"]:
        return f"its column {numbers[0]} holds numbers, not dates"
    if merges and found.name in ("marks", "roll") and "pupil" not in found:
        return f"{merges} in it makes one row of pupils who look the same; leave that out, or add the column pupil"
    return None


def _refuse_instants(database: DatabaseSettings, found: Source, window: Window) -> None:
    instants = [name for name in _DATES if found.kinds.get(name) == "timestamp"]
    if instants and london_offset(window.first) != london_offset(window.last):
        why = (
            f"its column {instants[0]} is a TIMESTAMP, the clocks change in these days, and the server does not know"
            " Europe/London (its administrator can load that: mysql_tzinfo_to_sql)"
        )
        raise broken(database, found.name, why)


def _kind(dialect: str, type_code: object) -> Kind:
    match dialect:
        case "sqlite":
            return "text"  # its columns have no types; dates are ISO text
        case "postgresql":
            kinds = _POSTGRESQL
        case "mysql" | "mariadb":
            kinds = _MYSQL
        case "oracle":
            name = getattr(type_code, "name", "")
            return "number" if "NUMBER" in name or "BINARY_" in name else "text" if "CHAR" in name else "other"
        case _:
            kinds = _PYTHON
    return next((kind for kind, codes in kinds.items() if type_code in codes), "other")


def _type_name(dialect: str, entry: Any) -> str:  # noqa: ANN401  a column of the driver
    match dialect:
        case "sqlite":
            return ""
        case "postgresql":
            return str(entry.type_display)
        case "mysql" | "mariadb":
            from pymysql.constants import FIELD_TYPE  # noqa: PLC0415  only where it is the driver

            return next((name.lower() for name, number in vars(FIELD_TYPE).items() if number == entry[1]), "")
        case _:
            return str(getattr(entry[1], "name", "") or getattr(entry[1], "__name__", "")).lower()


def _mysql_text() -> Any:  # noqa: ANN401
    from sqlalchemy.dialects.mysql import CHAR  # noqa: PLC0415  14 ms that only these servers cost

    return CHAR(charset="utf8mb4")
