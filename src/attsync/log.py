"""The local log: one SQLite file with every run, every attempt, every distinct body and every consent.

Knows SQL and the promise that an attempt is on disk before its first byte is sent (RELIABILITY.md 3). One writer,
short transactions, WAL with synchronous=FULL. Refuses to know rules: whether consent stands is not decided here.
The tables are in `data/log.sql`.
"""

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import quote
from uuid import uuid4

from attsync import __version__
from attsync.model import Body, Cell, Fault, Outcome, School, Session, State, Try
from attsync.problems import LogError, Problem
from attsync.window import Window

_APPLICATION_ID: Final = 0x61747473  # "atts"
_LAYOUT: Final = 1
_BUSY_SECONDS: Final = 5

SchoolOutcome = Literal["read", "skipped", "failed"]


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
    read_at: datetime | None
    """When the school's database was last read in full; None: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
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


class Log:
    """An open log. Use it from one thread; only `latest_consent` may be called from several."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the log at `path`, and make it first where there is none. Raises LogError."""
        with _in_our_words(path):
            if not path.exists():
                _make(path)
        log = cls.open_existing(path)
        if log is None:
            raise _unwritable(path, "it was taken away while it was opened")
        return log

    @classmethod
    def open_existing(cls, path: Path) -> Self | None:
        """Open the log at `path`; None where there is none. Raises LogError."""
        with _in_our_words(path):
            if not path.exists():
                return None
            if path.stat().st_size == 0:
                raise _damaged(path)
            connection = _connect(path)
            try:
                _check_layout(path, connection)
            except BaseException:
                connection.close()
                raise
            return cls(path, connection)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make everything inside one transaction, on disk when it ends. Raises LogError."""
        with self._lock, _in_our_words(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    # Runs

    def begin_run(self, window: Window, at: datetime) -> int:
        """Record that a run has begun; what a dead run left as `sending` becomes `unknown`."""
        with self.writing():
            self._connection.execute("UPDATE submission SET state = 'unknown' WHERE state = 'sending'")
            return self._insert(
                "run",
                started_at=_utc(at),
                first_day=window.first.isoformat(),
                last_day=window.last.isoformat(),
                version=__version__,
            )

    def end_run(self, run: int, exit_code: int, at: datetime) -> None:
        """Record how a run has ended."""
        with self.writing():
            self._connection.execute(
                "UPDATE run SET ended_at = ?, exit_code = ? WHERE id = ?", (_utc(at), exit_code, run)
            )

    def last_run(self) -> Run | None:
        """Give the newest run."""
        rows = self._rows(f"SELECT {_RUN} FROM run ORDER BY id DESC LIMIT 1")  # noqa: S608  constants
        return _run(rows[0]) if rows else None

    def record_school(
        self,
        run: int,
        school: School,
        outcome: SchoolOutcome,
        *,
        problem: Problem | None = None,
        to_check: Sequence[Problem] = (),
    ) -> None:
        """Record what a run did for a school. Call inside `writing`."""
        self._insert(
            "school_run",
            run_id=run,
            urn=school.urn,
            name=school.name,
            outcome=outcome,
            **_columns(problem),
            to_check=json.dumps([(p.code, p.text, p.next) for p in to_check], ensure_ascii=False),
        )

    def latest_school_runs(self) -> dict[int, SchoolRun]:
        """Give for each school, by URN, what the newest run that knew it did."""
        rows = self._rows(
            f"""
            SELECT {_RUN}, school_run.urn, name, outcome, problem_code, problem_text, problem_next, to_check,
                   (SELECT max(started_at) FROM school_run AS r JOIN run AS s ON s.id = r.run_id
                    WHERE r.urn = newest.urn AND r.outcome = 'read') AS read_at
            FROM (SELECT urn, max(run_id) AS run_id FROM school_run GROUP BY urn) AS newest
            JOIN school_run ON school_run.urn = newest.urn AND school_run.run_id = newest.run_id
            JOIN run ON run.id = newest.run_id
            """  # noqa: S608  constants
        )
        return {
            row["urn"]: SchoolRun(
                school=School(row["urn"], row["name"]),
                run=_run(row),
                outcome=row["outcome"],
                problem=_problem(row),
                to_check=tuple(Problem(*parts) for parts in json.loads(row["to_check"])),
                read_at=_time(row["read_at"]) if row["read_at"] else None,
            )
            for row in rows
        }

    def forget(self, before: datetime) -> None:
        """Delete runs that began before `before`, with their attempts and the bodies that nothing names any more."""
        with self.writing():
            self._connection.execute("DELETE FROM run WHERE started_at < ?", (_utc(before),))
            self._connection.execute(
                "DELETE FROM body WHERE NOT EXISTS (SELECT 1 FROM submission WHERE submission.sha256 = body.sha256)"
            )

    # Submissions

    def refuse(self, run: int, school: School, day: date, problem: Problem, at: datetime) -> None:
        """Record that a day was refused before anything was sent. Call inside `writing`."""
        self._insert(
            "submission",
            run_id=run,
            urn=school.urn,
            day=day.isoformat(),
            state=State.REFUSED,
            recorded_at=_utc(at),
            **_columns(problem),
        )

    def begin_sending(self, run: int, school: School, body: Body, last: Entry | None, at: datetime) -> Entry:
        """Record an attempt before its first byte is sent. Call inside `writing`.

        `last` is the newest entry of that school and day that has a body. If its fate is unknown and the body is the
        same, the attempt goes on under the same key; if the body differs, the new one takes its place under a new key.
        """
        if last and last.state is State.UNKNOWN:
            again = last.sha256 == body.sha256
            self._connection.execute(
                "UPDATE submission SET state = ?, run_id = ?, recorded_at = ? WHERE id = ?",
                (State.SENDING if again else State.SUPERSEDED, run, _utc(at), last.id),
            )
            if again:
                return last
        text = body.content.decode()
        self._connection.execute("INSERT OR IGNORE INTO body (sha256, content) VALUES (?, ?)", (body.sha256, text))
        # Random, not a hash of the body: with A, then B, then A again, a hash would replay the first answer.
        key = str(uuid4())
        number = self._insert(
            "submission",
            run_id=run,
            urn=school.urn,
            day=body.day.isoformat(),
            state=State.SENDING,
            key=key,
            sha256=body.sha256,
            recorded_at=_utc(at),
        )
        return Entry(
            id=number,
            run_id=run,
            urn=school.urn,
            day=body.day,
            state=State.SENDING,
            key=key,
            sha256=body.sha256,
            content=text,
            recorded_at=at,
            answered_at=None,
            reference=None,
            problem=None,
        )

    def record(self, entry: Entry, outcome: Outcome, at: datetime) -> None:
        """Record how an attempt has ended. Call inside `writing`."""
        problem = outcome.problem
        self._connection.execute(
            """
            UPDATE submission SET state = ?, answered_at = ?, reference = ?,
                                  problem_code = ?, problem_text = ?, problem_next = ?
            WHERE id = ?
            """,
            (outcome.state, _utc(at), outcome.reference, *_columns(problem).values(), entry.id),
        )
        self._connection.executemany(
            "INSERT INTO try (submission_id, at, seconds, answer) VALUES (?, ?, ?, ?)",
            [(entry.id, _utc(t.at), t.seconds, t.answer) for t in outcome.tries],
        )
        self._connection.executemany(
            "INSERT INTO fault (submission_id, code, year_group, session, attendance_code, text)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [(entry.id, f.code, *(f.cell or (None, None)), f.attendance_code, f.text) for f in outcome.faults],
        )

    def latest(self, window: Window, urn: int | None = None, *, with_body: bool = False) -> list[Entry]:
        """Give the newest entry for each school and day of the window; `with_body` passes over refused ones."""
        return self._entries(
            """
            JOIN (SELECT max(id) AS id FROM submission
                  WHERE day BETWEEN ? AND ? AND (? IS NULL OR urn = ?) AND (NOT ? OR sha256 IS NOT NULL)
                  GROUP BY urn, day) AS newest USING (id)
            """,
            (window.first.isoformat(), window.last.isoformat(), urn, urn, with_body),
        )

    def history(self, urn: int, day: date) -> list[Entry]:
        """Give every entry of one school and day, oldest first."""
        return self._entries("WHERE urn = ? AND day = ?", (urn, day.isoformat()))

    def tries(self, entry: Entry) -> list[Try]:
        """Give the requests of one entry, oldest first."""
        rows = self._rows("SELECT at, seconds, answer FROM try WHERE submission_id = ? ORDER BY rowid", (entry.id,))
        return [Try(at=_time(row["at"]), seconds=row["seconds"], answer=row["answer"]) for row in rows]

    def faults(self, entries: Iterable[Entry]) -> dict[int, list[Fault]]:
        """Give the faults that the DfE found, by the id of the entry; entries that are not faulty are not asked for."""
        found: dict[int, list[Fault]] = {}
        for entry in entries:
            if entry.state is State.FAULTY:
                rows = self._rows("SELECT * FROM fault WHERE submission_id = ? ORDER BY rowid", (entry.id,))
                found[entry.id] = [
                    Fault(
                        row["code"],
                        Cell(row["year_group"], Session(row["session"])) if row["session"] else None,
                        row["attendance_code"],
                        row["text"],
                    )
                    for row in rows
                ]
        return found

    # Consent

    def add_consent(self, row: ConsentRow) -> int:
        """Record a grant or a removal, for good; gives its number. `row.id` does not count."""
        with self.writing():
            return self._insert(
                "consent",
                urn=row.school.urn,
                name=row.school.name,
                given=row.given,
                person=row.person,
                username=row.username,
                login_uid=row.login_uid,
                role=row.role,
                reason=row.reason,
                receiver=row.receiver,
                data_set=row.data_set,
                notice=row.notice,
                at=_utc(row.at),
            )

    def latest_consent(self, urn: int) -> ConsentRow | None:
        """Give the newest grant or removal of a school."""
        with self._lock:
            return self.latest_consent_in_transaction(urn)

    def latest_consent_in_transaction(self, urn: int) -> ConsentRow | None:
        """Give the same, inside `writing`."""
        rows = self._rows("SELECT * FROM consent WHERE urn = ? ORDER BY id DESC LIMIT 1", (urn,))
        return _consent(rows[0]) if rows else None

    def consent_history(self, urn: int) -> list[ConsentRow]:
        """Give every grant and removal of a school, oldest first."""
        return [_consent(row) for row in self._rows("SELECT * FROM consent WHERE urn = ? ORDER BY id", (urn,))]

    def schools(self) -> dict[int, School]:
        """Give every school that ever gave or removed consent, by URN, with its newest name."""
        rows = self._rows("SELECT urn, name FROM consent ORDER BY id")
        return {row["urn"]: School(row["urn"], row["name"]) for row in rows}

    def _entries(self, condition: str, values: tuple[object, ...]) -> list[Entry]:
        rows = self._rows(
            f"SELECT submission.*, content FROM submission LEFT JOIN body USING (sha256) {condition}"  # noqa: S608
            " ORDER BY urn, day, submission.id",
            values,
        )
        return [_entry(row) for row in rows]

    def _rows(self, sql: str, values: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        with _in_our_words(self.path):
            return self._connection.execute(sql, values).fetchall()

    def _insert(self, table: str, **values: object) -> int:
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608  names of this module
        return self._connection.execute(sql, tuple(values.values())).lastrowid or 0


_RUN: Final = "run.id AS run_id, started_at, ended_at, first_day, last_day, exit_code"


def _make(path: Path) -> None:
    """Make an empty log under another name and move it into place, so that a crash leaves no half-made file."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        connection = _connect(unfinished)
        try:
            connection.executescript(files("attsync").joinpath("data", "log.sql").read_text(encoding="utf-8"))
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {_LAYOUT}")
        finally:
            connection.close()
        with suppress(FileExistsError):  # another attsync was quicker; its log serves as well
            os.link(unfinished, path)
    finally:
        for leftover in path.parent.glob(f"{unfinished.name}*"):
            leftover.unlink()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _check_layout(path: Path, connection: sqlite3.Connection) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (layout,) = connection.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION_ID:
        raise _damaged(path)
    if layout > _LAYOUT:
        raise LogError(
            "LOG-NEWER",
            f"The log {path} was made by a newer attsync. It was left as it is, and nothing was sent.",
            "Install the newer attsync again, or name another file under [log] path.",
        )


