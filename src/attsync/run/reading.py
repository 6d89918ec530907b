"""Reads the schools, one database after the other: the days of each, or why they could not be read.

A database that fails does not stop the others.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from attsync import database as school_database
from attsync.deadline import Deadline
from attsync.model import School, SchoolDays, Unlisted
from attsync.problems import Problem, SchoolError, SettingsError
from attsync.settings import DatabaseSettings, SchoolSettings, Settings
from attsync.window import Window


class Listed(NamedTuple):
    """One database with its schools."""

    database: DatabaseSettings
    schools: tuple[SchoolSettings, ...]
    problem: Problem | None = None
    """Why it did not say which schools it has."""


def list_schools(settings: Settings, deadline: Deadline) -> list[Listed]:
    """Return every database with its schools; one is only opened if it lists its schools itself.

    Raise SettingsError if 2 databases list one school: which of them has its marks?
    """
    listed: list[Listed] = []
    owners: dict[int, str] = {}
    for database in settings.database:
        try:
            schools = school_database.schools_of(database, deadline)
        except SchoolError as error:
            listed.append(Listed(database, (), error.problem))
            continue
        for school in schools:
            if owners.setdefault(school.urn, database.name) != database.name:
                raise SettingsError("SETTINGS", "school_twice", urn=school.urn, databases=[owners[school.urn], database.name])
        listed.append(Listed(database, schools))
    return listed


def read_schools(
    listed: Sequence[Listed], wanted: Mapping[int, School], window: Window, deadline: Deadline
) -> Iterator[SchoolDays | Unlisted]:
    """Read every database that has a wanted school, and return each of these once.

    A database that fails gives its schools a problem. Once the deadline has passed, no database is opened any more, nor
    the next school read: those that are left get that problem.
    """
    left = dict(wanted)
    for each in listed:
        if not left or deadline.is_over:
            break
        for found in _read(each, window, left.__contains__, deadline):
            if isinstance(found, SchoolDays):
                del left[found.school.urn]
            yield found
            if not deadline.seconds_left:
                break
    failed = next((each.problem for each in listed if each.problem), None)  # it may be the one that lists those left
    for school in left.values():
        problem = failed or Problem("SCHOOL-NONE", "gone", urn=school.urn)
        yield SchoolDays(school=school, problem=problem if deadline.seconds_left else Problem("RUN-TIME"))


def read_all(
    listed: Sequence[Listed], window: Window, only: Collection[int], deadline: Deadline
) -> Iterator[SchoolDays | Unlisted]:
    """Read every school there is, or those of `only`.

    Raise SchoolError if a database has not said which schools it has: of none could it be told.
    """
    for each in listed:
        if each.problem:
            raise SchoolError.of(each.problem)
        yield from _read(each, window, lambda urn: not only or urn in only, deadline)


def _read(
    listed: Listed, window: Window, is_wanted: Callable[[int], bool], deadline: Deadline
) -> Iterator[SchoolDays | Unlisted]:
    """Read the wanted schools of one database; if it fails, those that are left get the problem."""
    left = {each.urn: School(each.urn, each.name) for each in listed.schools if is_wanted(each.urn)}
    if not left:
        return
    try:
        for found in school_database.read(listed.database, listed.schools, left.keys(), window, deadline):
            if isinstance(found, SchoolDays):
                del left[found.school.urn]
            yield found
    except SchoolError as error:
        yield from [SchoolDays(school=school, problem=error.problem) for school in left.values()]


def unlisted(found: Unlisted) -> Problem:
    """Return the problem that marks belong to no school in the settings; they are never sent."""
    return Problem("SCHOOL-UNLISTED", database=found.database, marks=found.marks)
