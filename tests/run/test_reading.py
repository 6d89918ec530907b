"""reading.py: the schools of several databases; what one that fails means for its own, and for the others."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from attsync.database import schools_by_database
from attsync.deadline import Deadline
from attsync.model import School, SchoolDays, Unlisted
from attsync.problems import Problem, SchoolError, SettingsError
from attsync.run.reading import listed_schools, read_schools, unlisted
from attsync.settings import Settings
from tests.factories import ELMHURST, MONDAY, OAKFIELD, WINDOW, SchoolDatabase, settings
from tests.test_consent import opened_files

ASHGROVE = School(900045, "Ashgrove Primary School")
NOT_THERE = "sqlite:///nowhere.db"
Told = list[tuple[School, int | str]]


@pytest.fixture
def school(tmp_path: Path) -> SchoolDatabase:
    """Make the database of two schools, with 28 marks and with 5."""
    made = SchoolDatabase(tmp_path / "school.db")
    for each, marks in ((OAKFIELD, 28), (ELMHURST, 5)):
        made.enrol(school=each)
        made.mark(MONDAY, school=each, PRESENT=marks)
    return made


def listing(school: SchoolDatabase, *schools: School) -> None:
    """Let the database list its schools itself."""
    school.change("CREATE TABLE schools (school TEXT, urn INTEGER, name TEXT)")
    for each in schools:
        school.change("INSERT INTO schools VALUES (?, ?, ?)", str(each.urn), each.urn, each.name)


def told(found: Iterable[SchoolDays | Unlisted]) -> Told:
    """Return each school with its marks, or with the code of its problem."""
    return [
        (each.school, each.problem.code if each.problem else sum(day.marks for day in each.days))
        for each in found
        if isinstance(each, SchoolDays)
    ]


def found(loaded: Settings, *schools: School) -> list[SchoolDays | Unlisted]:
    """Read these schools as a send does."""
    with Deadline(60) as deadline:
        return [
            *read_schools(
                schools_by_database(loaded.database, deadline), {each.urn: each for each in schools}, WINDOW, deadline
            )
        ]


def wanted(loaded: Settings, *schools: School) -> Told:
    """Return what is found of these schools."""
    return told(found(loaded, *schools))


def every(loaded: Settings, *urns: int) -> list[SchoolDays | Unlisted]:
    """Read every school as `preview` does, or those of `urns`."""
    with Deadline(60) as deadline:
        listed = schools_by_database(loaded.database, deadline)
        return [*read_schools(listed, listed_schools(listed, urns), WINDOW, deadline)]


@pytest.mark.usefixtures("school")
def test_database_that_fails_fails_for_its_schools_alone(tmp_path: Path) -> None:
    """Each of them is told; the databases before and after it are read."""
    databases = (("sqlite:///school.db", (OAKFIELD,)), (NOT_THERE, (ASHGROVE, School(900046, "Birch"))))
    loaded = settings(tmp_path, databases=(*databases, ("sqlite:///school.db", (ELMHURST,))))
    expected = [(OAKFIELD, 28), (ASHGROVE, "DB-NONE"), (School(900046, "Birch"), "DB-NONE"), (ELMHURST, 5)]

    assert told(every(loaded)) == expected
    assert wanted(loaded, *(each for each, _ in expected)) == expected


def test_schools_select_that_fails_may_be_that_of_any_school(school: SchoolDatabase, tmp_path: Path) -> None:
    """Anyone who is in no other database gets its problem, and is not told that it is listed nowhere."""
    school.change("CREATE TABLE schools (school TEXT)")  # no urn, no name
    databases = (("sqlite:///school.db", ()), ("sqlite:///school.db", (ELMHURST,)))
    loaded = settings(tmp_path, databases=databases)

    assert wanted(loaded, OAKFIELD, ELMHURST) == [(ELMHURST, 5), (OAKFIELD, "DB-SELECT")]


def test_schools_select_that_fails_ends_the_reading_of_all(school: SchoolDatabase, tmp_path: Path) -> None:
    """Of no school could it be told."""
    school.change("CREATE TABLE schools (school TEXT)")
    loaded = settings(tmp_path, databases=(("sqlite:///school.db", ()), ("sqlite:///school.db", (ELMHURST,))))

    with pytest.raises(SchoolError):
        every(loaded)


def test_school_that_no_database_lists_is_told(school: SchoolDatabase, tmp_path: Path) -> None:
    """It comes last, with the command that ends its consent."""
    listing(school, OAKFIELD)
    loaded = settings(tmp_path, databases=(("sqlite:///school.db", ()),))

    *others, last = found(loaded, ASHGROVE, OAKFIELD)

    assert told(others) == [(OAKFIELD, 28)]
    assert isinstance(last, SchoolDays)
    assert (last.school, last.problem and last.problem.code) == (ASHGROVE, "SCHOOL-NONE")
    assert last.problem == Problem("SCHOOL-NONE", "gone", urn=900045)


def test_school_that_two_databases_list_is_refused(school: SchoolDatabase, tmp_path: Path) -> None:
    """Which of them has its marks? Nothing is read, and both are named."""
    listing(school, OAKFIELD)
    other = SchoolDatabase(tmp_path / "other.db")
    listing(other, OAKFIELD, ELMHURST)
    loaded = settings(tmp_path, databases=(("sqlite:///school.db", ()), ("sqlite:///other.db", ())))

    for read in (wanted, every):
        with pytest.raises(SettingsError) as raised:
            read(loaded)
        assert raised.value.problem == Problem(
            "SCHOOL-NONE", "two_databases", urn="900023", databases=["MIS 1", "MIS 2"]
        )


def test_database_that_holds_no_wanted_school_is_not_opened(school: SchoolDatabase, tmp_path: Path) -> None:
    """Neither before the others nor after them; only one that lists its schools itself has to be asked for its list."""
    for name in ("first.db", "last.db"):
        (tmp_path / name).write_bytes(school.path.read_bytes())
    databases = (("sqlite:///first.db", (ASHGROVE,)), ("sqlite:///school.db", (OAKFIELD, ELMHURST)))
    loaded = settings(tmp_path, databases=(*databases, ("sqlite:///last.db", (School(900046, "Birch"),))))

    with opened_files() as opened:
        assert wanted(loaded, ELMHURST) == [(ELMHURST, 5)]
        of_settings = loaded.model_copy(update={"database": loaded.database[:2]})
        assert told(every(of_settings, OAKFIELD.urn)) == [(OAKFIELD, 28)]
    assert [name for name in opened if "first.db" in name or "last.db" in name] == []
    assert len([name for name in opened if "school.db" in name]) == 2


def test_marks_of_no_school_are_given_along(school: SchoolDatabase, tmp_path: Path) -> None:
    """With the name of their database; never under the name of another school."""
    school.mark(MONDAY, school=ASHGROVE, I=7)
    loaded = settings(tmp_path, databases=(("sqlite:///school.db", (OAKFIELD, ELMHURST)),))

    read = every(loaded)

    assert told(read) == [(OAKFIELD, 28), (ELMHURST, 5)]
    assert [each for each in read if isinstance(each, Unlisted)] == [Unlisted("MIS 1", 7)]


def test_marks_of_no_school_are_to_check() -> None:
    """Not a fault: they may be those of a nursery next door."""
    problem = unlisted(Unlisted("SIMS", 7))

    assert (problem, problem.exit_code) == (Problem("SCHOOL-UNLISTED", database="SIMS", marks=7), 0)
