"""How two sendings of one day differ, in words."""

import pytest

from attsync.model import Cell, Counts, Session
from attsync.show.day import changed

CELL = Cell("4", Session.AM)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"N": 2, "I": 1}, {"N": 0, "I": 3}, ["2 marks from N to I, Year 4, AM"]),
        ({"N": 1}, {"L": 1}, ["1 mark from N to L, Year 4, AM"]),
        ({"N": 3}, {"I": 2, "L": 1}, ["2 marks from N to I, Year 4, AM", "1 mark from N to L, Year 4, AM"]),
        ({"N": 2, "U": 1}, {"I": 1, "L": 2}, ["2 fewer N, 1 fewer U, 1 more I, 2 more L, Year 4, AM"]),
        ({"/": 20}, {"/": 21}, ["1 more /, Year 4, AM"]),
        ({"/": 20}, {"/": 0}, ["20 fewer /, Year 4, AM"]),
        ({"/": 20, "I": 0}, {"/": 20}, []),
    ],
)
def test_changes_are_told(before: Counts, after: Counts, words: list[str]) -> None:
    """Where it cannot be known which mark became which, nothing is claimed."""
    assert changed({CELL: before}, {CELL: after}) == words


def test_session_that_came_or_went_is_told() -> None:
    """The afternoon that was missing."""
    assert changed({}, {CELL: {"/": 3}}) == ["3 more /, Year 4, AM"]
    assert changed({CELL: {"/": 3}}, {}) == ["3 fewer /, Year 4, AM"]
