"""statements.py: one reviewed SQL for every kind of database, with filters that an index serves."""

import re
from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import Executable, text
from sqlalchemy.dialects import mssql, mysql, oracle, postgresql
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.engine import Dialect

from attsync.database.engine import snapshot
from attsync.database.source import Source, source
from attsync.database.statements import administrators_statement, marks_statement, roll_statement, schools_statement
from attsync.window import Window
from tests.database.small import MARKS, fill, mark, settings
from tests.engines import EngineDatabase

WINDOW = Window(date(2026, 11, 20), date(2026, 11, 23))
DIALECTS: dict[str, Dialect] = {
    module.__name__.rsplit(".", 1)[1]: module.dialect() for module in (sqlite_dialect, postgresql, mysql, mssql, oracle)
}
DIALECTS["mssql"].server_version_info = (16,)  # what it asks the server for


def a_source(dialect: str, name: str, *columns: str, texts: tuple[str, ...] = ()) -> Source:
    """Make a wrapped SELECT without a database."""
    select = f"SELECT {', '.join(columns)} FROM a_view"
    subquery = text(select).columns(*map(_column, columns)).subquery(name)
    kinds = {column: "text" if column in texts else "other" for column in columns}
    return Source(name, subquery, {c: c for c in columns}, kinds, {}, dialect)  # type: ignore[arg-type]


