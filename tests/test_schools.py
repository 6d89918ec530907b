"""schools.py: which schools there are, and what is said of a URN that is none of theirs."""

from pathlib import Path

import pytest

from attsync.log import Log
from attsync.model import School
from attsync.problems import SettingsError
from attsync.schools import chosen, known_schools
from attsync.settings import Settings, load
from tests.settings_file import SELECT, settings_text
from tests.show.screens import give_consent, trust_settings

ABBEY, ELM = School(900001, "Abbey Lane Primary"), School(900031, "Elmhurst Primary School")
LISTING = SELECT + 'schools = "SELECT 3"\n'


def listed_by_database(folder: Path) -> Settings:
    """Make settings whose database lists its schools itself."""
    path = folder / "config.toml"
    path.write_text(settings_text(select=LISTING, schools=()))
    return load(path, {"HOME": str(folder)})


def test_schools_of_the_settings_are_known_without_a_log(tmp_path: Path) -> None:
    """Before anything was ever sent."""
    assert known_schools(trust_settings(tmp_path, (ABBEY, ELM)), None) == {ABBEY.urn: ABBEY, ELM.urn: ELM}


def test_schools_that_a_database_lists_are_known_from_their_consent(tmp_path: Path) -> None:
    """`status` opens no database, and still shows every school that has ever sent."""
    settings = listed_by_database(tmp_path)
    with Log.open(settings.log.path) as log:
        give_consent(log, ELM, settings)

        assert known_schools(settings, log) == {ELM.urn: ELM}
        assert known_schools(settings, None) == {}


def test_without_a_name_all_schools_are_meant(tmp_path: Path) -> None:
    """And with names those alone, in the order in which they were named."""
    settings = trust_settings(tmp_path, (ABBEY, ELM))
    known = known_schools(settings, None)

    assert chosen(settings, known, ()) == [ABBEY, ELM]
    assert chosen(settings, known, (ELM.urn, ABBEY.urn)) == [ELM, ABBEY]


@pytest.mark.parametrize(
    ("number", "then"),
    [
        (1, "Known here: 900001."),
        (2, "Known here: 900001, 900002."),
        (11, "Check the URN. To see the schools: attsync status"),
    ],
)
def test_urn_that_no_school_has_is_told_with_those_that_there_are(tmp_path: Path, number: int, then: str) -> None:
    """A slip is seen beside the right one; a list of hundreds helps nobody."""
    settings = trust_settings(tmp_path, tuple(School(900001 + n, f"School {n}") for n in range(number)))
    with pytest.raises(SettingsError) as raised:
        chosen(settings, known_schools(settings, None), (900099,), "Nothing was changed.")

    problem = raised.value.problem
    assert problem.text == "The settings file has no school with the URN 900099. Nothing was changed."
    assert problem.next == then


def test_settings_file_is_not_blamed_where_a_database_lists_the_schools(tmp_path: Path) -> None:
    """Nobody would find the school there."""
    settings = listed_by_database(tmp_path)
    with pytest.raises(SettingsError) as raised:
        chosen(settings, {}, (900099,))

    assert raised.value.problem.text == "No school here has the URN 900099."
