"""The combined result of the submissions of one school, date and receiver: the message that counts, and the one before.

Reads no message: the log has the totals of each. Does not choose signs or words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from attsync.log import Run, Submission
from attsync.model import State

OPEN: Final = (State.SENDING, State.UNKNOWN)
"""Its result is not known; a run that died has not recorded its tries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One day of one school, as the log has it; without any submission, all is empty."""

    newest: Submission | None = None
    """What happened last: its state, problem and faults are those of the day."""
    shown: Submission | None = None
    """The message that is shown: the one that the receiver confirmed, or the newest that may have arrived."""
    is_held: bool = False
    """The receiver has confirmed these very counts, and nothing else can have arrived since."""
    still_held: bool = False
    """The newest submission did not reach the receiver, which still has these counts."""
    is_going: bool = False
    """Being sent now: what is shown was sent before."""


def history_of(submissions: Sequence[Submission], read: Run | None, *, under_way: bool) -> History:
    """Return the combined result of the submissions of one day, oldest first.

    `read` is the newest run that read the day from the school's database; `under_way`: a run is sending now.
    """
    if not submissions or is_over(submissions[-1], read):
        return History()
    newest = submissions[-1]
    is_going = under_way and newest.state is State.SENDING
    past = [each for each in submissions if not (is_going and each.state is State.SENDING)]
    confirmed = held(past)
    return History(
        newest=newest,
        shown=confirmed or _newest_sent(past),
        is_held=confirmed is not None,
        still_held=_is_still_held(past),
        is_going=is_going,
    )


def is_over(newest: Submission, read: Run | None) -> bool:
    """Whether what went wrong with the newest submission no longer matters.

    A run records every day that has something to send: if it read the day and recorded nothing, the marks are gone, and
    the receiver has never had them.
    """
    not_taken = newest.state in (State.REFUSED, State.REJECTED, State.FAILED)
    return not_taken and read is not None and read.id > newest.run_id


def newest_read(day: date, reads: Sequence[Run]) -> Run | None:
    """Return the newest run that read a day from the school's database."""
    return next((run for run in reversed(reads) if day in run.window), None)


def _newest_sent(past: Sequence[Submission]) -> Submission | None:
    """Return the newest message that was certainly sent and may have arrived; otherwise, the newest that may have."""
    messages = [each for each in reversed(past) if each.body_id is not None]
    arrived = [each for each in messages if each.state is not State.FAILED]
    left = (each for each in arrived if each.state not in OPEN or each.tries)
    return next(left, None) or next(iter(arrived), None) or next(iter(messages), None)


def held(past: Sequence[Submission]) -> Submission | None:
    """Return the submission by which the newest message was confirmed, if nothing else can have arrived since."""
    messages = [each for each in reversed(past) if each.body_id is not None]
    for each in (each for each in messages if each.state not in (State.FAILED, State.REJECTED)):
        if each.body_id != messages[0].body_id:
            return None
        if each.state is State.ACCEPTED:
            return each
        if each.state not in (*OPEN, State.SUPERSEDED):
            return None
    return None


def _is_still_held(past: Sequence[Submission]) -> bool:
    """Whether the receiver still has an earlier message, because the newest submission did not arrive.

    False if another message may have arrived since, or if one was rejected: then that one is shown.
    """
    if not past or past[-1].state.is_received:
        return False
    sent = [each.state for each in past if each.body_id is not None and each.state is not State.FAILED]
    return held(past) is not None or any(state.is_received for state in sent[-1:])


def is_received(past: Sequence[Submission]) -> bool:
    """Whether the receiver has confirmed the newest counts of a day, without a fault."""
    return past[-1].state is State.ACCEPTED or (past[-1].state is not State.REFUSED and held(past) is not None)


def last_two(past: Sequence[Submission]) -> tuple[Submission | None, Submission | None]:
    """Return the message before and the newest, of those that the receiver has confirmed.

    The same message sent again is not another message.
    """
    received = [each for each in past if each.body_id is not None and each.state.is_received]
    newest, *older = [*{each.body_id: each for each in reversed(received)}.values(), None, None][:2]
    return (older[0] if older else None), newest
