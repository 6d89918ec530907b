"""mapping.py: what a school's own values mean in the DfE's, and when they mean nothing."""

from datetime import date

import pytest

from attsync.codes import year_groups
from attsync.mapping import Maps, Place, look_alike, usual_word
from attsync.model import Cell, Session
from tests.factories import MONDAY

AM, PM = Session.AM, Session.PM


def maps(
    codes: dict[str, str] | None = None,
    sessions: dict[str, str] | None = None,
    groups: dict[str, str] | None = None,
) -> Maps:
    """Make the maps of a school; without any, it has the DfE's own values."""
    return Maps(codes=codes or {}, sessions=sessions or {}, year_groups=groups or {})


def test_value_of_the_dfe_needs_no_map() -> None:
    """Of each kind."""
    assert (maps().code("I", AM, MONDAY), maps().session("PM"), maps().year_group("R")) == ("I", PM, "R")


@pytest.mark.parametrize("value", [None, "", "am", "A M", "Morning", "1"])
def test_session_that_is_in_no_list_is_none(value: str | None) -> None:
    """Nothing is guessed."""
    assert maps().session(value) is None


@pytest.mark.parametrize("value", [None, "", "r", "Year 7", "15", "7.5", "-7", "\N{FULLWIDTH DIGIT SEVEN}"])
def test_year_group_that_is_in_no_list_is_none(value: str | None) -> None:
    """What only looks like one is none."""
    assert maps().year_group(value) is None


def test_map_wins_over_the_dfes_own_value() -> None:
    """A school may use a letter of the DfE's for something else: what it says it means is what counts."""
    own = maps({"E": "V"}, {"AM": "PM"}, {"1": "2"})

    assert (own.code("E", AM, MONDAY), own.session("AM"), own.year_group("1")) == ("V", PM, "2")


def test_nothing_is_a_value_like_any_other_where_a_map_has_it() -> None:
    """Some systems write no session for the morning."""
    own = maps({"": "N"}, {"": "AM"}, {"": "X"})

    assert own.place((MONDAY, None, None, None)) == Place(Cell("X", AM), "N")


@pytest.mark.parametrize("value", ["7", "07", "007", "7.0", "07.00"])
def test_number_is_the_same_however_it_is_written(value: str) -> None:
    """Of the DfE's values, and of a school's own."""
    assert maps().year_group(value) == "7"
    assert maps(groups={"7": "R"}).year_group(value) == "R"
    assert maps(sessions={"7": "PM"}).session(value) is PM
    assert maps({"7": "I"}).code(value, AM, MONDAY) == "I"


def test_number_that_a_map_has_as_it_is_written_is_not_another() -> None:
    """The shorter form is looked up only where the value itself is in no list."""
    own = maps(groups={"07": "8", "7": "9"})

    assert (own.year_group("07"), own.year_group("7"), own.year_group("7.0")) == ("8", "9", "9")


@pytest.mark.parametrize(("session", "code"), [(AM, "/"), (PM, "\\")])
def test_present_is_the_sign_of_its_session(session: Session, code: str) -> None:
    """One word of a school's is two of the DfE's."""
    assert maps({"PRES": "present"}).code("PRES", session, MONDAY) == code


@pytest.mark.parametrize(("value", "session"), [("/", PM), ("\\", AM), ("P", PM)])
def test_sign_of_the_other_session_is_none(value: str, session: Session) -> None:
    """Also where a map leads to it: the DfE would not notice."""
    assert maps({"P": "/"}).code(value, session, MONDAY) is None


@pytest.mark.parametrize(("value", "day"), [("J1", date(2024, 8, 18)), ("J", date(2024, 8, 19))])
def test_code_of_other_years_is_none(value: str, day: date) -> None:
    """Judged by the date of the mark, whatever stood in a row before."""
    found = maps({"own": value})
    other = date(2024, 8, 19) if day == date(2024, 8, 18) else date(2024, 8, 18)

    assert found.place((other, "AM", "7", "own")) == Place(Cell("7", AM), value)
    assert found.place((day, "AM", "7", "own")) is None


@pytest.mark.parametrize("values", [("noon", "7", "I"), ("AM", "Oakes", "I"), ("AM", "7", "ZZ"), ("AM", "7", None)])
def test_row_has_a_place_only_if_each_of_its_values_has_one(values: tuple[str, str, str | None]) -> None:
    """Half a place would be a wrong one."""
    assert maps().place((MONDAY, *values)) is None


def test_nothing_and_a_dash_are_unmarked() -> None:
    """docs/design/domain.md 6; and whatever a school adds to them, or takes for a mark."""
    assert maps().unmarked() == {"", "-"}
    assert maps({"?": "unmarked", "I": "I"}).unmarked() == {"", "-", "?"}
    assert maps({"": "present", "-": "N"}).unmarked() == set()


def test_number_that_means_no_mark_may_be_written_otherwise() -> None:
    """As everywhere; a number that is no such value is a mark."""
    own = maps({"0": "unmarked"})

    assert [own.is_unmarked(value) for value in ("0", "00", "0.0", "", "10", "I")] == [True] * 4 + [False] * 2


@pytest.mark.parametrize("value", ["PM\u00a0", "\tPM", "\u200bPM \r\n", "\ufeffPM\u3000"])
def test_value_is_the_same_whatever_blanks_are_around_it(value: str) -> None:
    """No value begins or ends with one; but a map that has it so goes first."""
    assert maps().session(value) is PM
    assert maps(sessions={"PM": "AM"}).session(value) is AM
    assert maps(sessions={value: "AM"}).session(value) is AM
    assert maps({"PM": "I"}).target(value) == "I"


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("\N{CYRILLIC CAPITAL LETTER ES}1", ("C1", "U+0421")),
        ("Year\u00a07", ("Year 7", "U+00A0")),
        ("\N{FULLWIDTH SOLIDUS}", ("/", "U+FF0F")),
        ("a\tb", ("a b", "U+0009")),
        ("Year 7 ", None),
        ("Zo\u00eb", None),
        ("", None),
    ],
)
def test_value_is_what_it_looks_like_but_for_a_character(value: str, seen: tuple[str, str] | None) -> None:
    """Two lines of a list that look the same differ in it; nothing is counted by its looks."""
    assert look_alike(value) == seen
    assert seen is None or maps(dict.fromkeys([seen[0]], "I")).code(value, AM, MONDAY) is None


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("Year  7", "7"),
        ("year 11", "11"),
        ("Yr 7", "7"),
        ("Y07", "7"),
        ("Reception", "R"),
        ("Nursery", ""),
        ("Morning", "AM"),
        ("p.m.", "PM"),
        *((name, None) for name in ("Gawain", "A", "AM Smith", "Year 7 Oakes", "7", "Yearsley", "Rece", "GF")),
    ],
)
def test_usual_words_of_schools_are_no_names(value: str, word: str | None) -> None:
    """They are shown, and the map is proposed; whatever else stands there may be a name."""
    assert usual_word(value) == word


@pytest.mark.parametrize("word", ["Year 1", "Reception", *(f"Year {number}" for number in range(2, 15))])
def test_what_the_dfe_calls_a_year_group_leads_to_it(word: str) -> None:
    """The proposal is one of the list."""
    assert year_groups()[usual_word(word) or ""] == word
