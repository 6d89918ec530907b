"""statements.py: one reviewed SQL for every kind of database, with filters that an index serves."""

import re
from collections.abc import Callable
from datetime import date
from textwrap import wrap

import pytest
from inline_snapshot import snapshot
from sqlalchemy import Executable, text
from sqlalchemy.dialects import mssql, mysql, postgresql
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.engine import Dialect

from attsync.database.source import Source, source
from attsync.database.statements import (
    administrators_statement,
    doubled_statement,
    first_mark_statement,
    marks_statement,
    not_on_roll_statement,
    roll_statement,
    rows_statement,
    schools_statement,
    suspects_statement,
)
from attsync.window import Window
from tests.database.small import MARKS, fill, looking, mark, settings
from tests.engines import EngineDatabase

WINDOW = Window(date(2026, 11, 20), date(2026, 11, 23))
DIALECTS: dict[str, Dialect] = {
    module.__name__.rsplit(".", 1)[1]: module.dialect() for module in (sqlite_dialect, postgresql, mysql, mssql)
}
DIALECTS["mssql"].server_version_info = (16,)  # what it asks the server for


def a_source(dialect: str, name: str, *columns: str, texts: tuple[str, ...] = ()) -> Source:
    """Make a wrapped SELECT without a database."""
    select = f"SELECT {', '.join(columns)} FROM a_view"
    subquery = text(select).columns(*map(_column, columns)).subquery(name)
    types = {column: "text" if column in texts else "date" for column in columns}
    return Source(name, subquery, {c: c for c in columns}, types, dialect)  # type: ignore[arg-type]


