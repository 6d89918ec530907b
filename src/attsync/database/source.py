"""One SELECT of the settings, wrapped: the columns that it has, and how each is read.

Refuses what would lead to wrong counts without an error: rows left out or merged, dates that are numbers, two columns
of one name. Text is grouped byte by byte and trimmed afterwards: `L` is never `l`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    Date,
    Select,
    Subquery,
    Text,
    Unicode,
    bindparam,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    type_coerce,
)
from sqlalchemy.sql.elements import quoted_name

from attsync.database import sqlserver
from attsync.database.engine import Snapshot, london_offset
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
    "mssql": "Latin1_General_100_BIN2",
}
"""Collation under which text is equal only if its bytes are. DuckDB does so by default."""

LONGEST: Final = 190
"""Characters of a text that are read: a longer one cannot be a known value, and 80 MB of it never leave the
database: dots take its place. MariaDB and SQL Server cut it before they group, with one more to be noticed: a key of
MariaDB is full with two such columns. Elsewhere cutting each row would cost a fifth of the statement."""

_KINDS: Final = {
    "text": r"|str|name|unknown|(?:var|bp|\"|)char.*|text|var_string|string|enum|set|blob",
    "bytes": r"bytea",
    "number": r"u?(?:tiny|small|big|huge|)int(?:\d|24|eger)?|tiny|short|long|longlong|oid|year|bool|money"
    r"|float\d?|double|(?:new|)decimal.*|numeric.*",
    "timestamp": r"timestamp",
}
"""What a column contains, by what the database or its driver calls its type: SQLite says nothing, and has ISO text.
"blob" is also BINARY of MySQL, whose bytes CAST takes for text; "timestamp" an instant that it turns into a time of
day."""

_NO_DATE_BEFORE: Final = date(1901, 1, 1)
"""0000-00-00, 0001-01-01, 1753-01-01, 1899-12-30, 1900-01-01: what some systems write for "no date"."""

_FENCES: Final = {"postgresql": (None, "0"), "sqlite": ("-1", None), "mysql": ("18446744073709551615", None)}
"""LIMIT and OFFSET that leave nothing out, and keep a planner from repeating an expression wherever it is used."""


@dataclass(frozen=True, slots=True)
class Source:
    """One SELECT of the settings, wrapped, with the columns that it has."""

    name: SelectName
    subquery: Subquery
    names: Mapping[str, str]
    """Our name of a column -> its name in the SELECT, in the letter case that the database returns."""
    types: Mapping[str, str]
    """What the database calls the type of each column; empty where it has none (SQLite)."""
    dialect: str

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def is_a(self, kind: str, name: str) -> bool:
        """Whether a column is there and contains a kind of values; dates in a "text" are ISO text."""
        return name in self and re.fullmatch(_KINDS[kind], self.types[name]) is not None

    def column(self, name: str) -> ColumnElement[Any]:
        """Return the raw column."""
        return self.subquery.c[self.names[name]]

    def key(self, name: str) -> ColumnElement[Any]:
        """Return the column as it can be grouped byte by byte: a number as it is, other values as text."""
        raw = self.column(name)
        if self.is_a("number", name):
            return raw
        match self.dialect:
            case "mssql":
                raw = cast(raw, Unicode(LONGEST + 1))
            case "mysql":
                raw = cast(func.left(raw, LONGEST + 1), _mysql_text())
            case "sqlite":
                pass  # a text is text here, whatever the type of the column
            case _:
                is_bytes = self.is_a("bytes", name)
                raw = func.encode(raw, literal_column("'escape'")) if is_bytes else cast(raw, Text())
        return self._bytewise(raw)

    def text(self, name: str, key: ColumnElement[Any] | None = None) -> ColumnElement[Any]:
        """Return a key, of an inner query if `key` is given, as the trimmed text that is compared with the settings."""
        key = self.key(name) if key is None else key
        if self.is_a("number", name):
            return self.trimmed(name, key)
        lengths: dict[str, Any] = {"mysql": func.char_length, "mssql": func.datalength}
        length = lengths.get(self.dialect, func.length)(key)
        is_cut = length > (2 * LONGEST if self.dialect == "mssql" else LONGEST)
        return case((is_cut, literal("...", self.string())), else_=self.trimmed(name, key))

    def trimmed(self, name: str, key: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return a key as trimmed text, also where it was cut."""
        if self.is_a("number", name):
            return self._bytewise(cast(key, self.string()))
        return func.ltrim(func.rtrim(key)) if self.dialect == "mssql" else func.trim(key)

    def day(self, name: str, raw: ColumnElement[Any] | None = None) -> ColumnElement[Any]:
        """Return the date of a DATE, a local timestamp or an ISO text; of an inner query's column if it is given."""
        raw = self.column(name) if raw is None else raw
        if self.is_a("text", name):
            cut = func.substring if self.dialect == "mssql" else func.substr
            return cut(raw if self.dialect == "sqlite" else cast(raw, self.string()), 1, 10)
        return cast(raw, Date)

    def before(self, name: str, day: date, raw: ColumnElement[Any] | None = None) -> ColumnElement[bool]:
        """Whether the raw column, or what an inner query made of it, is before the beginning of `day`."""
        raw = self.column(name) if raw is None else raw
        if self.is_a("text", name):
            kind = Unicode(LONGEST) if self.dialect == "mssql" else Text()
            return type_coerce(raw, kind) < literal(day.isoformat(), kind)
        return type_coerce(raw, Date) < literal(day, Date)

    def none(self, name: str, raw: ColumnElement[Any] | None = None) -> ColumnElement[bool]:
        """Whether there is no date: NULL, an empty text, or a date that means "no date"."""
        raw = self.column(name) if raw is None else raw
        return or_(raw.is_(None), self.before(name, _NO_DATE_BEFORE, raw))

    def string(self) -> Any:  # noqa: ANN401  SQLAlchemy's types have no useful common one
        """Return the type in which texts are compared."""
        match self.dialect:
            case "mssql":
                return Unicode(LONGEST + 1)  # VARCHAR cuts at 30, and replaces letters that its code page lacks
            case "mysql":
                return _mysql_text()
            case _:
                return Text()

    def fenced(self, query: Select[Any], name: str) -> Subquery:
        """Return `query` as a subquery whose expressions the planner computes once for each row."""
        limit, offset = _FENCES.get(self.dialect, (None, None))
        if limit:
            query = query.limit(literal_column(limit))
        if offset:
            query = query.offset(literal_column(offset))
        return query.subquery(name)

    def _bytewise(self, value: ColumnElement[Any]) -> ColumnElement[Any]:
        collation = _BYTEWISE.get(self.dialect)
        return value.collate(collation) if collation else value


