"""reading.py: the schools of several databases; what one that fails means for its own, and for the others."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from attsync.model import School, SchoolDays, Unlisted
from attsync.problems import SchoolError
from attsync.run.reading import read_all, read_schools, unlisted
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
    """Give each school with its marks, or with the code of its problem."""
    return [
        (each.school, each.problem.code if each.problem else sum(day.marks for day in each.days))
        for each in found
        if isinstance(each, SchoolDays)
    ]


def wanted(loaded: Settings, *schools: School) -> Told:
    """Read these schools."""
    return told(read_schools(loaded, {each.urn: each for each in schools}, WINDOW))


@pytest.mark.usefixtures("school")
def test_database_that_fails_fails_for_its_schools_alone(tmp_path: Path) -> None:
    """Each of them is told; the databases before and after it are read."""
    databases = (("sqlite:///school.db", (OAKFIELD,)), (NOT_THERE, (ASHGROVE, School(900046, "Birch"))))
    loaded = settings(tmp_path, databases=(*databases, ("sqlite:///school.db", (ELMHURST,))))
    expected = [(OAKFIELD, 28), (ASHGROVE, "DB-NONE"), (School(900046, "Birch"), "DB-NONE"), (ELMHURST, 5)]

    assert told(read_all(loaded, WINDOW, ())) == expected
    assert wanted(loaded, *(each for each, _ in expected)) == expected


def test_schools_select_that_fails_may_be_that_of_any_school(school: SchoolDatabase, tmp_path: Path) -> None:
    """Whoever is in no other database gets its problem, and is not told that it is listed nowhere."""
    school.change("CREATE TABLE schools (school TEXT)")  # no urn, no name
    databases = (("sqlite:///school.db", ()), ("sqlite:///school.db", (ELMHURST,)))
    loaded = settings(tmp_path, databases=databases)

    assert wanted(loaded, OAKFIELD, ELMHURST) == [(ELMHURST, 5), (OAKFIELD, "DB-SELECT")]


def test_schools_select_that_fails_ends_the_reading_of_all(school: SchoolDatabase, tmp_path: Path) -> None:
    """Of no school could it be told."""
    school.change("CREATE TABLE schools (school TEXT)")
    loaded = settings(tmp_path, databases=(("sqlite:///school.db", ()), ("sqlite:///school.db", (ELMHURST,))))

    with pytest.raises(SchoolError, match="the schools SELECT"):
        list(read_all(loaded, WINDOW, ()))


def test_school_that_no_database_lists_is_told(school: SchoolDatabase, tmp_path: Path) -> None:
    """It comes last, with the command that ends its consent."""
    listing(school, OAKFIELD)
    loaded = settings(tmp_path, databases=(("sqlite:///school.db", ()),))

    *others, last = read_schools(loaded, {each.urn: each for each in (ASHGROVE, OAKFIELD)}, WINDOW)

    assert told(others) == [(OAKFIELD, 28)]
    assert isinstance(last, SchoolDays)
    assert (last.school, last.problem and last.problem.code) == (ASHGROVE, "SCHOOL-NONE")
    assert last.problem
    assert last.problem.next.endswith("attsync consent revoke --school 900045")


def test_school_that_two_databases_list_is_given_once(school: SchoolDatabase, tmp_path: Path) -> None:
    """That of the first: sent twice, the second would take the place of it."""
    listing(school, OAKFIELD)
    other = SchoolDatabase(tmp_path / "other.db")
    other.mark(MONDAY, PRESENT=3)
    listing(other, OAKFIELD, ELMHURST)
    loaded = settings(tmp_path, databases=(("sqlite:///school.db", ()), ("sqlite:///other.db", ())))

    assert wanted(loaded, OAKFIELD, ELMHURST) == [(OAKFIELD, 28), (ELMHURST, 0)]


def test_database_that_holds_no_wanted_school_is_not_opened(school: SchoolDatabase, tmp_path: Path) -> None:
    """Neither before the others nor once all have been read: without consent nobody looks."""
    for name in ("first.db", "last.db"):
        (tmp_path / name).write_bytes(school.path.read_bytes())
    databases = (("sqlite:///first.db", (ASHGROVE,)), ("sqlite:///school.db", (OAKFIELD, ELMHURST)))
    loaded = settings(tmp_path, databases=(*databases, ("sqlite:///last.db", ())))

    with opened_files() as opened:
        assert wanted(loaded, ELMHURST) == [(ELMHURST, 5)]
        of_settings = loaded.model_copy(update={"database": loaded.database[:2]})
        assert told(read_all(of_settings, WINDOW, [OAKFIELD.urn])) == [(OAKFIELD, 28)]
    assert [name for name in opened if "first.db" in name or "last.db" in name] == []
    assert len([name for name in opened if "school.db" in name]) == 2


def test_marks_of_no_school_are_given_along(school: SchoolDatabase, tmp_path: Path) -> None:
    """With the name of their database; never under the name of another school."""
    school.mark(MONDAY, school=ASHGROVE, I=7)
    loaded = settings(tmp_path, databases=(("sqlite:///school.db", (OAKFIELD, ELMHURST)),))

    found = list(read_all(loaded, WINDOW, ()))

    assert told(found) == [(OAKFIELD, 28), (ELMHURST, 5)]
    assert [each for each in found if isinstance(each, Unlisted)] == [Unlisted("MIS 1", 7)]


@pytest.mark.parametrize(
    ("marks", "text"),
    [
        (1, "SIMS holds 1 mark of the window that belongs to no school of the settings file. It is never sent."),
        (
            1200,
            "SIMS holds 1,200 marks of the window that belong to no school of the settings file. They are never sent.",
        ),
    ],
)
def test_marks_of_no_school_are_told_in_words(marks: int, text: str) -> None:
    """To check, and no fault: they may be those of a nursery next door."""
    problem = unlisted(Unlisted("SIMS", marks))

    assert (problem.code, problem.exit_code, problem.text) == ("SCHOOL-UNLISTED", 0, text)
