"""What the log holds, as frozen values, and how a row becomes one. Refuses to know where a row came from."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, date, datetime

from attsync.model import School, SchoolOutcome, State
from attsync.problems import Problem
from attsync.window import Window


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
    """What the latest run that knew a school did for it."""

    school: School
    run: Run
    outcome: SchoolOutcome
    problem: Problem | None
    to_check: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One submission as the log has it: a school and a date, refused or with a body."""

    id: int
    run_id: int
    urn: int
    day: date
    state: State
    key: str | None
    sha256: str | None
    content: str | None
    """The body, byte for byte as it was sent; None if the day was refused."""
    recorded_at: datetime
    answered_at: datetime | None
    reference: str | None
    problem: Problem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRow:
    """One grant or removal of consent."""

    id: int
    school: School
    given: bool
    person: str
    username: str | None
    login_uid: int | None
    role: str | None
    reason: str | None
    receiver: str
    data_set: int
    notice: int
    at: datetime


def utc(at: datetime) -> str:
    """Write a time as the log has it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def moment(text: str) -> datetime:
    """Read a time back."""
    return datetime.fromisoformat(text)


def problem_columns(problem: Problem | None) -> dict[str, str | None]:
    """Spread a problem over its columns."""
    return {
        "problem_code": problem.code if problem else None,
        "problem_text": problem.text if problem else None,
        "problem_next": problem.next if problem else None,
        "problem_words": str(problem.get("words")) if problem else None,
    }


def problem_of(row: sqlite3.Row) -> Problem | None:
    """Read the problem of a row."""
    if row["problem_code"] is None:
        return None
    return Problem(row["problem_code"], row["problem_text"], row["problem_next"], words=row["problem_words"] or "")


def run_of(row: sqlite3.Row) -> Run:
    """Read a run; its number is in the column run_id."""
    return Run(
        id=row["run_id"],
        started_at=moment(row["started_at"]),
        ended_at=moment(row["ended_at"]) if row["ended_at"] else None,
        window=Window(date.fromisoformat(row["first_day"]), date.fromisoformat(row["last_day"])),
        exit_code=row["exit_code"],
    )


def submission_of(row: sqlite3.Row) -> Submission:
    """Read a submission with its body."""
    return Submission(
        id=row["id"],
        run_id=row["run_id"],
        urn=row["urn"],
        day=date.fromisoformat(row["day"]),
        state=State(row["state"]),
        key=row["key"],
        sha256=row["sha256"],
        content=row["content"],
        recorded_at=moment(row["recorded_at"]),
        answered_at=moment(row["answered_at"]) if row["answered_at"] else None,
        reference=row["reference"],
        problem=problem_of(row),
    )


def consent_of(row: sqlite3.Row) -> ConsentRow:
    """Read a grant or a removal."""
    return ConsentRow(
        id=row["id"],
        school=School(row["urn"], row["name"]),
        given=bool(row["given"]),
        person=row["person"],
        username=row["username"],
        login_uid=row["login_uid"],
        role=row["role"],
        reason=row["reason"],
        receiver=row["receiver"],
        data_set=row["data_set"],
        notice=row["notice"],
        at=moment(row["at"]),
    )
