"""Reads the schools, one database after the other: the days of each, or why they could not be read.

A database that fails does not stop the others.
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from attsync import database as database_of
from attsync.deadline import Deadline
from attsync.model import School, SchoolDays, Unlisted
from attsync.problems import Problem, SchoolError
from attsync.settings import DatabaseSettings, Settings
from attsync.window import Window


def read_schools(
    settings: Settings, wanted: Mapping[int, School], window: Window, deadline: Deadline
) -> Iterator[SchoolDays | Unlisted]:
    """Read every database that may have a wanted school, and return each of these once.

    A database that fails gives its schools a problem. Once the deadline has passed, no database is opened any more, nor
    the next school read: those that are left get that problem.
    """
    left = dict(wanted)
    failed: Problem | None = None
    late = Problem("RUN-TIME")
    for database in settings.database:
        if not left or not deadline.seconds_left:
            break
        try:
            for found in _read(database, window, left.__contains__, deadline):
                if isinstance(found, SchoolDays):
                    del left[found.school.urn]
                yield found
                if deadline.is_over:
                    break
        except SchoolError as error:
            failed = error.problem  # it may be the one that lists those left
    for school in left.values():
        problem = late if deadline.is_over else failed or Problem("SCHOOL-NONE", "gone", urn=school.urn)
        yield SchoolDays(school=school, problem=problem)


def read_all(
    settings: Settings, window: Window, only: Collection[int], deadline: Deadline
) -> Iterator[SchoolDays | Unlisted]:
    """Read every school there is, or those of `only`.

    Raise SchoolError if a database fails before it has said which schools it holds: of none could it be told.
    """
    for database in settings.database:
        yield from _read(database, window, lambda urn: not only or urn in only, deadline)


def _read(
    database: DatabaseSettings, window: Window, is_wanted: Callable[[int], bool], deadline: Deadline
) -> Iterator[SchoolDays | Unlisted]:
    """Read the wanted schools of one database; if it fails, those that are left get the problem.

    Raise SchoolError if it fails before it has said which schools it holds.
    """
    schools = database_of.schools_of(database, deadline)
    left = {each.urn: School(each.urn, each.name) for each in schools if is_wanted(each.urn)}
    try:
        for found in database_of.read(database, schools, left.keys(), window, deadline) if left else ():
            if isinstance(found, SchoolDays):
                del left[found.school.urn]
            yield found
    except SchoolError as error:
        yield from [SchoolDays(school=school, problem=error.problem) for school in left.values()]


def unlisted(found: Unlisted) -> Problem:
    """Return the problem that marks belong to no school in the settings; they are never sent."""
    return Problem("SCHOOL-UNLISTED", database=found.database, marks=found.marks)
