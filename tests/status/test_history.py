"""overview.history: what the entries of one day say together."""

from datetime import UTC, date, datetime

import pytest

from attsync.log import Submission
from attsync.model import Cells, Session, State
from attsync.status.history import held, is_still_held, last_two
from tests.show.screens import body

MONDAY = date(2026, 11, 23)
AT = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
Told = list[tuple[State, int | None]]
"""States, and how many are ill; None: no message was made."""


def entries(told: Told) -> list[Submission]:
    """Make the entries of one day, oldest first."""
    made = []
    for number, (state, ill) in enumerate(told, 1):
        message = None if ill is None else body(MONDAY, Session.AM, ill=ill)
        made.append(
            Submission(
                id=number,
                run_id=number,
                urn=900001,
                day=MONDAY,
                state=state,
                key=None,
                sha256=message.sha256 if message else None,
                content=message.content.decode() if message else None,
                recorded_at=AT,
                answered_at=None,
                reference=None,
                problem=None,
            )
        )
    return made


def ill(cells: Cells) -> list[int]:
    """Give how many are ill in counts that were read back."""
    return [counts["I"] for counts in cells.values()]


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ([], None),
        ([(State.REFUSED, None)], None),
        ([(State.ACCEPTED, 1)], 1),
        ([(State.ACCEPTED, 1), (State.FAILED, 1)], 1),
        ([(State.ACCEPTED, 1), (State.REJECTED, 1)], 1),
        ([(State.ACCEPTED, 1), (State.SUPERSEDED, 1), (State.UNKNOWN, 1), (State.SENDING, 1)], 1),
        ([(State.ACCEPTED, 1), (State.ACCEPTED, 1)], 2),
        ([(State.ACCEPTED, 1), (State.FAULTY, 1)], None),
        ([(State.ACCEPTED, 1), (State.FAILED, 2)], None),
        ([(State.ACCEPTED, 1), (State.UNKNOWN, 2), (State.FAILED, 1)], None),
    ],
)
def test_newest_body_is_held_if_it_was_confirmed_and_no_other_can_have_arrived(told: Told, number: int | None) -> None:
    """Only then may a day stay green though its newest send failed."""
    found = held(entries(told))

    assert (found.id if found else None) == number


@pytest.mark.parametrize(
    ("told", "is_so"),
    [
        ([], False),
        ([(State.REFUSED, None)], False),
        ([(State.ACCEPTED, 1)], False),
        ([(State.FAILED, 1)], False),
        ([(State.ACCEPTED, 1), (State.REFUSED, None)], True),
        ([(State.FAULTY, 1), (State.REFUSED, None)], True),
        ([(State.ACCEPTED, 1), (State.FAILED, 2)], True),
        ([(State.ACCEPTED, 1), (State.UNKNOWN, 1)], True),
        ([(State.ACCEPTED, 1), (State.UNKNOWN, 1), (State.REFUSED, None)], True),
        ([(State.ACCEPTED, 1), (State.UNKNOWN, 2)], False),
        ([(State.ACCEPTED, 1), (State.UNKNOWN, 2), (State.REFUSED, None)], False),
        ([(State.ACCEPTED, 1), (State.REJECTED, 2)], False),
    ],
)
def test_earlier_message_is_still_held_if_the_newest_did_not_get_there(told: Told, *, is_so: bool) -> None:
    """A red cross and figures that the DfE has: somebody has to say that both are true."""
    assert is_still_held(entries(told)) is is_so


@pytest.mark.parametrize(
    ("told", "before", "newest"),
    [
        ([], [], []),
        ([(State.FAILED, 1)], [], []),
        ([(State.ACCEPTED, 1)], [], [1]),
        ([(State.ACCEPTED, 1), (State.ACCEPTED, 1)], [], [1]),
        ([(State.ACCEPTED, 1), (State.FAULTY, 2)], [1], [2]),
        ([(State.ACCEPTED, 1), (State.ACCEPTED, 2), (State.ACCEPTED, 1)], [2], [1]),
        ([(State.ACCEPTED, 1), (State.ACCEPTED, 2), (State.ACCEPTED, 3)], [2], [3]),
        ([(State.ACCEPTED, 1), (State.UNKNOWN, 2), (State.ACCEPTED, 3), (State.REJECTED, 4)], [1], [3]),
    ],
)
def test_last_two_are_the_newest_messages_that_the_dfe_received(
    told: Told, before: list[int], newest: list[int]
) -> None:
    """What changed is told against what the DfE had, not against what never arrived."""
    assert [ill(cells) for cells in last_two(entries(told))] == [before, newest]