def _column(name: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
    from sqlalchemy import column  # noqa: PLC0415
    from sqlalchemy.sql.elements import quoted_name  # noqa: PLC0415

    return column(quoted_name(name, quote=True))


def compiled(statement: Executable, dialect: str) -> str:
    """Return the SQL as a person reads it: no line breaks, values in place."""
    made = statement.compile(dialect=DIALECTS[dialect], compile_kwargs={"literal_binds": True})  # type: ignore[attr-defined]
    return re.sub(r'[`"\[]([a-z_]+)[`"\]]', r"\1", re.sub(r"\s+", " ", str(made)).strip())


def all_statements(dialect: str, *, texts: tuple[str, ...] = (), more: tuple[str, ...] = ()) -> dict[str, str]:
    """Compile every statement; `more` are columns that marks and roll have besides those they need."""
    marks = a_source(dialect, "marks", "date", "session", "year_group", "code", *more, texts=texts)
    roll = a_source(dialect, "roll", "year_group", "entry_date", "leaving_date", *more, texts=texts)
    staff = a_source(dialect, "administrators", "username", "school", texts=texts)
    schools = a_source(dialect, "schools", "school", "urn", "name", texts=texts)
    leave_out, days = ("2",) if "school" in more else (), [WINDOW.first, WINDOW.last]
    made: dict[str, Executable] = {
        "marks": marks_statement(marks, WINDOW, leave_out),
        "roll": roll_statement(roll, WINDOW, "last_day", leave_out),
        "administrators": administrators_statement(staff, "sam", "1"),
        "schools": schools_statement(schools),
        "rows": rows_statement(marks),
        "first mark": first_mark_statement(marks, is_dated=False),
        "first dated mark": first_mark_statement(marks, is_dated=True),
    }
    if "pupil" in more:
        made["suspects"] = suspects_statement(
            marks, roll, days, leave_out, sessions={"Morning": "AM", "": "PM"}, leaving_date_is="first_day_off"
        )
        made["doubled"] = doubled_statement(
            marks, days, leave_out, sessions={"Morning": "AM", "": "PM"}, unmarked={"", "-"}
        )
        made["not on roll"] = not_on_roll_statement(
            marks, roll, days, leave_out, leaving_date_is="first_day_off", unmarked={"-"}
        )
    return {name: compiled(statement, dialect) for name, statement in made.items()}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("texts", [(), ("date", "entry_date", "leaving_date", "pupil", "code", "school", "session")])
@pytest.mark.parametrize("more", [(), ("school",), ("pupil",), ("school", "pupil")])
def test_every_statement_compiles_for_every_kind_of_database(
    dialect: str, texts: tuple[str, ...], more: tuple[str, ...]
) -> None:
    """Also for those whose server is not here; no condition is a constant word."""
    for name, sql in all_statements(dialect, texts=texts, more=more).items():
        assert not re.search(r"\b(false|true)\b|CASE WHEN [01] ", sql), name
        assert name in ("administrators", "schools", "rows", "first mark", "first dated mark") or "GROUP BY" in sql


def test_sql_server_reads_letters_as_they_are() -> None:
    """VARCHAR would make an O of letters that its code page has not, and cut at 30; TRIM needs the version of 2017."""
    found = all_statements("mssql", texts=("code",), more=("school",))

    assert "CAST(marks.code AS NVARCHAR(191)) COLLATE Latin1_General_100_BIN2 AS code" in found["marks"]
    assert "ltrim(rtrim(counted.code))" in found["marks"]
    assert " trim(" not in " ".join(found.values())
    assert "marks.date >= '2026-11-20' AND marks.date < '2026-11-24'" in found["marks"]
    assert "NOT IN (N'2')" in found["marks"]
    assert (
        "substring(CAST(marks.date AS NVARCHAR(191)), 1, 10) AS day"
        in all_statements("mssql", texts=("date",))["marks"]
    )


def test_the_whole_marks_statement_can_be_read_by_a_data_protection_lead() -> None:
    """It groups byte by byte what the SELECT gives, counts, and trims what is left."""
    sql = all_statements("postgresql", more=("school",))["marks"]

    assert wrap(sql, 95) == snapshot(
        [
            "SELECT CASE WHEN (length(counted.school) > 190) THEN '...' ELSE trim(counted.school) END AS",
            "school, counted.day, CASE WHEN (length(counted.session) > 190) THEN '...' ELSE",
            "trim(counted.session) END AS session, CASE WHEN (length(counted.year_group) > 190) THEN '...'",
            "ELSE trim(counted.year_group) END AS year_group, CASE WHEN (length(counted.code) > 190) THEN",
            "'...' ELSE trim(counted.code) END AS code, counted.marks FROM (SELECT mark.day AS day,",
            "mark.school AS school, mark.year_group AS year_group, mark.code AS code, mark.session AS",
            "session, count(*) AS marks FROM (SELECT CAST(marks.date AS DATE) AS day, CAST(marks.school AS",
            'TEXT) COLLATE "C" AS school, CAST(marks.session AS TEXT) COLLATE "C" AS session,',
            'CAST(marks.year_group AS TEXT) COLLATE "C" AS year_group, CAST(marks.code AS TEXT) COLLATE "C"',
            "AS code FROM (SELECT date, session, year_group, code, school FROM a_view) AS marks WHERE",
            "marks.date >= '2026-11-20' AND marks.date < '2026-11-24' LIMIT ALL OFFSET 0) AS mark WHERE CASE",
            "WHEN (length(mark.school) > 190) THEN '...' ELSE trim(mark.school) END IS NULL OR (CASE WHEN",
            "(length(mark.school) > 190) THEN '...' ELSE trim(mark.school) END NOT IN ('2')) GROUP BY",
            "mark.day, mark.school, mark.year_group, mark.code, mark.session) AS counted ORDER BY school",
        ]
    )


def test_the_roll_is_one_pass_of_conditional_counts() -> None:
    """Half-open on the raw columns, for each way to read a leaving date; each column of the SELECT stands once."""
    source = a_source("postgresql", "roll", "year_group", "entry_date", "leaving_date")
    today = Window(WINDOW.last, WINDOW.last)

    sql = compiled(roll_statement(source, today, "last_day", ()), "postgresql")

    assert wrap(sql, 95) == snapshot(
        [
            "SELECT NULL AS school, flags.year_group, 0, sum(flags.not_dates) AS sum_1, sum(flags.endless)",
            "AS sum_2, sum(flags.day0) AS sum_3 FROM (SELECT CASE WHEN (length(enrolment.year_group) > 190)",
            "THEN '...' ELSE trim(enrolment.year_group) END AS year_group, CASE WHEN (1 != 1 OR 1 != 1) THEN",
            "1 ELSE 0 END AS not_dates, CASE WHEN (NOT (enrolment.entry_date IS NULL OR enrolment.entry_date",
            "< '1901-01-01') AND enrolment.entry_date < '2010-11-01' AND (enrolment.entry_date IS NULL OR",
            "enrolment.entry_date < '2026-11-24') AND (enrolment.leaving_date IS NULL OR",
            "enrolment.leaving_date < '1901-01-01' OR enrolment.leaving_date >= '2026-11-23')) THEN 1 ELSE 0",
            "END AS endless, CASE WHEN ((enrolment.entry_date IS NULL OR enrolment.entry_date <",
            "'2026-11-24') AND (enrolment.leaving_date IS NULL OR enrolment.leaving_date < '1901-01-01' OR",
            "enrolment.leaving_date >= '2026-11-23')) THEN 1 ELSE 0 END AS day0 FROM (SELECT",
            'CAST(roll.year_group AS TEXT) COLLATE "C" AS year_group, roll.entry_date AS entry_date,',
            "roll.leaving_date AS leaving_date FROM (SELECT year_group, entry_date, leaving_date FROM",
            "a_view) AS roll LIMIT ALL OFFSET 0) AS enrolment) AS flags GROUP BY flags.year_group",
        ]
    )
    assert ">= '2026-11-24'" in compiled(roll_statement(source, today, "first_day_off", ()), "postgresql")


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
    with looking(config) as look:
        found = source(look, config, "marks", WINDOW)
        for statement in (
            marks_statement(found, WINDOW, ()),
            doubled_statement(found, [*WINDOW], (), sessions={"Morning": "AM"}, unmarked={"", "-"}),
        ):
            sql = str(statement.compile(look.connection, compile_kwargs={"literal_binds": True}))  # type: ignore[attr-defined]
            explain = "EXPLAIN QUERY PLAN " if engine == "sqlite" else "EXPLAIN "
            plan = " ".join(str(tuple(row)) for row in look.ask(explain + sql.replace("%", "%%")))

            assert "marks_by_date" in plan
            assert "SCAN marks" not in plan
            assert "Seq Scan" not in plan
            assert "'ALL', 'marks_by_date'" not in plan
