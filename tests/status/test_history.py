"""status.history: what the submissions of one day say together."""

import pytest

from attsync.log import Run, Submission
from attsync.model import State, Try
from attsync.status.history import History, held, history_of, is_received, last_two
from attsync.window import Window
from tests.made_log import ABBEY, AT, MONDAY

A, U, F, R, S = State.ACCEPTED, State.UNKNOWN, State.FAILED, State.REJECTED, State.SENDING
FAULTY, REFUSED, OLD = State.FAULTY, State.REFUSED, State.SUPERSEDED
Past = list[tuple[State, int | None]]
"""States, and which message it was; None: the day was refused, so there is none."""


def submissions(past: Past, *, without_tries: int | None = None) -> list[Submission]:
    """Return the submissions of one day, oldest first, one a run; their ids are 1, 2, 3 ..."""
    return [
        Submission(
            id=number,
            run_id=number,
            urn=ABBEY.urn,
            day=MONDAY,
            state=state,
            key=None if body is None else f"{number}",
            body_id=body,
            marks={},
            on_roll=None,
            attendance=None,
            changed=0,
            changed_from=None,
            recorded_at=AT,
            tries=(Try(at=AT, seconds=0, answer=""),) if body and number != without_tries and state is not S else (),
        )
        for number, (state, body) in enumerate(past, 1)
    ]


def number_of(submission: Submission | None) -> int | None:
    """Return which one it is."""
    return submission.id if submission else None


@pytest.mark.parametrize(
    ("past", "number"),
    [
        ([], None),
        ([(REFUSED, None)], None),
        ([(A, 1)], 1),
        ([(A, 1), (F, 1)], 1),
        ([(A, 1), (R, 1)], 1),
        ([(A, 1), (REFUSED, None)], 1),
        ([(A, 1), (OLD, 1), (U, 1), (S, 1)], 1),
        ([(A, 1), (A, 1)], 2),
        ([(A, 1), (FAULTY, 1)], None),
        ([(A, 1), (F, 2)], None),
        ([(A, 1), (U, 2), (F, 1)], None),
    ],
)
def test_newest_message_is_held_if_it_was_confirmed_and_no_other_can_have_arrived(
    past: Past, number: int | None
) -> None:
    """Only then may a day stay green though its newest send failed."""
    assert number_of(held(submissions(past))) == number


@pytest.mark.parametrize(
    ("past", "is_so"),
    [
        ([(REFUSED, None)], False),
        ([(A, 1)], False),
        ([(F, 1)], False),
        ([(A, 1), (REFUSED, None)], True),
        ([(FAULTY, 1), (REFUSED, None)], True),
        ([(A, 1), (F, 2)], True),
        ([(A, 1), (U, 1)], True),
        ([(A, 1), (U, 1), (REFUSED, None)], True),
        ([(A, 1), (U, 2)], False),
        ([(A, 1), (U, 2), (REFUSED, None)], False),
        ([(A, 1), (R, 2)], False),
    ],
)
def test_earlier_message_is_still_held_if_the_newest_did_not_get_there(past: Past, *, is_so: bool) -> None:
    """A red cross and counts that the receiver has: both are true, and both are shown."""
    assert history_of(submissions(past), None, under_way=False).still_held is is_so


@pytest.mark.parametrize(
    ("past", "is_so"),
    [
        ([(A, 1)], True),
        ([(FAULTY, 1)], False),
        ([(R, 1)], False),
        ([(A, 1), (F, 1)], True),
        ([(A, 1), (F, 2)], False),
        ([(A, 1), (U, 1)], True),
        ([(A, 1), (REFUSED, None)], False),
    ],
)
def test_day_is_received_when_its_newest_counts_are(past: Past, *, is_so: bool) -> None:
    """A10: what is not, when it leaves the window, is said once more."""
    assert is_received(submissions(past)) is is_so


@pytest.mark.parametrize(
    ("past", "before", "newest"),
    [
        ([], None, None),
        ([(F, 1)], None, None),
        ([(A, 1)], None, 1),
        ([(A, 1), (A, 1)], None, 1),
        ([(A, 1), (FAULTY, 2)], 1, 2),
        ([(A, 1), (A, 2), (A, 1)], 2, 1),
        ([(A, 1), (A, 2), (A, 3)], 2, 3),
        ([(A, 1), (U, 2), (A, 3), (R, 4)], 1, 3),
    ],
)
def test_last_two_are_the_newest_messages_that_were_received(
    past: Past, before: int | None, newest: int | None
) -> None:
    """What changed is compared with what the receiver had, not with what never arrived."""
    found = [each.body_id if each else None for each in last_two(submissions(past))]
    assert found == [before, newest]


@pytest.mark.parametrize(
    ("past", "shown"),
    [
        ([(REFUSED, None)], None),
        ([(A, 1), (U, 2)], 2),  # it left, and may have arrived
        ([(A, 1), (R, 2)], 2),
        ([(A, 1), (F, 2)], 1),
        ([(F, 1)], 1),
        ([(A, 1), (F, 1)], 1),
        ([(A, 1), (A, 2), (REFUSED, None)], 2),
    ],
)
def test_counts_shown_are_those_that_the_receiver_holds_or_may_hold(past: Past, shown: int | None) -> None:
    """And the time beside them is theirs."""
    assert number_of(history_of(submissions(past), None, under_way=False).shown) == shown


def test_message_that_may_not_have_left_does_not_hide_one_that_did() -> None:
    """A run died before its request, or during it: no one knows; the one before surely left."""
    past = submissions([(A, 1), (U, 2)], without_tries=2)

    assert number_of(history_of(past, None, under_way=False).shown) == 1
    assert number_of(history_of(past[1:], None, under_way=False).shown) == 2


@pytest.mark.parametrize(("state", "is_over"), [(REFUSED, True), (R, True), (F, True), (U, False), (A, False)])
def test_what_went_wrong_is_over_when_a_later_run_had_nothing_to_send(state: State, *, is_over: bool) -> None:
    """The marks are gone, and the receiver has never had them. What may have arrived stays."""
    past = submissions([(state, None if state is REFUSED else 1)])

    for number, gone in ((1, False), (2, is_over)):
        run = Run(id=number, started_at=AT, ended_at=None, window=Window(MONDAY, MONDAY), exit_code=None)
        assert (history_of(past, run, under_way=False) == History()) is gone


def test_message_being_sent_is_not_what_is_shown() -> None:
    """Until it is answered, what was there before is; where no run is under way, it may have arrived."""
    past = submissions([(A, 1), (S, 2)])

    going, stopped = (history_of(past, None, under_way=under_way) for under_way in (True, False))

    assert (going.is_going, number_of(going.shown), going.is_held) == (True, 1, True)
    assert (stopped.is_going, number_of(stopped.shown), stopped.is_held) == (False, 1, False)
    assert stopped.newest
    assert stopped.newest.state is S
    assert past[1].sent_at == AT  # recorded before its first byte
