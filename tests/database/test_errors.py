"""words.py: each kind of failure has its code and its sentence; what the database itself says is never repeated."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from attsync.database.errors import in_our_words
from attsync.problems import SchoolError
from tests.database.small import MARKS, ROLL, fill, mark, read_all, settings
from tests.engines import EngineDatabase


class FromDriverError(Exception):
    """An error as drivers raise it, of a server that is not here."""

    def __init__(self, number: object, message: str = "", sqlstate: str | None = None) -> None:
        self.sqlstate = sqlstate
        super().__init__(number, message)


class OracleNumber:
    """Oracle's driver wraps the number."""

    code = 942


def words_of(error: Exception, select: str | None = "marks") -> SchoolError:
    """Give our words for an error of a driver."""
    return in_our_words(settings("sqlite://"), DBAPIError("", {}, error), select)


@pytest.mark.parametrize(
    ("select", "why"),
    [
        ("SELECT * FROM no_such_table", "it names a table or view that is not there"),
        (MARKS.replace("mark_date", "no_such_column"), "it names a column that is not there"),
        (MARKS.replace("FROM", "FROM FROM"), "the database cannot read it: it is mistyped"),
        (MARKS.replace("code", "(1 +) AS code"), "the database cannot read it: it is mistyped"),
        ("SELECT m.code, pupil AS date FROM marks m, roll r", "two of its columns have the same name"),
    ],
)
def test_a_select_that_does_not_work_is_told_with_the_reason(
    any_database: EngineDatabase, select: str, why: str
) -> None:
    """Which SELECT, and what about it: the text of the database may quote data, ours does not."""
    fill(any_database, [mark()])

    with pytest.raises(SchoolError) as raised:
        read_all(settings(any_database.url, marks=select))

    problem = raised.value.problem
    assert problem.code == "DB-SELECT"
    assert problem.text == f"SIMS: the marks SELECT does not work: {why}. Nothing was sent for its schools."
    assert problem.next.startswith("Mend marks under [database.select]")


def test_the_roll_is_named_when_it_is_the_roll(any_database: EngineDatabase) -> None:
    """Two SELECTs, and only one of them is wrong."""
    fill(any_database, [mark()])

    with pytest.raises(SchoolError, match="the roll SELECT does not work"):
        read_all(settings(any_database.url, roll=ROLL.replace("leaving_date", "left_on")))


def test_a_cast_that_fails_on_a_value_is_told_without_the_value(database: Callable[[str], EngineDatabase]) -> None:
    """PostgreSQL quotes it: `invalid input syntax for type date: "Gawain"`."""
    made = database("postgresql")
    fill(made, [mark("Gawain Fotheringay")])

    with pytest.raises(SchoolError) as raised:
        read_all(settings(made.url, marks=MARKS.replace("mark_date", "code::date")))

    assert "a value cannot be turned into" in raised.value.problem.text
    assert "Gawain" not in repr(raised.value.problem)


def test_a_question_mark_outside_of_a_text_is_told(database: Callable[[str], EngineDatabase]) -> None:
    """SQLite takes it for a parameter."""
    made = database("sqlite")
    fill(made)

    with pytest.raises(SchoolError, match="mistyped"):
        read_all(settings(made.url, marks=MARKS + " WHERE code = ?"))


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_database_that_the_server_does_not_have_is_told(database: Callable[[str], EngineDatabase], engine: str) -> None:
    """The server runs: whoever goes to look at it looks in the wrong place."""
    url = make_url(database(engine).url).set(database="nowhere").render_as_string(hide_password=False)

    with pytest.raises(SchoolError, match="its server answers, but has no database of that name") as raised:
        read_all(settings(url))

    assert raised.value.problem.code == "DB-NONE"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FromDriverError(1045), "DB-SIGNIN"),
        (FromDriverError(18456), "DB-SIGNIN"),
        (FromDriverError("x", sqlstate="28P01"), "DB-SIGNIN"),
        (FromDriverError('connection failed: FATAL: role "x" does not exist'), "DB-SIGNIN"),
        (FromDriverError("FATAL: no pg_hba.conf entry for host"), "DB-SIGNIN"),
        (FromDriverError(1142), "DB-RIGHTS"),
        (FromDriverError("x", sqlstate="42501"), "DB-RIGHTS"),
        (FromDriverError(1969), "DB-SLOW"),
        (FromDriverError("x", sqlstate="55P03"), "DB-SLOW"),
        (FromDriverError(2013, "Lost connection to MySQL server during query (timed out)"), "DB-SLOW"),
        (FromDriverError(2013, "Lost connection to MySQL server during query"), "DB-NONE"),
        (FromDriverError(2003), "DB-NONE"),
        (FromDriverError(None), "DB-NONE"),
        (FromDriverError(OracleNumber()), "DB-SELECT"),
        (FromDriverError(208), "DB-SELECT"),
        (FromDriverError("x", sqlstate="42803"), "DB-SELECT"),
        (FromDriverError("x", sqlstate="22008"), "DB-SELECT"),
    ],
)
def test_each_number_has_its_code(error: Exception, code: str) -> None:
    """By number and SQLSTATE, not by the text, which may be in another language."""
    assert words_of(error).problem.code == code


def test_without_a_select_the_words_are_about_all() -> None:
    """Nothing was run yet."""
    assert words_of(FromDriverError(1064), None).problem.text == (
        "SIMS: a SELECT of the settings file does not work. Nothing was sent for its schools."
    )
    assert words_of(FromDriverError("x", sqlstate="42803")).problem.text == (
        "SIMS: the marks SELECT does not work. Nothing was sent for its schools."
    )


def test_file_that_another_program_holds_is_told_as_that(tmp_path: Path) -> None:
    """It is there, and it is a database: nobody has to look for it."""
    path = tmp_path / "school.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE marks (date)")
        other.execute("BEGIN EXCLUSIVE")
        with closing(sqlite3.connect(path, timeout=0)) as late, pytest.raises(sqlite3.OperationalError) as raised:
            late.execute("SELECT * FROM marks")

    problem = in_our_words(settings(f"sqlite:///{path}"), DBAPIError("", {}, raised.value), "marks").problem

    assert problem.code == "DB-NONE"
    assert problem.happened == f"SIMS: another program keeps the file {path} locked."
