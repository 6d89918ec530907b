"""One day in full: how two messages differ, and what is said of a day that never arrived."""

from datetime import date

import pytest
from inline_snapshot import snapshot

from attsync.model import Cell, Counts, Session, Sign
from attsync.problems import Problem
from attsync.show.day import changed
from attsync.window import Window
from attsync.wire import Parsed
from tests.show.screens import (
    BUSY,
    FRIDAY,
    MONDAY,
    SCHOOLS,
    a_day,
    a_school,
    failing,
    faults,
    in_full,
    named,
    no_consent,
    one_line,
    text_of,
)

CELL = Cell("4", Session.AM)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"N": 2, "I": 1}, {"N": 0, "I": 3}, ["2 marks changed: N to I, Year 4, Friday AM"]),
        ({"N": 1}, {"L": 1}, ["1 mark changed: N to L, Year 4, Friday AM"]),
        (
            {"N": 3},
            {"I": 2, "L": 1},
            ["2 marks changed: N to I, Year 4, Friday AM", "1 mark changed: N to L, Year 4, Friday AM"],
        ),
        ({"N": 2, "U": 1}, {"I": 1, "L": 2}, ["2 fewer N, 1 fewer U, 1 more I, 2 more L, Year 4, Friday AM"]),
        ({"/": 20}, {"/": 0}, ["20 fewer /, Year 4, Friday AM"]),
        ({"/": 20, "I": 0}, {"/": 20}, []),
        ({}, {"/": 3}, ["3 more /, Year 4, Friday AM"]),
    ],
)
def test_changes_are_shown(before: Counts, after: Counts, words: list[str]) -> None:
    """Where it cannot be known which mark became which, nothing is claimed."""
    assert changed(FRIDAY, {CELL: before}, {CELL: after}) == words
    assert changed(FRIDAY, {CELL: before} if before else {}, {CELL: after}) == words


@pytest.mark.parametrize(
    ("columns", "screen"),
    [
        (
            80,
            snapshot("""\
Riverside Academy, Friday 20 November 2026  URN 900027
AM ✗ not received   PM ✗ not received

What went wrong
The DfE service at api.example.gov.uk was busy (status 503, 4 tries).
[DFE-BUSY]

What was sent
836 marks in 1 year group, 418 pupils on roll; last tried today 10:15: not sent.
Counts only: no names, no pupil numbers.
Small counts could identify a child: keep them within the school.

AM
Year group  On roll    /   I  Marks
───────────────────────────────────
Year 4          418  398  20    418

All             418  398  20    418

PM
Year group  On roll    \\   I  Marks
───────────────────────────────────
Year 4          418  397  21    418

All             418  397  21    418

What to do next
No action needed: the next send will include this.

Tries
Try  Time            Answer     Took  Result
─────────────────────────────────────────────────
  1  today 10:15:00  503 busy  0.4 s  tried again
  2  today 10:15:00  503 busy  0.4 s  tried again
  3  today 10:15:00  503 busy  0.4 s  tried again
  4  today 10:15:00  503 busy  0.4 s  not sent
"""),
        ),
        (
            132,
            snapshot("""\
Riverside Academy, Friday 20 November 2026  URN 900027
AM ✗ not received   PM ✗ not received

What went wrong
The DfE service at api.example.gov.uk was busy (status 503, 4 tries).  [DFE-BUSY]

What was sent
836 marks in 1 year group, 418 pupils on roll; last tried today 10:15: not sent. Counts only: no
names, no pupil numbers.
Small counts could identify a child: keep them within the school.

AM
Year group  On roll    /   I  Marks
───────────────────────────────────
Year 4          418  398  20    418

All             418  398  20    418

PM
Year group  On roll    \\   I  Marks
───────────────────────────────────
Year 4          418  397  21    418

All             418  397  21    418

What to do next
No action needed: the next send will include this.

Tries
Try  Time            Answer     Took  Result
─────────────────────────────────────────────────
  1  today 10:15:00  503 busy  0.4 s  tried again
  2  today 10:15:00  503 busy  0.4 s  tried again
  3  today 10:15:00  503 busy  0.4 s  tried again
  4  today 10:15:00  503 busy  0.4 s  not sent
"""),
        ),
    ],
)
def test_day_that_never_arrived_is_not_said_to_be_sent(columns: int, screen: str) -> None:
    """What was tried can be seen all the same."""
    detail = in_full(failing(named("Riverside Academy"), BUSY, FRIDAY), FRIDAY)

    assert text_of(detail, columns) == screen


