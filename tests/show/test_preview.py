"""The counts of one session as a table, where many codes are used."""

import pytest

from attsync.codes import codes_on
from attsync.model import Cell, Day, School, Session
from attsync.show.preview import preview_day
from attsync.show.symbols import UNICODE
from tests.show.screens import MONDAY, text_of


@pytest.mark.parametrize("columns", [40, 80, 100, 132])
def test_no_code_and_no_check_is_lost_where_many_are_used(columns: int) -> None:
    """Codes that have no room beside each other stand below each other."""
    codes = [code for code in codes_on(MONDAY) if code != "\\"]
    cells = {Cell(group, Session.AM): dict.fromkeys(codes, 10) for group in ("4", "5")}
    day = Day(date=MONDAY, cells=cells, roll={"4": 500, "5": 300})

    screen = text_of(preview_day(School(900023, "Oakfield"), day, cells, UNICODE, Session.AM), columns)

    heads = [line for line in screen.splitlines() if line.startswith("Year group")]
    assert [word for line in heads for word in line.split() if word in codes] == codes
    assert " ".join(heads).count("On roll") == " ".join(heads).count("Marks") == 1
    assert max(map(len, screen.splitlines())) <= columns
    assert screen.count("10 N: reason not yet known") == 2
    assert screen.count(f"{len(codes) * 10 * 2}") == 1
