"""plan.py: what a result says of a message. What is decided for a day is tested with the whole send."""

import pytest

from attsync.model import Session
from attsync.run.plan import Planned, day_result
from tests.show.screens import MONDAY, body


@pytest.mark.parametrize(
    ("sessions", "marks"),
    [
        ([Session.AM, Session.PM], {Session.AM: 420, Session.PM: 420}),
        ([Session.PM], {Session.PM: 420}),
    ],
)
def test_session_that_a_message_leaves_out_is_not_one_with_zero_marks(
    sessions: list[Session], marks: dict[Session, int]
) -> None:
    """Zero marks are an answer; a register that was not taken is none."""
    assert day_result(Planned(body(MONDAY, *sessions), None, None), None).marks == marks
