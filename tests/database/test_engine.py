"""engine.py: a look at a school database is read-only, one snapshot, limited in time, and says what failed."""

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import SQLAlchemyError

from attsync.database import engine, errors
from attsync.database.engine import allow_stream, knows_london, london_offset, snapshot
from attsync.problems import Problem, SchoolError, Stopped
from attsync.window import Window
from tests.database.small import fill, mark, settings
from tests.engines import EngineDatabase

WINDOW = Window(date(2026, 11, 20), date(2026, 11, 23))
SUMMER = Window(date(2026, 6, 12), date(2026, 6, 15))

SLOW = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
    "postgresql": "SELECT pg_sleep(20)",
    "mariadb": "SELECT SLEEP(20)",
}


def problem_of(url: str, statement: str = "SELECT 1", **changes: Any) -> Problem:  # noqa: ANN401  any setting
    """Run a statement and give what went wrong."""
    with pytest.raises(SchoolError) as raised, snapshot(settings(url, **changes)) as connection:
        connection.execute(text(statement)).all()
    return raised.value.problem


def ask(database: EngineDatabase, statement: str, window: Window | None = None) -> Any:  # noqa: ANN401  any value
    """Ask for one value."""
    with snapshot(settings(database.url), window) as connection:
        return connection.execute(text(statement)).scalar()


@contextmanager
def silent_server() -> Iterator[int]:
    """Listen, and never say a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def test_two_statements_see_the_same_data(any_database: EngineDatabase) -> None:
    """Marks and roll must be of the same moment."""
    fill(any_database, [mark()])
    if any_database.engine == "sqlite":
        any_database.execute("PRAGMA journal_mode = WAL")  # otherwise the writer below would have to wait
    with snapshot(settings(any_database.url)) as connection:
        before = connection.execute(text("SELECT count(*) FROM marks")).scalar()
        any_database.execute("INSERT INTO marks (code) VALUES ('L')")
        after = connection.execute(text("SELECT count(*) FROM marks")).scalar()

    assert (before, after) == (1, 1)
    assert ask(any_database, "SELECT count(*) FROM marks") == 2


def test_nothing_can_be_changed(any_database: EngineDatabase) -> None:
    """The real fence is an account that may only read; this one holds where somebody forgot it."""
    fill(any_database, [mark()])

    problem_of(any_database.url, "DELETE FROM marks")

    assert ask(any_database, "SELECT count(*) FROM marks") == 1


def test_a_sqlite_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """A mistyped name would otherwise become an empty school."""
    file = tmp_path / "no.db"

    assert problem_of(f"sqlite:///{file}").code == "DB-NONE"
    assert not file.exists()


def test_a_sqlite_file_is_found_whatever_its_name(tmp_path: Path, database: Callable[[str], EngineDatabase]) -> None:
    """Names with signs that mean something in an address."""
    fill(database("sqlite"), [mark()])
    (original,) = tmp_path.glob("*.db")
    renamed = original.rename(tmp_path / "50% of #1 (a).db")

    for url in (f"sqlite:///{renamed}", f"sqlite:///file:{renamed}"):
        with snapshot(settings(url)) as connection:
            assert connection.execute(text("SELECT count(*) FROM marks")).scalar() == 1


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    """A spreadsheet, perhaps."""
    (tmp_path / "a.db").write_text("school,date\n" * 1000)

    assert problem_of(f"sqlite:///{tmp_path}/a.db", "SELECT * FROM marks").code == "DB-NONE"


def test_a_statement_ends_in_time(any_database: EngineDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run ends, whatever the database does (RELIABILITY.md P7)."""
    monkeypatch.setattr(errors, "STATEMENT_SECONDS", 0.2)
    started = time.monotonic()

    problem = problem_of(any_database.url, SLOW[any_database.engine])

    assert problem.code == "DB-SLOW"
    assert "index on the date column" in problem.next
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mariadb"])
def test_a_signal_ends_a_statement(database: Callable[[str], EngineDatabase], engine: str) -> None:
    """Ctrl-C while the marks are counted: it is no slow database, and the next one is not opened."""

    def stop(number: int, _: object) -> None:
        raise Stopped(number)

    def read() -> None:
        with snapshot(settings(database(engine).url)) as connection:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            connection.execute(text(SLOW[engine])).all()

    before = signal.signal(signal.SIGALRM, stop)
    started = time.monotonic()
    try:
        with pytest.raises(Stopped):
            read()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - started < 5


