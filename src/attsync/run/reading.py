"""Reads the schools, one database after the other: the days of each, or why they could not be read.

A database that fails does not stop the others.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from attsync.database import read
from attsync.deadline import Deadline
from attsync.model import School, SchoolDays, Unlisted
from attsync.problems import Problem, SchoolError
from attsync.run.plan import Planner
from attsync.settings import DatabaseSettings, SchoolSettings
from attsync.window import Window

Listed = Sequence[tuple[DatabaseSettings, tuple[SchoolSettings, ...] | Problem]]
"""Every database with its schools, or why they could not be listed."""


def read_schools(
    listed: Listed, wanted: Mapping[int, School], window: Window, deadline: Deadline, planner: Planner | None = None
) -> Iterator[SchoolDays | Unlisted]:
    """Read every database that has a wanted school, and return each of these once.

    A database that fails gives its schools a problem. Once the deadline has passed, no database is opened any more, nor
    the next school read: those that are left get that problem. Without a `planner` every day is proven.
    """
    left = dict(wanted)
    failed: Problem | None = None
    for database, schools in listed:
        if not left or deadline.is_over:
            break
        if isinstance(schools, Problem):
            failed = failed or schools  # it may be the one that lists those left
            continue
        for found in _read(database, schools, window, left.__contains__, deadline, planner):
            if isinstance(found, SchoolDays):
                del left[found.school.urn]
            yield found
            if not deadline.seconds_left:
                break
    for school in left.values():
        problem = failed or Problem("SCHOOL-NONE", "gone", urn=school.urn)
        yield SchoolDays(school=school, problem=problem if deadline.seconds_left else Problem("RUN-TIME"))


def read_all(
    listed: Listed, window: Window, only: Collection[int], deadline: Deadline
) -> Iterator[SchoolDays | Unlisted]:
    """Read every school there is, or those of `only`.

    Raise SchoolError if a database has not said which schools it has: of none could it be told.
    """
    for database, schools in listed:
        if isinstance(schools, Problem):
            raise SchoolError.of(schools)
        yield from _read(database, schools, window, lambda urn: not only or urn in only, deadline)


def _read(
    database: DatabaseSettings,
    schools: Sequence[SchoolSettings],
    window: Window,
    is_wanted: Callable[[int], bool],
    deadline: Deadline,
    planner: Planner | None = None,
) -> Iterator[SchoolDays | Unlisted]:
    """Read the wanted schools of one database; if it fails, those that are left get the problem."""
    left = {each.urn: School(each.urn, each.name) for each in schools if is_wanted(each.urn)}
    if not left:
        return
    unproven = planner.unproven if planner and all(map(planner.was_read_today, left)) else None
    try:
        for found in read(database, schools, left.keys(), window, deadline, unproven):
            if isinstance(found, SchoolDays):
                del left[found.school.urn]
            yield found
    except SchoolError as error:
        yield from [SchoolDays(school=school, problem=error.problem) for school in left.values()]


def unlisted(found: Unlisted) -> Problem:
    """Return the problem that marks belong to no school in the settings; they are never sent."""
    return Problem("SCHOOL-UNLISTED", database=found.database, marks=found.marks)
