"""source.py: a SELECT that would give wrong numbers in silence is refused before a row is read."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from pymysql.constants import FIELD_TYPE
from sqlalchemy import select, text

from attsync.database.source import Source, _type_name, source
from attsync.problems import Problem, SchoolError
from tests.database.small import MARKS, ROLL, WINDOW, fill, looking, mark, settings
from tests.engines import EngineDatabase

PLAIN = "SELECT mark_date AS date, session, year_group, code FROM marks"


def wrapped(database: EngineDatabase, **selects: str) -> Source:
    """Wrap the one SELECT that is given."""
    ((name, select),) = selects.items()
    made = settings(database.url, select={name: select})
    with looking(made) as look:
        return source(look, made, name, WINDOW if name in ("marks", "roll") else None)  # type: ignore[arg-type]


def refusal(database: EngineDatabase, **selects: str) -> Problem:
    """Return the problem of the refusal."""
    fill(database, [mark()])
    with pytest.raises(SchoolError) as raised:
        wrapped(database, **selects)
    assert raised.value.problem.code == "DB-SELECT"
    return raised.value.problem


@pytest.mark.parametrize(
    ("select", "case", "what"),
    [
        ("SELECT code FROM marks", "no_column", {"columns": ("date", "session", "year_group"), "has": ("code",)}),
        (PLAIN.replace("SELECT", "SELECT DISTINCT"), "merges", {"word": "DISTINCT"}),
        (PLAIN + " UNION " + PLAIN, "merges", {"word": "UNION without ALL"}),
        (PLAIN + " LIMIT (100)", "leaves_out", {"word": "LIMIT"}),
        (PLAIN + "; DELETE FROM marks", "two_statements", {}),
        (PLAIN + " WHERE code = 'x", "not_closed", {}),
    ],
)
def test_a_marks_select_that_cannot_be_right_is_refused(
    database: Callable[[str], EngineDatabase], select: str, case: str, what: dict[str, object]
) -> None:
    """Too few marks would go unnoticed for a year; nothing of a second statement is run."""
    made = database("sqlite")
    problem = refusal(made, marks=select)

    assert (problem.case, problem["select"]) == (case, "marks")
    assert {name: problem[name] for name in what} == what
    assert made.execute("SELECT count(*) FROM marks")[0][0] == 1


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_dates_that_are_numbers_are_refused(database: Callable[[str], EngineDatabase], engine: str) -> None:
    """In SQLite, whose columns have no types, the window is empty, and that is told."""
    problem = refusal(database(engine), marks=PLAIN.replace("mark_date AS date", "20261123 AS date"))

    assert (problem.case, problem["columns"]) == ("numbers", ("date",))


def test_two_columns_of_one_name_are_refused(any_database: EngineDatabase) -> None:
    """SQLite would quietly take the first."""
    assert refusal(any_database, marks=PLAIN.replace("code", "code, session AS code")).case in (
        "column_twice",
        "ambiguous",
    )


def test_two_columns_that_nobody_uses_may_have_one_name(database: Callable[[str], EngineDatabase]) -> None:
    """`SELECT a.*, b.*` where the engine takes it."""
    made = database("sqlite")
    fill(made, [mark()])

    assert "extra" in wrapped(made, marks=PLAIN.replace("code", "code, 1 AS extra, 2 AS extra"))


@pytest.mark.parametrize("merge", ["SELECT DISTINCT", "SELECT"])
def test_rows_that_name_their_pupil_may_be_made_one(any_database: EngineDatabase, merge: str) -> None:
    """DISTINCT over (pupil, date, session) is how some take double rows out."""
    fill(any_database, [mark()])

    assert "pupil" in wrapped(any_database, marks=MARKS.replace("SELECT", merge))
    assert "pupil" in wrapped(any_database, roll=ROLL.replace("SELECT", merge))


def test_a_roll_select_is_looked_at_as_well(database: Callable[[str], EngineDatabase]) -> None:
    """Thirty pupils who came on the same day would be one."""
    roll = "SELECT DISTINCT year_group, entry_date, leaving_date FROM roll"

    assert refusal(database("sqlite"), roll=roll).case == "merges"


def test_the_types_are_known_where_the_database_has_any(any_database: EngineDatabase) -> None:
    """`check` shows them."""
    fill(any_database, [mark()])
    found = wrapped(any_database, marks=MARKS)

    assert found.types["date"] == ("" if any_database.engine == "sqlite" else "date")
    assert found.is_a("text", "code")
    assert "extra" not in found


@pytest.mark.parametrize(
    ("dialect", "type_code", "kinds"),
    [
        ("mssql", str, ["text"]),
        ("mssql", int, ["number"]),
        ("mssql", Decimal, ["number"]),
        ("mssql", bytes, []),
        ("duckdb", "VARCHAR", ["text"]),
        ("duckdb", "UBIGINT", ["number"]),
        ("duckdb", "UINTEGER", ["number"]),
        ("duckdb", "DECIMAL(4,2)", ["number"]),
        ("duckdb", "DATE", []),
        ("duckdb", "INTERVAL", []),
        ("mysql", FIELD_TYPE.NEWDECIMAL, ["number"]),
        ("mysql", FIELD_TYPE.TINY, ["number"]),
        ("mysql", FIELD_TYPE.INT24, ["number"]),
        ("mysql", FIELD_TYPE.BLOB, ["text"]),
        ("mysql", FIELD_TYPE.ENUM, ["text"]),
        ("mysql", FIELD_TYPE.TIMESTAMP, ["timestamp"]),
        ("mysql", FIELD_TYPE.DATETIME, []),
        ("sqlite", None, ["text"]),
    ],
)
def test_types_of_each_driver_have_a_kind(dialect: str, type_code: object, kinds: list[str]) -> None:
    """As the drivers document them; what has none is a date, or is turned into text."""
    types = {"code": _type_name(dialect, ("code", type_code))}
    found = Source("marks", select().subquery(), {"code": "code"}, types, dialect)

    assert [kind for kind in ("text", "bytes", "number", "timestamp") if found.is_a(kind, "code")] == kinds
    assert not found.is_a("text", "pupil")


def test_types_of_postgresql_have_a_kind(database: Callable[[str], EngineDatabase]) -> None:
    """As its driver calls them."""
    values = {
        "number": "1::int2, 1::int4, 1::int8, 1::oid, 1::float4, 1::float8, 1::money, 1::numeric, 1::numeric(4, 2)",
        "text": "'a'::\"char\", 'a'::name, 'a', 'a'::bpchar, 'a'::char(4), 'a'::varchar(5), NULL",
        "bytes": "'a'::bytea",
        "timestamp": "now()::timestamp",
        "": "now(), now()::date, '1 day'::interval",
    }
    made = settings(database("postgresql").url)
    for kind, expressions in values.items():
        with looking(made) as look:
            described = look.described(text(f"SELECT {expressions}"), "marks")
        for entry in described:
            source = Source(
                "marks", select().subquery(), {"a": "a"}, {"a": _type_name("postgresql", entry)}, "postgresql"
            )
            assert [each for each in ("text", "bytes", "number", "timestamp") if source.is_a(each, "a")] == [
                *filter(None, [kind])
            ]
