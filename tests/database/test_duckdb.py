"""DuckDB: the exports of a system without a database are read where they are, in memory, and nothing is written."""

from pathlib import Path

import duckdb
import pytest
from sqlalchemy import text

from attsync.database.inspect import look
from attsync.deadline import Deadline
from attsync.model import Cell, SchoolDays, Session, Unlisted
from attsync.problems import SchoolError
from attsync.settings import DatabaseSettings
from tests.database.small import ELM, FRIDAY, OAKFIELD, WINDOW, looking, read_all, settings

MARKS = "SELECT school, date, session, year_group, code, pupil FROM read_csv('marks.csv')"
ROLL = "SELECT school, year_group, entry_date, leaving_date, pupil FROM read_csv('roll.csv')"
NAMES = ("school", "date", "session", "year_group", "code", "pupil")
COLUMNS = f"auto_detect = false, columns = {dict.fromkeys(NAMES, 'VARCHAR')}"
AM_7 = Cell("7", Session.AM)


@pytest.fixture
def exports(tmp_path: Path) -> DatabaseSettings:
    """Write two files as a school system exports them, beside the settings file."""
    (tmp_path / "marks.csv").write_text(
        "school,date,session,year_group,code,pupil\n"
        "1,2026-11-23,AM,07,/,a\n1,2026-11-23,AM,7,L ,b\n1,2026-11-23,AM,7,l,c\n"
        "1,2026-11-20,AM,7,/,a\n1,2026-11-20,AM,7,/,a\n1,2026-11-19,AM,7,/,a\n"
        "2,2026-11-23,Morning,7,/,d\n3,2026-11-23,AM,7,/,x\n"
    )
    (tmp_path / "roll.csv").write_text(
        "school,year_group,entry_date,leaving_date,pupil\n"
        "1,7,2025-09-01,,a\n1,8,2025-09-01,,a\n1,7,2025-09-01,2026-11-20,b\n2,7,2025-09-01,,d\n"
    )
    return DatabaseSettings.model_validate(
        {
            "name": "SIMS",
            "url": "duckdb:///:memory:",
            "leaving_date_is": "last_day",
            "select": {"marks": MARKS, "roll": ROLL},
            "sessions": {"Morning": "AM"},
            "schools": [OAKFIELD, ELM],
        },
        context={"path": tmp_path / "config.toml"},
    )


def test_exports_are_counted_exactly(exports: DatabaseSettings) -> None:
    """Codes byte by byte, year groups with zeros, and all that a pupil column proves."""
    oakfield, elm, unlisted = read_all(exports)

    assert isinstance(oakfield, SchoolDays)
    assert isinstance(elm, SchoolDays)
    assert oakfield.days[-1].cells == {AM_7: {"/": 1, "L": 1}}
    assert (oakfield.days[-1].refused, oakfield.days[-1].not_on_roll) == (1, 2)
    assert [day.pupils_on_roll for day in oakfield.days] == [2, 1, 1, 1]
    assert [day.in_two_groups for day in oakfield.days] == [1, 1, 1, 1]
    assert {day.date: day.problem.code for day in oakfield.days if day.problem}[FRIDAY] == "MARK-DOUBLE"
    assert elm.days[-1].cells == {AM_7: {"/": 1}}
    assert unlisted == Unlisted("SIMS", 1)


def test_exports_are_inspected(exports: DatabaseSettings) -> None:
    """As any other database: columns with their types, rows, and an account that cannot write."""
    with Deadline() as deadline:
        facts = look(exports, (), WINDOW, deadline)

    assert (facts.kind, facts.writes, facts.way, facts.fails) == ("duckdb", (), "local", False)
    assert dict(facts.selects[0].columns)["date"] == "date"
    assert facts.selects[1].overlaps == 1


@pytest.mark.parametrize(
    ("marks", "code", "case"),
    [
        (MARKS.replace("marks.csv", "no.csv"), "DB-NONE", "export"),
        (MARKS.replace("marks.csv", "no-*.csv"), "DB-NONE", "export"),
        (MARKS.replace("read_csv('marks.csv')", "read_xlsx('marks.xlsx')"), "DB-SELECT", "extension"),
        (MARKS.replace("read_csv('marks.csv')", "'marks.xlsx'"), "DB-SELECT", "extension"),
        (MARKS.replace("marks.csv", "https://127.0.0.1:1/marks.csv"), "DB-SELECT", "extension"),
        (MARKS.replace("'marks.csv'", "'marks.csv', encoding = 'windows-1252'"), "DB-SELECT", "extension"),
        (MARKS.replace("'marks.csv'", "'marks.csv', ignore_errors = true"), "DB-SELECT", "leaves_out"),
        (
            "SELECT \"Date\" AS date, 'AM' AS session, '7' AS year_group, '/' AS code FROM (SELECT 1 AS x) AS a",
            "DB-SELECT",
            "column",
        ),
        (MARKS.replace("code", "no_such"), "DB-SELECT", "column"),
        (MARKS.replace("code", '"Mark" AS mark'), "DB-SELECT", "column"),
        (MARKS.replace("read_csv('marks.csv')", "no_such"), "DB-SELECT", "table"),
        (MARKS.replace("FROM", "FROM FROM"), "DB-SELECT", "syntax"),
        (MARKS.replace("code", "no_such(code) AS code"), "DB-SELECT", "function"),
        (MARKS.replace("code", "code::DATE AS code"), "DB-SELECT", "value"),
        (MARKS + " USING SAMPLE 5", "DB-SELECT", "leaves_out"),
    ],
)
def test_what_is_wrong_is_told_in_its_class(exports: DatabaseSettings, marks: str, code: str, case: str) -> None:
    """Its messages quote paths and values; none is repeated."""
    wrong = exports.model_copy(update={"select": exports.select.model_copy(update={"marks": marks})})
    with pytest.raises(SchoolError) as raised:
        read_all(wrong)

    assert (raised.value.problem.code, raised.value.problem.case) == (code, case)