def source(look: Snapshot, database: DatabaseSettings, name: SelectName, window: Window | None) -> Source:
    """Wrap the SELECT `name` and ask the database which columns it has, without reading a row. Raise SchoolError."""
    try:
        prepared = prepare(getattr(database.select, name) or "", look.grammar)
    except NotOneSelect as error:
        raise unusable(database, name, error.case, word=error.word) from None
    wrapped = text(prepared.text)
    if window is not None:
        dates = {"start": window.first, "end": window.end}
        wrapped = wrapped.bindparams(*(bindparam(key, dates[key], Date) for key in sorted(prepared.parameters)))
    elif prepared.parameters:
        raise unusable(database, name, "no_window")
    subquery = wrapped.columns().subquery(name)
    probe = select(text("*")).select_from(subquery).where(text("1 = 0")).execution_options(**PROBE)
    described = look.described(probe, name)
    if look.kind == "sqlite":  # SQLAlchemy calls the second column of a name `code:1`
        described = [(re.sub(r":[0-9]+\Z", "", entry[0]), *entry[1:]) for entry in described]
    names = {entry[0].lower(): entry[0] for entry in described}
    columns: list[ColumnClause[Any]] = [column(quoted_name(actual, quote=True)) for actual in names.values()]
    found = Source(
        name,
        wrapped.columns(*columns).subquery(name),
        names,
        {entry[0].lower(): _type_name(look.kind, entry) for entry in described},
        look.kind,
    )
    _refuse_wrong_columns(database, found, [entry[0].lower() for entry in described], prepared.merges)
    offsets = [entry[0].lower() for entry in described if look.kind == "mssql" and sqlserver.has_offset(entry)]
    if offsets := [name for name in _DATES if name in offsets]:
        raise unusable(database, name, "offset", columns=offsets)
    if window is not None and not look.knows_london:
        _refuse_instants(database, found, window)
    return found


def unusable(database: DatabaseSettings, name: SelectName, why: str, **what: object) -> SchoolError:
    """Return the error of a SELECT that cannot be used; `why` is a case of DB-SELECT."""
    return SchoolError("DB-SELECT", why, name=database.name, select=name, needs=NEEDED[name], **what)


def _refuse_wrong_columns(database: DatabaseSettings, found: Source, names: Iterable[str], merges: str | None) -> None:
    if missing := [need for need in NEEDED[found.name] if need not in found]:
        has = sorted(found.names) if found.dialect != "duckdb" else ()  # a file without a header: its first line
        raise unusable(database, found.name, "no_column", columns=missing, has=has)
    if twice := [name for name, number in Counter(names).items() if number > 1 and name in _USED]:
        raise unusable(database, found.name, "column_twice", columns=twice)
    if numbers := [name for name in _DATES if found.is_a("number", name)]:
        raise unusable(database, found.name, "numbers", columns=numbers)
    if merges and found.name in ("marks", "roll") and "pupil" not in found:
        raise unusable(database, found.name, "merges", word=merges)


def _refuse_instants(database: DatabaseSettings, found: Source, window: Window) -> None:
    instants = [name for name in _DATES if found.is_a("timestamp", name)]
    if instants and london_offset(window.first) != london_offset(window.last):
        raise unusable(database, found.name, "instants", columns=instants)


def _type_name(dialect: str, entry: Any) -> str:  # noqa: ANN401  a column of the driver
    match dialect:
        case "postgresql":
            return str(entry.type_display)
        case "duckdb":
            return str(entry[1]).lower()
        case "mysql":
            from pymysql.constants import FIELD_TYPE  # noqa: PLC0415  only where it is the driver

            return next((name.lower() for name, number in vars(FIELD_TYPE).items() if number == entry[1]), "")
        case _:
            return str(getattr(entry[1], "name", "") or getattr(entry[1], "__name__", "")).lower()


def _mysql_text() -> Any:  # noqa: ANN401
    from sqlalchemy.dialects.mysql import CHAR  # noqa: PLC0415  takes 14 ms, only needed for these servers

    return CHAR(charset="utf8mb4")
