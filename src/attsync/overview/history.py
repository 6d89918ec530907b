"""What the entries of one day say together: which message the DfE holds, and what it received before.

Entries in, oldest first, all of one school and day; no log, no clock. Refuses to know signs and words.
"""

from collections.abc import Sequence
from typing import Final

from attsync.log import Entry
from attsync.model import Cells, State
from attsync.sent import read

OPEN: Final = (State.SENDING, State.UNKNOWN)
"""What became of it is not known; a run that died has not even recorded its tries."""


def held(history: Sequence[Entry]) -> Entry | None:
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


def is_still_held(history: Sequence[Entry]) -> bool:
    """Tell whether the DfE holds an earlier message, because the newest entry did not get there.

    False if another message may have arrived since, and if one was rejected: then that one is shown, not the earlier.
    """
    if not history or history[-1].state.is_received:
        return False
    sent = [entry.state for entry in history if entry.content and entry.state is not State.FAILED]
    return held(history) is not None or any(state.is_received for state in sent[-1:])


def last_two(history: Sequence[Entry]) -> tuple[Cells, Cells]:
    """Give the counts of the message before and of the newest, of those that the DfE has received; none: no counts.

    The same message sent again is no other message.
    """
    received = [entry for entry in history if entry.content and entry.state.is_received]
    bodies = list({entry.sha256: entry.content for entry in reversed(received) if entry.content}.values())
    newest, *older = [read(content).cells for content in bodies[:2]] or [{}]
    return (older[0] if older else {}), newest
