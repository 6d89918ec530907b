"""source.py: a SELECT that would give wrong numbers in silence is refused before a row is read."""

from collections.abc import Callable

import pytest

from attsync.database.source import Source, _kind, _type_name, source
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
    assert found.kinds["code"] == "text"
    assert "extra" not in found


@pytest.mark.parametrize(
    ("dialect", "type_code", "kind"),
    [
        ("mssql", str, "text"),
        ("mssql", int, "number"),
        ("mssql", bytes, "other"),
        ("duckdb", "VARCHAR", "text"),
        ("duckdb", "UBIGINT", "number"),
        ("duckdb", "DECIMAL(4,2)", "number"),
        ("duckdb", "DATE", "other"),
    ],
)
def test_types_of_other_servers(dialect: str, type_code: object, kind: str) -> None:
    """As their drivers document them."""
    assert _kind(dialect, type_code) == kind
    assert _type_name("mssql", ("a", str)) == "str"
