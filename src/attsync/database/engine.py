"""One read-only look at a school database: sign in, freeze a snapshot, keep time limits, count days in London, close.

Turns every error of SQLAlchemy and of the drivers into a `SchoolError` in our own words. Refuses to know what is
asked.
"""

import os
import sqlite3
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from attsync.database import errors
from attsync.database.address import address, no_driver
from attsync.database.errors import in_our_words
from attsync.database.sql_logging import follow
from attsync.settings import DatabaseSettings
from attsync.window import LONDON, Window

_LOCK_SECONDS: Final = 10
_STREAM_SECONDS: Final = 900
"""How long MySQL may take over a statement whose rows are fetched while others are sent: there the clock of a statement
runs on while nobody fetches. The first row still has to come within STATEMENT_SECONDS."""

_SNAPSHOT: Final = {"postgresql": "REPEATABLE READ", "mysql": "REPEATABLE READ", "oracle": "SERIALIZABLE"}
"""Isolation level in which two statements see the same data (SPEC.md 4). SQLite has one: a transaction."""

_LONDON_RULE: Final = "GMT0BST,M3.5.0/1,M10.5.0"
"""Europe/London as POSIX writes it: needs no time zone files."""


@contextmanager
def snapshot(database: DatabaseSettings, window: Window | None = None) -> Iterator[Connection]:
    """Open a connection whose statements all see the same data and can change none. Raises SchoolError.

    Times of day are London's, where the database or its SELECTs turn instants into dates.
    """
    connection: Connection | None = None
    driver: Any = None
    try:
        engine = _engine(address(database), window)
        follow(engine, database.name)
        with engine.connect() as connection:
            driver = connection.connection.dbapi_connection
            connection = connection.execution_options(**_options(connection))  # noqa: PLW2901
            with connection.begin():
                _begin(connection)
                yield connection
    except (NoSuchModuleError, ImportError) as error:
        raise no_driver(database) from error
    except SQLAlchemyError as error:
        if isinstance(driver, _Sqlite) and driver.clock.stopped:
            raise driver.clock.stopped from None
        select = connection.get_execution_options().get("attsync_select") if connection else None
        raise in_our_words(database, error, select) from error


def running(connection: Connection, select: str) -> None:
    """Remember that what is run next comes from the SELECT `select` of the settings, for the words of an error."""
    connection.execution_options(attsync_select=select)


def knows_london(connection: Connection) -> bool:
    """Tell whether the server can turn every instant into a time of day in London."""
    return "lacks_london" not in connection.info


def _engine(url: URL, window: Window | None) -> Engine:
    kind = url.get_backend_name()
    settings: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}
    if kind == "sqlite":
        return create_engine(url, creator=lambda: _open_sqlite(url.database or ""), **settings)
    if kind == "postgresql":
        settings["connect_args"] = {"connect_timeout": errors.CONNECT_SECONDS}
    elif kind in ("mysql", "mariadb"):
        seconds = errors.CONNECT_SECONDS
        settings["connect_args"] = {"charset": "utf8mb4", "connect_timeout": seconds, "read_timeout": seconds}
    engine = create_engine(url, **settings)
    if kind in ("mysql", "mariadb"):
        event.listen(engine, "connect", lambda connection, record: _begin_mysql(connection, record.info, window))
    return engine


def _options(connection: Connection) -> dict[str, Any]:
    kind = connection.dialect.name
    if kind == "postgresql":
        return {"isolation_level": _SNAPSHOT[kind], "postgresql_readonly": True}
    if kind == "mssql":
        # Where the database allows no snapshots, asking for one fails; the counts of one statement agree all the same.
        allowed = connection.exec_driver_sql(
            "SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()"
        ).scalar()
        connection.rollback()
        return {"isolation_level": "SNAPSHOT"} if allowed == 1 else {}
    level = _SNAPSHOT.get("mysql" if kind == "mariadb" else kind)
    return {"isolation_level": level} if level else {}


