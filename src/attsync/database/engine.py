"""One read-only connection to a school database: its address and driver, one snapshot, and a limit to every wait.

Every error of SQLAlchemy and of a driver leaves as a `SchoolError`. Imports no statement.
"""

import os
import re
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any, Final, TypeVar
from urllib.parse import quote, unquote

from sqlalchemy import URL, Connection, Engine, Executable, create_engine, event, make_url
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from attsync.database import errors, sqlserver
from attsync.database.sql_logging import arrived, follow
from attsync.deadline import Deadline
from attsync.problems import SchoolError, is_memory
from attsync.settings import DatabaseSettings
from attsync.sql_guard import all_columns
from attsync.window import LONDON, Window

CONNECT_SECONDS: Final = 10
"""For each address of a server: a name may have several, and the first may never answer."""
STATEMENT_SECONDS: Final = 120
_ALL_ADDRESSES_SECONDS: Final = 30
_LOCK_SECONDS: Final = 10
_BUSY_SECONDS: Final = 4
"""Less: while SQLite waits for another program's lock, nothing can interrupt it."""
_STREAM_SECONDS: Final = 900
"""For MySQL's own limit: its clock also runs while rows are not fetched because others are being sent."""
_MOST_COLUMNS: Final = 40
"""Columns listed of the tables of a SELECT; more would not help."""
_ROWS_AT_A_TIME: Final = 2_000

_LONDON_RULE: Final = "GMT0BST,M3.5.0/1,M10.5.0"
"""Europe/London as POSIX writes it: needs no time zone files."""


_DRIVERS: Final = {
    "postgresql": ("postgresql+psycopg", "psycopg[binary]"),
    "mysql": ("mysql+pymysql", "pymysql"),
    "mariadb": ("mariadb+pymysql", "pymysql"),
    "mssql": ("mssql+mssqlpython", "mssql-python"),
    "duckdb": ("duckdb", "duckdb-engine"),
}
"""Kind of database -> what SQLAlchemy calls it with our driver, and the package of that."""

# SQLAlchemy ends a password at its first @, and would take the rest of it for the name of a server: it would look up a
# piece of the password in the network. Here it ends at the first @ after which a server's address follows.
_WITH_PASSWORD: Final = re.compile(
    r"""
    (?P<kind> [a-z][a-z0-9]*(?:\+[a-z0-9_]+)?:// )
    (?P<user> [^:/?@]* ) : (?P<password> .*? ) @
    (?P<place> (?: \[[0-9A-Fa-f:.]+\] | [\w.\\-]* ) (?: :\d* )? (?: /[^?@]* )? (?: \?[\w.+ -]+=.* )? )
    """,
    re.VERBOSE | re.DOTALL,
)

_Result = TypeVar("_Result")


def is_tested(kind: str) -> bool:
    """Whether the tests run on this kind of database (docs/design/sending.md 4).

    For others, neither the snapshot, nor the time limit, nor the comparison of text byte by byte is tested.
    """
    return kind == "sqlite" or kind in _DRIVERS


