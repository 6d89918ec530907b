"""Reads the schools, one database after the other: the days of each, or why they could not be read.

A database that fails does not stop the others.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from attsync.database import read
from attsync.deadline import Deadline
from attsync.model import School, SchoolDays, Unlisted
from attsync.problems import Problem, SchoolError
from attsync.run.plan import Planner
from attsync.settings import DatabaseSettings, SchoolSettings
from attsync.window import Window

Listed = Sequence[tuple[DatabaseSettings, tuple[SchoolSettings, ...] | Problem]]
"""Every database with its schools, or why they could not be listed."""


def listed_schools(listed: Listed, only: Collection[int]) -> dict[int, School]:
    """Return every school, or those of `only`, by URN.

    Raise SchoolError if a database cannot list its schools: then a URN cannot be looked up.
    """
    found = {}
    for _, schools in listed:
        if isinstance(schools, Problem):
            raise SchoolError.of(schools)
        found.update({each.urn: School(each.urn, each.name) for each in schools if not only or each.urn in only})
    return found


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
        if isinstance(schools, Problem):
            failed = failed or schools  # it may be the one that lists those left
            continue
        here = {each.urn: School(each.urn, each.name) for each in schools if each.urn in left}
        if not here or deadline.is_over:
            continue
        unproven = planner.unproven if planner and all(map(planner.was_read_today, here)) else None
        try:
            for found in read(database, schools, here.keys(), window, deadline, unproven):
                if isinstance(found, SchoolDays):
                    del left[found.school.urn]
                yield found
                if not deadline.seconds_left:
                    break
        except SchoolError as error:
            for urn in here.keys() & left.keys():
                del left[urn]
                yield SchoolDays(school=here[urn], problem=error.problem)
    for school in left.values():
        problem = failed or Problem("SCHOOL-NONE", "gone", urn=school.urn)
        yield SchoolDays(school=school, problem=Problem("RUN-TIME") if deadline.is_over else problem)


def unlisted(found: Unlisted) -> Problem:
    """Return the problem that marks belong to no school in the settings; they are never sent."""
    return Problem("SCHOOL-UNLISTED", database=found.database, marks=found.marks)
