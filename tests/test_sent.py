"""sent.py: a body says again what it said, as the log keeps it."""

import pytest

from attsync.model import Body, Cell, Day, Session
from attsync.sent import Sent, read
from attsync.wire import build
from tests.factories import MONDAY, OAKFIELD

CELLS = {Cell("R", Session.AM): {"/": 57, "I": 3}, Cell("2", Session.PM): {"\\": 29}}


def made(*, send_year_groups: bool) -> Body:
    """Make the message of a Monday, in which a code that was sent before is taken back."""
    day = Day(date=MONDAY, cells=CELLS, roll={"R": 60, "2": 30})
    body = build(OAKFIELD, day, {Cell("2", Session.PM): {"L": 1}}, send_year_groups=send_year_groups)
    assert isinstance(body, Body)
    return body


@pytest.mark.parametrize("send_year_groups", [True, False])
def test_what_was_built_is_read_back(*, send_year_groups: bool) -> None:
    """Counts, zeros among them, and the roll; without its year groups where they were left out."""
    assert read(made(send_year_groups=send_year_groups).content) == Sent(
        cells={Cell("R", Session.AM): {"/": 57, "I": 3}, Cell("2", Session.PM): {"\\": 29, "L": 0}},
        on_roll=90,
        roll={"R": 60, "2": 30} if send_year_groups else {},
    )


def test_body_that_the_log_has_kept_as_text_is_read_too() -> None:
    """As it was written years ago: by hand here, so that no change of `build` goes unseen."""
    kept = (
        '{"submissionData":[{"attendances":[{"attendanceCode":"\\\\","value":29}],'
        '"date":"2026-11-23T00:00:00","ncYearGroup":"2","schoolSession":"PM"}],'
        '"totalNoOfPupils":90,"urn":900023,"yearGroups":[{"ncYearGroup":"2","noOfPupils":90}]}'
    )

    assert read(kept) == Sent(cells={Cell("2", Session.PM): {"\\": 29}}, on_roll=90, roll={"2": 90})
