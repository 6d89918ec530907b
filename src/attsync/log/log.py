"""All reads and writes of the log. Use a `Log` from one thread; any may call `consent_now` and `require_same_file`.

A submission is on disk before its first byte is sent (docs/design/reliability.md 3). Does not decide whether
consent is in force.
"""

import hashlib
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from os.path import realpath
from pathlib import Path
from typing import Final, Self
from uuid import uuid4

from attsync import __version__
from attsync.log import schema
from attsync.log.rows import (
    CONSENT_COLUMNS,
    ConsentRow,
    Run,
    SchoolRun,
    Submission,
    all_from_json,
    all_to_json,
    consent_of,
    faults_to_json,
    from_json,
    moment,
    run_of,
    submission_of,
    to_json,
    tries_to_json,
    utc,
)
from attsync.model import Body, Outcome, School, SchoolOutcome, Session, State
from attsync.problems import LogError, Problem
from attsync.window import Window

_DIED: Final = Problem("STOPPED", "died")
_RUN: Final = "run.id, started_at, ended_at, first_day, last_day, exit_code"
_LATEST_CONSENT: Final = "SELECT * FROM consent WHERE urn = ? ORDER BY id DESC LIMIT 1"
_FORGOTTEN_AT_ONCE: Final = 2_000
"""Rows deleted in one transaction: a send that starts meanwhile waits for one, not for all."""


