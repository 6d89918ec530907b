"""What the account of attsync may do in a school database, and whether an index serves its main question.

Asks the database about itself; reads no row of a school. Knows the catalogues of each kind of database.
"""

import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, Executable

from attsync.plural import plural

_POSTGRESQL_RIGHTS: Final = """
SELECT rolsuper,
       (SELECT count(*)
        FROM pg_class t JOIN pg_namespace s ON s.oid = t.relnamespace
        WHERE t.relkind IN ('r', 'p', 'v', 'm', 'f') AND s.nspname !~ '^pg_' AND s.nspname <> 'information_schema'
          AND has_table_privilege(t.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')),
       rolcreaterole OR rolcreatedb
FROM pg_roles WHERE rolname = current_user
"""
_MYSQL_READS: Final = frozenset(
    {"USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES", "PROCESS", "REPLICATION CLIENT", "BINLOG MONITOR"}
)
_SHOWN: Final = 5


def writes(connection: Connection) -> tuple[str, ...] | None:
    """Say what the account may do besides reading; nothing is best, None: this kind of database is not asked."""
    match connection.dialect.name:
        case "sqlite":
            return ()  # whatever the rights of the file are, it is opened read-only
        case "postgresql":
            row = connection.exec_driver_sql(_POSTGRESQL_RIGHTS).one()
            return tuple(_postgresql(*row))
        case "mysql" | "mariadb":
            return tuple(_mysql([str(grant) for (grant,) in connection.exec_driver_sql("SHOW GRANTS")]))
        case _:
            return None


def index_serves(connection: Connection, statement: Executable, first: date) -> bool | None:
    """Tell whether an index could serve the filter on the dates; None: this kind of database is not asked."""
    sql = str(statement.compile(connection, compile_kwargs={"literal_binds": True}))  # type: ignore[attr-defined]
    match connection.dialect.name:
        case "sqlite":
            steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}").all()
            return any(re.search(r"SEARCH .*\(.*[<>]\?", str(step[3])) for step in steps)
        case "postgresql":
            # A small table is read whole even where an index stands ready: ask what it would do without that.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            found = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}").scalar()
            plan = json.loads(found) if isinstance(found, str) else found
            return any(first.isoformat() in condition for condition in _conditions(plan))
        case "mysql" | "mariadb":
            rows = connection.exec_driver_sql(f"EXPLAIN {sql}").mappings().all()
            return any(row["type"] == "range" or (row["type"] == "ALL" and row["possible_keys"]) for row in rows)
        case _:
            return None


def _postgresql(is_superuser: bool, tables: int, may_make: bool) -> Iterator[str]:  # noqa: FBT001  columns of a row
    if is_superuser:
        yield "is a superuser"
    elif tables:
        yield f"may change {plural(tables, 'table')}"
    if may_make and not is_superuser:
        yield "may make accounts or databases"


def _mysql(grants: list[str]) -> Iterator[str]:
    found: dict[str, None] = {}
    for grant in grants:
        match = re.match(r"GRANT (.+?) ON ", re.sub(r"\([^)]*\)", "", grant))
        for right in match[1].split(",") if match else ():
            if right.strip() not in _MYSQL_READS:
                found[right.strip()] = None
    if found:
        names = list(found)
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        yield f"holds {', '.join(names[:_SHOWN])}{more}"


def _conditions(plan: Any) -> Iterator[str]:  # noqa: ANN401  JSON
    if isinstance(plan, dict):
        if "Index Cond" in plan:
            yield plan["Index Cond"]
        for part in plan.values():
            yield from _conditions(part)
    elif isinstance(plan, list):
        for part in plan:
            yield from _conditions(part)
