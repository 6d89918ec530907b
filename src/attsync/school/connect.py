"""One read-only look at a school database: sign in, freeze a snapshot, keep time limits, close.

Turns every error of SQLAlchemy and of the drivers into a `SchoolError` in our own words: what a database says in an
error may quote data (RELIABILITY.md 8), so its text is never repeated.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from attsync.problems import SchoolError
from attsync.settings import DatabaseSettings

CONNECT_SECONDS: Final = 10
STATEMENT_SECONDS: Final = 120

_DRIVERS: Final = {
    "postgresql": ("postgresql+psycopg", "postgresql"),
    "mysql": ("mysql+pymysql", "mysql"),
    "mariadb": ("mariadb+pymysql", "mysql"),
    "mssql": ("mssql+mssqlpython", "mssql"),
}
"""Kind of database in a plain URL -> SQLAlchemy's name with our driver, and the extra that installs it."""

_SNAPSHOT: Final = {
    "postgresql": "REPEATABLE READ",
    "mysql": "REPEATABLE READ",
    "mssql": "SNAPSHOT",
    "oracle": "SERIALIZABLE",
}
"""Isolation level in which two statements see the same data (SPEC.md 4). SQLite has one: a transaction."""

_logger = logging.getLogger(__name__)


@contextmanager
def snapshot(database: DatabaseSettings) -> Iterator[Connection]:
    """Open a connection whose statements all see the same data and can change none. Raises SchoolError."""
    try:
        engine = _engine(_url(database))
        with engine.connect() as connection:
            level = _SNAPSHOT.get(engine.dialect.name)
            if level:
                connection = connection.execution_options(isolation_level=level)  # noqa: PLW2901
            if engine.dialect.name == "postgresql":
                connection = connection.execution_options(postgresql_readonly=True)  # noqa: PLW2901
            with connection.begin():
                yield connection
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        raise _in_our_words(database, error) from error


def _url(database: DatabaseSettings) -> URL:
    url = make_url(database.database_url().get_secret_value())
    driver = _DRIVERS.get(url.drivername)
    return url.set(drivername=driver[0]) if driver else url


def _engine(url: URL) -> Engine:
    kind = url.get_backend_name()
    settings: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}
    if kind == "sqlite":
        return create_engine(url, creator=lambda: _open_sqlite(url.database or ""), **settings)
    if kind == "postgresql":
        options = f"-c statement_timeout={STATEMENT_SECONDS}s -c lock_timeout=10s -c TimeZone=Europe/London"
        settings["connect_args"] = {"connect_timeout": CONNECT_SECONDS, "options": options}
    elif kind in ("mysql", "mariadb"):
        settings["connect_args"] = {"connect_timeout": CONNECT_SECONDS, "read_timeout": STATEMENT_SECONDS + 10}
    engine = create_engine(url, **settings)
    if kind in ("mysql", "mariadb"):
        event.listen(engine, "connect", _limit_mysql)
    return engine


def _open_sqlite(path: str) -> sqlite3.Connection:
    # mode=ro: without it a mistyped name makes an empty file. isolation_level=None and an explicit BEGIN: the driver
    # starts no transaction for a SELECT, and two SELECTs could see different data (RELIABILITY.md 8).
    connection = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, isolation_level=None, timeout=CONNECT_SECONDS)
    until = monotonic() + STATEMENT_SECONDS
    connection.set_progress_handler(lambda: monotonic() > until, 100_000)
    connection.execute("BEGIN")
    return connection


def _limit_mysql(connection: Any, _record: object) -> None:  # noqa: ANN401  PyMySQL has no types
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        if "MariaDB" in connection.get_server_info():
            cursor.execute(f"SET SESSION max_statement_time = {STATEMENT_SECONDS}")
        else:
            cursor.execute(f"SET SESSION max_execution_time = {STATEMENT_SECONDS * 1000}")


def _in_our_words(database: DatabaseSettings, error: Exception) -> SchoolError:
    original = error.orig if isinstance(error, DBAPIError) else error
    sqlstate = getattr(original, "sqlstate", None)
    number = original.args[0] if original is not None and original.args else None
    _logger.info(
        "%s: %s, SQLSTATE %s, number %s",
        database.name,
        type(original).__name__,
        sqlstate,
        number if isinstance(number, int) else None,
    )
    if isinstance(error, (NoSuchModuleError, ModuleNotFoundError, ArgumentError)):
        return _no_driver(database)
    code = _code(str(sqlstate or ""), number, str(original).lower())
    what, then = _WORDS[code]
    return SchoolError(code, f"{database.name}: {what} Nothing was sent for its schools.", then)


def _code(sqlstate: str, number: object, message: str) -> str:
    """Sort a driver's error: by SQLSTATE (PostgreSQL), by number (MySQL), or by the few words that SQLite has."""
    if sqlstate[:2] == "28" or number in (1045, 1698) or "authentication failed" in message:
        return "DB-SIGNIN"
    if sqlstate == "42501" or number in (1044, 1142, 1143):
        return "DB-RIGHTS"
    if sqlstate in ("57014", "55P03") or number in (1969, 3024, 1205) or message == "interrupted":
        return "DB-SLOW"
    if sqlstate[:2] in ("42", "22") or number in (1052, 1054, 1060, 1064, 1146) or message.startswith(_SQLITE_SELECT):
        return "DB-SELECT"
    return "DB-NONE"


_SQLITE_SELECT: Final = (
    "no such table",
    "no such column",
    "near ",
    "no such function",
    "ambiguous column",
    "incomplete",
)

_WORDS: Final = {
    "DB-NONE": (
        "cannot be opened, or does not answer.",
        "Ask IT to check the address of the database in the settings file, and that its server runs.",
    ),
    "DB-SIGNIN": (
        "the database refused the sign-in.",
        "Ask your database administrator to check the account and password in the address of the database.",
    ),
    "DB-RIGHTS": (
        "the account may not read what the SELECTs name.",
        "Ask your database administrator to grant it SELECT on these tables or views, and nothing else.",
    ),
    "DB-SLOW": (
        f"no answer within {STATEMENT_SECONDS} seconds.",
        "Ask your database administrator for an index on the date column of the marks; the next send tries again.",
    ),
    "DB-SELECT": (
        "a SELECT of the settings file does not work: a table or column is not there, or it is mistyped.",
        "Ask whoever wrote the SELECTs to try them in the database's own tool.",
    ),
}


def _no_driver(database: DatabaseSettings) -> SchoolError:
    kind = database.database_url().get_secret_value().split(":", 1)[0].split("+", 1)[0]
    extra = _DRIVERS.get(kind, ("", ""))[1]
    then = (
        f"Install it: pip install 'attsync[{extra}]'"
        if extra
        else "Use an address that begins with sqlite, "
        "postgresql, mysql, mariadb or mssql, or install the SQLAlchemy driver that it names."
    )
    return SchoolError(
        "DB-DRIVER",
        f"{database.name}: the driver for this kind of database is not installed. Nothing was sent for its schools.",
        then,
    )