class Log:
    """An open log."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._file = _identity(path)
        self._reader: sqlite3.Connection | None = None
        self._reading = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the log at `path`, and create it first where there is none. Raise LogError."""
        path = Path(realpath(path))  # resolve links to the log: the locks are beside the file itself
        if not schema.exists(path):
            schema.make(path)
        return cls(path, schema.connect(path))

    @classmethod
    def open_existing(cls, path: Path) -> Self | None:
        """Open the log at `path`; None where there is none. Raise LogError."""
        path = Path(realpath(path))
        return cls(path, schema.connect(path)) if schema.exists(path) else None

    def close(self) -> None:
        """Close the file."""
        if self._reader:
            self._reader.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make everything inside one transaction, on disk when it ends. Raise LogError."""
        with schema.writing(self.path, self._connection):
            yield
        self.require_same_file()

    def examine(self) -> int:
        """Read every page, and take the right to write without writing; return the layout. Raise LogError."""
        if self._rows("PRAGMA quick_check(1)")[0][0] != "ok":
            raise schema.damaged(self.path)
        with self.writing():
            return schema.LAYOUT

    def require_same_file(self) -> None:
        """Raise LogError if another file has taken the place of this log: what is written here would be lost."""
        if _identity(self.path) != self._file:
            raise LogError("LOG-WRITE", "replaced", path=self.path)

    # Runs

    def begin_run(self, window: Window, receiver: str, at: datetime) -> int:
        """Record that a run has begun and return its number; what a dead run left as `sending` becomes `unknown`."""
        with self.writing():
            self._execute(
                "UPDATE submission SET state = 'unknown', problem = ? WHERE state = 'sending' AND state <> 'accepted'",
                to_json(_DIED),
            )  # the second condition lets SQLite use the index
            return self._insert(
                "run",
                started_at=utc(at),
                first_day=window.first.isoformat(),
                last_day=window.last.isoformat(),
                receiver=receiver,
                version=__version__,
            )

    def end_run(
        self, run: int, exit_code: int, at: datetime, problems: Sequence[Problem] = (), *, clock_confirmed: bool = False
    ) -> None:
        """Record how a run has ended, and what is to check but not about a school in the settings."""
        with self.writing():
            self._execute(
                "UPDATE run SET ended_at = ?, exit_code = ?, problems = ?, clock_confirmed = ? WHERE id = ?",
                *(utc(at), exit_code, all_to_json(problems), clock_confirmed, run),
            )

    def last_run(self, receiver: str | None = None) -> Run | None:
        """Return the newest run, or the newest for `receiver` that had a school with consent."""
        had_one = "EXISTS (SELECT 1 FROM school_run WHERE run_id = run.id AND outcome <> 'skipped')"
        where = f"WHERE receiver = ? AND (coalesce(exit_code, 1) NOT IN (0, 7) OR {had_one})" if receiver else ""
        rows = self._rows(f"SELECT {_RUN} FROM run {where} ORDER BY id DESC LIMIT 1", *filter(None, [receiver]))  # noqa: S608
        return run_of(rows[0]) if rows else None

    def runs_since(self, then: datetime) -> list[Run]:
        """Return the runs that began at or after `then`, oldest first."""
        rows = self._rows(f"SELECT {_RUN} FROM run WHERE started_at >= ? ORDER BY id", utc(then))  # noqa: S608
        return [run_of(row) for row in rows]

    def clock_confirmed_at(self) -> datetime | None:
        """Return when the newest run began whose clock agreed with the receiver's."""
        return moment(self._rows("SELECT max(started_at) FROM run WHERE clock_confirmed")[0][0])

    def last_receiver(self, *, other_than: str) -> str | None:
        """Return the newest other receiver that something was sent to."""
        sent = "EXISTS (SELECT 1 FROM submission WHERE run_id = run.id AND key IS NOT NULL)"
        sql = f"SELECT receiver FROM run WHERE receiver <> ? AND {sent} ORDER BY id DESC LIMIT 1"  # noqa: S608
        return next((row["receiver"] for row in self._rows(sql, other_than)), None)

    def to_check(self, receiver: str) -> tuple[Problem, ...]:
        """Return what the newest run that has ended found to check, but not about a school in the settings."""
        sql = "SELECT problems FROM run WHERE ended_at IS NOT NULL AND receiver = ? ORDER BY id DESC LIMIT 1"
        return next((all_from_json(row["problems"]) for row in self._rows(sql, receiver)), ())

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
            problem=to_json(problem),
            to_check=all_to_json(to_check),
        )

    def latest_school_runs(self, receiver: str, *, told: bool = False) -> dict[int, SchoolRun]:
        """Return for each school, by URN, what the newest run for `receiver` that included it did.

        With `told`, the newest that ended normally: one that was stopped or has failed did not report its schools.
        """
        ended = "AND exit_code < 9" if told else ""
        # From each URN to the next by the index: the table has a row per school and run, for years.
        rows = self._rows(
            f"""
            WITH RECURSIVE known (urn) AS (
                SELECT min(urn) FROM school_run UNION ALL
                SELECT (SELECT min(urn) FROM school_run WHERE urn > known.urn) FROM known WHERE urn IS NOT NULL)
            SELECT {_RUN}, school_run.urn, name, outcome, problem, to_check
            FROM known JOIN school_run ON school_run.urn = known.urn AND run_id = (
                SELECT run_id FROM school_run AS newest JOIN run ON run.id = newest.run_id
                WHERE newest.urn = known.urn AND receiver = ? {ended} ORDER BY run_id DESC LIMIT 1)
            JOIN run ON run.id = run_id
            """,  # noqa: S608  constants
            receiver,
        )
        return {
            row["urn"]: SchoolRun(
                school=School(row["urn"], row["name"]),
                run=run_of(row),
                outcome=row["outcome"],
                problem=from_json(row["problem"]),
                to_check=all_from_json(row["to_check"]),
            )
            for row in rows
        }

    def reads(self, window: Window, receiver: str, now: datetime) -> dict[int, list[Run]]:
        """Return for each school, by URN, the runs that read it for a day of `window` or after, oldest first.

        Without those that ended with 2, such as for a wrong clock, or began after `now`: their time is not true.
        """
        values = (window.first.isoformat(), receiver, utc(now))
        where = "WHERE last_day >= ? AND receiver = ? AND started_at <= ? AND exit_code IS NOT 2"
        runs = {row["id"]: run_of(row) for row in self._rows(f"SELECT {_RUN} FROM run {where}", *values)}  # noqa: S608
        sql = f"SELECT urn, run_id FROM run CROSS JOIN school_run ON run_id = run.id {where} AND outcome = 'read'"  # noqa: S608
        found: dict[int, list[Run]] = {}
        for row in self._rows(f"{sql} ORDER BY run.id", *values):
            found.setdefault(row["urn"], []).append(runs[row["run_id"]])
        return found

    def forget(self, before: datetime) -> None:
        """Delete runs that began before `before`, with their submissions and the bodies that are no longer used."""
        old = "SELECT id FROM run WHERE started_at < ? ORDER BY id LIMIT 1"
        while rows := self._rows(old, utc(before)):
            run = rows[0]["id"]
            while self._forget_some(run):
                pass
            with self.writing():
                self._execute("DELETE FROM run WHERE id = ?", run)

    def _forget_some(self, run: int) -> int:
        with self.writing():
            sql = "SELECT id, body_id FROM submission WHERE run_id = ? LIMIT ?"
            rows = self._execute(sql, run, _FORGOTTEN_AT_ONCE).fetchall()
            unnamed = "NOT EXISTS (SELECT 1 FROM submission WHERE body_id = body.id)"
            self._connection.executemany("DELETE FROM submission WHERE id = ?", [(row["id"],) for row in rows])
            self._connection.executemany(
                f"DELETE FROM body WHERE id = ? AND {unnamed}",  # noqa: S608  constants
                [(row["body_id"],) for row in rows],
            )
            return len(rows)

    # 410: the receiver says that the service has been closed

    def record_closed(self, receiver: str, at: datetime) -> None:
        """Record that `receiver` answered 410 in this run. Call once a run, inside `writing`."""
        self._execute(
            "INSERT INTO closed (receiver, at, runs) VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET runs = runs + 1",
            *(receiver, utc(at)),
        )

    def reopen(self, receiver: str) -> None:
        """Delete the record that `receiver` answered 410: it answers again."""
        with self.writing():
            self._execute("DELETE FROM closed WHERE receiver = ?", receiver)

    def closed_since(self, receiver: str) -> datetime | None:
        """Return when `receiver` first answered 410, if it did in 2 runs in a row; else None."""
        rows = self._rows("SELECT at FROM closed WHERE receiver = ? AND runs >= 2", receiver)
        return datetime.fromisoformat(rows[0]["at"]) if rows else None

    # Submissions

    def refuse(self, run: int, receiver: str, school: School, day: date, problem: Problem, now: datetime) -> None:
        """Record that a day was refused before anything was sent. Call inside `writing`."""
        self._insert(
            "submission",
            run_id=run,
            receiver=receiver,
            urn=school.urn,
            day=day.isoformat(),
            state=State.REFUSED,
            recorded_at=utc(now),
            problem=to_json(problem),
        )

    def continue_sending(self, run: int, submission: Submission) -> None:
        """Record, before its first byte, that a submission is sent again under its key. Call inside `writing`."""
        self._execute(
            "UPDATE submission SET state = 'sending', run_id = ?, answered_at = NULL, reference = NULL, problem = NULL"
            " WHERE id = ?",
            *(run, submission.id),
        )

    def begin_sending(
        self,
        run: int,
        receiver: str,
        school: School,
        body: Body,
        now: datetime,
        *,
        changed: int | None = None,
        changed_from: datetime | None = None,
        supersedes: Submission | None = None,
    ) -> Submission:
        """Record a message before its first byte is sent, under a new key. Call inside `writing`."""
        if supersedes:
            self._execute("UPDATE submission SET state = 'superseded' WHERE id = ?", supersedes.id)
        # Random, not a hash of the body: with A, then B, then A again, a hash would replay the first answer.
        key, body_id = str(uuid4()), self._body_id(body)
        number = self._insert(
            "submission",
            run_id=run,
            receiver=receiver,
            urn=school.urn,
            day=body.day.isoformat(),
            state=State.SENDING,
            key=key,
            body_id=body_id,
            am=body.marks.get(Session.AM),
            pm=body.marks.get(Session.PM),
            on_roll=body.on_roll,
            attendance=body.attendance,
            changed=changed,
            changed_from=changed_from and utc(changed_from),
            recorded_at=utc(now),
        )
        return submission_of(self._rows("SELECT * FROM submission WHERE id = ?", number)[0])

    def record(self, submission: Submission, outcome: Outcome, now: datetime) -> None:
        """Record how a submission has ended. Call inside `writing`."""
        self._execute(
            "UPDATE submission SET state = ?, answered_at = ?, reference = ?, problem = ?, faults = ?, tries = ?"
            " WHERE id = ?",
            *(outcome.state, utc(now), outcome.reference, to_json(outcome.problem)),
            *(faults_to_json(outcome.faults), tries_to_json((*submission.tries, *outcome.tries)), submission.id),
        )

    def submissions(
        self, receiver: str, window: Window, urn: int | None = None
    ) -> dict[int, dict[date, list[Submission]]]:
        """Return the submissions of the window for `receiver` by URN and date, oldest first.

        Of each date those since the newest accepted one, with it: earlier ones do not matter any more.
        """
        # Day by day, and for each its schools: for a range of days, SQLite would read those of every school.
        days = [day.isoformat() for day in window]
        marks, schools = ", ".join("?" * len(days)), "" if urn is None else "AND urn = ?"
        return self._by_school(
            f"""
            SELECT submission.*
            FROM (SELECT DISTINCT day, urn FROM submission WHERE day IN ({marks}) {schools}) AS asked
            CROSS JOIN submission USING (day, urn)
            WHERE receiver = ? AND run_id >= coalesce((
                SELECT run_id FROM submission AS accepted
                WHERE accepted.day = asked.day AND accepted.urn = asked.urn
                AND accepted.receiver = submission.receiver AND accepted.state = 'accepted'
                ORDER BY run_id DESC LIMIT 1), 0)
            ORDER BY run_id, id
            """,  # noqa: S608  constants
            *days,
            *(() if urn is None else (urn,)),
            receiver,
        )

    def history(self, receiver: str, day: date, urn: int) -> list[Submission]:
        """Return every submission of a day of a school for `receiver`, oldest first."""
        # The run decides which is newest, not `id`: one with an unknown answer is sent again by a later run.
        sql = "SELECT * FROM submission WHERE day = ? AND urn = ? AND receiver = ? ORDER BY run_id, id"
        return [submission_of(row) for row in self._rows(sql, day.isoformat(), urn, receiver)]

    def not_accepted(self, receiver: str, window: Window) -> dict[int, dict[date, list[Submission]]]:
        """Return the same for the days whose newest submission was not accepted, however many others there are.

        Without those that a later run read and had nothing to send for: their marks are gone.
        """
        return self._by_school(
            """
            SELECT submission.* FROM submission JOIN (
                SELECT urn, day FROM submission AS newest INDEXED BY submission_open
                WHERE day BETWEEN ? AND ? AND receiver = ? AND state <> 'accepted'
                AND NOT EXISTS (
                    SELECT 1 FROM submission AS later
                    WHERE later.day = newest.day AND later.urn = newest.urn AND later.receiver = newest.receiver
                    AND (later.run_id, later.id) > (newest.run_id, newest.id))
                AND NOT (state IN ('refused', 'rejected', 'failed') AND EXISTS (
                    SELECT 1 FROM school_run JOIN run ON run.id = school_run.run_id
                    WHERE school_run.urn = newest.urn AND school_run.run_id > newest.run_id AND outcome = 'read'
                    AND run.receiver = newest.receiver AND newest.day BETWEEN first_day AND last_day))
            ) USING (urn, day) WHERE receiver = ? ORDER BY run_id, id
            """,
            *(window.first.isoformat(), window.last.isoformat(), receiver, receiver),
        )

    def _by_school(self, sql: str, *values: object) -> dict[int, dict[date, list[Submission]]]:
        found: dict[int, dict[date, list[Submission]]] = {}
        with schema.in_our_words(self.path):
            for submission in map(submission_of, self._execute(sql, *values)):  # row by row: they are large
                found.setdefault(submission.urn, {}).setdefault(submission.day, []).append(submission)
        return found

    def content(self, submission: Submission) -> bytes | None:
        """Return the message, byte for byte as it was sent; None if there is none, or it is damaged."""
        rows = self._rows("SELECT sha256, content FROM body WHERE id = ?", submission.body_id)
        try:
            content = zlib.decompress(rows[0]["content"]) if rows else None
        except (zlib.error, TypeError):
            return None
        return content if content and hashlib.sha256(content).hexdigest() == rows[0]["sha256"] else None

    def has_body(self, submission: Submission, body: Body) -> bool:
        """Whether `body` is the message of a submission, byte for byte."""
        return bool(self._rows("SELECT 1 FROM body WHERE id = ? AND sha256 = ?", submission.body_id, body.sha256))

    def _body_id(self, body: Body) -> int:
        rows = self._connection.execute("SELECT id FROM body WHERE sha256 = ?", (body.sha256,)).fetchall()
        return (
            rows[0]["id"]
            if rows
            else self._insert("body", sha256=body.sha256, size=len(body.content), content=zlib.compress(body.content))
        )

    # Consent

    def add_consent(self, row: ConsentRow, notice: str = "") -> None:
        """Record a grant or a removal permanently; `notice` is the text that was agreed to."""
        with self.writing():
            if notice:
                self._execute("INSERT OR IGNORE INTO notice VALUES (?, ?, ?)", row.notice_sha256, row.notice, notice)
            same = {name: getattr(row, name) for name in CONSENT_COLUMNS}
            self._insert("consent", urn=row.school.urn, name=row.school.name, at=utc(row.at), **same)

    def latest_consent(self, urn: int) -> ConsentRow | None:
        """Return the newest grant or removal of a school."""
        return next(map(consent_of, self._rows(_LATEST_CONSENT, urn)), None)

    def consent_now(self, urn: int) -> ConsentRow | None:
        """Return the same, from any thread, also while another thread writes to the log."""
        # A separate connection: the other one may be waiting for the disk.
        with self._reading, schema.in_our_words(self.path):
            self._reader = self._reader or schema.connect(self.path)
            return next(map(consent_of, self._reader.execute(_LATEST_CONSENT, (urn,)).fetchall()), None)

    def latest_consents(self) -> dict[int, ConsentRow]:
        """Return the newest grant or removal of every school, by URN."""
        rows = self._rows("SELECT * FROM consent WHERE id IN (SELECT max(id) FROM consent GROUP BY urn)")
        return {row["urn"]: consent_of(row) for row in rows}

    def consent_history(self, urn: int) -> list[ConsentRow]:
        """Return every grant and removal of a school, oldest first."""
        return [consent_of(row) for row in self._rows("SELECT * FROM consent WHERE urn = ? ORDER BY id", urn)]

    def notice(self, row: ConsentRow) -> str:
        """Return the text that was agreed to; a removal has none."""
        return "".join(text for (text,) in self._rows("SELECT content FROM notice WHERE sha256 = ?", row.notice_sha256))

    def schools(self) -> dict[int, School]:
        """Return every school that ever gave or removed consent, by URN, with its newest name."""
        return self._schools("SELECT urn, name FROM consent ORDER BY id")

    def undecided(self) -> dict[int, School]:
        """Return the schools of the newest run that no one had decided about, by URN."""
        newest = "run_id = (SELECT max(run_id) FROM school_run) AND outcome = 'skipped'"
        return self._schools(
            f"SELECT urn, name FROM school_run WHERE {newest} AND urn NOT IN (SELECT urn FROM consent)"  # noqa: S608
        )

    def every_school(self) -> dict[int, School]:
        """Return every school that a run or a decision was about, by URN, with its newest name."""
        newest = "(SELECT urn, max(run_id) AS run_id FROM school_run GROUP BY urn)"
        in_runs = f"SELECT urn, name FROM {newest} JOIN school_run USING (urn, run_id)"  # noqa: S608  constants
        return self._schools(in_runs) | self.schools()

    def _schools(self, sql: str) -> dict[int, School]:
        return {row["urn"]: School(row["urn"], row["name"]) for row in self._rows(sql)}

    def _rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with schema.in_our_words(self.path):
            return self._connection.execute(sql, values).fetchall()

    def _execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        return self._connection.execute(sql, values)

    def _insert(self, table: str, **values: object) -> int:
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608  names of this package
        return self._execute(sql, *values.values()).lastrowid or 0


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