def test_sqlite_is_not_charged_for_the_time_in_which_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """While rows are sent, nobody fetches: that can take minutes, and is no fault of the database."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    clock = engine._Clock()  # noqa: SLF001  what SQLite calls
    for _ in range(100):
        now[0] += 60
        assert not clock.is_over()
    for _ in range(13_000):
        now[0] += 0.01
        over = clock.is_over()
    assert over


@pytest.mark.parametrize("engine", ["mariadb"])
def test_rows_that_are_fetched_slowly_have_more_time(database: Callable[[str], EngineDatabase], engine: str) -> None:
    """There the clock of a statement runs on while nobody fetches."""
    with snapshot(settings(database(engine).url)) as connection:
        before = connection.execute(text("SELECT @@max_statement_time")).scalar()
        allow_stream(connection)
        after = connection.execute(text("SELECT @@max_statement_time")).scalar()

    assert (float(before or 0), float(after or 0)) == (120, 900)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_server_that_says_nothing_is_left_in_time(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A firewall may swallow everything, or something else may listen there."""
    monkeypatch.setattr(errors, "CONNECT_SECONDS", 2)  # the least that libpq takes
    started = time.monotonic()
    with silent_server() as port:
        assert problem_of(f"{kind}://u:hunter2@127.0.0.1:{port}/d").code in ("DB-NONE", "DB-SLOW")

    assert time.monotonic() - started < 6


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_server_that_is_not_there_is_told(kind: str) -> None:
    """With who has to look at what."""
    problem = problem_of(f"{kind}://u:hunter2@127.0.0.1:1/d")

    assert problem.code == "DB-NONE"
    assert problem.text == "SIMS: cannot be opened, or does not answer. Nothing was sent for its schools."
    assert "address of the database" in problem.next


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_a_refused_sign_in_is_told_without_the_password(database: Callable[[str], EngineDatabase], engine: str) -> None:
    """Whoever reads the message may not be the one who may know it."""
    url = make_url(database(engine).url).set(username="nobody_here", password="hunter2")
    problem = problem_of(url.render_as_string(hide_password=False))

    assert problem.code == "DB-SIGNIN"
    assert "hunter2" not in repr(problem)
    assert "nobody_here" not in repr(problem)


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_a_missing_right_is_told(database: Callable[[str], EngineDatabase], engine: str) -> None:
    """The administrator has to grant SELECT, and nothing else."""
    made = database(engine)
    fill(made, [mark()])
    with an_account(made) as url:
        problem = problem_of(url, "SELECT * FROM marks")

    assert problem.code == "DB-RIGHTS"
    assert "grant it SELECT" in problem.next


