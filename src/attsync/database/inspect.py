"""Facts about a school database, for `attsync check`: SELECTs run separately, rows counted, rights looked up.

Only counts, names and types of columns, and facts about the server and the account come out; nothing is judged here.
"""

import re
import ssl
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from glob import glob
from pathlib import Path
from time import monotonic
from typing import Any, Final, Literal

from sqlalchemy import Executable, func, select
from sqlalchemy.exc import SQLAlchemyError

from attsync.database import sqlserver
from attsync.database.engine import Snapshot, snapshot
from attsync.database.reader import read, schools_of
from attsync.database.source import NEEDED, SelectName, Source, source
from attsync.database.statements import marks_statement, roll_statement, rows_statement
from attsync.deadline import Deadline
from attsync.model import SchoolDays, Unlisted
from attsync.plural import plural
from attsync.problems import Problem, SchoolError
from attsync.settings import DatabaseSettings
from attsync.sql_guard import tokens
from attsync.window import LONDON, Window, is_working_day

_FILE: Final = re.compile(r"\.(?:csv|tsv|txt|json|parquet|xlsx)(?:\.gz)?\Z", re.IGNORECASE)

Way = Literal["local", "plain", "encrypted", "verified", ""]
"""How secure the connection is; "local": it does not leave this computer, "": not looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectFacts:
    """Facts about one SELECT of the settings."""

    name: SelectName
    problem: Problem | None = None
    """Why it cannot be read."""
    columns: tuple[tuple[str, str], ...] = ()
    """Those that attsync uses, with their types."""
    rows: int = 0
    no_date: int = 0
    not_dates: int = 0
    in_utc: int = 0
    """Texts that are marked as UTC."""
    overlaps: int = 0
    """Pupils on roll today in more than one year group."""
    newest_file: date | None = None
    """When the newest file of an export, which it reads, was written; None: it reads no file."""
    is_stale: bool = False
    """Whether that was before the last school day."""
    has_index: bool | None = None
    """None: not looked up."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """Facts about one database."""

    name: str
    problem: Problem | None = None
    """Why nothing could be run."""
    address: Literal["url", "url_file"] = "url"
    """The setting with its address."""
    kind: str = ""
    writes: tuple[str, ...] | None = None
    """What its account can do besides reading; None: not looked up on this kind of database."""
    hides: tuple[str, ...] = ()
    """What may hide rows from attsync without an error: policies of the server, limits on rows."""
    way: Way = ""
    is_frozen: bool = True
    """All statements of a send see the same data; otherwise marks and roll may be some seconds apart."""
    knows_london: bool = True
    selects: tuple[SelectFacts, ...] = ()
    urns: tuple[int, ...] = ()
    """Of all its schools."""
    schools: tuple[SchoolDays, ...] = ()
    unlisted: int = 0
    seconds: float = 0.0
    """Seconds that the statements of a send took."""

    @property
    def fails(self) -> bool:
        """Whether its schools could not be read."""
        return bool(self.problem or any(select.problem for select in self.selects))


def look(database: DatabaseSettings, only: Collection[int], window: Window, deadline: Deadline) -> DatabaseFacts:
    """Examine `database`, and read the window of its schools, or of those of `only`, as a send does."""
    facts: dict[str, Any] = {"name": database.name, "address": "url_file" if database.url_file else "url"}
    try:
        with snapshot(database, window, deadline) as server:
            facts |= {
                "kind": server.connection.dialect.name,
                "writes": writes(server),
                "hides": tuple(_hides(server)),
                "way": way(server),
                "is_frozen": server.is_frozen,
                "knows_london": server.knows_london,
            }
    except SchoolError as error:
        return DatabaseFacts(**facts, problem=error.problem)
    names = [name for name in NEEDED if getattr(database.select, name)]
    selects = tuple(_try(database, name, window, deadline) for name in names)
    schools: list[SchoolDays] = []
    unlisted = 0
    problem = None
    started = monotonic()
    if not any(each.problem for each in selects):
        try:
            listed = schools_of(database, deadline)
            facts["urns"] = tuple(school.urn for school in listed)
            wanted = [school.urn for school in listed if not only or school.urn in only]
            for found in read(database, listed, wanted, window, deadline) if wanted else ():
                if isinstance(found, Unlisted):
                    unlisted = found.marks
                else:
                    schools.append(found)
        except SchoolError as error:
            problem = error.problem
    facts |= {"problem": problem, "schools": tuple(schools), "unlisted": unlisted}
    return DatabaseFacts(**facts, selects=selects, seconds=monotonic() - started)


def _try(database: DatabaseSettings, name: SelectName, window: Window, deadline: Deadline) -> SelectFacts:
    started = monotonic()
    try:
        with snapshot(database, window, deadline) as server:
            found = source(server, database, name, window if name in ("marks", "roll") else None)
            ((rows, *more),) = server.all(rows_statement(found), name)
            columns = tuple((each, found.types[each]) for each in (*NEEDED[name], "school", "pupil") if each in found)
            if server.kind == "sqlite":
                columns = tuple(_types_of_values(server, found, columns))
            facts = {"rows": rows, **dict(zip(("no_date", "not_dates", "in_utc"), more, strict=False))}
            if server.kind == "duckdb" and (newest := _newest_file(getattr(database.select, name), database.folder)):
                yesterday = next(day for n in range(1, 60) if is_working_day(day := window.last - timedelta(n)))
                facts |= {"newest_file": newest, "is_stale": newest < yesterday}
            if name == "marks":
                facts["has_index"] = index_serves(server, marks_statement(found, window, ()), window.first)
            if name == "roll" and "pupil" in found:
                today = roll_statement(found, Window(window.last, window.last), database.leaving_date_is, ())
                rows_today = server.all(today, name)  # each pupil of a school once, and once in each year group
                facts["overlaps"] = sum(int(on_roll or 0) * (-1 if row[2] else 1) for *row, on_roll in rows_today)
            return SelectFacts(name=name, columns=columns, seconds=monotonic() - started, **facts)
    except SchoolError as error:
        return SelectFacts(name=name, problem=error.problem)


def _newest_file(select: str, folder: Path) -> date | None:
    """Return the day in London on which the newest file was written that the SELECT names in a text."""
    texts = [part[1:-1].replace("''", "'") for kind, part in tokens(select, "duckdb") if kind == "literal"]
    # Not Path.glob, which does not accept a full path.
    files = [file for text in texts if _FILE.search(text) for file in glob(text, root_dir=folder)]  # noqa: PTH207
    times = [(folder / file).stat().st_mtime for file in files if (folder / file).is_file()]
    return datetime.fromtimestamp(max(times), LONDON).date() if times else None


def _types_of_values(
    server: Snapshot, found: Source, columns: tuple[tuple[str, str], ...]
) -> Iterator[tuple[str, str]]:
    """Return the kinds of values in SQLite's columns, which have no types."""
    values = [func.nullif(func.typeof(found.column(name)), "null") for name, _ in columns]
    (low_high,) = server.all(select(*(each(value) for value in values for each in (func.min, func.max))), found.name)
    for (name, _), low, high in zip(columns, low_high[::2], low_high[1::2], strict=True):
        yield name, " or ".join(sorted({low, high} - {None})) or "only NULL"