class Snapshot:
    """One connection whose statements all see the same data and cannot change it; every wait on it has a limit."""

    def __init__(self, database: DatabaseSettings, deadline: Deadline) -> None:
        self.database = database
        self.select = ""
        """The SELECT of the settings that was run last, for an error."""
        self.kind = ""
        """The kind of database: SQLAlchemy's name for it, but "mysql" for MariaDB too."""
        self.grammar = ""
        """The dialect for sql_guard: the kind, with its modes if they matter."""
        self.knows_london = True
        """The server can turn every instant into a time of day in London."""
        self.is_frozen = True
        """All statements see the same data; otherwise each is consistent only in itself."""
        self.url = URL.create("sqlite")
        self.driver: Any = None
        """The driver's own connection, once there is one."""
        self.connection: Connection
        self.deadline = deadline
        self._is_stopped = False
        self._cursors: list[Any] = []
        self._sockets: sqlserver.Sockets | None = None

    def all(self, statement: Executable, select: str) -> list[Any]:
        """Return the rows of a statement that is made from the SELECT `select` of the settings."""
        return list(self.stream(statement, select))

    def stream(self, statement: Executable, select: str) -> Iterator[Any]:
        """Yield the rows, fetched a few at a time."""
        self.select = select
        with self._guarded():
            rows = self.connection.execute(statement, execution_options={"yield_per": _ROWS_AT_A_TIME})
        more, number, seconds = True, 0, 0.0
        while more:
            self.select, started = select, time.monotonic()
            with self._guarded():
                batch = rows.fetchmany(_ROWS_AT_A_TIME)
                more = len(batch) == _ROWS_AT_A_TIME
                if not more:
                    self._prove_whole()
            number, seconds = number + len(batch), seconds + time.monotonic() - started
            yield from batch
        with self._guarded():
            rows.close()
        arrived(self.database.name, select, number, seconds)

    def described(self, statement: Executable, select: str) -> list[Any]:
        """Return the columns of a statement, as the driver describes them."""
        self.select = select
        with self._guarded(), self.connection.execute(statement) as result:
            return list(result.cursor.description or ())

    def ask(self, sql: str) -> list[Any]:
        """Return the rows of a query about the server itself."""
        with self._guarded():
            rows = list(self.connection.exec_driver_sql(sql))
            self._prove_whole()
            return rows

    def _prove_whole(self) -> None:
        """Raise an error if the last answer is incomplete."""
        if self.kind == "mssql":
            # If the connection breaks, mssql-python returns the rows so far as if there were no more. An answer to a
            # new query comes after the end of the rows.
            self.connection.exec_driver_sql("SELECT 1").close()

    def open(self, window: Window | None) -> None:
        """Connect, and begin the transaction of all statements."""
        engine = self._engine()
        with self._guarded():
            self.connection = engine.connect()
            begin: dict[str, Callable[[], object]] = {
                "postgresql": self._begin_postgresql,
                "mysql": lambda: self._begin_mysql(window),
                "mssql": self._begin_mssql,
                # The driver starts no transaction for a SELECT, and two SELECTs could see different data.
                "sqlite": lambda: self.connection.exec_driver_sql("BEGIN"),
                "duckdb": lambda: self.connection.exec_driver_sql("SET TimeZone = 'Europe/London'"),
            }
            begin.get(self.kind, lambda: None)()

    def stop(self) -> None:
        """Cancel the running statement, from another thread."""
        was_stopped, self._is_stopped = self._is_stopped, True
        if hasattr(self.driver, "interrupt"):  # SQLite and DuckDB
            self.driver.interrupt()
        elif hasattr(self.driver, "pgconn"):
            if not was_stopped:  # otherwise the server would go on working
                threading.Thread(target=_cancel, args=(self.driver,), daemon=True).start()
            _shut_down(self.driver.pgconn.socket)
        elif hasattr(self.driver, "_sock"):  # PyMySQL
            _shut_down(self.driver._sock.fileno())  # noqa: SLF001  it has no public name
        elif self._sockets:
            self._sockets.shut_down()

    def close(self) -> None:
        """Close the connection without a message to the server, which may not answer; nothing has to be committed."""
        if hasattr(self, "connection"):
            self.connection.invalidate()
            self.connection.close()
        for cursor in self._cursors:  # some have rows that were not fetched
            if hasattr(getattr(cursor, "_result", None), "unbuffered_active"):
                cursor._result.unbuffered_active = False  # noqa: SLF001  PyMySQL would read all rows from a closed connection
            with suppress(Exception):
                cursor.close()

    def error(self, error: Exception) -> SchoolError:
        """Return the SchoolError for `error`."""
        what: dict[str, Any] = {"name": self.database.name, "select": self.select}
        if self._is_stopped or (self.driver is None and self.deadline.is_over):
            over = self.deadline.is_over
            return SchoolError("RUN-TIME", "database", **what) if over else SchoolError("DB-SLOW", **what)
        if self.driver is not None:
            found = errors.in_a_select(self.database, error, self.kind, self.select)
            if found.problem.case == "column":
                found.problem = found.problem.but(has=self._columns())
            return found
        return errors.in_connecting(self.database, error, self.url, lambda: self._in_time(self._reach))

    def _columns(self) -> list[str]:
        """Return the columns of the tables that a SELECT names; none if they cannot be looked up, or are many."""
        try:
            self.connection.rollback()
            asked = all_columns(getattr(self.database.select, self.select), self.grammar)
            with self._guarded(), self.connection.exec_driver_sql(asked) as result:
                names = sorted(set(map(str.lower, result.keys())))
        except (SQLAlchemyError, UnicodeError, OSError):
            return []
        return names if len(names) <= _MOST_COLUMNS else []

    def _guarded(self) -> AbstractContextManager[None]:
        return self.deadline.guard(self.stop, seconds=STATEMENT_SECONDS, on_signal=True)

    def _engine(self) -> Engine:
        """Return an engine; raise SchoolError if the address cannot be read or its driver is not installed."""
        self.url = address(self.database)
        try:
            engine = create_engine(
                self.url, poolclass=NullPool, hide_parameters=True, connect_args=_arguments(self.url, self.database)
            )
        except (NoSuchModuleError, ImportError) as error:
            raise no_driver(self.database) from error
        except (ArgumentError, TypeError, ValueError) as error:
            raise errors.wrong_address(self.database) from error
        kind = engine.dialect.name
        self.kind = self.grammar = "mysql" if kind == "mariadb" else kind
        event.listen(engine, "do_connect", self._connect)
        event.listen(engine, "before_cursor_execute", lambda _, cursor, *__: self._cursors.append(cursor))
        follow(engine, self.database.name)
        return engine

    def _connect(self, dialect: Dialect, _record: object, arguments: list[Any], parameters: dict[str, Any]) -> Any:  # noqa: ANN401  the driver's
        def connect() -> Any:  # noqa: ANN401  the driver's
            if self.kind == "sqlite":
                return _open_sqlite(self.url.database or "")
            if self.kind == "mssql":
                self._sockets = sqlserver.Sockets(self.url)  # looks up a name, which may take long
            return dialect.connect(*arguments, **parameters)

        try:
            self.driver = self._in_time(connect, lambda late: late.close())
        except (dialect.loaded_dbapi.Error, OSError):
            raise
        except Exception as error:  # a word in the address that the driver rejects, with its own error
            if is_memory(error):
                raise
            raise errors.wrong_address(self.database, error) from error
        return self.driver

    def _in_time(self, function: Callable[[], _Result], undo: Callable[[_Result], object] = lambda _: None) -> _Result:
        """Call `function` in a thread that can be abandoned: a name look-up, and some drivers, cannot be stopped."""
        found: Future[_Result] = Future()

        def call() -> None:
            try:
                found.set_result(function())
            except BaseException as error:  # noqa: BLE001  it is raised in the waiting thread
                found.set_exception(error)

        threading.Thread(target=call, daemon=True).start()
        try:
            return found.result(min(_ALL_ADDRESSES_SECONDS, self.deadline.seconds_left))
        except BaseException:  # nothing waits for it any more
            found.add_done_callback(lambda late: late.exception() or undo(late.result()))
            raise

    def _reach(self) -> str:
        """Return how far a connection to the server gets: a case of DB-NONE."""
        port = self.url.port or errors.PORTS.get(self.kind)
        if not self.url.host or not port or self.url.host.startswith("/"):
            return ""
        try:
            socket.create_connection((self.url.host, port), timeout=2).close()
        except (socket.gaierror, UnicodeError):
            return "host"
        except TimeoutError:
            return "silent"
        except OSError as error:
            return "closed" if isinstance(error, ConnectionRefusedError) else "network"
        return "answers"

    def _begin_postgresql(self) -> None:
        self.connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        milliseconds = int(1000 * min(STATEMENT_SECONDS, self.deadline.seconds_left + 1))
        settings = {
            "statement_timeout": f"{milliseconds}",
            "lock_timeout": f"{_LOCK_SECONDS}s",
            "TimeZone": "Europe/London",
            "jit": "off",  # for 100 expressions, compiling takes longer than the statement itself
            "standard_conforming_strings": "on",  # sql_guard reads texts in that way
        }
        # Those that the server has, and that differ. Not as options of the connection: a pooler in between (PgBouncer)
        # refuses those.
        each = ", ".join(f"('{name}', '{value}')" for name, value in settings.items())
        self.connection.exec_driver_sql(
            f"SELECT set_config(name, value, true) FROM pg_settings JOIN (VALUES {each}) AS ours (name, value)"  # noqa: S608  constants
            " USING (name) WHERE setting <> value"
        )

    def _begin_mysql(self, window: Window | None) -> None:
        run = self.connection.exec_driver_sql
        self.driver._read_timeout = None  # noqa: SLF001  of each answer: it was for a server that never says hello
        version, modes = run("SELECT version(), @@sql_mode").one()
        self.grammar += "".join(f"+{mode.lower()}" for mode in modes.split(",") if mode in _MODES)
        run("SET SESSION TRANSACTION READ ONLY")
        run(_mysql_limit(version, min(_STREAM_SECONDS, self.deadline.seconds_left + 1)))
        # Its limit on rows would also cut off the counts, without an error.
        run(
            f"SET SESSION lock_wait_timeout = {_LOCK_SECONDS}, net_write_timeout = {_STREAM_SECONDS},"
            " sql_select_limit = 18446744073709551615"
        )
        try:
            run("SET SESSION time_zone = 'Europe/London'")
        except SQLAlchemyError:
            # The server has no time zone tables. Its days are right as long as London keeps its clocks.
            self.knows_london = False
            last = window.last if window else datetime.now(LONDON).date()
            run(f"SET SESSION time_zone = '{london_offset(last):+03d}:00'")
        self.connection.rollback()
        self.connection.execution_options(isolation_level="REPEATABLE READ")

    def _begin_mssql(self) -> None:
        # The driver asks the server to end a statement; where the server is silent, `stop` ends the connection.
        self.driver.timeout = max(1, int(min(STATEMENT_SECONDS - 1, self.deadline.seconds_left)))
        allowed = self.connection.exec_driver_sql(sqlserver.ISOLATION).scalar()
        self.connection.rollback()
        self.is_frozen = allowed == 1  # where the database does not allow snapshots, asking for one fails
        if self.is_frozen:
            self.connection.execution_options(isolation_level="SNAPSHOT")
        self.connection.exec_driver_sql(f"SET LOCK_TIMEOUT {_LOCK_SECONDS * 1000}")


