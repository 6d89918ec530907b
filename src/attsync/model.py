"""The values that all layers share: Session, Cell, Day, School, State, Outcome, DayStatus.

No field is made for a pupil. Imports only `problems`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Final, Literal, NamedTuple

from attsync.problems import Problem
from attsync.window import is_working_day

DATA_SET = 1
"""Version of what is sent. A release that sends anything more raises it: schools are asked for consent again."""


class Session(StrEnum):
    """One of the two roll calls of a school day (docs/design/domain.md 6)."""

    AM = "AM"
    PM = "PM"


class Cell(NamedTuple):
    """One year group in one session: what each count belongs to."""

    year_group: str
    session: Session


Counts = Mapping[str, int]
"""DfE attendance code -> number of marks."""

Cells = Mapping[Cell, Counts]
"""All the counts of one school and date."""


URNS: Final = range(100_000, 1_000_000)
"""A URN has six digits, and the first is no 0 (docs/design/domain.md 5)."""


@dataclass(frozen=True, slots=True)
class School:
    """One establishment, named by its URN (docs/design/domain.md 5)."""

    urn: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} ({self.urn})"


class Uncounted(NamedTuple):
    """One place of a day whose marks could not be counted."""

    session: Session | None
    year_group: str | None
    value: str
    """The value in it: the code "ZZ", no code (NULL), a code (not shown), by docs/design/reliability.md 6."""


@dataclass(frozen=True, kw_only=True)  # no slots: sums are cached, as many callers use them
class Day:
    """What a school's database says of one date, after the school's own mapping."""

    date: date
    cells: Cells
    roll: Mapping[str, int]
    """Year group -> pupils on roll on that date."""
    unmarked: int = 0
    """Rows without a mark: NULL, empty, or mapped to "unmarked"."""
    refused: int = 0
    """Marks that could not be counted; if there are any, `problem` says which."""
    uncounted: Mapping[Uncounted, int] = field(default_factory=dict)
    """Where those marks are, as far as that is known."""
    problem: Problem | None = None
    """Why this day must not be sent."""
    pupils_on_roll: int | None = None
    """Pupils on roll, each once; None: the roll SELECT has no `pupil`."""
    not_on_roll: int = 0
    """Marks of pupils who are not on roll that day."""
    nameless: int = 0
    """Marks whose `pupil` is NULL: a second one of the same pupil is not noticed."""
    in_two_groups: int = 0
    """Pupils on roll in more than one year group."""
    proven: bool = False
    """Duplicate marks, and marks of pupils not on roll, were looked for on this day."""

    def without(self, sessions: Collection[Session]) -> "Day":
        """Return the day without the marks of some sessions."""
        return replace(self, cells={cell: c for cell, c in self.cells.items() if cell.session not in sessions})

    @cached_property
    def marks(self) -> int:
        """All marks that would be sent."""
        return sum(self.marks_of.values())

    @cached_property
    def marks_of(self) -> Mapping[Session, int]:
        """Session -> its marks; both sessions are there."""
        return {session: session_total(self.cells, session) for session in Session}

    @cached_property
    def on_roll(self) -> int:
        """All pupils on roll on that date; a pupil in two year groups counts twice."""
        return sum(self.roll.values())

    @property
    def total_on_roll(self) -> int:
        """All pupils on roll on that date, each once if the roll SELECT has `pupil`."""
        return self.on_roll if self.pupils_on_roll is None else self.pupils_on_roll


@dataclass(frozen=True, slots=True)
class Body:
    """One request, ready to send: the bytes, their SHA-256 in the log, and the counts in them."""

    day: date
    content: bytes
    sha256: str
    cells: Cells
    on_roll: int
    attendance: float | None = None

    @property
    def marks(self) -> dict[Session, int]:
        """Session -> its marks; a session that the message leaves out is not there."""
        return {session: session_total(self.cells, session) for session in Session if self.has(session)}

    def has(self, session: Session) -> bool:
        """Whether the message has anything about a session."""
        return any(cell.session is session for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Unmapped:
    """Marks whose value is in no list and no map, or pupils on roll whose year group is."""

    what: str
    """The kind of value: code, session, year group."""
    table: str
    """Where it could be mapped: such as database.codes, without the brackets."""
    shown: str | None
    """The value, if it cannot be a name (docs/design/reliability.md 6); empty: there is none (NULL)."""
    number: int
    pupils: bool = False
    """They are pupils of the roll SELECT, not marks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolDays:
    """Everything read for one school in one run: its days in order of date, or why there are none."""

    school: School
    days: tuple[Day, ...] = ()
    problem: Problem | None = None
    """Why nothing could be read."""
    to_check: tuple[Problem, ...] = ()
    """Allowed but unusual; sent, and shown."""
    unmapped: tuple[Unmapped, ...] = ()
    """The values that refused days lack a map for, most marks first."""
    provable: bool = True
    """Whether a mark counted twice would be noticed: the marks SELECT has `pupil`."""
    endless: int = 0
    """Enrolments on roll that began longer ago than any pupil stays."""


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Marks in a database of schools that the settings do not list. They are never sent."""

    database: str
    marks: int


SchoolOutcome = Literal["read", "skipped", "failed"]
"""The result of one school in one run: read, without consent, or failed."""


class State(StrEnum):
    """State of one submission, as in docs/design/reliability.md 3."""

    REFUSED = "refused"
    SENDING = "sending"
    ACCEPTED = "accepted"
    FAULTY = "faulty"
    REJECTED = "rejected"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SUPERSEDED = "superseded"

    @property
    def is_received(self) -> bool:
        """The DfE has confirmed the message, also if it found faults in it."""
        return self in (State.ACCEPTED, State.FAULTY)

    @property
    def may_have_arrived(self) -> bool:
        """The DfE may have the message: it has confirmed it, or its answer is not known."""
        return self not in (State.REFUSED, State.REJECTED, State.FAILED)


class Sign(StrEnum):
    """What `status` says of one session (docs/design/sending.md 6)."""

    RECEIVED = "received"
    FAULTY = "faulty"
    REJECTED = "rejected"
    NOT_RECEIVED = "not_received"
    REFUSED = "refused"
    NO_REGISTER = "no_register"
    NOT_DUE = "not_due"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that the DfE found in what it stored (docs/design/domain.md 2, VAL103 to VAL105)."""

    code: str
    """The DfE's own number, such as VAL104."""
    cell: Cell | None
    attendance_code: str | None
    text: str