@pytest.mark.parametrize(
    ("content", "options", "case", "line"),
    [
        (b"1,2026-11-23,AM,7,/,Zo\xeb", COLUMNS, "csv_encoding", "10"),
        (b"1,2026-11-23,AM,7,/,Zo\x92", "encoding = 'latin-1'", "csv_encoding", ""),
        (b"2026-11-23,AM", COLUMNS, "csv", "10"),
        (b"1,2026-11-23,AM,7,/,Gawain,7", COLUMNS, "csv", "10"),
        (b'1,2026-11-23,AM,7,/,"Gawain', COLUMNS, "csv", "10"),
        (b"Gawain;\n1;2", "delim = '|', columns = {'a': 'INTEGER', 'b': 'INTEGER'}", "csv", ""),
    ],
)
def test_a_file_of_another_form_is_told_with_its_line(
    exports: DatabaseSettings, content: bytes, options: str, case: str, line: str
) -> None:
    """DuckDB quotes the line, which may hold a name; only its number is repeated."""
    file = exports.folder / "marks.csv"
    file.write_bytes(file.read_bytes() + content + b"\n")
    marks = MARKS.replace("'marks.csv'", f"'marks.csv', header = true, {options}")
    wrong = exports.model_copy(update={"select": exports.select.model_copy(update={"marks": marks})})
    with pytest.raises(SchoolError) as raised:
        read_all(wrong)

    problem = raised.value.problem
    assert (problem.code, problem.case, problem.get("line")) == ("DB-SELECT", case, line)
    assert "Gawain" not in repr(problem)


@pytest.mark.parametrize(("marks", "case"), [(MARKS, "column"), ("SELECT * FROM read_csv('marks.csv')", "no_column")])
def test_the_first_line_of_a_file_without_a_header_is_not_shown(
    exports: DatabaseSettings, marks: str, case: str
) -> None:
    """DuckDB takes it for the names of columns, and other databases' columns are named to help."""
    (exports.folder / "marks.csv").write_text("1,2026-11-23,AM,7,/,Gawain\n1,2026-11-23,AM,7,/,Zoe\n")
    marks = marks.replace("'marks.csv'", "'marks.csv', header = true")
    with pytest.raises(SchoolError) as raised:
        read_all(exports.model_copy(update={"select": exports.select.model_copy(update={"marks": marks})}))

    assert raised.value.problem.case == case
    assert "gawain" not in repr(raised.value.problem).lower()


def test_a_statement_ends_with_the_run(exports: DatabaseSettings) -> None:
    """It works inside of this process, and is interrupted."""
    from attsync.database.engine import snapshot  # noqa: PLC0415

    with (
        Deadline(0.5) as deadline,
        pytest.raises(SchoolError) as raised,
        snapshot(exports, WINDOW, deadline) as look_at,
    ):
        look_at.all(text("SELECT max(a.range * b.range) FROM range(100000000) a, range(1000000) b"), "marks")

    assert raised.value.problem.code == "RUN-TIME"


def test_a_file_of_duckdb_is_opened_read_only(tmp_path: Path) -> None:
    """And one that is not there is not made."""
    with duckdb.connect(tmp_path / "a.duckdb") as made:
        made.execute("CREATE TABLE marks (code VARCHAR)")
    with looking(settings(f"duckdb:///{tmp_path}/a.duckdb")) as look_at:
        assert look_at.ask("SELECT count(*) FROM marks") == [(0,)]
    with pytest.raises(SchoolError) as raised, looking(settings(f"duckdb:///{tmp_path}/a.duckdb")) as look_at:
        look_at.all(text("DELETE FROM marks"), "marks")
    assert raised.value.problem.code == "DB-SELECT"

    with pytest.raises(SchoolError) as raised, looking(settings(f"duckdb:///{tmp_path}/no.duckdb")):
        pass
    assert (raised.value.problem.code, raised.value.problem.case) == ("DB-NONE", "file")
    assert not (tmp_path / "no.duckdb").exists()
