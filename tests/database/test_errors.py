"""errors.py: each kind of failure has its code and case; what the database itself says is never repeated."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from attsync.database.errors import in_a_select, in_connecting
from attsync.problems import Problem, SchoolError
from tests.database.small import MARKS, ROLL, fill, mark, read_all, settings
from tests.engines import DuckDatabase, EngineDatabase

NAME = "Gawain Fotheringay"


class FromDriverError(Exception):
    """An error as drivers raise it."""

    def __init__(self, number: object, message: str = "", sqlstate: str | None = None) -> None:
        self.sqlstate = sqlstate
        super().__init__(number, message)


def problem_of(database: EngineDatabase, url: str | None = None, **selects: str) -> Problem:
    """Read, and return why that fails."""
    with pytest.raises(SchoolError) as raised:
        read_all(settings(url or database.url, **selects))  # type: ignore[arg-type]
    return raised.value.problem


@pytest.mark.parametrize(
    ("select", "case"),
    [
        ("SELECT * FROM no_such_table", "table"),
        (MARKS.replace("mark_date", "no_such_column"), "column"),
        (MARKS.replace("FROM", "FROM FROM"), "syntax"),
        (MARKS.replace("code", "(1 +) AS code"), "syntax"),
        (MARKS.replace("code", "no_such_function(code) AS code"), "function"),
        ("SELECT m.code, pupil AS date FROM marks m, roll r", "ambiguous"),
    ],
)
def test_a_select_that_does_not_work_is_told_with_the_reason(
    any_database: EngineDatabase, select: str, case: str
) -> None:
    """Which SELECT, and what about it; the other one is not blamed."""
    fill(any_database, [mark()])
    problem = problem_of(any_database, marks=select)

    assert (problem.code, problem.case, problem["select"]) == ("DB-SELECT", case, "marks")
    assert problem_of(any_database, roll=ROLL.replace("leaving_date", "left_on"))["select"] == "roll"


@pytest.mark.parametrize(
    ("engine", "quoted", "shown"),
    [
        ("sqlite", "[markdate]", "markdate"),
        ("postgresql", f'"{NAME}"', ""),
        ("mariadb", "`markdate`", "markdate"),
        ("duckdb", f'"{NAME}"', ""),
        ("sqlserver", "[markdate]", "markdate"),
    ],
)
def test_a_column_that_does_not_exist_is_named_with_those_that_there_are(
    database: Callable[[str], EngineDatabase], tmp_path: Path, engine: str, quoted: str, shown: str
) -> None:
    """The database names it; only a name that cannot be a text of the SELECT is shown."""
    made = database(engine)
    with duckdb.connect(tmp_path / "school.duckdb") as connection:  # one in memory is another for each connection
        if engine == "duckdb":
            made = DuckDatabase(engine, f"duckdb:///{tmp_path}/school.duckdb", connection)
        fill(made, [mark()])
    for name, column in (("markdate", "markdate"), ("m.markdate", "markdate"), (quoted, shown)):
        marks = MARKS.replace("mark_date", name).replace("FROM marks", "FROM marks AS m WHERE (1 = 1) ORDER BY 1")
        problem = problem_of(made, marks=marks.replace("ORDER BY 1", "") if engine == "sqlserver" else marks)

        assert (problem.code, problem.case, problem.get("column")) == ("DB-SELECT", "column", column)
        there_are = ("code", "mark_date", "pupil", "school", "session", "year_group")
        assert problem.get("has", ()) == (() if engine == "duckdb" else there_are)  # there, a file's first line


@pytest.mark.parametrize(
    "marks",
    [
        MARKS.replace("code", "no_such_column AS code").replace("FROM marks", "FROM marks, (SELECT :start AS s) AS x"),
        "WITH m AS (SELECT * FROM marks) SELECT no_such_column AS code FROM m",
        f"SELECT no_such_column FROM (SELECT {', '.join(f'1 AS c{n}' for n in range(41))}) AS x",
    ],
)
def test_where_the_columns_cannot_be_looked_up_only_the_wrong_one_is_named(
    any_database: EngineDatabase, marks: str
) -> None:
    """Parameters, tables that only the SELECT knows, too many to read."""
    fill(any_database)
    problem = problem_of(any_database, marks=marks)

    assert (problem.case, problem["column"], problem.get("has")) == ("column", "no_such_column", "")


@pytest.mark.parametrize(
    ("engine", "select"),
    [
        ("postgresql", MARKS.replace("mark_date", "code::date")),
        ("postgresql", MARKS.replace("code", "1 / (length(code) - 18) AS code")),
        ("sqlite", MARKS.replace("code", "json_extract(code, '$') AS code")),
    ],
)
def test_a_value_that_cannot_be_converted_is_told_without_the_value(
    database: Callable[[str], EngineDatabase], engine: str, select: str, caplog: pytest.LogCaptureFixture
) -> None:
    """PostgreSQL quotes it: `invalid input syntax for type date: "Gawain"`."""
    caplog.set_level("DEBUG", logger="attsync")
    made = database(engine)
    fill(made, [mark(NAME)])
    problem = problem_of(made, marks=select)

    assert (problem.code, problem.case) == ("DB-SELECT", "value" if engine == "postgresql" else "other")
    assert problem.get("session") == ("SET TimeZone = 'Europe/London'" if engine == "postgresql" else "")
    assert "Gawain" not in repr(problem) + caplog.text


def test_a_question_mark_outside_of_a_text_is_told(database: Callable[[str], EngineDatabase]) -> None:
    """SQLite takes it for a parameter."""
    made = database("sqlite")
    fill(made)

    assert problem_of(made, marks=MARKS + " WHERE code = ?").case == "syntax"


@contextmanager
def account(database: EngineDatabase) -> Iterator[str]:
    """Make an account without any right, and return the address with it."""
    name = f"attsync_{database.url[-8:]}"
    if database.engine == "postgresql":
        database.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'p@ss:w/rd%'")
        drop = f"DROP ROLE {name}"
    else:
        database.execute(f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY 'p@ss:w/rd%'")
        database.execute(f"GRANT CREATE ON {database.url.rsplit('/', 1)[1]}.nothing TO {name}@'127.0.0.1'")
        drop = f"DROP USER {name}@'127.0.0.1'"
    try:
        start, rest = database.url.split("://", 1)
        yield f"{start}://{name}:p@ss:w/rd%@{rest.split('@', 1)[1]}"
    finally:
        database.execute(drop)


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_a_missing_right_is_told(database: Callable[[str], EngineDatabase], engine: str) -> None:
    """The administrator has to grant SELECT, and nothing more."""
    made = database(engine)
    fill(made, [mark()])
    with account(made) as url:
        problem = problem_of(made, url)

    assert (problem.code, problem["select"]) == ("DB-RIGHTS", "marks")


def test_a_view_whose_definer_has_gone_is_told(database: Callable[[str], EngineDatabase]) -> None:
    """Someone left, and the account that made the view was deleted."""
    made = database("mariadb")
    fill(made, [mark()])
    made.execute("CREATE DEFINER = 'left_in_july'@'%' VIEW v AS SELECT * FROM marks")

    assert problem_of(made, marks=MARKS.replace("FROM marks", "FROM v")).case == "definer"


@pytest.mark.parametrize(
    ("kind", "error", "code", "case"),
    [
        ("mysql", FromDriverError(1142), "DB-RIGHTS", ""),
        ("mysql", FromDriverError(1969), "DB-SLOW", ""),
        ("mysql", FromDriverError(1205), "DB-SLOW", "locked"),
        ("mysql", FromDriverError(1213), "DB-SLOW", "conflict"),
        ("mysql", FromDriverError(1114), "DB-SLOW", "full"),
        ("mysql", FromDriverError(1792), "DB-SELECT", "writes"),
        ("mysql", FromDriverError(2013, "Lost connection to MySQL server during query (timed out)"), "DB-SLOW", ""),
        ("mysql", FromDriverError(2013, "Lost connection to MySQL server during query"), "DB-NONE", "lost"),
        ("mysql", FromDriverError(4711), "DB-SELECT", "other"),
        ("postgresql", FromDriverError("x", sqlstate="42501"), "DB-RIGHTS", ""),
        ("postgresql", FromDriverError("x", sqlstate="57014"), "DB-SLOW", ""),
        ("postgresql", FromDriverError("x", sqlstate="55P03"), "DB-SLOW", "locked"),
        ("postgresql", FromDriverError("x", sqlstate="40001"), "DB-SLOW", "conflict"),
        ("postgresql", FromDriverError("x", sqlstate="40P01"), "DB-SLOW", "conflict"),
        ("postgresql", FromDriverError("x", sqlstate="53100"), "DB-SLOW", "full"),
        ("postgresql", FromDriverError("x", sqlstate="57P01"), "DB-NONE", "lost"),
        ("postgresql", FromDriverError("server closed the connection unexpectedly"), "DB-NONE", "lost"),
        ("postgresql", FromDriverError("x", sqlstate="XX001"), "DB-NONE", "damaged"),
        ("postgresql", FromDriverError("x", sqlstate="42803"), "DB-SELECT", "other"),
        ("postgresql", FromDriverError("x", sqlstate="22008"), "DB-SELECT", "value"),
        ("postgresql", FromDriverError("x", sqlstate="25006"), "DB-SELECT", "writes"),
        ("postgresql", FromDriverError("x", sqlstate="P0001"), "DB-SELECT", "other"),
        ("postgresql", UnicodeDecodeError("utf-8", b"\xe9", 0, 1, ""), "DB-SELECT", "encoding"),
        ("sqlite", sqlite3.OperationalError("Could not decode to UTF-8 column 'code'"), "DB-SELECT", "encoding"),
        ("sqlite", sqlite3.OperationalError("database or disk is full"), "DB-SLOW", "full"),
        ("sqlite", sqlite3.DatabaseError("database disk image is malformed"), "DB-NONE", "damaged"),
        ("sqlite", sqlite3.OperationalError("attempt to write a readonly database"), "DB-SELECT", "writes"),
    ],
)  # fmt: skip
def test_what_fails_once_connected_is_a_failure_of_that_select(
    kind: str, error: Exception, code: str, case: str
) -> None:
    """By number and SQLSTATE, not by the text, which may be in another language; never "cannot be opened"."""
    problem = in_a_select(settings("sqlite://"), DBAPIError("", {}, error), kind, "marks").problem

    assert (problem.code, problem.case, problem["select"]) == (code, case, "marks")


def test_a_name_that_is_looked_up_for_too_long_is_silence() -> None:
    """A name service may be what does not answer."""

    def look_up() -> str:
        raise TimeoutError

    problem = in_connecting(settings("mysql://h/d"), OSError("?"), make_url("mysql://h/d"), look_up).problem

    assert (problem.code, problem.case, problem["server"]) == ("DB-NONE", "silent", "h:3306")


def test_a_database_that_is_not_there_is_told_in_any_language() -> None:
    """MySQL translates its messages, and keeps their numbers."""
    error = DBAPIError("", {}, FromDriverError(1049, "Unbekannte Datenbank"))
    problem = in_connecting(settings("mysql://h/d"), error, make_url("mysql://h/d"), lambda: "answers").problem

    assert (problem.code, problem.case) == ("DB-NONE", "no_database")
