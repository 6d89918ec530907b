"""show/preview.py: the counts of one session as a table, at any width."""

import re
from datetime import UTC, datetime

import pytest

from attsync.codes import codes_on
from attsync.model import Body, Cell, Day, School, SchoolDays, Session, Uncounted
from attsync.problems import Problem
from attsync.run.plan import Planned
from attsync.show.preview import preview, preview_refused, preview_session
from attsync.show.symbols import UNICODE
from tests.show.screens import MONDAY, text_of

OAKFIELD = School(900023, "Oakfield")


@pytest.mark.parametrize("columns", [40, 80, 100, 132])
def test_no_code_and_no_check_is_lost_where_many_are_used(columns: int) -> None:
    """Codes that have no room beside each other stand below each other."""
    codes = [code for code in codes_on(MONDAY) if code != "\\"]
    cells = {Cell(group, Session.AM): dict.fromkeys(codes, 10) for group in ("4", "5")}
    day = Day(date=MONDAY, cells=cells, roll={"4": 500, "5": 300})

    screen = text_of(preview_session(OAKFIELD, day, cells, UNICODE, Session.AM), columns)

    heads = [line for line in screen.splitlines() if line.startswith("Year group")]
    assert [word for line in heads for word in line.split() if word in codes] == codes
    assert " ".join(heads).count("On roll") == " ".join(heads).count("Marks") == 1
    assert max(map(len, screen.splitlines())) <= columns
    assert screen.count("10 N: reason not yet known") == 2
    assert screen.count(f"{len(codes) * 10 * 2}") == 1


@pytest.mark.parametrize("columns", [40, 60, 80, 100])
@pytest.mark.parametrize("number", [3, 6, 9, 12])
def test_columns_never_touch(columns: int, number: int) -> None:
    """Two numbers with one blank between them read as one."""
    codes = [code for code in codes_on(MONDAY) if code != "\\"][:number]
    cells = {Cell(group, Session.AM): dict.fromkeys(codes, 1111) for group in ("4", "5")}
    day = Day(date=MONDAY, cells=cells, roll={"4": 5000, "5": 3000})

    screen = text_of(preview_session(OAKFIELD, day, cells, UNICODE, Session.AM), columns)

    assert not re.search(r"\d \d", screen.split("Year group", 1)[1].split("N:")[0])
    assert all(len(line) <= columns for line in screen.splitlines())


def test_codes_without_a_mark_are_in_one_sentence_after_a_gap() -> None:
    """All that is sent is seen, and what may correct an earlier count has its column."""
    codes = [code for code in codes_on(MONDAY) if code != "\\"]
    zeros = dict.fromkeys(codes, 0)
    cells = {Cell(group, Session.AM): zeros | {"/": 28, "I": 2} for group in ("4", "5")}
    cells[Cell("4", Session.PM)] = {"\\": 28, "L": 2}
    day = Day(date=MONDAY, cells=cells, roll={"4": 30, "5": 30})
    received = {Cell("4", Session.AM): {"/": 29, "N": 1}}

    screen = " ".join(
        text_of(preview_session(OAKFIELD, day, cells, UNICODE, Session.AM, received=received), 100).split()
    )

    shown = [code for code in codes if code in "/ILN"]
    assert f"Year group On roll {' '.join(shown)} Marks Check" in screen
    hidden = ", ".join(code for code in codes if code not in shown)
    assert f"Also sent, as 0 in every year group, because a planned send is not in the log: {hidden}." in screen


@pytest.mark.parametrize(("hour", "said"), [(14, "14:45"), (34, "Tue 24 Nov 10:45")])
def test_marks_entered_ahead_are_shown_as_such(hour: int, said: str) -> None:
    """They are not sent before the register is due, and no check is made of them."""
    cells = {Cell("4", Session.PM): {"I": 2}}
    due_at = datetime(2026, 11, 23 + hour // 24, hour % 24, 45, tzinfo=UTC)

    screen = text_of(
        preview_session(OAKFIELD, Day(date=MONDAY, cells=cells, roll={"4": 30}), cells, UNICODE, Session.PM, due_at), 80
    )

    assert f"… Entered ahead: the register is not taken yet, and is not due before {said}." in " ".join(screen.split())
    assert "would send" not in screen
    assert "without a mark" not in screen


def test_refused_day_shows_its_places_and_no_command_for_them() -> None:
    """They are on the same screen."""
    problem = Problem("MARK-UNKNOWN", marks=3, day=MONDAY, session="AM", year_group="4", value="ZZ", urn=900023)
    day = Day(
        date=MONDAY, cells={}, roll={}, uncounted={Uncounted(Session.AM, "4", 'the code "ZZ"'): 3}, problem=problem
    )

    screen = text_of(preview_refused(OAKFIELD, day, problem, UNICODE), 100)

    assert "This day would not be sent." in screen
    assert "This day was not sent." not in screen
    assert "attsync preview" not in screen
    assert screen.count("ZZ") == 2


def test_what_is_to_check_ends_with_its_code() -> None:
    """It is looked up in docs/messages.md."""
    day = Day(date=MONDAY, cells={}, roll={})
    read = SchoolDays(school=OAKFIELD, days=(day,), to_check=(Problem("MARKS-UNPROVEN"), Problem("ROLL-FEW", pupils=4)))

    screen = text_of(preview(read, {}, day, [*Session], (), UNICODE), 100)

    assert [screen.count(code) for code in ("[MARKS-UNPROVEN]", "[ROLL-FEW]")] == [1, 1]


def test_marks_entered_ahead_are_in_the_sum() -> None:
    """No mark that was read is without a place."""
    cells = {Cell("4", Session.AM): {"/": 30}, Cell("4", Session.PM): {"I": 2}}
    day = Day(date=MONDAY, cells=cells, roll={"4": 30}, unmarked=1)
    sent = {cell: counts for cell, counts in cells.items() if cell.session is Session.AM}

    body = Body(day=MONDAY, content=b"", sha256="", cells=sent, on_roll=30)

    read = SchoolDays(school=OAKFIELD, days=(day,))

    screen = text_of(preview(read, {MONDAY: Planned(body, None, None, again=False)}, day, [], (), UNICODE), 100)

    assert "33 = 30 to send + 0 refused + 1 without a mark + 2 entered ahead." in screen