@contextmanager
def an_account(database: EngineDatabase) -> Iterator[str]:
    """Make an account without any right, and give the address with it."""
    name = f"attsync_{database.url[-8:]}"
    if database.engine == "postgresql":
        database.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'p@ss:w/rd%'")
        drop = f"DROP ROLE {name}"
    else:
        database.execute(f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY 'p@ss:w/rd%'")
        database.execute(f"GRANT USAGE ON *.* TO {name}@'127.0.0.1'")
        schema = database.url.rsplit("/", 1)[1]
        database.execute(f"GRANT CREATE ON {schema}.nothing TO {name}@'127.0.0.1'")
        drop = f"DROP USER {name}@'127.0.0.1'"
    try:
        start, rest = database.url.split("://", 1)
        yield f"{start}://{name}:p@ss:w/rd%@{rest.split('@', 1)[1]}"
    finally:
        database.execute(drop)


def test_times_are_londons(any_database: EngineDatabase) -> None:
    """Half past midnight in summer is yesterday in UTC, and servers often run in UTC."""
    seconds = 1781481600 - 1800  # Sun 14 June 2026, 23:30 in UTC
    asked = {
        "sqlite": f"SELECT date({seconds}, 'unixepoch', 'localtime')",
        "postgresql": f"SELECT to_timestamp({seconds})::date::text",
        "mariadb": f"SELECT CAST(DATE(FROM_UNIXTIME({seconds})) AS CHAR)",
    }

    assert ask(any_database, asked[any_database.engine], SUMMER) == "2026-06-15"


def test_a_server_without_time_zones_is_noticed(database: Callable[[str], EngineDatabase]) -> None:
    """MariaDB knows only the zones that its administrator loaded; today's offset holds until the clocks change."""
    made = database("mariadb")
    has_zones = made.execute("SELECT count(*) FROM mysql.time_zone_name WHERE Name = 'Europe/London'")[0][0]
    with snapshot(settings(made.url)) as connection:
        assert knows_london(connection) == bool(has_zones)
    with snapshot(settings(made.url), WINDOW) as connection:
        zone = connection.execute(text("SELECT @@time_zone")).scalar()
        assert zone == ("Europe/London" if has_zones else "+00:00")


def test_london_is_an_hour_ahead_in_summer() -> None:
    """The clocks change on the last Sundays of March and October."""
    assert (london_offset(date(2026, 3, 28)), london_offset(date(2026, 3, 29))) == (0, 1)
    assert (london_offset(date(2026, 10, 24)), london_offset(date(2026, 10, 25))) == (1, 0)


def test_the_rule_of_sqlite_agrees_with_the_time_zone(database: Callable[[str], EngineDatabase]) -> None:
    """It is written out, so that no time zone files are needed."""
    made = database("sqlite")
    for number in range(0, 730, 7):
        day = date(2026, 1, 1) + timedelta(days=number)
        hour = ask(made, f"SELECT strftime('%H', '{day} 12:00', 'localtime')")
        assert int(hour) == 12 + london_offset(day)


@pytest.mark.parametrize(
    ("engine", "statement"),
    [
        ("postgresql", "SELECT 'Gawain Fotheringay'::int"),
        ("postgresql", "SELECT pupil FROM (SELECT 'Gawain' AS pupil) x WHERE pupil = 1"),
        ("mariadb", "SELECT `Gawain Fotheringay`"),
        ("sqlite", 'SELECT * FROM "Gawain Fotheringay"'),
    ],
)
def test_what_a_database_says_is_never_repeated(
    database: Callable[[str], EngineDatabase], engine: str, statement: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An error may quote a value of the column: a name."""
    caplog.set_level("DEBUG", logger="attsync")
    problem = problem_of(database(engine).url, statement)

    assert problem.code == "DB-SELECT"
    assert "Gawain" not in repr(problem)
    assert "Gawain" not in caplog.text
    assert "SIMS" in caplog.text


def test_an_error_of_sqlalchemy_itself_is_told(database: Callable[[str], EngineDatabase]) -> None:
    """Nothing of a library gets past the wall."""
    with pytest.raises(SchoolError) as raised, snapshot(settings(database("sqlite").url)):
        raise SQLAlchemyError

    assert raised.value.problem.code == "DB-NONE"


class FakeServer:
    """Stands in for a SQL Server or an Oracle, which cannot be here: writes down what it is asked."""

    def __init__(self, name: str, answer: int | None = None) -> None:
        self.dialect = SimpleNamespace(name=name)
        self.asked: list[str] = []
        self._answer = answer

    def exec_driver_sql(self, statement: str) -> "FakeServer":
        """Take a statement."""
        self.asked.append(statement)
        return self

    def scalar(self) -> int | None:
        """Give the one value of its answer."""
        return self._answer

    def rollback(self) -> None:
        """End the transaction that asking began."""


@pytest.mark.parametrize(
    ("name", "answer", "options"),
    [
        ("mssql", 1, {"isolation_level": "SNAPSHOT"}),
        ("mssql", 0, {}),
        ("oracle", None, {"isolation_level": "SERIALIZABLE"}),
    ],
)
def test_a_snapshot_is_asked_for_where_the_server_has_one(
    name: str, answer: int | None, options: dict[str, str]
) -> None:
    """SQL Server refuses the level where its database does not allow it: then each statement agrees with itself."""
    server: Any = FakeServer(name, answer)

    assert engine._options(server) == options  # noqa: SLF001  what no server here can show
    assert all("snapshot_isolation_state" in asked for asked in server.asked)


def test_sql_server_does_not_wait_for_locks_for_ever() -> None:
    """Somebody may be writing the register."""
    server: Any = FakeServer("mssql")
    engine._begin(server)  # noqa: SLF001  what no server here can show
    allow_stream(server)

    assert server.asked == ["SET LOCK_TIMEOUT 10000"]


def test_mysql_gives_its_limit_in_milliseconds() -> None:
    """MariaDB's is in seconds, under another name."""
    server: Any = FakeServer("mysql")
    server.info = {"is_mariadb": False}
    allow_stream(server)

    assert server.asked == ["SET SESSION max_execution_time = 900000"]


def test_what_a_signal_raises_while_sqlite_works_is_kept() -> None:
    """SQLite, which calls, would lose it, and the run would go on as if nobody had stopped it."""
    clock = engine._Clock()  # noqa: SLF001  what SQLite calls
    ticking = clock.ticking()
    assert next(ticking) is False
    stopped = Stopped(signal.SIGTERM)

    assert ticking.throw(stopped) is True
    assert clock.stopped is stopped
    ticking.close()