@contextmanager
def _in_our_words(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            raise _damaged(path) from error
        raise _unwritable(path, _WHY.get(name.split("_")[1] if "_" in name else "", f"SQLite says {name}")) from error
    except OSError as error:
        raise _unwritable(path, (error.strerror or "it cannot be opened").lower()) from error


_WHY: Final = {
    "FULL": "the disk is full",
    "READONLY": "it may only be read",
    "BUSY": "another program keeps it locked",
    "CANTOPEN": "it cannot be opened",
    "IOERR": "the disk reports an error",
    "PERM": "permission denied",
}


def _unwritable(path: Path, why: str) -> LogError:
    return LogError(
        "LOG-WRITE",
        f"The log {path}{_owner(path)} cannot be used: {why}. Nothing new was sent.",
        "Ask IT to let the account that runs attsync write this file and its folder, and to check the free space.",
    )


def _damaged(path: Path) -> LogError:
    return LogError(
        "LOG-DAMAGED",
        f"The log {path} is damaged, or is not a log of attsync. It was left as it is, and nothing was sent.",
        "Ask IT to bring it back from a backup. Without one: move it away, then give consent again for each school.",
    )


def _owner(path: Path) -> str:
    import pwd  # noqa: PLC0415  only for a message

    try:
        uid = path.stat().st_uid
        return "" if uid == os.geteuid() else f" (owner: {pwd.getpwuid(uid).pw_name})"
    except (OSError, KeyError):
        return ""


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _columns(problem: Problem | None) -> dict[str, str | None]:
    code, text, then = (problem.code, problem.text, problem.next) if problem else (None, None, None)
    return {"problem_code": code, "problem_text": text, "problem_next": then}


def _problem(row: sqlite3.Row) -> Problem | None:
    if row["problem_code"] is None:
        return None
    return Problem(row["problem_code"], row["problem_text"], row["problem_next"])


def _run(row: sqlite3.Row) -> Run:
    return Run(
        id=row["run_id"],
        started_at=_time(row["started_at"]),
        ended_at=_time(row["ended_at"]) if row["ended_at"] else None,
        window=Window(date.fromisoformat(row["first_day"]), date.fromisoformat(row["last_day"])),
        exit_code=row["exit_code"],
    )


def _entry(row: sqlite3.Row) -> Entry:
    return Entry(
        id=row["id"],
        run_id=row["run_id"],
        urn=row["urn"],
        day=date.fromisoformat(row["day"]),
        state=State(row["state"]),
        key=row["key"],
        sha256=row["sha256"],
        content=row["content"],
        recorded_at=_time(row["recorded_at"]),
        answered_at=_time(row["answered_at"]) if row["answered_at"] else None,
        reference=row["reference"],
        problem=_problem(row),
    )


def _consent(row: sqlite3.Row) -> ConsentRow:
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
        at=_time(row["at"]),
    )
