"""The rows of the log, as frozen values, and how they are read and written as JSON. Imports no SQLite.

JSON is written in ASCII: SQLite does not accept half a surrogate pair, which a path or a server's text may contain.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, Literal, TypeAlias

from attsync.model import Cell, Fault, School, SchoolOutcome, Session, State, Try
from attsync.problems import Problem
from attsync.window import Window

Row: TypeAlias = Any
"""A row of SQLite, by the names of its columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of `attsync send`."""

    id: int
    started_at: datetime
    ended_at: datetime | None
    window: Window
    exit_code: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolRun:
    """What the newest run that included a school did for it."""

    school: School
    run: Run
    outcome: SchoolOutcome
    problem: Problem | None
    to_check: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One school and date for one receiver: refused, or one message with one key."""

    id: int
    run_id: int
    urn: int
    day: date
    state: State
    key: str | None
    body_id: int | None
    """Number of the message; equal messages have the same one. None: the day was refused."""
    marks: Mapping[Session, int]
    """Session -> marks in the message; a session that the message leaves out is not there."""
    on_roll: int | None
    attendance: float | None
    changed: int
    """Marks that differ from what the receiver confirmed before."""
    changed_from: datetime | None
    recorded_at: datetime
    answered_at: datetime | None = None
    reference: str | None = None
    problem: Problem | None = None
    faults: tuple[Fault, ...] = ()
    tries: tuple[Try, ...] = ()

    @property
    def sent_at(self) -> datetime | None:
        """When it was last tried; None: never, as far as is known."""
        if self.tries:
            return self.tries[-1].at
        return self.recorded_at if self.state in (State.SENDING, State.UNKNOWN) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRow:
    """One grant or removal of consent."""

    school: School
    action: Literal["given", "removed", "lapsed"]
    """Lapsed: the school left the settings file, and a send ran without it."""
    person: str
    login_uid: int | None
    receiver: str
    data_set: int
    window_count: str
    """The kind of days that the notice names: working or calendar."""
    year_groups: bool
    """The notice names the pupils on roll in each year group."""
    notice: int
    at: datetime
    username: str | None = None
    role: str | None = None
    reason: str | None = None
    notice_sha256: str | None = None

    @property
    def given(self) -> bool:
        """Whether it is a grant."""
        return self.action == "given"


CONSENT_COLUMNS: Final = (
    *("action", "person", "username", "login_uid", "role", "reason", "receiver", "data_set", "window_count"),
    *("year_groups", "notice", "notice_sha256"),
)
"""Columns of `consent` that a `ConsentRow` has under the same name, as they are."""


def utc(at: datetime) -> str:
    """Return a time as the log has it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def moment(text: str | None) -> datetime | None:
    """Return the time that the log has; None for NULL."""
    return datetime.fromisoformat(text) if text else None


def to_json(problem: Problem | None) -> str | None:
    """Return a problem as JSON; NULL for None."""
    return json.dumps(_fields(problem)) if problem else None


def all_to_json(problems: Iterable[Problem]) -> str:
    """Return problems as a list in JSON."""
    return json.dumps([_fields(problem) for problem in problems])


def from_json(text: str | None) -> Problem | None:
    """Return the problem of a column; None for NULL."""
    return _problem(json.loads(text)) if text else None


def all_from_json(text: str) -> tuple[Problem, ...]:
    """Return the problems of a column."""
    return tuple(map(_problem, json.loads(text)))


def _fields(problem: Problem) -> dict[str, object]:
    # Not on one level: a parameter may be called code.
    return {"code": problem.code, "case": problem.case, "parameters": dict(problem.parameters)}


def _problem(fields: dict[str, Any]) -> Problem:
    return Problem(fields["code"], fields["case"], **fields["parameters"])


def tries_to_json(tries: Sequence[Try]) -> str | None:
    """Return tries as JSON; NULL where there are none."""
    return json.dumps([(utc(each.at), round(each.seconds, 3), each.answer) for each in tries]) if tries else None


def faults_to_json(faults: Sequence[Fault]) -> str | None:
    """Return faults as JSON; NULL where there are none."""
    rows = [(each.code, *(each.cell or (None, None)), each.attendance_code, each.text) for each in faults]
    return json.dumps(rows) if rows else None


def run_of(row: Row) -> Run:
    """Return the run of a row."""
    return Run(
        id=row["id"],
        started_at=datetime.fromisoformat(row["started_at"]),
        ended_at=moment(row["ended_at"]),
        window=Window(date.fromisoformat(row["first_day"]), date.fromisoformat(row["last_day"])),
        exit_code=row["exit_code"],
    )


def submission_of(row: Row) -> Submission:
    """Return the submission of a row."""
    marks = {Session.AM: row["am"], Session.PM: row["pm"]}
    return Submission(
        id=row["id"],
        run_id=row["run_id"],
        urn=row["urn"],
        day=date.fromisoformat(row["day"]),
        state=State(row["state"]),
        key=row["key"],
        body_id=row["body_id"],
        marks={session: number for session, number in marks.items() if number is not None},
        on_roll=row["on_roll"],
        attendance=row["attendance"],
        changed=row["changed"] or 0,
        changed_from=moment(row["changed_from"]),
        recorded_at=datetime.fromisoformat(row["recorded_at"]),
        answered_at=moment(row["answered_at"]),
        reference=row["reference"],
        problem=from_json(row["problem"]),
        faults=tuple(map(_fault, json.loads(row["faults"] or "[]"))),
        tries=tuple(
            Try(at=datetime.fromisoformat(when), seconds=took, answer=said)
            for when, took, said in json.loads(row["tries"] or "[]")
        ),
    )


def _fault(fields: Sequence[Any]) -> Fault:
    code, year_group, session, attendance_code, text = fields
    return Fault(code, Cell(year_group, Session(session)) if session else None, attendance_code, text)


def consent_of(row: Row) -> ConsentRow:
    """Return the grant or removal of a row."""
    same = {name: row[name] for name in CONSENT_COLUMNS}
    same["year_groups"] = bool(row["year_groups"])
    return ConsentRow(school=School(row["urn"], row["name"]), at=datetime.fromisoformat(row["at"]), **same)