@pytest.mark.parametrize("columns", [60, 132])
def test_reference_is_in_full_at_any_width(columns: int) -> None:
    """The DfE asks for it on the telephone."""
    shown = text_of(in_full(a_school(), FRIDAY), columns)

    assert "try 1: a1f9c2e0-1111-4222-8333-444455556666" in " ".join(shown.split())


def test_codes_that_were_sent_only_as_zero_have_no_column() -> None:
    """After a gap in the log every code is sent; one sentence is enough for those that have no marks."""
    cells = {Cell("4", Session.AM): {"/": 398, "I": 0, "N": 0}, Cell("5", Session.AM): {"/": 0, "I": 2, "N": 0}}
    shown = one_line(in_full(a_school(), FRIDAY, sent=Parsed(cells, {"4": 418})))

    assert "Year group On roll / I Marks" in shown
    assert "Also sent, as 0 in every year group: N." in shown


def test_what_changed_is_said_before_the_counts() -> None:
    """It is what someone looks for."""
    changes = ["2 marks changed: N to I, Year 4, Friday AM"]
    shown = one_line(in_full(a_school(), FRIDAY, changes=changes))

    assert f"Changed since the send before {changes[0]} AM Year group" in shown


@pytest.mark.parametrize(
    ("window", "can_send", "said"),
    [
        (Window(date(2026, 11, 12), MONDAY), True, "To send now: attsync send --school 900001"),
        (Window(date(2026, 11, 12), MONDAY), False, "The next send will then include the corrections."),
        (Window(MONDAY, MONDAY), True, "This day has left the window, so attsync no longer sends it."),
    ],
)
def test_send_now_is_advised_while_the_day_is_in_the_window(window: Window, said: str, *, can_send: bool) -> None:
    """Afterwards no send would take the day, whatever is corrected."""
    detail = in_full(failing(SCHOOLS[0], faults(), FRIDAY), FRIDAY, sends=window, can_send=can_send)

    assert f"{said} Tries" in one_line(detail)


def test_day_that_is_being_sent_is_said_to_be() -> None:
    """Nothing is wrong yet."""
    school = a_school(SCHOOLS[0], a_day(FRIDAY, Sign.NOT_DUE, Sign.NOT_DUE, state=None, sent_at=None, is_going=True))
    shown = one_line(in_full(school, FRIDAY, history=[], sent=None))

    assert "What went wrong Nothing: this day is being sent now." in shown
    assert shown.endswith("Tries None.")


def test_damaged_message_is_said_and_the_rest_is_shown() -> None:
    """The log is a file, and files break."""
    shown = one_line(in_full(a_school(), FRIDAY, sent=None))

    assert "The message is damaged in the log and cannot be shown." in shown
    assert "201 received" in shown


@pytest.mark.parametrize(("case", "is_asked"), [("", True), ("removed", False)])
def test_day_of_a_school_without_consent_says_how_to_give_it(case: str, *, is_asked: bool) -> None:
    """What was sent before can still be seen. Who has removed consent has decided, and is not asked again."""
    why = Problem("CONSENT-NONE", case, person="sam", at=FRIDAY)
    shown = one_line(in_full(no_consent(SCHOOLS[0], why, days=a_school().days), FRIDAY))

    assert (f"To give consent: attsync consent grant --school {SCHOOLS[0].urn}" in shown) == is_asked
    assert "836 marks in 1 year group" in shown


def test_earlier_counts_that_the_dfe_still_has_are_named() -> None:
    """Not sent, and last sent at 10:15: both are true."""
    school = failing(SCHOOLS[0], BUSY, FRIDAY)
    held = a_school(
        SCHOOLS[0], *(a_day(FRIDAY, problem=BUSY, not_again=True, still_held=True) for _ in school.days[:1])
    )

    assert "The DfE still has the counts of today 10:15." in one_line(in_full(held, FRIDAY))
