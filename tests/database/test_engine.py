"""engine.py: the address as it was meant; a snapshot that is read-only and ends in time; what fails before it."""

import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import certifi
import psycopg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import SQLAlchemyError

from attsync.database import engine, is_tested
from attsync.database.engine import Snapshot, _mysql_limit, address, london_offset, no_driver, snapshot
from attsync.deadline import Deadline
from attsync.problems import Problem, SchoolError, Stopped
from attsync.window import Window
from tests.database import strangers
from tests.database.small import WINDOW, fill, looking, mark, settings
from tests.engines import EngineDatabase

SUMMER = Window(date(2026, 6, 12), date(2026, 6, 15))
SLOW = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
    "postgresql": "SELECT pg_sleep(60)",
    "mariadb": "SELECT SLEEP(60)",
}
SLOW_STEPS = "SELECT 1 FROM marks WHERE instr(hex(zeroblob(30000000 + length(code))), 'x') = -1"
"""Each row takes SQLite a part of a second, in which it looks at nothing else."""
DEFAULT_PORTS = {"postgresql": 5432, "mariadb": 3306}


def problem_of(url: str, statement: str = "SELECT 1", deadline: Deadline | None = None, **changes: Any) -> Problem:  # noqa: ANN401  any setting
    """Run a statement and return what went wrong."""
    with (
        deadline or Deadline() as until,
        pytest.raises(SchoolError) as raised,
        snapshot(settings(url, **changes), WINDOW, until) as look,
    ):
        look.all(text(statement), "marks")
    return raised.value.problem


def ask(database: EngineDatabase, statement: str, window: Window | None = None) -> Any:  # noqa: ANN401  any value
    """Request one value."""
    with looking(settings(database.url), window) as look:
        ((value,),) = look.all(text(statement), "marks")
        return value


def through(url: str, port: int) -> str:
    """Return an address that leads to another port."""
    return make_url(url).set(host="127.0.0.1", port=port).render_as_string(hide_password=False)


# The address


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("plain", "plain"),
        ("p%40ss%3A%2Fw%25rd", "p@ss:/w%rd"),
        ("p@ss:w/rd", "p@ss:w/rd"),
        ("100%:@/", "100%:@/"),
        ("a@b/c@d?e#f", "a@b/c@d?e#f"),
        ("@", "@"),
        ("", ""),
    ],
)
def test_a_password_may_contain_any_sign(written: str, meant: str) -> None:
    """SQLAlchemy alone would look for a server called `ss`, a piece of the password."""
    url = address(settings(f"postgresql://attsync:{written}@db.example:5433/sims"))

    assert (url.username, url.password, url.host, url.port, url.database) == (
        "attsync",
        meant,
        "db.example",
        5433,
        "sims",
    )


def test_an_address_file_may_contain_such_a_password(tmp_path: Path) -> None:
    """The file is the place for a password."""
    file = tmp_path / "database-url"
    file.touch(0o600)
    file.write_text("mysql://attsync:p@ss:w%/rd@127.0.0.1/sims?charset=utf8mb4\n")
    url = address(settings(None, url_file=file))

    assert (url.password, url.host, url.query) == ("p@ss:w%/rd", "127.0.0.1", {"charset": "utf8mb4"})


@pytest.mark.parametrize(
    ("written", "drivername"),
    [
        ("postgresql://u:p@h/d", "postgresql+psycopg"),
        ("postgres://u:p@h/d", "postgresql+psycopg"),
        ("mysql://u:p@h/d", "mysql+pymysql"),
        ("mariadb://h/d", "mariadb+pymysql"),
        ("mssql://u:p@h/d", "mssql+mssqlpython"),
        ("mssql+mssqlpython://u:p@h/d", "mssql+mssqlpython"),
        ("sqlite:////tmp/a@b:c.db", "sqlite"),
        ("duckdb:///:memory:", "duckdb"),
    ],
)
def test_each_kind_of_database_gets_our_driver(written: str, drivername: str) -> None:
    """A school writes postgresql:// and gets what the extra installed."""
    assert address(settings(written)).drivername == drivername


