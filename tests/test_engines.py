"""The ground the other tests stand on: each engine is real, and each test has a database to itself."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from tests.engines import EngineDatabase, EngineMissingError, Engines

MARKS = [("2026-11-23", "AM", "/"), ("2026-11-23", "AM", "L"), ("2026-11-23", "PM", "\\")]


def read(database: EngineDatabase, question: str) -> list[tuple[object, ...]]:
    """Query through SQLAlchemy, as attsync does."""
    engine = create_engine(database.url, poolclass=NullPool)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(question))]


def test_rows_put_in_by_the_driver_come_back_through_sqlalchemy(any_database: EngineDatabase) -> None:
    """Setting up a table and reading it go two ways to the same database."""
    any_database.execute("CREATE TABLE marks (day VARCHAR(10), session VARCHAR(2), code VARCHAR(2))")
    any_database.execute("INSERT INTO marks VALUES (%s, %s, %s)", MARKS)

    assert read(any_database, "SELECT session, COUNT(*) FROM marks GROUP BY session ORDER BY session") == [
        ("AM", 2),
        ("PM", 1),
    ]
    assert any_database.execute("SELECT code FROM marks ORDER BY code") == [("/",), ("L",), ("\\",)]


@pytest.mark.parametrize("turn", [1, 2])
def test_no_test_sees_what_another_left(any_database: EngineDatabase, turn: int) -> None:
    """The second turn would fail on the first one's table."""
    any_database.execute("CREATE TABLE left_behind (turn INT)")
    any_database.execute("INSERT INTO left_behind VALUES (%s)", [(turn,)])

    assert any_database.execute("SELECT turn FROM left_behind") == [(turn,)]


@pytest.fixture
def left_behind() -> Iterator[list[Connection]]:
    """Hold connections until the databases of the test are gone."""
    connections: list[Connection] = []
    yield connections
    for connection in connections:
        connection.invalidate()
        connection.close()


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_a_connection_left_behind_does_not_stop_the_next_test(
    left_behind: list[Connection], database: Callable[[str], EngineDatabase], engine: str
) -> None:
    """A failed test may leave a transaction and its locks; then the table could not be dropped."""
    marks = database(engine)
    marks.execute("CREATE TABLE marks (code VARCHAR(2))")
    left_behind.append(create_engine(marks.url, poolclass=NullPool).connect())

    left_behind[0].execute(text("INSERT INTO marks VALUES ('/')"))


def test_one_test_can_have_several_databases(database: Callable[[str], EngineDatabase]) -> None:
    """A trust may have several school systems on one server."""
    first, second = database("sqlite"), database("sqlite")
    first.execute("CREATE TABLE marks (day TEXT)")

    assert first.url != second.url
    assert second.execute("SELECT name FROM sqlite_master") == []


def test_a_missing_engine_is_named_with_its_address(tmp_path: Path) -> None:
    """No one should have to guess why a third of the tests did not run."""
    engines = Engines({"ATTSYNC_TEST_MARIADB": "mysql+pymysql://root@127.0.0.1:1"})

    with pytest.raises(EngineMissingError, match=r"MariaDB was not tried: nothing answers on 127\.0\.0\.1:1"):
        engines.database("mariadb", tmp_path)
    assert engines.summary() == (
        "Database engines exercised: none; MariaDB was not tried: nothing answers on 127.0.0.1:1"
    )


def test_an_engine_that_is_required_and_not_used_is_named() -> None:
    """Else a test suite could quietly shrink to SQLite."""
    assert Engines({"ATTSYNC_REQUIRE_ENGINES": "sqlite,mariadb"}).not_exercised() == ["SQLite", "MariaDB"]


def test_what_a_worker_has_exercised_counts() -> None:
    """The process that prints the summary uses no engine itself when the tests run on several cores."""
    engines = Engines({"ATTSYNC_REQUIRE_ENGINES": "sqlite,mariadb"})
    engines.add({"exercised": {"sqlite": "SQLite 3.40.1"}, "missing": {}})
    engines.add({"exercised": {}, "missing": {"mariadb": "MariaDB was not tried: nothing answers"}})

    assert engines.summary() == "Database engines exercised: SQLite 3.40.1; MariaDB was not tried: nothing answers"
    assert engines.not_exercised() == ["MariaDB"]
    engines.close()


@pytest.mark.slow
def test_workers_say_what_they_have_exercised() -> None:
    """And a run in which no worker used a required engine fails, though every test in it passes."""
    this = "tests/test_engines.py::test_rows_put_in_by_the_driver_come_back_through_sqlalchemy[sqlite]"
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "1", "-p", "no:cacheprovider", this],
        cwd=Path(__file__).parents[1],
        env=os.environ | {"ATTSYNC_REQUIRE_ENGINES": "sqlite,mariadb"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "1 passed" in ended.stdout
    assert "Database engines exercised: SQLite 3" in ended.stdout
    assert ended.returncode == 1
    assert "Required, and used by no test: MariaDB" in ended.stdout
