"""One day in full: how two sendings differ, and what is said of a day that never arrived."""

from datetime import date
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from attsync.accounts import Person
from attsync.consent import record
from attsync.log import Log
from attsync.model import Cell, Counts, Session
from attsync.show.day import changed, status_day
from attsync.show.symbols import UNICODE
from attsync.status import look
from attsync.window import Window
from tests.show.screens import NOW, SCHOOLS, WINDOW, body, give_consent, text_of, trust_log, trust_settings

CELL = Cell("4", Session.AM)
FRIDAY = date(2026, 11, 20)


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
        ({"/": 20}, {"/": 21}, ["1 more /, Year 4, Friday AM"]),
        ({"/": 20}, {"/": 0}, ["20 fewer /, Year 4, Friday AM"]),
        ({"/": 20, "I": 0}, {"/": 20}, []),
    ],
)
def test_changes_are_told(before: Counts, after: Counts, words: list[str]) -> None:
    """Where it cannot be known which mark became which, nothing is claimed."""
    assert changed(FRIDAY, {CELL: before}, {CELL: after}) == words


def test_session_that_came_or_went_is_told() -> None:
    """The afternoon that was missing."""
    assert changed(FRIDAY, {}, {CELL: {"/": 3}}) == ["3 more /, Year 4, Friday AM"]
    assert changed(FRIDAY, {CELL: {"/": 3}}, {}) == ["3 fewer /, Year 4, Friday AM"]


@pytest.mark.parametrize(
    ("columns", "screen"),
    [
        (
            80,
            snapshot("""\
AM ✗  PM ✗  Thursday 19 November 2026   Riverside Academy  URN 900027

What went wrong
The DfE service was busy (503) on 4 tries.  [DFE-BUSY]

What was sent
840 marks of 1 year group, 420 pupils on roll; last tried today 10:15: not sent.
Counts only: no names, no pupil numbers.

AM
Year group   On roll     /    I   Marks
───────────────────────────────────────
Year 4           420   385   35     420

All              420   385   35     420

PM
Year group   On roll     \\    I   Marks
───────────────────────────────────────
Year 4           420   385   35     420

All              420   385   35     420

Small counts may point to a child: for the school itself.

What to do next
Nothing to do: the next send covers this.

Tries
Try  Time            Answer     Took  Reference  What became of it
──────────────────────────────────────────────────────────────────
  1  today 10:15:00  503 busy  0.4 s             tried again
  2  today 10:15:00  503 busy  0.4 s             tried again
  3  today 10:15:00  503 busy  0.4 s             tried again
  4  today 10:15:00  503 busy  0.4 s             not sent
"""),
        ),
        (
            100,
            snapshot("""\
AM ✗  PM ✗  Thursday 19 November 2026   Riverside Academy  URN 900027

What went wrong
The DfE service was busy (503) on 4 tries.  [DFE-BUSY]

What was sent
840 marks of 1 year group, 420 pupils on roll; last tried today 10:15: not sent. Counts only: no
names, no pupil numbers.

AM
Year group   On roll     /    I   Marks
───────────────────────────────────────
Year 4           420   385   35     420

All              420   385   35     420

PM
Year group   On roll     \\    I   Marks
───────────────────────────────────────
Year 4           420   385   35     420

All              420   385   35     420

Small counts may point to a child: for the school itself.

What to do next
Nothing to do: the next send covers this.

Tries
Try  Time            Answer     Took  Reference  What became of it
──────────────────────────────────────────────────────────────────
  1  today 10:15:00  503 busy  0.4 s             tried again
  2  today 10:15:00  503 busy  0.4 s             tried again
  3  today 10:15:00  503 busy  0.4 s             tried again
  4  today 10:15:00  503 busy  0.4 s             not sent
"""),
        ),
        (
            132,
            snapshot("""\
AM ✗  PM ✗  Thursday 19 November 2026   Riverside Academy  URN 900027

What went wrong
The DfE service was busy (503) on 4 tries.  [DFE-BUSY]

What was sent
840 marks of 1 year group, 420 pupils on roll; last tried today 10:15: not sent. Counts only: no
names, no pupil numbers.

AM
Year group   On roll     /    I   Marks
───────────────────────────────────────
Year 4           420   385   35     420

All              420   385   35     420

PM
Year group   On roll     \\    I   Marks
───────────────────────────────────────
Year 4           420   385   35     420

All              420   385   35     420

Small counts may point to a child: for the school itself.

What to do next
Nothing to do: the next send covers this.

Tries
Try  Time            Answer     Took  Reference  What became of it
──────────────────────────────────────────────────────────────────
  1  today 10:15:00  503 busy  0.4 s             tried again
  2  today 10:15:00  503 busy  0.4 s             tried again
  3  today 10:15:00  503 busy  0.4 s             tried again
  4  today 10:15:00  503 busy  0.4 s             not sent
"""),
        ),
    ],
)
def test_day_that_never_arrived_is_not_said_to_be_sent(tmp_path: Path, columns: int, screen: str) -> None:
    """What was tried can be seen all the same."""
    (riverside,) = [school for school in SCHOOLS if school.name == "Riverside Academy"]
    day = date(2026, 11, 19)
    settings = trust_settings(tmp_path)
    with trust_log(settings) as log:
        (school,) = look(settings, log, [riverside], Window(day, day), NOW).schools
        history = [(entry, log.tries(entry)) for entry in log.history(riverside.urn, day)]

    assert text_of(status_day(school, school.days[0], history, [], UNICODE, NOW), columns) == screen


def test_day_that_is_being_sent_is_said_to_be(tmp_path: Path) -> None:
    """Nothing is wrong yet."""
    settings = trust_settings(tmp_path, SCHOOLS[:1])
    (school,) = SCHOOLS[:1]
    with Log.open(settings.log.path) as log:
        give_consent(log, school, settings)
        run = log.begin_run(WINDOW, NOW)
        with log.writing():
            log.begin_sending(run, school, body(FRIDAY, Session.AM), None, NOW)
        (view,) = look(settings, log, [school], Window(FRIDAY, FRIDAY), NOW, under_way=True).schools

    shown = text_of(status_day(view, view.days[0], [], [], UNICODE, NOW), 100)
    assert "Nothing: this day is being sent now." in shown


def test_day_of_a_school_without_consent_says_how_to_give_it(tmp_path: Path) -> None:
    """What was sent before stays to be seen."""
    settings = trust_settings(tmp_path)
    with trust_log(settings) as log:
        school = SCHOOLS[0]
        record(log, school, given=False, person=Person("sam", None), receiver=settings.dfe.origin, at=NOW)
        (view,) = look(settings, log, [school], Window(FRIDAY, FRIDAY), NOW).schools

    shown = " ".join(text_of(status_day(view, view.days[0], [], [], UNICODE, NOW), 100).split())
    assert f"To give consent: attsync consent grant --school {school.urn}" in shown
