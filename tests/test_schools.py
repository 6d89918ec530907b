"""schools.py: which schools there are, and what is said of a URN that is none of theirs."""

from pathlib import Path

import pytest

from attsync import messages
from attsync.log import Log
from attsync.model import School
from attsync.problems import Problem, SettingsError
from attsync.schools import chosen, every_school, known_schools, lists_itself
from attsync.settings import Settings
from tests.made_log import ABBEY, AT, ELM, decide
from tests.settings_file import SELECT, loaded, settings_text

LISTING = SELECT + 'schools = "SELECT 3"\n'


def listed(folder: Path, *schools: School) -> Settings:
    """Make settings that list these schools."""
    tables = tuple(f'urn = {school.urn}\nname = "{school.name}"' for school in schools)
    return loaded(settings_text(schools=tables), folder)


def listed_by_database(folder: Path) -> Settings:
    """Make settings whose database lists its schools itself."""
    return loaded(settings_text(select=LISTING, schools=()), folder)


def test_schools_of_the_settings_are_known_without_a_log(tmp_path: Path) -> None:
    """Before anything was ever sent."""
    settings = listed(tmp_path, ABBEY, ELM)

    assert known_schools(settings, None) == {ABBEY.urn: ABBEY, ELM.urn: ELM}
    assert not lists_itself(settings)


def test_schools_that_a_database_lists_are_known_from_their_consent(tmp_path: Path) -> None:
    """`status` opens no database, and still shows every school that has ever sent."""
    settings = listed_by_database(tmp_path)
    with Log.open(tmp_path / "attsync.db") as log:
        decide(log, ELM)

        assert known_schools(settings, log) == {ELM.urn: ELM}
        assert known_schools(settings, None) == {}
        assert lists_itself(settings)


def test_school_that_left_the_settings_can_still_be_named(tmp_path: Path) -> None:
    """C15: its consent can be read and removed; the name is that of the settings where there is one."""
    renamed = School(ABBEY.urn, "Abbey Academy")
    settings = listed(tmp_path, renamed)
    with Log.open(tmp_path / "attsync.db") as log:
        for school in (ABBEY, ELM):
            decide(log, school, at=AT)

        assert known_schools(settings, log) == {ABBEY.urn: renamed}
        assert every_school(settings, log) == {ABBEY.urn: renamed, ELM.urn: ELM}
    assert every_school(settings, None) == {ABBEY.urn: renamed}


def test_without_a_name_all_schools_are_meant(tmp_path: Path) -> None:
    """And with names those alone, in the order in which they were named."""
    settings = listed(tmp_path, ABBEY, ELM)
    known = known_schools(settings, None)

    assert chosen(settings, known, ()) == [ABBEY, ELM]
    assert chosen(settings, known, (ELM.urn, ABBEY.urn)) == [ELM, ABBEY]


@pytest.mark.parametrize(("number", "shown"), [(1, 1), (2, 2), (10, 10), (11, 0)])
def test_urn_that_no_school_has_is_told_with_those_that_there_are(tmp_path: Path, number: int, shown: int) -> None:
    """A mistake is seen beside the right one; a list of hundreds helps no one."""
    schools = [School(900001 + n, f"School {n}") for n in range(number)]
    settings = listed(tmp_path, *schools)
    with pytest.raises(SettingsError) as raised:
        chosen(settings, known_schools(settings, None), (900099,), "changed")

    problem = raised.value.problem
    assert problem == Problem(
        "SCHOOL-NONE", urn=900099, known=[str(school) for school in schools][:shown], undone="changed"
    )
    assert "900099" in str(messages.text(problem))
    assert str(messages.next_step(problem)).count("School ") == shown


def test_settings_file_is_not_blamed_where_a_database_lists_the_schools(tmp_path: Path) -> None:
    """No one would find the school there."""
    settings = listed_by_database(tmp_path)
    with pytest.raises(SettingsError) as raised:
        chosen(settings, {}, (900099,))

    assert (raised.value.problem.case, raised.value.exit_code) == ("in_no_database", 2)