def test_signs_after_the_name_of_the_database_are_no_end_of_a_password() -> None:
    """Options may contain an @, an IPv6 server colons."""
    url = address(settings("postgresql://u:p@h/d?application_name=a@b"))

    assert (url.password, url.host, url.query["application_name"]) == ("p", "h", "a@b")
    assert address(settings("postgresql://u:p:w@[::1]:5432/d")).host == "::1"


def test_an_address_that_sqlalchemy_does_not_take_is_told() -> None:
    """SQLite has no servers."""
    assert problem_of("sqlite://server/d").case == "address"


@pytest.mark.parametrize(
    ("engine_name", "words", "case", "word"),
    [
        ("postgresql", "sslmod=require", "address_word", "sslmod"),
        ("postgresql", "sslmode=sometimes", "address_value", "sslmode"),
        ("mariadb", "sslmode=require", "address_word", "sslmode"),
        ("mariadb", "ssl_ca=/no/such.pem", "tls", ""),
    ],
)
def test_a_word_that_a_driver_does_not_take_is_named(
    database: Callable[[str], EngineDatabase], engine_name: str, words: str, case: str, word: str
) -> None:
    """The server answers as it should, and is not what has to be corrected."""
    url = make_url(database(engine_name).url)
    problem = problem_of(f"{url.render_as_string(hide_password=False)}{'&' if url.query else '?'}{words}")

    assert (problem.case, problem.get("word")) == (case, word)
    assert problem.exit_code == (3 if case == "tls" else 2)


def test_no_memory_for_a_connection_is_not_called_a_wrong_address() -> None:
    """It is waited for in a thread, and a thread needs a stack."""
    with Deadline() as deadline:
        threading.stack_size(1 << 46)
        try:
            with pytest.raises(RuntimeError, match="new thread"):
                problem_of("sqlite://", deadline=deadline)
        finally:
            threading.stack_size(0)


@pytest.mark.parametrize("written", ["postgresql://u:hunter2@h:port/d", "postgresql://u:hunter2@h:99x/d"])
def test_an_address_that_cannot_be_read_is_named_without_being_shown(written: str) -> None:
    """Its password could be anywhere in it."""
    with pytest.raises(SchoolError) as raised:
        address(settings(written))

    assert (raised.value.problem.code, raised.value.problem.case) == ("DB-NONE", "address")
    assert "hunter2" not in repr(raised.value.problem)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


@pytest.mark.parametrize(
    "place",
    ["(local)/d", "np:h/d", "h:1433x/d", "h;database=d", "h, 1433 /d", "h:1:2/d", "ss w0rd/d", "pipe{h}/d", "h|x/d"],
)
@pytest.mark.parametrize("kind", ["mssql", "postgresql", "mysql"])
def test_no_piece_of_a_password_is_taken_for_a_server(kind: str, place: str) -> None:
    """It would be looked up in the network, and named in the message: SQLAlchemy ends a password at its first @."""
    with pytest.raises(SchoolError) as raised:
        address(settings(f"{kind}://attsync:p@hunter2/w@{place}"))

    assert (raised.value.problem.code, raised.value.problem.case) == ("DB-NONE", "address")
    assert "hunter2" not in repr(raised.value.problem)


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("mssql+pyodbc://u:hunter2@h/d?driver=ODBC+Driver+18+for+SQL+Server", "mssql"),
        ("mssql+pyodbc:///?odbc_connect=Driver%3Dx%3BPWD%3Dhunter2", "mssql"),
        ("mssql+pymssql://u:hunter2@h/d", "mssql"),
        ("postgresql+psycopg2://u:hunter2@h/d", "postgresql"),
        ("mysql+mysqldb://u:hunter2@h/d", "mysql"),
    ],
)
def test_a_driver_of_other_tools_is_refused_with_what_to_write(written: str, word: str) -> None:
    """No deadline would end its waits, and what protects a password is set for ours."""
    problem = problem_of(written)

    assert (problem.code, problem.case, problem["word"], problem.exit_code) == ("SETTINGS", "address_driver", word, 2)
    assert "hunter2" not in repr(problem)