_POSTGRESQL_RIGHTS: Final = """
WITH mine AS (SELECT oid, rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles
              WHERE pg_has_role(current_user, oid, 'MEMBER'))
SELECT (SELECT bool_or(rolsuper) FROM mine),
       (SELECT count(*) FROM pg_class t JOIN pg_namespace s ON s.oid = t.relnamespace
        WHERE t.relkind IN ('r', 'p', 'v', 'm', 'f') AND s.nspname !~ '^pg_' AND s.nspname <> 'information_schema'
          AND EXISTS (SELECT FROM mine
                      WHERE has_table_privilege(mine.oid, t.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
                         OR has_any_column_privilege(mine.oid, t.oid, 'INSERT, UPDATE'))),
       (SELECT count(*) FROM pg_namespace s WHERE s.nspname !~ '^pg_' AND s.nspname <> 'information_schema'
          AND EXISTS (SELECT FROM mine WHERE has_schema_privilege(mine.oid, s.oid, 'CREATE'))),
       (SELECT bool_or(rolcreaterole OR rolcreatedb OR rolreplication) FROM mine),
       (SELECT coalesce(string_agg(rolname::text, ', ' ORDER BY rolname), '') FROM mine
        WHERE rolname IN ('pg_write_all_data', 'pg_write_server_files', 'pg_execute_server_program',
                          'pg_read_server_files', 'pg_signal_backend', 'pg_maintain', 'pg_checkpoint',
                          'pg_create_subscription'))
"""
"""Also of roles that the account is a member of and has to take on first (SET ROLE)."""
_POSTGRESQL_POLICIES: Final = """
SELECT count(*) FROM pg_class
WHERE relrowsecurity AND row_security_active(oid) AND has_any_column_privilege(oid, 'SELECT')
"""
_MYSQL_READS: Final = frozenset(
    {"USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES", "PROCESS", "REPLICATION CLIENT", "BINLOG MONITOR"}
)
_SHOWN: Final = 5


