"""A small school database for tests: two tables, filled by the bare driver, and the settings that read it.

A test states only the rows that matter to it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

from attsync.database import read
from attsync.database.engine import Snapshot, snapshot
from attsync.deadline import Deadline
from attsync.model import Cell, Day, SchoolDays, Session
from attsync.settings import DatabaseSettings, SchoolSettings
from attsync.window import Window
from tests.engines import EngineDatabase

WINDOW = Window(date(2026, 11, 20), date(2026, 11, 23))
"""Friday to Monday."""
FRIDAY, MONDAY = WINDOW.first, WINDOW.last
OAKFIELD = {"urn": 900023, "name": "Oakfield Primary School", "school": "1"}
ELM = {"urn": 900024, "name": "Elm Grove Primary School", "school": "2"}

MARKS = "SELECT school, mark_date AS date, session, year_group, code, pupil FROM marks"
ROLL = "SELECT school, year_group, entry_date, leaving_date, pupil FROM roll"

Mark = tuple[object, ...]
"""school, date, session, year_group, code, pupil."""
AM_7 = Cell("7", Session.AM)
PM_7 = Cell("7", Session.PM)


def mark(
    code: str | None = "/",
    *,
    pupil: object = None,
    school: str | None = "1",
    day: str | None = "2026-11-23",
    session: str | None = "AM",
    year_group: str | None = "7",
) -> Mark:
    """Make a row of `marks`."""
    return (school, day, session, year_group, code, pupil)


def enrolment(
    entry: str | None = "2025-09-01",
    leaving: str | None = None,
    *,
    pupil: object = None,
    school: str | None = "1",
    year_group: str | None = "7",
) -> Mark:
    """Make a row of `roll`."""
    return (school, year_group, entry, leaving, pupil)


def fill(
    database: EngineDatabase,
    marks: Iterable[Sequence[object]] = (),
    roll: Iterable[Sequence[object]] = (),
    *,
    date_type: str = "DATE",
) -> None:
    """Make the two tables, with these rows."""
    database.execute(
        f"CREATE TABLE marks (school VARCHAR(20), mark_date {date_type}, session VARCHAR(20), year_group VARCHAR(40),"
        " code VARCHAR(40), pupil VARCHAR(20))"
    )
    database.execute(
        f"CREATE TABLE roll (school VARCHAR(20), year_group VARCHAR(40), entry_date {date_type},"
        f" leaving_date {date_type}, pupil VARCHAR(20))"
    )
    if marks := list(marks):
        database.execute("INSERT INTO marks VALUES (%s, %s, %s, %s, %s, %s)", marks)
    if roll := list(roll):
        database.execute("INSERT INTO roll VALUES (%s, %s, %s, %s, %s)", roll)


def settings(
    url: str | None,
    *,
    marks: str = MARKS,
    roll: str = ROLL,
    schools: Iterable[dict[str, Any]] = (OAKFIELD,),
    select: dict[str, str] | None = None,
    **changes: Any,  # noqa: ANN401  whatever the settings take
) -> DatabaseSettings:
    """Make the settings of one database."""
    return DatabaseSettings.model_validate(
        {
            "name": "SIMS",
            "url": url,
            "leaving_date_is": "last_day",
            "select": {"marks": marks, "roll": roll} | (select or {}),
            "schools": list(schools),
        }
        | changes
    )


def days_of(database: DatabaseSettings, window: Window = WINDOW) -> SchoolDays:
    """Read the one school of `database`."""
    (found,) = (each for each in read_all(database, window) if isinstance(each, SchoolDays))
    return found


def day_of(database: DatabaseSettings, day: date = MONDAY, window: Window = WINDOW) -> Day:
    """Read one day of the one school of `database`."""
    return next(each for each in days_of(database, window).days if each.date == day)


def read_all(
    database: DatabaseSettings,
    window: Window = WINDOW,
    only: Collection[int] | None = None,
    unproven: Callable[[SchoolDays], Collection[date]] | None = None,
) -> list[object]:
    """Read every school of `database`, or those of `only`."""
    schools: tuple[SchoolSettings, ...] = database.schools
    wanted = only or [school.urn for school in schools]
    with Deadline() as deadline:
        return list(read(database, schools, wanted, window, deadline, unproven))


@contextmanager
def looking(database: DatabaseSettings, window: Window | None = WINDOW) -> Iterator[Snapshot]:
    """Open a snapshot of `database`, with a deadline that never comes."""
    with Deadline() as deadline, snapshot(database, window, deadline) as look:
        yield look
