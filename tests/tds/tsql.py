"""T-SQL, answered by DuckDB: read and rewritten by sqlglot; what SQL Server refuses is refused with its own number.

Text compares without case, as under a school's usual collation, and byte by byte under a binary one.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from tests.tds.wire import SqlError

_CONDITIONS: Final = (exp.Predicate, exp.Connector, exp.Not, exp.Exists)
_NAMED: Final = (exp.Alias, exp.Column, exp.Star)
_NO_TRIM_BEFORE: Final = 14  # SQL Server 2017
_ERRORS: Final = (
    (r'(?:Function|Macro) with name "?(\w+)"? does not exist', 195, "'{}' is not a recognized built-in function name."),
    (r'(?:Table|Schema|Catalog)[\w ]* "?([\w.]+)"? does not exist', 208, "Invalid object name '{}'."),
    (r'(?:column|table) "?(\w+)"? not found|does not have a column named "(\w+)"', 207, "Invalid column name '{}'."),
    (r'Ambiguous reference to column name "?(\w+)"?', 209, "Ambiguous column name '{}'."),
    (
        r"Conversion Error|Could not convert",
        241,
        "Conversion failed when converting date and/or time from character string.",
    ),
    (r'column "?(\w+)"? must appear in the GROUP BY clause', 8120, "Column '{}' is invalid in the select list."),
)
_SETTINGS: Final = """
CREATE SCHEMA sys; CREATE SCHEMA dbo; USE {database}.dbo; SET GLOBAL default_collation = 'NOCASE';
CREATE TABLE sys.databases (database_id INTEGER, name VARCHAR, snapshot_isolation_state SMALLINT);
CREATE TABLE sys.system_views (name VARCHAR);
CREATE TABLE sys.dm_exec_sessions (session_id INTEGER, transaction_isolation_level SMALLINT);
INSERT INTO sys.system_views VALUES ('dm_exec_sessions'); INSERT INTO sys.dm_exec_sessions VALUES (51, 2);
CREATE MACRO fn_listextendedproperty(a, b, c, d, e, f, g) AS TABLE SELECT 1 WHERE 0 = 1;
CREATE TABLE sys.rights (class VARCHAR, name VARCHAR, allowed VARCHAR);
CREATE MACRO DB_ID() AS 1;
CREATE MACRO DB_NAME() AS '{name}';
CREATE MACRO OBJECT_SCHEMA_NAME(id) AS 'dbo';
CREATE MACRO QUOTENAME(n) AS '[' || n || ']';
CREATE MACRO DATALENGTH(x) AS 2 * length(x);
CREATE VIEW sys.objects AS SELECT table_oid AS object_id, table_name AS name, 'U' AS type
    FROM duckdb_tables() WHERE schema_name = 'dbo';
CREATE VIEW sys.columns AS SELECT table_oid AS object_id, column_name AS name FROM duckdb_columns();
CREATE MACRO IS_SRVROLEMEMBER(r) AS (SELECT count(*)::INTEGER FROM sys.rights WHERE class = 'server' AND name = r);
CREATE MACRO IS_MEMBER(r) AS (SELECT count(*)::INTEGER FROM sys.rights WHERE class = 'role' AND name = r);
CREATE MACRO HAS_PERMS_BY_NAME(o, c, p) AS (
    SELECT count(*)::INTEGER FROM sys.rights
    WHERE class = coalesce(c, 'SERVER') AND name = coalesce(o, '') AND allowed = p
), (o, c, p, s, d) AS (
    SELECT count(*)::INTEGER FROM sys.rights WHERE class = d AND name = o || '.' || s AND allowed = p);