def _begin(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        # The driver starts no transaction for a SELECT, and two SELECTs could see different data (RELIABILITY.md 8).
        connection.exec_driver_sql("BEGIN")
    elif connection.dialect.name == "postgresql":
        # Not as options of the connection: a pooler in between (PgBouncer) refuses those.
        milliseconds = int(errors.STATEMENT_SECONDS * 1000)
        connection.exec_driver_sql(
            f"SELECT set_config('statement_timeout', '{milliseconds}', true),"
            f" set_config('lock_timeout', '{_LOCK_SECONDS}s', true), set_config('TimeZone', 'Europe/London', true),"
            " set_config('standard_conforming_strings', 'on', true)"
        )
    elif connection.dialect.name == "mssql":
        connection.exec_driver_sql(f"SET LOCK_TIMEOUT {_LOCK_SECONDS * 1000}")


def _open_sqlite(path: str) -> "_Sqlite":
    # SQLite's 'localtime' is the time of this process, and a server's clock often runs in UTC.
    os.environ["TZ"] = _LONDON_RULE
    time.tzset()
    # mode=ro: without it a mistyped name makes an empty file.
    place = f"file:{quote(path.removeprefix('file:'))}?mode=ro"
    connection = sqlite3.connect(place, uri=True, isolation_level=None, timeout=errors.CONNECT_SECONDS, factory=_Sqlite)
    ticking = connection.clock.ticking()
    next(ticking)  # from now on it stands inside its try
    connection.set_progress_handler(ticking.__next__, 10_000)
    return connection


class _Clock:
    """Adds up the time that SQLite works. It waits while rows are sent, and that time is not its own."""

    def __init__(self) -> None:
        self._worked = 0.0
        self._last = time.monotonic()
        self.stopped: BaseException | None = None
        """What a signal raised while SQLite was at work."""

    def ticking(self) -> Generator[bool, None, None]:
        """Tell again and again whether SQLite has to give up.

        While it works, a signal is answered here and nowhere else, and SQLite would lose what is raised.
        """
        while True:
            try:
                while True:
                    yield self.stopped is not None or self.is_over()
            except GeneratorExit:
                return
            except BaseException as error:  # noqa: BLE001  raised again by `snapshot`
                self.stopped = error

    def is_over(self) -> bool:
        """Take note that SQLite is at work, and tell whether it has worked too long."""
        now = time.monotonic()
        self._worked += min(now - self._last, 0.2)
        self._last = now
        return self._worked > errors.STATEMENT_SECONDS


class _Sqlite(sqlite3.Connection):
    """A connection with its clock."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  those of sqlite3
        super().__init__(*args, **options)
        self.clock = _Clock()


def _begin_mysql(connection: Any, info: dict[str, Any], window: Window | None) -> None:  # noqa: ANN401  no types
    # PyMySQL has one time limit for every answer. It had to be short for a server that never says hello.
    connection._read_timeout = errors.STATEMENT_SECONDS + 1  # noqa: SLF001
    info["is_mariadb"] = "MariaDB" in connection.get_server_info()
    limit = (
        f"max_statement_time = {errors.STATEMENT_SECONDS}"
        if info["is_mariadb"]
        else f"max_execution_time = {int(errors.STATEMENT_SECONDS * 1000)}"
    )
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        cursor.execute(
            f"SET SESSION {limit}, lock_wait_timeout = {_LOCK_SECONDS}, net_write_timeout = {_STREAM_SECONDS},"
            " sql_mode = REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', '')"
        )
        try:
            cursor.execute("SET SESSION time_zone = 'Europe/London'")
        except connection.Error:
            # The server has no time zone tables. Its days are right as long as London keeps its clocks.
            info["lacks_london"] = True
            last = window.last if window else datetime.now(LONDON).date()
            cursor.execute("SET SESSION time_zone = %s", (f"{london_offset(last):+03d}:00",))


def allow_stream(connection: Connection) -> None:
    """Let the next statement's rows be fetched slowly: where the clock runs on meanwhile, give it more time."""
    if connection.dialect.name in ("mysql", "mariadb"):
        limit = "max_statement_time" if connection.info["is_mariadb"] else "max_execution_time"
        unit = 1 if connection.info["is_mariadb"] else 1000
        connection.exec_driver_sql(f"SET SESSION {limit} = {_STREAM_SECONDS * unit}")


def london_offset(day: date) -> int:
    """Give the hours that London is ahead of UTC at noon of `day`."""
    offset = datetime.combine(day, time_of_day(12), LONDON).utcoffset()
    return int((offset or timedelta()).total_seconds()) // 3600
