"""codes.py: the DfE's lists, judged by the date of the mark."""

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest

from attsync import codes
from attsync.codes import all_codes, attendance_rate, codes_on, every_code, withdrawn, year_groups
from attsync.model import Cell, Session

CHANGE = date(2024, 8, 19)
"""SI 2024/208 came into force."""
DAY = date(2026, 11, 23)
AM, PM = Cell("7", Session.AM), Cell("7", Session.PM)


def test_there_are_34_codes_now_and_25_before() -> None:
    """docs/design/domain.md 3 counts them from the regulations."""
    assert len(codes_on(CHANGE)) == 34
    assert len(codes_on(CHANGE - timedelta(days=1))) == 25


@pytest.mark.parametrize("code", ["C1", "C2", "J1", "K", "Q", "Y1", "Y7"])
def test_a_new_code_counts_from_its_first_day(code: str) -> None:
    """A window in August 2024 may cross the change."""
    assert code in codes_on(CHANGE)
    assert code not in codes_on(CHANGE - timedelta(days=1))


@pytest.mark.parametrize("code", ["H", "J", "Y"])
def test_a_withdrawn_code_counts_no_longer(code: str) -> None:
    """They still occur in school databases; sending one would be a fault."""
    assert code not in codes_on(CHANGE)
    assert code in codes_on(CHANGE - timedelta(days=1))


def test_each_withdrawn_code_says_what_replaced_it() -> None:
    """Also the sub-codes of school systems; a code that goes on, or has not ended yet, was not withdrawn."""
    gone = {code.code for code in every_code()} - codes_on(CHANGE).keys()

    assert all(withdrawn(code, CHANGE) for code in [*gone, "X01", "X07", "I02"])
    assert [withdrawn(code, CHANGE) for code in ("I", "X", "ZZ", "")] == [None] * 4
    assert withdrawn("H", CHANGE - timedelta(days=1)) is None


def test_j_was_attendance_and_j1_is_absence() -> None:
    """The category depends on the date: one more reason to judge by the date of the mark."""
    assert codes_on(CHANGE - timedelta(days=1))["J"].category == "approved_educational_activity"
    assert codes_on(CHANGE)["J1"].category == "authorised_absence"


def test_only_the_two_present_marks_belong_to_a_session() -> None:
    r"""/ is the morning's and \ the afternoon's; the DfE does not check that, so we must."""
    now = codes_on(DAY)
    assert now["/"].sessions == {Session.AM}
    assert now["\\"].sessions == {Session.PM}
    assert all(code.sessions == set(Session) for name, code in now.items() if name not in "/\\")


def test_sub_codes_are_never_sent() -> None:
    """X01 and I02 were for school systems only."""
    assert all(len(code) <= 2 for code in all_codes())
    assert len(all_codes()) == len(set(all_codes()))


def test_every_code_has_a_known_category_and_dates_in_order() -> None:
    """A mistake in the table would be a wrong number later."""
    for code in every_code():
        assert code.category in {
            "present",
            "approved_educational_activity",
            "authorised_absence",
            "unauthorised_absence",
            "unable_to_attend",
            "administrative",
        }
        assert code.valid_from <= code.valid_to


def test_year_groups_are_in_the_dfes_order_without_mixed_classes() -> None:
    """M describes a class, not a pupil."""
    assert list(year_groups()) == ["E1", "E2", "N1", "N2", "R", *map(str, range(1, 15)), "X"]


def test_the_backslash_survives_the_reading_of_the_table() -> None:
    """A reader with an escape character would lose it."""
    table = Path(codes.__file__).with_name("data") / "attendance_codes.csv"
    with table.open(encoding="utf-8", newline="") as file:
        assert "\\" in [row["code"] for row in csv.DictReader(file)]
    assert "\\" in codes_on(DAY)


def test_attendance_is_calculated_as_the_dfe_does() -> None:
    """Present and approved activities over possible sessions; Y and # make none possible."""
    cells = {AM: {"/": 90, "B": 4, "I": 5, "U": 1, "Y1": 50}, PM: {"#": 100}}

    assert attendance_rate(cells, DAY) == pytest.approx(0.94)


def test_without_a_possible_session_there_is_no_attendance() -> None:
    """A closed school is not at 0%."""
    assert attendance_rate({PM: {"#": 100}}, DAY) is None
    assert attendance_rate({}, DAY) is None
