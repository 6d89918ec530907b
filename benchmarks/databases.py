"""Made-up school databases of any size, filled inside the database by set-based statements, and kept for the next time.

Marks follow roughly the national shares and are the same on every engine: they are drawn by arithmetic, not by dice.
Databases on servers are named `attsync_bench_*`; `drop` removes them.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import psycopg
import pymysql
from sqlalchemy import URL, make_url

from attsync.window import is_working_day

Engine = Literal["sqlite", "postgresql", "mariadb", "spark"]

YEAR_GROUPS: Final = {"Reception": "R"} | {f"Year {number}": str(number) for number in range(1, 7)}
CODES: Final = {"PRES": "present"}
FIRST_URN: Final = 100_001

_SERVERS: Final[dict[Engine, tuple[str, str]]] = {
    "postgresql": ("ATTSYNC_BENCH_POSTGRESQL", "postgresql://root@127.0.0.1:5432/postgres"),
    "mariadb": ("ATTSYNC_BENCH_MARIADB", "mysql://root@127.0.0.1:3306/mysql"),
}
"""Variable that names another server, and the usual one."""

_ARITHMETIC: Final = "(pupil.number * 48271 + day.number * 69621 + CASE session.name WHEN 'AM' THEN 0 ELSE {late} END)"
_MARK: Final = """
    CASE WHEN {drawn} < 919 THEN 'PRES' WHEN {drawn} < 947 THEN 'I' WHEN {drawn} < 955 THEN 'O'
         WHEN {drawn} < 963 THEN 'V' WHEN {drawn} < 969 THEN 'G' WHEN {drawn} < 973 THEN 'C'
         WHEN {drawn} < 975 THEN 'B' WHEN {drawn} < 987 THEN 'L' WHEN {drawn} < 989 THEN 'U'
         WHEN {drawn} < 991 THEN 'M' ELSE 'N' END
"""
_YEAR_GROUP: Final = "CASE pupil.number % 7 WHEN 0 THEN 'Reception' {years} END".format(
    years=" ".join(f"WHEN {number} THEN 'Year {number}'" for number in range(1, 7))
)


@dataclass(frozen=True, slots=True)
class Size:
    """How much a made-up database holds; each school day has a morning and an afternoon."""

    schools: int
    pupils: int
    """In each school."""
    days: int
    """School days, up to today."""

    def __str__(self) -> str:
        return f"{self.schools}x{self.pupils}x{self.days}"

    @property
    def marks(self) -> int:
        """All marks."""
        return self.schools * self.pupils * self.days * 2

    @property
    def urns(self) -> dict[str, int]:
        """Value of the school column -> URN."""
        return {str(number): FIRST_URN + number for number in range(self.schools)}


class _Cursor(Protocol):
    def execute(self, query: Any, /) -> Any: ...  # noqa: ANN401  four drivers
    def fetchone(self) -> Any: ...  # noqa: ANN401


def selects(size: Size, *, pupil: bool = True) -> dict[str, str]:
    """Return the SELECTs of the settings file; a database of one school needs no school column, as in the example."""
    school, last = "school, " if size.schools > 1 else "", ", pupil_id AS pupil" if pupil else ""
    return {
        "marks": f"SELECT {school}mark_date AS date, session, year_group, mark AS code{last} FROM roll_call_marks",
        "roll": f"SELECT {school}year_group, entry_date, leaving_date{last} FROM enrolments",
    }


def plain_sql(size: Size, days: Sequence[date]) -> dict[str, Any]:
    """Return the plainest statements that give the same counts: no trimming, no cast, no proof."""
    school, key = ("school", "school, ") if size.schools > 1 else ("NULL", "")
    first, after = days[0], days[-1] + timedelta(days=1)
    here = "sum(CASE WHEN entry_date <= '{0}' AND (leaving_date IS NULL OR leaving_date >= '{0}') THEN 1 ELSE 0 END)"
    sums = ", ".join(here.format(day) for day in days)
    roll = f"SELECT {school}, year_group, {sums} FROM enrolments GROUP BY {key}year_group"
    marks = f"SELECT {school}, mark_date, session, year_group, mark, count(*) FROM roll_call_marks"
    marks += f" WHERE mark_date >= '{first}' AND mark_date < '{after}'"
    marks += f" GROUP BY {key}mark_date, session, year_group, mark{' ORDER BY school' if key else ''}"
    return {"roll": (roll, ()), "marks": (marks, ()), "proofs": []}


def school_days(number: int, today: date) -> list[date]:
    """Return the last `number` working days, today included if it is one, oldest first."""
    days: list[date] = []
    while len(days) < number:
        if is_working_day(today):
            days.append(today)
        today -= timedelta(days=1)
    return days[::-1]


def made(engine: Engine, size: Size, today: date, folder: Path) -> str | None:
    """Make the database, or find it made, and give its URL; None if the engine's server does not answer."""
    url = folder / f"attsync_bench_{size}.db" if engine == "sqlite" else _server(engine)
    name = f"attsync_bench_{size}"
    if isinstance(url, Path):
        location = f"sqlite:///{url}"
        with contextlib.closing(sqlite3.connect(url)) as file:
            if _made_for(file.cursor()) != today.isoformat():
                file.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000;")
                fill(file.cursor(), engine, size, today)
                file.commit()
                file.execute("ANALYZE")
        return location
    try:
        with _connected(url) as cursor:
            cursor.execute(f"SELECT count(*) FROM {_CATALOGUE[engine]} = '{name}'")
            if not cursor.fetchone()[0]:
                cursor.execute(f"CREATE DATABASE {name}{' CHARACTER SET utf8mb4' if engine == 'mariadb' else ''}")
    except (psycopg.OperationalError, pymysql.OperationalError):
        return None
    url = url.set(database=name)
    with _connected(url) as cursor:
        if _made_for(cursor) != today.isoformat():
            fill(cursor, engine, size, today)
            cursor.execute("VACUUM ANALYZE" if engine == "postgresql" else "ANALYZE TABLE roll_call_marks, enrolments")
    return url.render_as_string(hide_password=False)


