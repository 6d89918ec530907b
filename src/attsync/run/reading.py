"""Reads the schools, one database after the other: what each holds, or why it could not be read.

Knows what a database that fails means for its schools, and for the others: nothing. Refuses to know what is done with
what was read.
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from attsync import database as database_of
from attsync.model import School, SchoolDays, Unlisted
from attsync.plural import plural
from attsync.problems import Problem, SchoolError
from attsync.settings import DatabaseSettings, Settings
from attsync.window import Window


def read_schools(
    settings: Settings,
    wanted: Mapping[int, School],
    window: Window,
    time_is_up: Callable[[], Problem | None] = lambda: None,
) -> Iterator[SchoolDays | Unlisted]:
    """Read every database that may hold a wanted school, and give each of these once.

    A database that fails gives its schools a problem and does not stop the others. Once `time_is_up` gives a problem,
    no database is opened any more, nor the next school read: those that are left get that problem.
    """
    left = dict(wanted)
    failed: Problem | None = None
    late: Problem | None = None
    for database in settings.database:
        if late or not left or (late := time_is_up()):
            break
        try:
            for found in _read(database, window, left.__contains__):
                if isinstance(found, SchoolDays):
                    del left[found.school.urn]
                yield found
                if late := time_is_up():
                    break
        except SchoolError as error:
            failed = error.problem  # it may be the one that lists those left
    for school in left.values():
        yield SchoolDays(school=school, problem=late or failed or _nowhere(school))


def read_all(settings: Settings, window: Window, only: Collection[int]) -> Iterator[SchoolDays | Unlisted]:
    """Read every school there is, or those of `only`.

    Raises SchoolError if a database fails before it has said which schools it holds: of none could it be told.
    """
    for database in settings.database:
        yield from _read(database, window, lambda urn: not only or urn in only)


def _read(
    database: DatabaseSettings, window: Window, is_wanted: Callable[[int], bool]
) -> Iterator[SchoolDays | Unlisted]:
    """Read the wanted schools of one database; if it fails, those that are left get the problem.

    Raises SchoolError if it fails before it has said which schools it holds.
    """
    schools = database_of.schools_of(database)
    left = {each.urn: School(each.urn, each.name) for each in schools if is_wanted(each.urn)}
    try:
        for found in database_of.read(database, schools, left.keys(), window) if left else ():
            if isinstance(found, SchoolDays):
                del left[found.school.urn]
            yield found
    except SchoolError as error:
        yield from [SchoolDays(school=school, problem=error.problem) for school in left.values()]


def unlisted(found: Unlisted) -> Problem:
    """Say that marks belong to no school of the settings; they are to check, and never sent (SPEC.md 4)."""
    words = plural(found.marks, "mark of the window that belongs", "marks of the window that belong")
    return Problem(
        "SCHOOL-UNLISTED",
        f"{found.database} holds {words} to no school of the settings file.",
        "If a school is missing, add it under [[database.schools]]; if its school value is wrong, correct it.",
        not_done=f"{'It is' if found.marks == 1 else 'They are'} never sent.",
    )


def _nowhere(school: School) -> Problem:
    return Problem(
        "SCHOOL-NONE",
        "This school has given consent, but no database lists it any more.",
        f"Add it to the settings file, or remove its consent: attsync consent revoke --school {school.urn}",
        not_done="Nothing was sent for it.",
    )
