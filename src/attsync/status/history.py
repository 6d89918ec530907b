"""What the log says of one day of one school: which message stands for it, and what the DfE received before.

Knows what the entries of a day, oldest first, say together. Refuses to know signs and words, and when a send is due.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from attsync.log import Log, Run, Submission
from attsync.model import Cells, Fault, State
from attsync.problems import Problem
from attsync.sent import Sent, read

OPEN: Final = (State.SENDING, State.UNKNOWN)
"""What became of it is not known; a run that died has not even recorded its tries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedDay:
    """One day of one school, as the log has it; without any entry, all is empty."""

    state: State | None = None
    """Of the newest entry, as are the problem and the faults."""
    problem: Problem | None = None
    faults: Sequence[Fault] = ()
    sent: Sent | None = None
    """The counts to show: of the message that the DfE is known to hold, else of the newest that may have arrived."""
    sent_at: datetime | None = None
    before: tuple[Cells, datetime] | None = None
    """The newest other counts that the DfE has received, and when they were sent."""
    is_held: bool = False
    """The DfE has confirmed these very counts, and nothing else can have arrived since."""
    still_held: bool = False
    """The newest entry did not reach the DfE, which holds these counts all the same."""
    is_going: bool = False
    """Being sent just now: the counts, and what is said of them, are of what stood before."""


def is_over(entry: Submission, read: Run | None) -> bool:
    """Tell whether what went wrong with `entry` no longer matters; `read` is the newest run that read its day.

    A run records every day that has something to send: if it read the day and recorded nothing, the marks are gone,
    and the DfE has never had them.
    """
    not_taken = entry.state in (State.REFUSED, State.REJECTED, State.FAILED)
    return not_taken and read is not None and read.id > entry.run_id


def read_day(log: Log, entry: Submission | None, *, under_way: bool) -> LoggedDay:
    """Read what the log says of the day of `entry`, its newest; `under_way` says that a run is alive."""
    if entry is None:
        return LoggedDay()
    is_going = under_way and entry.state is State.SENDING
    history = log.history(entry.urn, entry.day)
    if is_going:
        history = [past for past in history if past.state is not State.SENDING]
    confirmed = held(history)
    sent = confirmed or _newest_sent(log, history)
    return LoggedDay(
        state=entry.state,
        problem=entry.problem,
        faults=log.faults([entry]).get(entry.id, ()),
        sent=read(sent.content) if sent and sent.content else None,
        sent_at=_sent_at(log, sent) if sent else None,
        before=_before(history, sent) if sent else None,
        is_held=confirmed is not None,
        still_held=is_still_held(history),
        is_going=is_going,
    )


def _newest_sent(log: Log, history: Sequence[Submission]) -> Submission | None:
    """Find the newest entry that surely left and may have arrived, else the newest that may have, or was to be sent."""
    bodies = [entry for entry in reversed(history) if entry.content]
    arrived = [entry for entry in bodies if entry.state is not State.FAILED]
    left = (entry for entry in arrived if entry.state not in OPEN or log.tries(entry))
    return next(left, next(iter(arrived or bodies), None))


def _sent_at(log: Log, sent: Submission) -> datetime | None:
    if tries := log.tries(sent):
        return tries[-1].at
    return sent.recorded_at if sent.state in OPEN else None


def _before(history: Sequence[Submission], sent: Submission) -> tuple[Cells, datetime] | None:
    """Find the newest message that the DfE has received and that said something else than `sent`."""
    for entry in reversed(history):
        if entry.content and entry.sha256 != sent.sha256 and entry.state.is_received:
            return read(entry.content).cells, entry.recorded_at
    return None


def held(history: Sequence[Submission]) -> Submission | None:
    """Find the entry by which the DfE has confirmed the newest body, if nothing else can have arrived since."""
    bodies = [entry for entry in reversed(history) if entry.content]
    for entry in (entry for entry in bodies if entry.state not in (State.FAILED, State.REJECTED)):
        if entry.sha256 != bodies[0].sha256:
            return None
        if entry.state is State.ACCEPTED:
            return entry
        if entry.state not in (*OPEN, State.SUPERSEDED):
            return None
    return None


def is_still_held(history: Sequence[Submission]) -> bool:
    """Tell whether the DfE holds an earlier message, because the newest entry did not get there.

    False if another message may have arrived since, and if one was rejected: then that one is shown, not the earlier.
    """
    if not history or history[-1].state.is_received:
        return False
    sent = [entry.state for entry in history if entry.content and entry.state is not State.FAILED]
    return held(history) is not None or any(state.is_received for state in sent[-1:])


def last_two(history: Sequence[Submission]) -> tuple[Cells, Cells]:
    """Give the counts of the message before and of the newest, of those that the DfE has received; none: no counts.

    The same message sent again is no other message.
    """
    received = [entry for entry in history if entry.content and entry.state.is_received]
    bodies = list({entry.sha256: entry.content for entry in reversed(received) if entry.content}.values())
    newest, *older = [read(content).cells for content in bodies[:2]] or [{}]
    return (older[0] if older else {}), newest