def writes(server: Snapshot) -> tuple[str, ...] | None:
    """Return what the account can do besides reading; empty is best; None: not looked up on this kind of database."""
    match server.kind:
        case "sqlite" | "duckdb":
            return ()  # whatever the rights of the file are, it is opened read-only; one in memory has no owner
        case "postgresql":
            return tuple(_postgresql(*server.ask(_POSTGRESQL_RIGHTS)[0]))
        case "mysql":
            return tuple(_mysql(server))
        case "mssql":
            return tuple(_sqlserver(*server.ask(sqlserver.RIGHTS)[0]))
        case _:
            return None


def _sqlserver(*row: int) -> Iterator[str]:
    *_, tables = row
    if roles := [name for name, has in zip(sqlserver.ROLES, row, strict=False) if has == 1]:
        yield f"has {', '.join(roles)}"
    elif tables:
        yield f"can change {plural(tables, 'table')}"


def _postgresql(is_superuser: bool, tables: int, schemas: int, can_make: bool, roles: str) -> Iterator[str]:  # noqa: FBT001  columns of a row
    if is_superuser:
        yield "is a superuser"
        return
    if tables:
        yield f"can change {plural(tables, 'table')}"
    if schemas:
        yield f"can make tables in {plural(schemas, 'schema')}"
    if can_make:
        yield "can make accounts, databases or copies"
    if roles:
        yield f"is a member of {roles}"


def _mysql(server: Snapshot) -> Iterator[str]:
    found: dict[str, None] = {}
    grants = [grant for (grant,) in server.ask("SHOW GRANTS")]
    roles = [match[1] for grant in grants if (match := re.match(r"GRANT ((?:(?! ON )[^()])+?) TO ", grant))]
    for role in roles:  # one that it does not have at first, but can take on
        try:
            grants += [grant for (grant,) in server.ask(f"SHOW GRANTS FOR {role}")]
        except SQLAlchemyError:
            found[f"the role {role}"] = None
    for grant in grants:
        match = re.match(r"GRANT (.+?) ON ", re.sub(r"\([^)]*\)", "", grant))
        rights = [right.strip() for right in match[1].split(",")] if match else []
        found |= dict.fromkeys(right for right in rights if right not in _MYSQL_READS)
    if found:
        names = list(found)
        others = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        yield f"holds {', '.join(names[:_SHOWN])}{others}"


def _hides(server: Snapshot) -> Iterator[str]:
    if server.kind == "postgresql":
        ((policies,),) = server.ask(_POSTGRESQL_POLICIES)
        if policies:
            yield f"row-level security on {plural(policies, 'table')}"
    if server.kind == "mysql":
        ((limit,),) = server.ask("SELECT @@global.sql_select_limit")
        if limit < 2**63:
            yield f"sql_select_limit = {limit}"


def way(server: Snapshot) -> Way:
    """Return how secure the connection to the server is."""
    driver, host = server.driver, server.url.host or ""
    is_local = not host or host.startswith("/") or host in ("localhost", "127.0.0.1", "::1")
    if server.kind in ("sqlite", "duckdb") or (server.kind in ("postgresql", "mysql") and is_local):
        return "local"
    if server.kind == "postgresql" and hasattr(driver, "pgconn"):
        mode = server.url.query.get("sslmode")
        return ("verified" if mode == "verify-full" else "encrypted") if driver.pgconn.ssl_in_use else "plain"
    if server.kind == "mysql" and hasattr(driver, "_sock"):
        end = driver._sock  # noqa: SLF001  it has no public name
        if not isinstance(end, ssl.SSLSocket):
            return "plain"
        return (
            "verified" if end.context.verify_mode is ssl.CERT_REQUIRED and end.context.check_hostname else "encrypted"
        )
    if server.kind == "mssql":
        return sqlserver.way(server.url)
    return ""


def index_serves(server: Snapshot, statement: Executable, first: date) -> bool | None:
    """Whether an index could serve the filter on the dates; None: not looked up on this kind of database."""
    sql = str(statement.compile(server.connection, compile_kwargs={"literal_binds": True}))  # type: ignore[attr-defined]
    match server.kind:
        case "sqlite":
            plan = server.ask(f"EXPLAIN QUERY PLAN {sql}")
            return any(re.search(r"SEARCH .*\(.*[<>]\?", step[3]) for step in plan)
        case "postgresql":
            # A small table is read in full even if there is an index: look at the plan without that choice.
            server.ask("SELECT set_config('enable_seqscan', 'off', true)")
            plan = server.ask(f"EXPLAIN {sql}")
            return any("Index Cond:" in line and first.isoformat() in line for (line,) in plan)
        case "mysql":
            plan = [row._mapping for row in server.ask(f"EXPLAIN {sql}")]  # noqa: SLF001  SQLAlchemy's own name for it
            return any(row["type"] == "range" or (row["type"] == "ALL" and row["possible_keys"]) for row in plan)
        case _:
            return None