@pytest.mark.parametrize(
    "option", ["postgresql://u:hunter2@127.0.0.1:1/d?no_such=1", "mysql://u:hunter2@127.0.0.1:1/d?no_such=1"]
)
def test_an_option_that_the_driver_does_not_take_is_told_as_that(option: str) -> None:
    """Tutorials are full of them; each driver has its own error for it."""
    problem = problem_of(option)

    assert (problem.code, problem.case, problem["word"]) == ("SETTINGS", "address_word", "no_such")
    assert "hunter2" not in repr(problem)


@pytest.mark.parametrize(
    ("written", "case"),
    [
        ("firebird://u:hunter2@127.0.0.1/d", "unknown"),
        ("oracle://u:hunter2@127.0.0.1/d", "unknown"),
    ],
)
def test_a_missing_driver_is_told(written: str, case: str) -> None:
    """With the kinds that there are."""
    problem = problem_of(written)

    assert (problem.code, problem.case) == ("DB-DRIVER", case)
    assert "hunter2" not in repr(problem)


@pytest.mark.parametrize("kind", ["postgresql", "mysql", "mariadb", "mssql", "duckdb"])
def test_a_driver_of_ours_is_installed_by_one_line(kind: str) -> None:
    """What is installed here may be missing elsewhere; the packages are named by their own names."""
    problem = no_driver(settings(f"{kind}://h/d")).problem

    assert problem.case == ""
    assert problem["packages"]
    assert is_tested(kind)
    assert not is_tested("oracle")


# The snapshot


def test_two_statements_see_the_same_data(any_database: EngineDatabase) -> None:
    """Marks and roll must be of the same moment."""
    fill(any_database, [mark()])
    if any_database.engine == "sqlite":
        any_database.execute("PRAGMA journal_mode = WAL")  # otherwise the writer below would have to wait
    with looking(settings(any_database.url)) as look:
        before = look.all(text("SELECT count(*) FROM marks"), "marks")
        any_database.execute("INSERT INTO marks (code) VALUES ('L')")
        after = look.all(text("SELECT count(*) FROM marks"), "marks")

    assert (before, after) == ([(1,)], [(1,)])
    assert ask(any_database, "SELECT count(*) FROM marks") == 2


def test_nothing_can_be_changed(any_database: EngineDatabase) -> None:
    """The real safeguard is a read-only account; this one holds where someone forgot it."""
    fill(any_database, [mark()])

    problem = problem_of(any_database.url, "DELETE FROM marks")

    assert problem.code == "DB-SELECT"
    assert ask(any_database, "SELECT count(*) FROM marks") == 1


def test_a_sqlite_file_is_found_whatever_its_name(tmp_path: Path, database: Callable[[str], EngineDatabase]) -> None:
    """Names with signs that mean something in an address."""
    fill(database("sqlite"), [mark()])
    (original,) = tmp_path.glob("*.db")
    renamed = original.rename(tmp_path / "50% of #1 (a).db")

    for url in (f"sqlite:///{renamed}", f"sqlite:///file:{renamed}"):
        with looking(settings(url)) as look:
            assert look.all(text("SELECT count(*) FROM marks"), "marks") == [(1,)]


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
    """MariaDB has only the zones that its administrator loaded; today's offset holds until the clocks change."""
    made = database("mariadb")
    has_zones = made.execute("SELECT count(*) FROM mysql.time_zone_name WHERE Name = 'Europe/London'")[0][0]
    with looking(settings(made.url), WINDOW) as look:
        assert look.knows_london == bool(has_zones)
        assert look.ask("SELECT @@time_zone") == [("Europe/London" if has_zones else "+00:00",)]


def test_london_is_an_hour_ahead_in_summer() -> None:
    """The clocks change on the last Sundays of March and October."""
    assert (london_offset(date(2026, 3, 28)), london_offset(date(2026, 3, 29))) == (0, 1)
    assert (london_offset(date(2026, 10, 24)), london_offset(date(2026, 10, 25))) == (1, 0)


def test_a_limit_of_the_server_on_rows_is_lifted(database: Callable[[str], EngineDatabase]) -> None:
    """It would cut the grouped counts off, without a word."""
    made = database("mariadb")
    fill(made, [mark(code) for code in ("/", "L", "I")])
    with looking(settings(f"{made.url}?init_command=SET sql_select_limit = 1")) as look:
        assert len(look.all(text("SELECT DISTINCT code FROM marks"), "marks")) == 3


