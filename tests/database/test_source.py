"""source.py: a SELECT that would give wrong numbers in silence is refused before a row is read."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from attsync.database.engine import snapshot
from attsync.database.source import Source, _kind, _type_name, source
from attsync.problems import SchoolError
from tests.database.small import MARKS, ROLL, WINDOW, fill, mark, settings
from tests.engines import EngineDatabase

PLAIN = "SELECT mark_date AS date, session, year_group, code FROM marks"


def wrapped(database: EngineDatabase, **selects: str) -> Source:
    """Wrap the one SELECT that is given."""
    ((name, select),) = selects.items()
    made = settings(database.url, select={name: select})
    with snapshot(made) as connection:
        return source(connection, made, name, WINDOW if name in ("marks", "roll") else None)  # type: ignore[arg-type]


def explain_missing(database: EngineDatabase, **selects: str) -> str:
    """Give the words of the refusal."""
    fill(database, [mark()])
    with pytest.raises(SchoolError) as raised:
        wrapped(database, **selects)
    assert raised.value.problem.code == "DB-SELECT"
    return raised.value.problem.text


@pytest.mark.parametrize(
    ("select", "words"),
    [
        ("SELECT code FROM marks", "it has no column date and no column session and no column year_group"),
        (PLAIN.replace("SELECT", "SELECT DISTINCT"), "DISTINCT in it makes one row of pupils who look the same"),
        (PLAIN + " UNION " + PLAIN, "UNION without ALL in it makes one row"),
        (PLAIN + " GROUP BY mark_date, session, year_group, code", "GROUP BY in it makes one row"),
        (PLAIN + " LIMIT 100", "LIMIT in it leaves rows out"),
        (PLAIN + "; DELETE FROM marks", "more than one statement"),
        (PLAIN.replace("mark_date AS date", "20261123 AS date"), None),
    ],
)
def test_a_marks_select_that_cannot_be_right_is_refused(
    any_database: EngineDatabase, select: str, words: str | None
) -> None:
    """Too few marks would go unnoticed for a year."""
    if words is None and any_database.engine == "sqlite":
        return  # its columns have no types; such a window is empty, and that is told
    text = explain_missing(any_database, marks=select)

    assert (words or "its column date holds numbers, not dates") in text
    assert text.startswith("SIMS: the marks SELECT cannot be used: ")


def test_two_columns_of_one_name_are_refused(any_database: EngineDatabase) -> None:
    """SQLite would quietly take the first."""
    fill(any_database, [mark()])
    with pytest.raises(SchoolError, match=r"it has two columns code|two of its columns have the same name"):
        wrapped(any_database, marks=PLAIN.replace("code", "code, session AS code"))


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


def test_a_roll_select_is_looked_at_as_well(any_database: EngineDatabase) -> None:
    """Thirty pupils who came on the same day would be one."""
    assert "the roll SELECT cannot be used: DISTINCT" in explain_missing(
        any_database, roll="SELECT DISTINCT year_group, entry_date, leaving_date FROM roll"
    )


def test_nothing_of_a_second_statement_is_run(any_database: EngineDatabase) -> None:
    """Refused before it goes anywhere."""
    explain_missing(any_database, marks=PLAIN + "; DELETE FROM marks")

    assert any_database.execute("SELECT count(*) FROM marks")[0][0] == 1


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
        ("oracle", SimpleNamespace(name="DB_TYPE_VARCHAR"), "text"),
        ("oracle", SimpleNamespace(name="DB_TYPE_NUMBER"), "number"),
        ("oracle", SimpleNamespace(name="DB_TYPE_DATE"), "other"),
    ],
)
def test_types_of_servers_that_are_not_here(dialect: str, type_code: object, kind: str) -> None:
    """As their drivers document them."""
    assert _kind(dialect, type_code) == kind


def test_names_of_types_of_servers_that_are_not_here() -> None:
    """Oracle's have a name, SQL Server's are Python's."""
    assert _type_name("oracle", ("a", SimpleNamespace(name="DB_TYPE_DATE"))) == "db_type_date"
    assert _type_name("mssql", ("a", str)) == "str"