BAD_SIGNS: Final = frozenset({Sign.FAULTY, Sign.REJECTED, Sign.REFUSED, Sign.NOT_RECEIVED})
"""Signs that someone has to look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One request and what came back."""

    at: datetime
    seconds: float
    answer: str
    """A few words: "201 received", "503 busy", "no answer"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the sending of one submission ended."""

    state: State
    tries: tuple[Try, ...] = ()
    reference: str | None = None
    """The DfE's submissionRef."""
    problem: Problem | None = None
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStatus:
    """What a person sees of one day of one school: in `send`, `status`, `preview` and in JSON."""

    date: date
    signs: Mapping[Session, Sign]
    state: State | None = None
    """Of the newest submission; None: there is none, or it has not been sent yet."""
    marks: Mapping[Session, int] = field(default_factory=dict)
    """Session -> marks in the message; a session that the message leaves out is not there."""
    on_roll: int | None = None
    attendance: float | None = None
    """0.0 to 1.0, as the DfE calculates it; shown to help spot mistakes, not an official figure."""
    sent_at: datetime | None = None
    problem: Problem | None = None
    faults: tuple[Fault, ...] = ()
    changed: int = 0
    """Marks that differ from what the receiver confirmed before."""
    changed_from: datetime | None = None
    """When that was sent."""
    changed_sessions: frozenset[Session] = frozenset()
    note: str = ""
    """What is most worth saying of the day, in a few words."""
    not_again: bool = False
    """Received as it is, but the newest sending did not get through: the receiver holds what is shown."""
    still_held: bool = False
    """The newest submission did not reach the receiver, which still holds what is shown."""
    is_going: bool = False
    """Being sent now; what is shown is what was there before."""

    @property
    def total(self) -> int | None:
        """All marks in the message; None: there is no message."""
        return sum(self.marks.values()) if self.marks else None

    @property
    def bad_sessions(self) -> list[Session]:
        """The sessions that were not received, or with faults."""
        return [session for session, sign in self.signs.items() if sign in BAD_SIGNS]

    @property
    def failed(self) -> bool:
        """Whether a session was not received, or with faults."""
        return bool(self.bad_sessions)

    @property
    def no_register(self) -> bool:
        """Whether one session of a working day has marks, and the other had none when it was due."""
        signs = [*self.signs.values()]
        is_open = bool(self.marks) and is_working_day(self.date)
        return is_open and signs.count(Sign.NO_REGISTER) == 1 and not (self.failed or self.is_going)

    @property
    def needs_telling(self) -> bool:
        """Whether its problem has to be reported."""
        return self.failed or self.not_again

    @property
    def is_closed(self) -> bool:
        """Whether there was no register in either session: a weekend, a holiday, a closed school."""
        return set(self.signs.values()) == {Sign.NO_REGISTER} and not self.total

    @property
    def is_empty(self) -> bool:
        """Whether nothing was sent or refused, and nothing was due, as far as the log shows."""
        return self.state is None and set(self.signs.values()) == {Sign.NOT_DUE}


def total(cells: Cells) -> int:
    """Return all marks of `cells`."""
    return sum(sum(counts.values()) for counts in cells.values())


def session_total(cells: Cells, session: Session) -> int:
    """Return the marks of one session."""
    return sum(sum(counts.values()) for cell, counts in cells.items() if cell.session is session)


def state_after(earlier: State, later: State) -> State:
    """Return the state of a message after one more try, or one more run: what may have arrived stays so.

    If the later one was refused, the earlier one may still have arrived: a proxy may have refused the later one.
    Only a receipt settles both.
    """
    return earlier if earlier is State.UNKNOWN and not later.may_have_arrived else later


def faulty_sessions(faults: Iterable[Fault]) -> frozenset[Session]:
    """Return the sessions in which the DfE found a fault; without any fault, none.

    A fault without a place is one of the whole day, so of both sessions.
    """
    return frozenset(
        session for fault in faults for session in Session if fault.cell is None or fault.cell.session is session
    )


def changed_marks(before: Cells, after: Cells) -> int:
    """Return the number of marks that differ between two sendings of one day.

    A mark that moved from one code to another counts once, and so does a mark that came or went.
    """
    changed = 0
    for cell in before.keys() | after.keys():
        old, new = before.get(cell, {}), after.get(cell, {})
        steps = [new.get(code, 0) - old.get(code, 0) for code in old.keys() | new.keys()]
        changed += max(sum(step for step in steps if step > 0), -sum(step for step in steps if step < 0))
    return changed