def drop() -> None:
    """Remove every made-up database on a server."""
    for engine in _SERVERS:
        url = _server(engine)
        with contextlib.suppress(psycopg.OperationalError, pymysql.OperationalError), _connected(url) as cursor:
            table, column = _CATALOGUE[engine].split(" WHERE ")
            cursor.execute(f"SELECT {column} FROM {table} WHERE {column} LIKE 'attsync_bench_%'")
            names = [row[0] for row in iter(cursor.fetchone, None)]
            for name in names:
                cursor.execute(f"DROP DATABASE {name}")


_CATALOGUE: Final[dict[Engine, str]] = {
    "postgresql": "pg_database WHERE datname",
    "mariadb": "information_schema.schemata WHERE schema_name",
}


def _server(engine: Engine) -> URL:
    variable, usual = _SERVERS[engine]
    return make_url(os.environ.get(variable, usual))


@contextlib.contextmanager
def _connected(url: URL) -> Iterator[_Cursor]:
    connection: Any
    if url.get_backend_name() == "postgresql":
        connection = psycopg.connect(
            url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
        )
    else:
        connection = pymysql.connect(
            host=url.host or "127.0.0.1",
            port=url.port or 3306,
            user=url.username,
            password=url.password or "",
            database=url.database,
            autocommit=True,
        )
    with contextlib.closing(connection), connection.cursor() as cursor:
        yield cursor


def _made_for(cursor: _Cursor) -> str | None:
    with contextlib.suppress(sqlite3.Error, psycopg.Error, pymysql.Error):
        cursor.execute("SELECT last_day FROM bench_made")
        row = cursor.fetchone()
        return row and str(row[0])
    return None


def fill(cursor: _Cursor, engine: Engine, size: Size, today: date) -> None:
    """Make the tables and their rows."""
    days = school_days(size.days, today)
    kind = "TEXT" if engine == "sqlite" else "DATE"
    unlogged = "UNLOGGED " if engine == "postgresql" else ""
    for table in ("bench_made", "roll_call_marks", "enrolments", "day", "pupil", "session"):
        cursor.execute(f"DROP TABLE IF EXISTS {table}")
    cursor.execute(f"CREATE TABLE day (number BIGINT, date {kind})")
    cursor.execute("CREATE TABLE session (name VARCHAR(2))")
    cursor.execute("INSERT INTO session VALUES ('AM'), ('PM')")
    cursor.execute("CREATE TABLE pupil (number BIGINT, school INTEGER)")
    cursor.execute(
        f"CREATE {unlogged}TABLE roll_call_marks (school INTEGER NOT NULL, pupil_id BIGINT NOT NULL,"
        f" mark_date {kind} NOT NULL, session VARCHAR(2) NOT NULL, year_group VARCHAR(20) NOT NULL,"
        " mark VARCHAR(4) NOT NULL)"
    )
    cursor.execute(
        f"CREATE {unlogged}TABLE enrolments (school INTEGER NOT NULL, pupil_id BIGINT NOT NULL,"
        f" year_group VARCHAR(20) NOT NULL, entry_date {kind} NOT NULL, leaving_date {kind})"
    )
    rows = ", ".join(f"({number}, {_typed(day, engine)})" for number, day in enumerate(days))
    cursor.execute(f"INSERT INTO day VALUES {rows}")
    cursor.execute(f"INSERT INTO pupil {_pupils(engine, size)}")
    last_day = _typed(days[len(days) // 2], engine)  # of every fiftieth pupil
    cursor.execute(
        f"INSERT INTO enrolments SELECT pupil.school, pupil.number, {_YEAR_GROUP}, {_typed(date(2022, 9, 1), engine)},"
        f" CASE WHEN pupil.number % 50 = 0 THEN {last_day} END FROM pupil"
    )
    # In order of date, as a school system writes them.
    drawn = f"({_ARITHMETIC.format(late=16807)} % 65521 % 1000)"
    cursor.execute(
        "INSERT INTO roll_call_marks SELECT pupil.school, pupil.number, day.date, session.name,"
        f" {_YEAR_GROUP}, {_MARK.format(drawn=drawn)}"
        " FROM day CROSS JOIN session CROSS JOIN pupil"
        f" WHERE pupil.number % 50 <> 0 OR day.date <= {last_day} ORDER BY day.number, pupil.school"
    )
    if engine != "spark":
        cursor.execute("CREATE INDEX roll_call_marks_by_date ON roll_call_marks (mark_date)")
    cursor.execute("CREATE TABLE bench_made (last_day VARCHAR(10))")
    cursor.execute(f"INSERT INTO bench_made VALUES ('{today.isoformat()}')")


def _pupils(engine: Engine, size: Size) -> str:
    total = size.schools * size.pupils
    match engine:
        case "postgresql":
            return f"SELECT n, n / {size.pupils} FROM generate_series(0, {total - 1}) AS series (n)"
        case "mariadb":
            return f"SELECT seq, seq DIV {size.pupils} FROM seq_0_to_{total - 1}"
        case "spark":
            return f"SELECT id, CAST(id DIV {size.pupils} AS INTEGER) FROM range({total})"
        case "sqlite":
            return (
                f"WITH RECURSIVE series (n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM series WHERE n + 1 < {total})"
                f" SELECT n, n / {size.pupils} FROM series"
            )


def _typed(day: date, engine: Engine) -> str:
    return f"'{day}'" if engine == "sqlite" else f"DATE '{day}'"
