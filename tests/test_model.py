"""model.py: sums of marks, and how two sendings of one day differ."""

from datetime import date
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attsync import model
from attsync.model import (
    Body,
    Cell,
    Counts,
    Day,
    DayStatus,
    Fault,
    Outcome,
    School,
    SchoolDays,
    Session,
    State,
    Try,
    Uncounted,
    Unlisted,
    Unmapped,
    changed_marks,
    faulty_sessions,
    session_total,
    state_after,
    total,
)

DAY = date(2026, 11, 23)
AM_7, PM_7, AM_8 = Cell("7", Session.AM), Cell("7", Session.PM), Cell("8", Session.AM)
COUNTS = st.dictionaries(st.sampled_from(["/", "I", "L"]), st.integers(0, 50))
CELLS = st.dictionaries(st.sampled_from([AM_7, PM_7, AM_8]), COUNTS)


def test_totals_add_up_over_cells_and_sessions() -> None:
    """What `preview` and `status` show follows from the cells."""
    cells = {AM_7: {"/": 28, "I": 2}, PM_7: {"\\": 29}, AM_8: {"/": 5}}

    assert total(cells) == 64
    assert session_total(cells, Session.AM) == 35
    assert session_total(cells, Session.PM) == 29


def test_a_day_knows_its_marks_and_its_roll() -> None:
    """Marks and roll are of the same date."""
    day = Day(date=DAY, cells={AM_7: {"/": 28}}, roll={"7": 30, "8": 31})

    assert (day.marks, day.on_roll) == (28, 61)


def test_received_is_what_the_dfe_holds_with_or_without_faults() -> None:
    """Faults are told, but the message is there: what was sent is compared with it."""
    assert [state for state in State if state.is_received] == [State.ACCEPTED, State.FAULTY]


def test_message_may_have_arrived_unless_it_surely_did_not() -> None:
    """Only what was never sent, what did not leave and what was refused is surely not there."""
    assert [state for state in State if not state.may_have_arrived] == [State.REFUSED, State.REJECTED, State.FAILED]


AFTER = """
later       refused sending accepted faulty rejected failed  unknown superseded
refused     refused sending accepted faulty rejected failed  unknown superseded
sending     refused sending accepted faulty rejected failed  unknown superseded
accepted    refused sending accepted faulty rejected failed  unknown superseded
faulty      refused sending accepted faulty rejected failed  unknown superseded
rejected    refused sending accepted faulty rejected failed  unknown superseded
failed      refused sending accepted faulty rejected failed  unknown superseded
unknown     unknown sending accepted faulty unknown  unknown unknown superseded
superseded  refused sending accepted faulty rejected failed  unknown superseded
"""
"""What a message is after one more try: a row for each state that it was in, a column for what the try came to."""


def test_what_may_have_arrived_stays_so_until_there_is_an_answer() -> None:
    """Else a message would be given up, or sent under a new key, that the DfE may hold."""
    (_, *later), *rows = (line.split() for line in AFTER.strip().splitlines())
    table = {
        (State(earlier), State(column)): State(state)
        for earlier, *states in rows
        for column, state in zip(later, states, strict=True)
    }

    assert {(one, other): state_after(one, other) for one in State for other in State} == table


@pytest.mark.parametrize(
    ("places", "sessions"),
    [
        ([], []),
        ([PM_7], [Session.PM]),
        ([AM_7, AM_8], [Session.AM]),
        ([AM_7, None], [*Session]),
        ([None], [*Session]),
    ],
)
def test_fault_without_a_place_is_one_of_the_whole_day(places: list[Cell | None], sessions: list[Session]) -> None:
    """Otherwise a session would be called received of which no one knows that."""
    faults = [Fault("VAL104", place, "I", "not known") for place in places]

    assert faulty_sessions(faults) == {*sessions}


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ({AM_7: {"/": 28, "N": 2}}, {AM_7: {"/": 28, "N": 1, "I": 1}}, 1),
        ({AM_7: {"/": 28}}, {AM_7: {"/": 29}}, 1),
        ({AM_7: {"/": 28}}, {}, 28),
        ({}, {AM_7: {"/": 28}, PM_7: {"\\": 28}}, 56),
        ({AM_7: {"/": 28}}, {AM_7: {"/": 28, "I": 0}}, 0),
    ],
)
def test_a_mark_that_moves_to_another_code_has_changed_once(
    before: dict[Cell, Counts], after: dict[Cell, Counts], changed: int
) -> None:
    """What a screen calls 2 marks must be the number that a person would count."""
    assert changed_marks(before, after) == changed


@given(one=CELLS, other=CELLS)
def test_changes_are_the_same_both_ways_and_none_to_itself(one: dict[Cell, Counts], other: dict[Cell, Counts]) -> None:
    """Otherwise `status` could say "changed" of what is equal."""
    assert changed_marks(one, other) == changed_marks(other, one)
    assert changed_marks(one, one) == 0


def test_a_school_is_called_by_name_and_urn() -> None:
    """So that a message can be understood on its own."""
    assert str(School(900023, "Oakfield Primary School")) == "Oakfield Primary School (900023)"


FIELDS = {
    Cell: "year_group session",
    School: "urn name",
    Uncounted: "session year_group value",
    Day: "date cells roll unmarked refused uncounted problem pupils_on_roll not_on_roll nameless in_two_groups proven",
    Body: "day content sha256 cells on_roll attendance",
    Unmapped: "what table shown number pupils",
    SchoolDays: "school days problem to_check unmapped provable endless",
    Unlisted: "database marks",
    Fault: "code cell attendance_code text",
    Try: "at seconds answer",
    Outcome: "state tries reference problem faults",
    DayStatus: (
        "date signs state marks on_roll attendance sent_at problem faults changed changed_from changed_sessions note"
        " not_again still_held is_going"
    ),
}
"""Every value that is read, sent or recorded -> all that it holds. `pupils` of Unmapped is yes or no."""


def test_no_value_has_a_field_for_a_pupil() -> None:
    """What has no place cannot travel: these hold counts, dates and our own words. Think twice before adding one."""
    kinds = {each for each in vars(model).values() if isinstance(each, type) and each.__module__ == model.__name__}
    found = {kind: [*kind.__annotations__] for kind in kinds if not issubclass(kind, Enum)}

    assert found == {kind: names.split() for kind, names in FIELDS.items()}