@pytest.mark.parametrize(
    ("mode", "select", "value"),
    [
        ("NO_BACKSLASH_ESCAPES", r"SELECT '\\', ':a'", (r"\\", ":a")),
        ("ANSI_QUOTES", """SELECT 'x"', ':a' """, ('x"', ":a")),
    ],
)
def test_the_modes_of_a_server_are_left_as_they_are(
    database: Callable[[str], EngineDatabase], mode: str, select: str, value: tuple[str, ...]
) -> None:
    """A SELECT means what it means in the database's own tool, backslashes and all."""
    made = database("mariadb")
    with looking(settings(f"{made.url}?init_command=SET sql_mode = '{mode}'")) as look:
        assert look.grammar == f"mysql+{mode.lower()}"
        assert [tuple(row) for row in look.all(text(select.replace(":", r"\:")), "marks")] == [value]


def test_few_settings_of_a_session_are_changed(database: Callable[[str], EngineDatabase]) -> None:
    """Each could change what a SELECT means; the compiler of PostgreSQL takes longer than the statement."""
    with looking(settings(database("postgresql").url)) as look:
        changed = look.ask(
            "SELECT name FROM pg_settings WHERE source = 'session' AND name NOT LIKE 'transaction%%' ORDER BY name"
        )

    assert {name for (name,) in changed} == {"jit", "lock_timeout", "statement_timeout", "TimeZone"}


def test_texts_are_read_as_the_standard_has_them(database: Callable[[str], EngineDatabase]) -> None:
    """A server may still take a backslash in a text for an escape, and then a quotation mark does not end it."""
    made = settings(database("postgresql").url + "?options=-c standard_conforming_strings=off")
    with looking(made) as look:
        assert look.ask(r"SELECT 'a\'") == [("a\\",)]


