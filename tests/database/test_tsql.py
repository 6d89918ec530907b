"""Every statement that attsync sends to a SQL Server, read by Microsoft's own parser of T-SQL.

The statements are those that arrive at the server of the tests, whatever module made them.
"""

import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from uuid import uuid4

import pytest

from attsync.database import holds_permission, schools_of
from attsync.database.inspect import look
from attsync.deadline import Deadline
from attsync.settings import DatabaseSettings
from tests.database import small
from tests.tds.server import SqlServer

PARSER = Path(sys.executable).with_name("maxdop")
VERSIONS = ("2016", "2017", "2019", "2022", "2025")

DATES = {"DATE": "date", "TIMESTAMP": "datetime", "VARCHAR(30)": "text"}
_TAKEN: set[str] = set()
"""Statements that the parser of every version has taken before."""
OTHERS = {"VARCHAR(20)": "text", "SMALLINT": "number", "BOOLEAN": "bit", "UUID": "uniqueidentifier"}


def refused(statements: list[str], version: str) -> str:
    """Return what the parser of this version says of statements it cannot read; empty: it reads them all."""
    ended = subprocess.run(
        [PARSER, "--parser-version", version],
        input="\nGO\n".join(statements),
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.stderr


def tables(server: SqlServer, date: str, pupil: str = "VARCHAR(20)", school: str = "VARCHAR(20)") -> None:
    """Make tables with columns of these types, and what has to be proven: two marks of a pupil who is not on roll."""
    server.execute(
        f"CREATE TABLE marks (school {school}, mark_date {date}, session VARCHAR, year_group VARCHAR, code VARCHAR,"
        f" pupil {pupil})"
    )
    server.execute(
        f"CREATE TABLE roll (school {school}, year_group VARCHAR, entry_date {date}, leaving_date {date},"
        f" pupil {pupil})"
    )
    a_mark = ("1", "2026-11-23", "AM", "7", "/", str(uuid4()) if pupil == "UUID" else "1")
    if school != "UUID":
        server.execute("INSERT INTO marks VALUES (%s, %s, %s, %s, %s, %s)", [a_mark] * 2)
    server.execute("CREATE TABLE staff (username VARCHAR, school VARCHAR)")
    server.execute("CREATE TABLE sites (school VARCHAR, urn INTEGER, name VARCHAR)")
    server.execute("INSERT INTO sites VALUES ('1', 900023, 'Oakfield'), ('2', 900024, 'Elm Grove')")


def settings(server: SqlServer, *, school: bool = True, pupil: bool = True, inside: bool = False) -> DatabaseSettings:
    """Make settings with or without the optional columns, and with :start and :end inside of the marks SELECT."""
    more = ", school" * school + ", pupil" * pupil
    where = " WHERE mark_date >= :start AND mark_date < :end" if inside else ""
    return small.settings(
        server.url(),
        marks=f"SELECT mark_date AS date, session, year_group, code{more} FROM [SIMS].[dbo].[marks]{where}",
        roll=f"SELECT year_group, entry_date, leaving_date{more} FROM dbo.roll",
        select={"administrators": "SELECT username FROM staff"},
        schools=[small.OAKFIELD, small.ELM] if school else [small.OAKFIELD],
        codes={"-": "unmarked", "": "unmarked", "PRES": "present"},
        sessions={"Morning": "AM", "": "PM"},
    )


@pytest.fixture
def deadline() -> Iterator[Deadline]:
    """Return a deadline that is far away."""
    with Deadline() as far_away:
        yield far_away


@pytest.fixture
def said(sql_server: SqlServer) -> Iterator[list[str]]:
    """Return the statements that a test sends; at its end the parser of every version must take them all."""
    yield sql_server.statements
    sent = set(sql_server.statements)
    assert len(sent) > 5, "else nothing was tried"
    for version in VERSIONS:
        assert refused(sorted(sent - _TAKEN), version) == ""
    _TAKEN.update(sent)


def test_the_parser_refuses_what_sql_server_refuses() -> None:
    """The yardstick itself: a bare number is no condition, and no version takes it."""
    for version in VERSIONS:
        assert "46010" in refused(["SELECT CASE WHEN 0 THEN 1 END AS n"], version)
        assert refused(["SELECT CASE WHEN 1 = 0 THEN 1 END AS n"], version) == ""


@pytest.mark.parametrize(("school", "pupil"), list(product((True, False), repeat=2)))
@pytest.mark.parametrize("date", DATES, ids=DATES.get)
def test_every_kind_of_date_and_optional_column(
    sql_server: SqlServer, said: list[str], deadline: Deadline, date: str, *, school: bool, pupil: bool
) -> None:
    """All that `check` asks, and what a send asks for one of two schools."""
    tables(sql_server, date)
    found = look(settings(sql_server, school=school, pupil=pupil), [900023], small.WINDOW, deadline)

    assert [each.problem for each in found.selects] == [None] * 3
    assert not found.fails
    assert any("count(" in statement.lower() for statement in said)
    assert all(any(f"AS {name}" in each for each in said) == pupil for name in ("pupils", "doubled", "absent"))


@pytest.mark.parametrize("kind", OTHERS, ids=OTHERS.get)
def test_every_kind_of_pupil_and_school(sql_server: SqlServer, said: list[str], deadline: Deadline, kind: str) -> None:
    """Keys are numbers, bits, text or uniqueidentifier."""
    tables(sql_server, "DATE", kind, kind)

    assert not look(settings(sql_server), (), small.WINDOW, deadline).fails
    assert said


def test_start_and_end_inside_of_a_select(sql_server: SqlServer, said: list[str], deadline: Deadline) -> None:
    """They are bound, never written into the text."""
    tables(sql_server, "DATE")

    assert not look(settings(sql_server, inside=True), (), small.WINDOW, deadline).fails
    assert not any("2026-11-20" in statement for statement in said if "mark_date" in statement)


def test_administrators_and_schools(sql_server: SqlServer, said: list[str], deadline: Deadline) -> None:
    """The two small SELECTs, the first with and without a school."""
    tables(sql_server, "DATE")
    database = settings(sql_server)
    own = {"administrators": "SELECT username, school FROM staff", "schools": "SELECT school, urn, name FROM sites"}
    listed = small.settings(sql_server.url(), select=own, schools=[])

    assert not holds_permission(database, database.schools[0], "sam", deadline)
    assert not holds_permission(listed, database.schools[0], "sam", deadline)
    assert {school.urn for school in schools_of(listed, deadline)} == {900023, 900024}
    assert said
