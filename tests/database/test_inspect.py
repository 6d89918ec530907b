"""inspect.py: each SELECT is tried on its own, and only counts, names and types of columns come out."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, event, make_url

from attsync.database.inspect import DatabaseFacts, SelectFacts, index_serves, look, way, writes
from attsync.deadline import Deadline
from attsync.settings import DatabaseSettings
from tests.database.small import ELM, MARKS, OAKFIELD, ROLL, WINDOW, enrolment, fill, mark, settings
from tests.engines import EngineDatabase

NAME = "Gawain Fotheringay"


def facts_of(database: DatabaseSettings, only: tuple[int, ...] = ()) -> DatabaseFacts:
    """Look at a database."""
    with Deadline() as deadline:
        return look(database, only, WINDOW, deadline)


def by_name(facts: DatabaseFacts) -> dict[str, SelectFacts]:
    """Return the facts of each SELECT."""
    return {select.name: select for select in facts.selects}


def test_each_select_is_counted_with_its_columns(any_database: EngineDatabase) -> None:
    """What a technician wants to see first."""
    fill(any_database, [mark(pupil=1), mark(pupil=2), mark(school="9")], [enrolment(pupil=1), enrolment(pupil=2)])
    administrators = {"administrators": f"SELECT '{NAME}' AS username"}
    facts = facts_of(settings(any_database.url, select=administrators), ())
    found = by_name(facts)

    assert facts.problem is None
    assert not facts.fails
    assert (found["marks"].rows, found["roll"].rows, found["administrators"].rows) == (3, 2, 1)
    assert (facts.way, facts.hides) == ("local", ())
    assert [name for name, _ in found["marks"].columns] == ["date", "session", "year_group", "code", "school", "pupil"]
    assert dict(found["marks"].columns)["date"] == ("text" if any_database.engine == "sqlite" else "date")
    assert facts.unlisted == 1
    assert [school.days[-1].marks for school in facts.schools] == [2]
    assert NAME not in repr(facts)


def test_sqlite_tells_what_its_values_are(database: Callable[[str], EngineDatabase]) -> None:
    """Its columns have no types: a number among the dates is seen here only."""
    made = database("sqlite")
    fill(made, [mark(day="2026-11-23"), mark(day=None)], date_type="BLOB")
    made.execute("INSERT INTO marks VALUES ('1', 1795420800, 'AM', '7', NULL, NULL)")
    columns = dict(by_name(facts_of(settings(made.url), ()))["marks"].columns)

    assert columns["date"] == "integer or text"
    assert columns["pupil"] == "only NULL"


def test_marks_without_a_date_are_counted(any_database: EngineDatabase) -> None:
    """They are in no window: no send would ever meet them."""
    days = [None, "", "1900-01-01", "23/11/2026", "2026-11-23", "2026-06-14T23:00:00Z"]
    fill(any_database, [mark(day=day) for day in days], date_type="VARCHAR(30)")
    marks = by_name(facts_of(settings(any_database.url), ()))["marks"]

    assert (marks.rows, marks.no_date, marks.not_dates, marks.in_utc) == (6, 3, 1, 1)


def test_marks_without_a_date_are_counted_in_a_column_of_dates(any_database: EngineDatabase) -> None:
    """There only NULL and similar can be."""
    fill(any_database, [mark(day=None), mark(day="1900-01-01"), mark()])
    marks = by_name(facts_of(settings(any_database.url), ()))["marks"]

    assert (marks.rows, marks.no_date, marks.not_dates, marks.in_utc) == (3, 2, 0, 0)


def test_pupils_in_two_year_groups_are_counted(any_database: EngineDatabase) -> None:
    """Moved up, and the older enrolment never ended: counted in both."""
    fill(
        any_database,
        [mark()],
        [
            enrolment(pupil=1, year_group="7"),
            enrolment(pupil=1, year_group="8"),
            enrolment(pupil=2, year_group="7"),
            enrolment(pupil=2, year_group="7"),
            enrolment(pupil=3, year_group="7", leaving="2026-07-20"),
            enrolment(pupil=3, year_group="8", entry="2026-09-01"),
            enrolment(year_group="7"),
            enrolment(year_group="8"),
        ],
    )

    assert by_name(facts_of(settings(any_database.url), ()))["roll"].overlaps == 1
    single = settings(any_database.url, roll=ROLL.replace("school, ", ""))
    assert by_name(facts_of(single, ()))["roll"].overlaps == 1


def test_one_select_that_fails_does_not_hide_the_others(any_database: EngineDatabase) -> None:
    """All faults at once."""
    fill(any_database, [mark()], [enrolment()])
    facts = facts_of(settings(any_database.url, marks="SELECT 1 AS date", roll=ROLL), ())
    found = by_name(facts)

    assert found["marks"].problem
    assert found["marks"].problem["columns"] == ("session", "year_group", "code")
    assert found["roll"].rows == 1
    assert facts.schools == ()
    assert facts.fails


def test_a_fault_that_only_a_read_finds_is_told(any_database: EngineDatabase) -> None:
    """Each SELECT alone is right, and they do not fit the schools."""
    fill(any_database, [mark()], [enrolment()])
    made = settings(any_database.url, marks=MARKS.replace("school, ", ""), schools=[OAKFIELD, ELM])
    facts = facts_of(made, ())

    assert facts.problem
    assert facts.problem.code == "DB-SCHOOLS"


def test_a_database_that_does_not_open_is_told_once() -> None:
    """Not once for each SELECT."""
    facts = facts_of(settings("postgresql://u:hunter2@127.0.0.1:1/d"))

    assert facts.problem
    assert facts.problem.code == "DB-NONE"
    assert facts.selects == ()


@pytest.mark.parametrize(("only", "urns"), [((), [900023, 900024]), ((900024,), [900024]), ((900099,), [])])
def test_only_the_schools_that_were_asked_for_are_read(
    any_database: EngineDatabase, only: tuple[int, ...], urns: list[int]
) -> None:
    """`--school` of a trust with many."""
    fill(any_database, [mark()], [enrolment()])
    facts = facts_of(settings(any_database.url, schools=[OAKFIELD, ELM]), only)

    assert sorted(school.school.urn for school in facts.schools) == urns


# The account


@contextmanager
def account(database: EngineDatabase, *grants: str) -> Iterator[str]:
    """Make an account that has been given `grants` ({name} is the account), and return the address with it."""
    name = f"attsync_{database.url[-8:]}"
    who = name if database.engine == "postgresql" else f"{name}@'127.0.0.1'"
    schema = database.url.rsplit("/", 1)[1]
    drop = [f"DROP OWNED BY {name}", f"DROP ROLE {name}"] if database.engine == "postgresql" else [f"DROP USER {who}"]
    kind, word = ("ROLE", "LOGIN PASSWORD") if database.engine == "postgresql" else ("USER", "IDENTIFIED BY")
    database.execute(f"CREATE {kind} {who} {word} 'x'")
    try:
        for grant in grants:
            database.execute(grant.format(name=who, schema=schema))
        start, rest = database.url.split("://", 1)
        yield f"{start}://{name}:x@{rest.split('@', 1)[1]}"
    finally:
        for statement in drop:
            database.execute(statement)


READS = {"postgresql": "GRANT SELECT ON marks, roll TO {name}", "mariadb": "GRANT SELECT ON {schema}.* TO {name}"}


@pytest.mark.parametrize(
    ("engine", "grant", "found"),
    [
        ("postgresql", "", ()),
        ("postgresql", "GRANT UPDATE ON marks, roll TO {name}", ("can change 2 tables",)),
        ("postgresql", "GRANT UPDATE (code) ON marks TO {name}", ("can change 1 table",)),
        ("postgresql", "GRANT INSERT (code) ON marks TO {name}", ("can change 1 table",)),
        ("postgresql", "GRANT CREATE ON SCHEMA public TO {name}", ("can make tables in 1 schema",)),
        ("postgresql", "ALTER ROLE {name} CREATEROLE", ("can make accounts, databases or copies",)),
        ("postgresql", "ALTER ROLE {name} REPLICATION", ("can make accounts, databases or copies",)),
        ("postgresql", "GRANT pg_write_server_files TO {name}", ("is a member of pg_write_server_files",)),
        (
            "postgresql",
            "GRANT pg_execute_server_program, pg_read_server_files TO {name}",
            ("is a member of pg_execute_server_program, pg_read_server_files",),
        ),
        ("postgresql", "ALTER ROLE {name} NOINHERIT; GRANT pg_write_all_data TO {name}", None),
        ("mariadb", "", ()),
        ("mariadb", "GRANT INSERT, DELETE ON {schema}.* TO {name}", ("holds INSERT, DELETE",)),
        ("mariadb", "GRANT UPDATE (code) ON {schema}.marks TO {name}", ("holds UPDATE",)),
        ("mariadb", "GRANT FILE ON *.* TO {name}", ("holds FILE",)),
        (
            "mariadb",
            "GRANT INSERT, UPDATE, DELETE, CREATE, DROP, ALTER ON {schema}.* TO {name}",
            ("holds INSERT, UPDATE, DELETE, CREATE, DROP and 1 more",),
        ),
    ],
)  # fmt: skip
def test_an_account_that_can_do_more_than_read_is_noticed(
    database: Callable[[str], EngineDatabase], engine: str, grant: str, found: tuple[str, ...] | None
) -> None:
    """Of tables, single columns, schemas, files and programs of the server, and by roles that it can take on."""
    made = database(engine)
    fill(made, [mark()])
    with account(made, READS[engine], *filter(None, grant.split("; "))) as url:
        rights = facts_of(settings(url)).writes

    assert rights == found if found is not None else rights


def test_a_role_that_an_account_can_take_on_is_noticed(database: Callable[[str], EngineDatabase]) -> None:
    """It does not have it from the start, and is one statement away."""
    made = database("mariadb")
    fill(made, [mark()])
    role = f"writer_{made.url[-8:]}"
    made.execute(f"CREATE ROLE {role}")
    try:
        with account(
            made, READS["mariadb"], f"GRANT INSERT ON {{schema}}.* TO {role}", f"GRANT {role} TO {{name}}"
        ) as url:
            assert facts_of(settings(url)).writes
    finally:
        made.execute(f"DROP ROLE {role}")


def test_a_superuser_is_noticed(any_database: EngineDatabase) -> None:
    """Many a school runs everything as root; an SQLite file is opened read-only whatever its rights are."""
    found = facts_of(settings(any_database.url)).writes

    assert found is not None
    if any_database.engine == "sqlite":
        assert found == ()
    else:
        assert "superuser" in found[0] or "ALL PRIVILEGES" in found[0]


def test_what_a_server_hides_is_noticed(database: Callable[[str], EngineDatabase]) -> None:
    """A policy of the server leaves rows out without a word; a limit on rows is lifted for our session."""
    made = database("postgresql")
    fill(made, [mark()])
    made.execute("ALTER TABLE marks ENABLE ROW LEVEL SECURITY")
    made.execute("CREATE POLICY own ON marks USING (school = '2')")
    with account(made, READS["postgresql"]) as url:
        assert facts_of(settings(url)).hides == ("row-level security on 1 table",)

    other = database("mariadb")
    fill(other, [mark()])

    def limited(_connection: object, _cursor: object, statement: str, values: object, *_: object) -> tuple[str, object]:
        return statement.replace("@@global.sql_select_limit", "7"), values  # a real one would meet all other tests

    assert facts_of(settings(other.url)).hides == ()
    event.listen(Engine, "before_cursor_execute", limited, retval=True)
    try:
        assert facts_of(settings(other.url)).hides == ("sql_select_limit = 7",)
    finally:
        event.remove(Engine, "before_cursor_execute", limited)


def test_other_kinds_of_database_are_not_asked() -> None:
    """Their catalogues are not known well enough to be right."""
    server: Any = SimpleNamespace(
        kind="firebird", driver=None, url=make_url("firebird://db.example/d"), connection=None
    )
    statement: Any = SimpleNamespace(compile=lambda *_, **__: "SELECT 1")

    assert writes(server) is None
    assert index_serves(server, statement, WINDOW.first) is None
    assert way(server) == ""


@pytest.mark.parametrize(
    ("url", "encrypted", "expected"),
    [
        ("postgresql://db.example/d", False, "plain"),
        ("postgresql://db.example/d?sslmode=require", True, "encrypted"),
        ("postgresql://db.example/d?sslmode=verify-full", True, "verified"),
        ("postgresql://127.0.0.1/d", False, "local"),
        ("postgresql:///d?host=/run/postgresql", False, "local"),
    ],
)
def test_how_safe_the_way_is_comes_from_the_connection(url: str, encrypted: bool, expected: str) -> None:  # noqa: FBT001
    """Encrypted is not yet verified: anyone who answers could be someone else."""
    driver = SimpleNamespace(pgconn=SimpleNamespace(ssl_in_use=encrypted))
    server: Any = SimpleNamespace(kind="postgresql", driver=driver, url=make_url(url))

    assert way(server) == expected


@pytest.mark.parametrize(
    ("mode", "checks_name", "expected"),
    [
        (None, False, "plain"),
        (ssl.CERT_NONE, False, "encrypted"),
        (ssl.CERT_REQUIRED, False, "encrypted"),
        (ssl.CERT_REQUIRED, True, "verified"),
    ],
)
def test_how_safe_the_way_to_mysql_is_comes_from_its_socket(
    mode: ssl.VerifyMode | None,
    expected: str,
    *,
    checks_name: bool,
) -> None:
    """A certificate that no one compares with the name of the server may be anyone's."""
    with socket.socket() as end:
        if mode is None:
            driver = SimpleNamespace(_sock=end)
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = checks_name
            context.verify_mode = mode
            wrapped = context.wrap_socket(end, server_hostname="db.example", do_handshake_on_connect=False)
            driver = SimpleNamespace(_sock=wrapped)
        server: Any = SimpleNamespace(kind="mysql", driver=driver, url=make_url("mysql://db.example/d"))
        found = way(server)
        driver._sock.close()  # noqa: SLF001  the name that PyMySQL gives it

    assert found == expected


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
    found = facts_of(settings(any_database.url, marks=select.replace("{cast}", cast[any_database.engine])))

    assert [each.has_index for each in found.selects if each.name == "marks"] == [served]