_MODES: Final = ("ANSI_QUOTES", "NO_BACKSLASH_ESCAPES")


@contextmanager
def snapshot(database: DatabaseSettings, window: Window | None, deadline: Deadline) -> Iterator[Snapshot]:
    """Open a connection whose statements all see the same data and cannot change it. Raise SchoolError.

    Times of day are London's, where the database or its SELECTs turn instants into dates.
    """
    look = Snapshot(database, deadline)
    try:
        look.open(window)
        yield look
    except (SQLAlchemyError, UnicodeError, OSError) as error:
        raise look.error(error) from error
    finally:
        look.close()


def address(database: DatabaseSettings) -> URL:
    """Return the address of `database`, with our driver where it names none; raise SchoolError if it cannot be read."""
    written = _written(database)
    written = re.sub(
        r"^(mssql[^/]*//(?:.*@)?[\w.\\-]+),(\d+)(?=[/?]|\Z)", r"\1:\2", written
    )  # as Microsoft writes a port
    match = _WITH_PASSWORD.fullmatch(written)
    try:
        url = make_url(match["kind"] + match["place"] if match else written)
    except (ArgumentError, ValueError):
        url = None
    if url is None:  # not raised above: the error chained to it would contain the address
        raise errors.wrong_address(database)
    if match:
        url = url.set(username=_plain(match["user"]), password=_plain(match["password"]))
    return url.set(drivername=_DRIVERS.get(url.drivername, (url.drivername,))[0])


