"""rights.py: an account that may write is noticed, and so is a date that no index serves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from attsync.database.rights import index_serves, writes

from attsync.database.engine import snapshot
from attsync.database.inspect import look
from tests.database.small import MARKS, WINDOW, fill, mark, settings
from tests.engines import EngineDatabase

EVERYTHING = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER"


@contextmanager
def account(database: EngineDatabase, grant: str) -> Iterator[str]:
    """Make an account that may do `grant` on the marks, and give the address with it."""
    name = f"attsync_{database.url[-8:]}"
    if database.engine == "postgresql":
        database.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
        database.execute(f"GRANT {grant} ON marks, roll TO {name}")
        drop = [f"DROP OWNED BY {name}", f"DROP ROLE {name}"]
    else:
        schema = database.url.rsplit("/", 1)[1]
        database.execute(f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY 'x'")
        database.execute(f"GRANT {grant} ON {schema}.* TO {name}@'127.0.0.1'")
        drop = [f"DROP USER {name}@'127.0.0.1'"]
    try:
        start, rest = database.url.split("://", 1)
        yield f"{start}://{name}:x@{rest.split('@', 1)[1]}"
    finally:
        for statement in drop:
            database.execute(statement)


def rights(url: str) -> tuple[str, ...] | None:
    """Ask what an account may do."""
    with snapshot(settings(url)) as connection:
        return writes(connection)


@pytest.mark.parametrize(
    ("engine", "grant", "found"),
    [
        ("postgresql", "SELECT", ()),
        ("postgresql", "SELECT, UPDATE", ("may change 2 tables",)),
        ("mariadb", "SELECT", ()),
        ("mariadb", "SELECT, INSERT, DELETE", ("holds INSERT, DELETE",)),
        ("mariadb", EVERYTHING, ("holds INSERT, UPDATE, DELETE, CREATE, DROP and 1 more",)),
    ],
)  # fmt: skip
def test_an_account_that_may_write_is_noticed(
    database: Callable[[str], EngineDatabase], engine: str, grant: str, found: tuple[str, ...]
) -> None:
    """The real fence is an account that may only read."""
    made = database(engine)
    fill(made, [mark()])
    with account(made, grant) as url:
        assert rights(url) == found
        assert look(settings(url), (), WINDOW).writes == found


def test_a_superuser_is_noticed(any_database: EngineDatabase) -> None:
    """Many a school runs everything as root; a SQLite file is opened read-only whatever its rights are."""
    found = rights(any_database.url)

    assert found is not None
    if any_database.engine == "sqlite":
        assert found == ()
    else:
        assert "superuser" in found[0] or "ALL PRIVILEGES" in found[0]


def test_somebody_who_may_make_accounts_is_noticed(database: Callable[[str], EngineDatabase]) -> None:
    """That is as good as writing."""
    made = database("postgresql")
    fill(made, [mark()])
    with account(made, "SELECT") as url:
        made.execute(f"ALTER ROLE attsync_{made.url[-8:]} CREATEROLE")

        assert rights(url) == ("may make accounts or databases",)


def test_other_kinds_of_database_are_not_asked() -> None:
    """Their catalogues are not known well enough to be right."""
    connection: Any = SimpleNamespace(dialect=SimpleNamespace(name="mssql"))
    statement: Any = SimpleNamespace(compile=lambda *_, **__: "SELECT 1")

    assert writes(connection) is None
    assert index_serves(connection, statement, WINDOW.first) is None


@pytest.mark.parametrize(
    ("select", "index", "served"),
    [
        (MARKS, True, True),
        (MARKS, False, False),
        (MARKS.replace("mark_date AS", "{cast} AS"), True, False),
        (MARKS.replace("marks", "(SELECT * FROM marks) AS m"), True, True),
    ],
)
def test_an_index_that_serves_is_known(any_database: EngineDatabase, select: str, index: bool, served: bool) -> None:  # noqa: FBT001
    """A function around the date, and the database reads three years of marks for eight days."""
    cast = {
        "sqlite": "date(mark_date)",
        "postgresql": "to_char(mark_date, 'YYYY-MM-DD')",
        "mariadb": "DATE_ADD(mark_date, INTERVAL 0 DAY)",
    }
    fill(any_database, [mark(day=f"20{n // 300 + 24}-{n // 25 % 12 + 1:02}-{n % 25 + 1:02}") for n in range(900)])
    if index:
        any_database.execute("CREATE INDEX marks_by_date ON marks (mark_date)")
    any_database.execute("ANALYZE TABLE marks" if any_database.engine == "mariadb" else "ANALYZE")
    found = look(settings(any_database.url, marks=select.replace("{cast}", cast[any_database.engine])), (), WINDOW)

    assert [each.has_index for each in found.selects if each.name == "marks"] == [served]