"""


class Statement(NamedTuple):
    """One statement for DuckDB."""

    sql: str
    nameless: frozenset[int]
    """Columns to which SQL Server gives no name, and DuckDB one of its own."""
    parameters: frozenset[str]
    reads_tables: bool
    """Tables of the school: the first such statement begins a snapshot."""


def new_database(name: str) -> duckdb.DuckDBPyConnection:
    """Return a connection to an empty database with what SQL Server knows of itself: its views and functions."""
    connection = duckdb.connect()
    quoted = '"' + name + '"'
    connection.execute(f"ATTACH ':memory:' AS {quoted}; USE {quoted}")
    connection.execute(_SETTINGS.format(database=quoted, name=name))
    connection.execute("INSERT INTO sys.databases VALUES (1, ?, 0)", [name])
    return connection


def translate(sql: str, constants: Mapping[str, object], version: int) -> tuple[Statement, ...]:
    """Return each statement of a batch for DuckDB. Raise SqlError for what this version of SQL Server refuses.

    `constants` are values of names such as `@@VERSION`.
    """
    for name, value in constants.items():
        sql = re.sub(rf"{name}\b", f"'{value}'" if isinstance(value, str) else str(value), sql, flags=re.IGNORECASE)
    return _translate(sql, version)


@lru_cache(500)  # tests send the same statements, and reading one takes 10 ms
def _translate(sql: str, version: int) -> tuple[Statement, ...]:
    statements = []
    try:
        trees = [tree for tree in sqlglot.parse(sql, read="tsql") if tree is not None]
    except SqlglotError:
        raise SqlError(102, "Incorrect syntax near '?'.") from None
    for tree in trees:
        _refuse(tree, version)
        changed = tree.transform(_for_duckdb)
        shown = tree.selects if isinstance(tree, exp.Query) and not tree.is_star else []
        nameless = frozenset(n for n, each in enumerate(shown) if not isinstance(each, _NAMED))
        names = frozenset(found.name for found in changed.find_all(exp.Parameter))
        tables = any(
            table.db != "sys" for table in changed.find_all(exp.Table) if isinstance(table.this, exp.Identifier)
        )
        statements.append(Statement(changed.sql("duckdb"), nameless, names, tables))
    return tuple(statements)


def answer(
    connection: duckdb.DuckDBPyConnection, statement: Statement, values: Mapping[str, object]
) -> tuple[list[str], list[str], list[tuple[Any, ...]]]:
    """Return the names, the types and the rows that DuckDB answers. Raise SqlError with SQL Server's number."""
    try:
        connection.execute(statement.sql, {name: values[name] for name in statement.parameters})
        described = connection.description or []
        rows = connection.fetchall()
    except duckdb.Error as error:
        raise _as_sql_server(str(error)) from error
    names = ["" if n in statement.nameless else column[0] for n, column in enumerate(described)]
    return names, [str(column[1]) for column in described], rows


def _as_sql_server(message: str) -> SqlError:
    for pattern, number, text in _ERRORS:
        if found := re.search(pattern, message):
            return SqlError(number, text.format(next(filter(None, found.groups()), "")))
    raise AssertionError(message)  # what DuckDB says, and no test has meant


def _for_duckdb(node: exp.Expr) -> exp.Expr:
    match node:
        case exp.National():
            return exp.Literal.string(node.this)
        case exp.Collate():
            node.set("expression", exp.Var(this="C" if "BIN" in node.expression.name else "NOCASE"))
        case exp.Convert() if not node.args.get("safe") and not node.args.get("style"):
            return exp.Cast(this=node.expression, to=node.this)
        case exp.Cast() if node.to.this in exp.DataType.TEXT_TYPES:
            node.set("to", exp.DataType.build("text"))  # NVARCHAR(max): DuckDB takes numbers only
        case exp.Table():
            node.set("hints", None)
    return node


def _refuse(tree: exp.Expr, version: int) -> None:
    """Raise SqlError for what SQL Server does not take, and DuckDB or sqlglot does."""
    for node in tree.walk():
        if isinstance(node, exp.Case) and node.this is None:
            for each in node.args["ifs"]:
                _must_be_condition(each.this)
        if isinstance(node, exp.Where | exp.Having):
            _must_be_condition(node.this)
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
            _must_be_derived_table(node)
        if isinstance(node, exp.Trim) and version < _NO_TRIM_BEFORE:
            raise SqlError(195, "'TRIM' is not a recognized built-in function name.")
        if isinstance(node, exp.Group) and any(not each.find(exp.Column) for each in node.expressions):
            raise SqlError(164, "Each GROUP BY expression must contain at least one column.")


def _must_be_condition(node: exp.Expr) -> None:
    node = node.unnest()
    if isinstance(node, exp.Connector):
        _must_be_condition(node.left)
        _must_be_condition(node.right)
    elif isinstance(node, exp.Not):
        _must_be_condition(node.this)
    elif not isinstance(node, _CONDITIONS) or isinstance(node, exp.Boolean):
        raise SqlError(4145, "An expression of non-boolean type specified in a context where a condition is expected.")


def _must_be_derived_table(node: exp.Subquery) -> None:
    query = node.this
    if query.args.get("order") and not (query.args.get("limit") or query.args.get("offset")):
        raise SqlError(1033, "The ORDER BY clause is invalid in views, inline functions and derived tables.")
    if query.args.get("with_"):
        raise SqlError(156, "Incorrect syntax near the keyword 'WITH'.")
    if query.args.get("options"):
        raise SqlError(156, "Incorrect syntax near the keyword 'OPTION'.")
    if isinstance(node.parent, exp.From | exp.Join):
        names = [each.alias_or_name.lower() if isinstance(each, _NAMED) else "" for each in query.selects]
        if "" in names:
            raise SqlError(8155, f"No column name was specified for column {names.index('') + 1} of '{node.alias}'.")
        if twice := [name for name in names if names.count(name) > 1]:
            raise SqlError(8156, f"The column '{twice[0]}' was specified multiple times for '{node.alias}'.")