def _column(name: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
    from sqlalchemy import column  # noqa: PLC0415
    from sqlalchemy.sql.elements import quoted_name  # noqa: PLC0415

    return column(quoted_name(name, quote=True))


def compiled(statement: Executable, dialect: str) -> str:
    """Give the SQL as a person reads it: no line breaks, values in place."""
    made = statement.compile(dialect=DIALECTS[dialect], compile_kwargs={"literal_binds": True})  # type: ignore[attr-defined]
    return re.sub(r'[`"\[]([a-z_]+)[`"\]]', r"\1", re.sub(r"\s+", " ", str(made)).strip())


def marks(dialect: str, *columns: str, texts: tuple[str, ...] = ()) -> str:
    """Compile the marks statement."""
    made = a_source(dialect, "marks", "date", "session", "year_group", "code", *columns, texts=texts)
    leave_out = ("2",) if "school" in columns else ()
    return compiled(marks_statement(made, WINDOW, leave_out, sessions={"Morning": "AM"}, unmarked={"", "-"}), dialect)


def roll(dialect: str, *columns: str, texts: tuple[str, ...] = (), leaving: str = "last_day") -> str:
    """Compile the roll statement for one day."""
    made = a_source(dialect, "roll", "year_group", "entry_date", "leaving_date", *columns, texts=texts)
    return compiled(roll_statement(made, Window(WINDOW.last, WINDOW.last), leaving, ()), dialect)


def test_sql_server_reads_letters_as_they_are() -> None:
    """VARCHAR would make an O of letters that its code page has not, and cut at 30."""
    sql = marks("mssql", "school")

    assert "trim(CAST(marks.code AS NVARCHAR(400))) COLLATE Latin1_General_100_BIN2 AS code" in sql
    assert "CAST(marks.date AS DATE) AS day" in sql
    assert "marks.date >= '2026-11-20' AND marks.date < '2026-11-24'" in sql
    assert "NOT IN (N'2')" in sql
    assert "GROUP BY mark.school, mark.day, mark.session, mark.year_group, mark.code ORDER BY mark.school" in sql


def test_sql_server_cuts_a_date_out_of_a_text() -> None:
    """It calls that substring."""
    sql = marks("mssql", texts=("date",))

    assert "substring(CAST(marks.date AS NVARCHAR(400)), 1, 10) AS day" in sql
    assert "marks.date >= N'2026-11-20'" in sql
    assert "GROUP BY trim(CAST(roll.year_group AS" in roll("mssql"), "it refuses to group by what holds no column"


def test_oracles_date_has_a_time_of_day_that_is_cut_off() -> None:
    """CAST AS DATE would keep it, and every minute would be a day."""
    sql = marks("oracle", "pupil")

    assert "trunc(marks.date) AS day" in sql
    assert "trim(CAST(marks.code AS VARCHAR2(400 CHAR))) AS code" in sql
    assert "CLOB" not in sql
    assert "CLOB" not in roll("oracle", texts=("entry_date", "leaving_date"))


def test_mysql_compares_bytes() -> None:
    """Its usual collations fold case, accents and spaces."""
    sql = marks("mysql", "pupil")

    assert "trim(CAST(marks.code AS CHAR CHARACTER SET utf8mb4)) COLLATE utf8mb4_bin AS code" in sql
    assert "marks.date >= '2026-11-20' AND marks.date < '2026-11-24'" in sql
    assert "count(DISTINCT mark.pupil)" in sql


def test_the_whole_marks_statement_can_be_read_by_a_data_protection_lead() -> None:
    """It counts; pupils only ever stand in COUNT."""
    assert marks("postgresql", "school", "pupil") == (
        "SELECT mark.school, mark.day, mark.session, mark.year_group, mark.code, count(*) AS marks, CAST(NULL"
        ' AS INTEGER) AS pupils FROM (SELECT trim(CAST(marks.school AS TEXT)) COLLATE "C" AS school,'
        ' CAST(marks.date AS DATE) AS day, trim(CAST(marks.session AS TEXT)) COLLATE "C" AS session,'
        ' trim(CAST(marks.year_group AS TEXT)) COLLATE "C" AS year_group, trim(CAST(marks.code AS TEXT))'
        ' COLLATE "C" AS code, CASE WHEN ((trim(CAST(marks.session AS TEXT)) COLLATE "C") = \'Morning\') THEN'
        " 'AM' ELSE trim(CAST(marks.session AS TEXT)) COLLATE \"C\" END AS mapped, marks.pupil AS pupil FROM"
        " (SELECT date, session, year_group, code, school, pupil FROM a_view) AS marks WHERE marks.date >="
        " '2026-11-20' AND marks.date < '2026-11-24' AND ((trim(CAST(marks.school AS TEXT)) COLLATE \"C\") IS"
        " NULL OR ((trim(CAST(marks.school AS TEXT)) COLLATE \"C\") NOT IN ('2')))) AS mark GROUP BY"
        " mark.school, mark.day, mark.session, mark.year_group, mark.code UNION ALL SELECT mark.school,"
        " mark.day, mark.mapped, NULL AS anon_1, NULL AS anon__1, count(mark.pupil) AS count_1, count(DISTINCT"
        ' mark.pupil) AS count_2 FROM (SELECT trim(CAST(marks.school AS TEXT)) COLLATE "C" AS school,'
        ' CAST(marks.date AS DATE) AS day, trim(CAST(marks.session AS TEXT)) COLLATE "C" AS session,'
        ' trim(CAST(marks.year_group AS TEXT)) COLLATE "C" AS year_group, trim(CAST(marks.code AS TEXT))'
        ' COLLATE "C" AS code, CASE WHEN ((trim(CAST(marks.session AS TEXT)) COLLATE "C") = \'Morning\') THEN'
        " 'AM' ELSE trim(CAST(marks.session AS TEXT)) COLLATE \"C\" END AS mapped, marks.pupil AS pupil FROM"
        " (SELECT date, session, year_group, code, school, pupil FROM a_view) AS marks WHERE marks.date >="
        " '2026-11-20' AND marks.date < '2026-11-24' AND ((trim(CAST(marks.school AS TEXT)) COLLATE \"C\") IS"
        " NULL OR ((trim(CAST(marks.school AS TEXT)) COLLATE \"C\") NOT IN ('2')))) AS mark WHERE"
        " nullif(mark.code, '') IS NOT NULL AND (mark.code NOT IN ('-')) GROUP BY mark.school, mark.day,"
        " mark.mapped ORDER BY school"
    )


def test_the_roll_is_one_pass_of_conditional_counts() -> None:
    """Half-open on the raw columns, for each way to read a leaving date."""
    assert roll("postgresql") == (
        'SELECT CAST(NULL AS TEXT) AS school, trim(CAST(roll.year_group AS TEXT)) COLLATE "C" AS year_group,'
        " count(CASE WHEN false THEN 1 END) AS count_1, count(CASE WHEN (NOT (roll.entry_date IS NULL OR"
        " roll.entry_date < '1901-01-01') AND roll.entry_date < '2010-11-01' AND (roll.entry_date IS NULL OR"
        " roll.entry_date < '1901-01-01' OR roll.entry_date < '2026-11-24') AND (roll.leaving_date IS NULL OR"
        " roll.leaving_date < '1901-01-01' OR roll.leaving_date >= '2026-11-23')) THEN 1 END) AS count_2,"
        " count(CASE WHEN ((roll.entry_date IS NULL OR roll.entry_date < '1901-01-01' OR roll.entry_date <"
        " '2026-11-24') AND (roll.leaving_date IS NULL OR roll.leaving_date < '1901-01-01' OR"
        " roll.leaving_date >= '2026-11-23')) THEN 1 END) AS count_3 FROM (SELECT year_group, entry_date,"
        ' leaving_date FROM a_view) AS roll GROUP BY trim(CAST(roll.year_group AS TEXT)) COLLATE "C"'
    )
    assert "roll.leaving_date >= '2026-11-24'" in roll("postgresql", leaving="first_day_off")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_statement_compiles_for_every_kind_of_database(dialect: str) -> None:
    """Also for those whose server is not here."""
    for texts in ((), ("date", "entry_date", "leaving_date", "pupil")):
        assert "GROUP BY" in marks(dialect, "school", "pupil", texts=texts)
        assert "GROUP BY" in roll(dialect, "school", "pupil", texts=texts)
    staff = a_source(dialect, "administrators", "username", "school")
    assert "'sam'" in compiled(administrators_statement(staff, "sam", "1"), dialect)
    assert "DISTINCT" in compiled(schools_statement(a_source(dialect, "schools", "school", "urn", "name")), dialect)


INDEXED = "CREATE INDEX marks_by_date ON marks (mark_date)"


@pytest.mark.parametrize(
    ("engine", "date_type"),
    [
        ("sqlite", "DATE"),
        ("sqlite", "TEXT"),
        ("postgresql", "DATE"),
        ("postgresql", "TIMESTAMP"),
        ("postgresql", "TIMESTAMPTZ"),
        ("postgresql", "VARCHAR(20)"),
        ("mariadb", "DATE"),
        ("mariadb", "DATETIME"),
        ("mariadb", "VARCHAR(20)"),
    ],
)
def test_the_index_on_the_date_serves_the_filter(
    database: Callable[[str], EngineDatabase], engine: str, date_type: str
) -> None:
    """Eight days of three years, and not all of them: casts stand only in what is selected."""
    made = database(engine)
    fill(
        made,
        [mark(day=f"20{n // 300 + 24}-{n // 25 % 12 + 1:02}-{n % 25 + 1:02}") for n in range(900)],
        date_type=date_type,
    )
    made.execute(INDEXED)
    made.execute("ANALYZE TABLE marks" if engine == "mariadb" else "ANALYZE")
    config = settings(made.url, marks=MARKS)
    with snapshot(config, WINDOW) as connection:
        statement = marks_statement(
            source(connection, config, "marks", WINDOW), WINDOW, (), sessions={"Morning": "AM"}, unmarked={"", "-"}
        )
        sql = str(statement.compile(connection, compile_kwargs={"literal_binds": True}))  # type: ignore[attr-defined]
        explain = "EXPLAIN QUERY PLAN " if engine == "sqlite" else "EXPLAIN "
        plan = " ".join(str(tuple(row)) for row in connection.execute(text(explain + sql.replace(":", r"\:"))))

    assert plan.count("marks_by_date") >= 2, plan
    assert "SCAN marks" not in plan
    assert "Seq Scan" not in plan
    assert "'ALL', 'marks_by_date'" not in plan