def test_text_of_a_database_without_an_encoding_is_read_or_refused(database: Callable[[str], EngineDatabase]) -> None:
    """SQL_ASCII: whatever bytes someone put there; UTF-8 is read, and another encoding gets a clear no."""
    made = database("postgresql")
    name = f"ascii_{made.url[-8:]}"
    url = make_url(made.url)
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg.connect(plain, autocommit=True)) as server:
        server.execute(f"CREATE DATABASE {name} ENCODING SQL_ASCII LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        try:
            ascii_url = url.set(database=name).render_as_string(hide_password=False)
            with looking(settings(ascii_url)) as look:
                assert look.all(text("SELECT convert_from('\\xc3a9', 'SQL_ASCII')"), "marks") == [("é",)]
            problem = problem_of(ascii_url, "SELECT convert_from('\\xe9', 'SQL_ASCII')")
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")

    assert (problem.code, problem.case) == ("DB-SELECT", "encoding")


# Every wait ends


@pytest.mark.parametrize("limit", ["statement", "run"])
def test_a_statement_ends_in_time(any_database: EngineDatabase, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """Its own limit is the database's fault, that of the run is not; both name the SELECT."""
    if limit == "statement":
        monkeypatch.setattr(engine, "STATEMENT_SECONDS", 0.3)
    started = time.monotonic()

    problem = problem_of(any_database.url, SLOW[any_database.engine], Deadline(0.5 if limit == "run" else 30))

    assert (problem.code, problem["select"]) == ("RUN-TIME" if limit == "run" else "DB-SLOW", "marks")
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("engine_name", ["postgresql", "mariadb"])
def test_a_server_that_stops_answering_ends_with_the_run(
    database: Callable[[str], EngineDatabase], engine_name: str
) -> None:
    """No limit that the server keeps helps then: the connection is ended on this side."""
    made = database(engine_name)
    started = time.monotonic()
    with strangers.listening(strangers.frozen_after(DEFAULT_PORTS[engine_name], b"frozen_here")) as port:
        problem = problem_of(through(made.url, port), "SELECT 1 AS frozen_here", Deadline(1))

    assert (problem.code, problem.case, problem["select"]) == ("RUN-TIME", "database", "marks")
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("word", [b"set_config", b"BEGIN", b"max_statement_time"])
def test_a_server_that_stops_answering_while_a_snapshot_is_opened(
    database: Callable[[str], EngineDatabase], word: bytes
) -> None:
    """Each statement has its end, also the first ones."""
    name = "mariadb" if word == b"max_statement_time" else "postgresql"
    with strangers.listening(strangers.frozen_after(DEFAULT_PORTS[name], word)) as port:
        problem = problem_of(through(database(name).url, port), deadline=Deadline(0.5))

    assert problem.code == "RUN-TIME"


@pytest.mark.parametrize("engine_name", ["sqlite", "slow steps", "postgresql", "mariadb", "frozen"])
def test_a_signal_ends_a_statement(database: Callable[[str], EngineDatabase], engine_name: str) -> None:
    """Ctrl-C while the marks are counted: within seconds, and it is no slow database."""

    def stop(number: int, _: object) -> None:
        raise Stopped(number)

    made = database({"slow steps": "sqlite", "frozen": "postgresql"}.get(engine_name, engine_name))
    if engine_name == "slow steps":
        fill(made, [mark()] * 60)
    statement = SLOW_STEPS if engine_name == "slow steps" else SLOW[made.engine]

    def read(url: str) -> None:
        with Deadline() as deadline, snapshot(settings(url), None, deadline) as look:
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            look.all(text(statement), "marks")

    before = signal.signal(signal.SIGALRM, stop)
    started = time.monotonic()
    try:
        with strangers.listening(strangers.frozen_after(5432, b"pg_sleep")) as port, pytest.raises(Stopped):
            read(through(made.url, port) if engine_name == "frozen" else made.url)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - started < 15


def test_a_signal_ends_a_connection_that_is_not_there_yet() -> None:
    """The sign-in waits in another thread."""

    def stop(number: int, _: object) -> None:
        raise Stopped(number)

    before = signal.signal(signal.SIGALRM, stop)
    started = time.monotonic()
    try:
        with strangers.listening(strangers.silent) as port:
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(Stopped), looking(settings(f"mysql://u:p@127.0.0.1:{port}/d")):
                pass
    finally:
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - started < 8


def test_rows_may_be_fetched_slowly_until_the_run_ends(database: Callable[[str], EngineDatabase]) -> None:
    """On MariaDB the clock of a statement runs on while no one fetches."""
    made = settings(database("mariadb").url)
    with looking(made) as look:
        ((longest,),) = look.ask("SELECT @@max_statement_time")
    with Deadline(60) as deadline, snapshot(made, WINDOW, deadline) as look:
        ((limited,),) = look.ask("SELECT @@max_statement_time")

    assert longest == 900
    assert 0 < limited <= 61


def test_a_statement_is_stopped_as_often_as_it_takes(database: Callable[[str], EngineDatabase]) -> None:
    """The server is asked once to end it; what is asked afterwards fails too."""
    made = settings(database("postgresql").url)

    def ask_after(stops: int) -> None:
        with looking(made) as look:
            for _ in range(stops):
                look.stop()
            look.ask("SELECT 1")

    with pytest.raises(SchoolError) as raised:
        ask_after(2)

    assert raised.value.problem.code == "DB-SLOW"


def test_a_late_connection_is_closed() -> None:
    """No one waits for it any more: it must not stay open on the server."""
    closed: list[str] = []
    is_closed = threading.Event()

    def connect() -> str:
        time.sleep(0.3)
        return "late"

    def close(connection: str) -> None:
        closed.append(connection)
        is_closed.set()

    with Deadline(0.1) as deadline:
        look = Snapshot(settings("sqlite://"), deadline)
        with pytest.raises(TimeoutError):
            look._in_time(connect, close)  # noqa: SLF001  no driver is as slow as that
        is_closed.wait(60)

    assert closed == ["late"]


# What fails before there is a connection


def test_how_far_a_connection_comes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown name, closed port, silence, another service: each is for someone else to put right."""
    monkeypatch.setattr(engine, "CONNECT_SECONDS", 2)
    other = strangers.listening(lambda end: end.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    with strangers.listening(strangers.silent) as silent, other as web:
        found = {
            url: problem_of(url)
            for url in (
                "mysql://ro:hunter2@127.0.0.1:1/d",
                "postgresql://ro:hunter2@127.0.0.1:1/d",
                f"postgresql://ro:hunter2@127.0.0.1:{silent}/d",
                f"mysql://ro:hunter2@127.0.0.1:{silent}/d",
                f"postgresql://ro:hunter2@127.0.0.1:{web}/d",
            )
        }

    cases = [(problem.code, problem.case) for problem in found.values()]
    assert cases == [("DB-NONE", case) for case in ("closed", "closed", "silent", "silent", "answers")]
    assert "hunter2" not in repr(found.values())


def test_a_name_that_is_not_known_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in the address, or no name service."""

    def look_up(*_: object, **__: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    problem = problem_of("mysql://ro:hunter2@no-such-host.invalid/d")

    assert (problem.code, problem.case, problem["server"]) == ("DB-NONE", "host", "no-such-host.invalid:3306")


@pytest.mark.parametrize("engine_name", ["postgresql", "mariadb"])
def test_a_refused_sign_in_is_told_with_host_and_account(
    database: Callable[[str], EngineDatabase], engine_name: str
) -> None:
    """And without the password; a database that is not there is another thing."""
    url = make_url(database(engine_name).url)
    refused = problem_of(url.set(username="no_one", password="hunter2").render_as_string(hide_password=False))
    nowhere = problem_of(url.set(database="nowhere").render_as_string(hide_password=False))

    assert (refused.code, refused["account"]) == ("DB-SIGNIN", "no_one")
    assert refused["server"] == f"127.0.0.1:{DEFAULT_PORTS[engine_name]}"
    assert "hunter2" not in repr(refused)
    assert (nowhere.code, nowhere.case) == ("DB-NONE", "no_database")


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
@pytest.mark.parametrize("verified", [False, True])
def test_a_password_is_never_sent_in_clear(kind: str, *, verified: bool) -> None:
    """Anyone who answers could ask for it; where TLS is wanted and checked, nothing is said without TLS."""
    heard: list[bytes] = []
    asks = strangers.asks_postgresql_password if kind == "postgresql" else strangers.asks_mysql_password
    options = {
        "postgresql": "?sslmode=verify-full",
        "mysql": f"?ssl_ca={certifi.where()}",
    }
    with strangers.listening(asks(heard)) as port:
        problem = problem_of(f"{kind}://ro:hunter2@127.0.0.1:{port}/d{options[kind] if verified else ''}")

    assert (
        problem.code in ("DB-NONE", "DB-SIGNIN") if verified else (problem.code, problem.case) == ("DB-SIGNIN", "clear")
    )
    assert b"hunter2" not in b"".join(heard)


@pytest.mark.parametrize("content", [None, b"school,date\n" * 1000, b""])
def test_a_file_that_is_no_database_is_told_without_its_path(tmp_path: Path, content: bytes | None) -> None:
    """A path may contain a name. One that is not there is not made: a mistyped name would become an empty school."""
    file = tmp_path / "gawain.db"
    if content is not None:
        file.write_bytes(content)

    problem = problem_of(f"sqlite:///{file}", "SELECT * FROM marks")

    assert (problem.code, problem.case) == {None: ("DB-NONE", "file"), b"": ("DB-SELECT", "table")}.get(
        content, ("DB-NONE", "damaged")
    )
    assert "gawain" not in repr(problem)
    assert file.exists() == (content is not None)


def test_a_file_that_another_program_has_locked_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is there, and it is a database: no one has to look for it."""
    monkeypatch.setattr(engine, "_BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
        other.execute("CREATE TABLE marks (date)")
        other.execute("BEGIN EXCLUSIVE")
        problem = problem_of(f"sqlite:///{tmp_path}/a.db", "SELECT * FROM marks")

    assert (problem.code, problem.case, problem["select"]) == ("DB-SLOW", "locked", "marks")


def test_an_error_of_sqlalchemy_itself_is_told(database: Callable[[str], EngineDatabase]) -> None:
    """Nothing of a library gets past the wall."""
    with pytest.raises(SchoolError) as raised, looking(settings(database("sqlite").url)):
        raise SQLAlchemyError

    assert raised.value.problem.code == "DB-SELECT"


# Servers that are not here


def test_mysql_gives_its_limit_in_milliseconds() -> None:
    """MariaDB's is in seconds, under another name."""
    assert _mysql_limit("8.0.36", 900) == "SET SESSION max_execution_time = 900000"