def no_driver(database: DatabaseSettings) -> SchoolError:
    """Return the error of a driver that is missing, with the command that installs it."""
    kind = _written(database).split(":", 1)[0]
    name, package = _DRIVERS.get(kind.split("+", 1)[0], ("", ""))
    if kind in (name, name.split("+", 1)[0]):
        return SchoolError("DB-DRIVER", name=database.name, python=sys.executable, packages=package)
    return SchoolError("DB-DRIVER", "unknown", name=database.name, kinds=("sqlite", *_DRIVERS))


def london_offset(day: date) -> int:
    """Return the hours that London is ahead of UTC at noon of `day`."""
    offset = datetime.combine(day, time_of_day(12), LONDON).utcoffset()
    return int((offset or timedelta()).total_seconds()) // 3600


def _written(database: DatabaseSettings) -> str:
    # PostgreSQL's own programs take both; SQLAlchemy no longer takes the shorter one.
    return re.sub("^postgres(?=:|\\+)", "postgresql", database.database_url().get_secret_value())


def _plain(text: str) -> str:
    """Undo %40 and the same, unless some % cannot be an escape: then the text is used unchanged."""
    return text if re.search("%(?![0-9A-Fa-f]{2})", text) else unquote(text)


def _arguments(url: URL, database: DatabaseSettings) -> dict[str, Any]:
    """Return the driver's options besides the address."""
    match url.get_backend_name():
        case "postgresql" if url.get_driver_name() == "psycopg":
            return _for_psycopg(url)
        case "mysql" | "mariadb" if url.get_driver_name() == "pymysql":
            return _for_pymysql(url)
        case "mssql" if url.get_driver_name() == "mssqlpython":
            if wrong := sqlserver.wrong_word(url):
                raise errors.wrong_word(database, *wrong)
            return {"timeout": CONNECT_SECONDS}
        case "duckdb":
            # A folder of exports is not a database file. Nothing is fetched from the network, and no file is written.
            is_file = url.database not in (None, "", ":memory:")
            config = {"autoinstall_known_extensions": "false", "file_search_path": str(database.folder)}
            return {"read_only": is_file, "config": config}
        case _:
            return {}


def _for_psycopg(url: URL) -> dict[str, Any]:
    import psycopg  # noqa: PLC0415  only where it is the driver

    # Without client_encoding, text of a database in SQL_ASCII would come as bytes.
    given = {"connect_timeout": CONNECT_SECONDS, "client_encoding": "UTF8"}
    is_local = not url.host or url.host.startswith("/")
    is_verified = url.query.get("sslmode") in ("verify-full", "verify-ca")
    if not (is_local or is_verified) and psycopg.pq.version() >= 160_000:  # noqa: PLR2004  the first that has it
        return given | {"require_auth": "!password"}  # a false server could ask for the password in clear
    return given


def _for_pymysql(url: URL) -> dict[str, Any]:
    from pymysql.err import OperationalError  # noqa: PLC0415  only where it is the driver

    def refuse(_connection: object) -> object:
        raise OperationalError(errors.CLEAR_PASSWORD, "cleartext password")

    given = {"charset": "utf8mb4", "connect_timeout": CONNECT_SECONDS, "read_timeout": CONNECT_SECONDS}
    is_local = "unix_socket" in url.query
    if is_local or "ssl_ca" in url.query:
        return given
    return given | {"auth_plugin_map": dict.fromkeys(("mysql_clear_password", "dialog"), refuse)}


def _mysql_limit(version: str, seconds: float) -> str:
    limit = f"statement_time = {seconds:.3f}" if "MariaDB" in version else f"execution_time = {int(seconds * 1000)}"
    return f"SET SESSION max_{limit}"


def _open_sqlite(path: str) -> sqlite3.Connection:
    # SQLite's 'localtime' is the time of this process, and a server's clock often runs in UTC.
    os.environ["TZ"] = _LONDON_RULE
    time.tzset()
    # mode=ro: without it a mistyped name makes an empty file.
    place = f"file:{quote(path.removeprefix('file:'))}?mode=ro"
    return sqlite3.connect(place, uri=True, isolation_level=None, timeout=_BUSY_SECONDS, check_same_thread=False)


def _cancel(driver: Any) -> None:  # noqa: ANN401  a connection of psycopg
    with suppress(Exception):
        driver.cancel_safe(timeout=2)


def _shut_down(descriptor: int) -> None:
    """Shut down a connection for the thread that waits on it. Closing would not end the wait."""
    with socket.socket(fileno=os.dup(descriptor)) as end:
        end.shutdown(socket.SHUT_RDWR)
