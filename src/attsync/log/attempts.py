"""Submissions: recorded before the first byte leaves, ended after the answer (RELIABILITY.md 3).

Knows the tables submission, try, fault and body; refuses to know what a body says.
"""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import uuid4

from attsync.log.file import LogFile
from attsync.log.rows import Submission, moment, problem_columns, submission_of, utc
from attsync.model import Body, Cell, Fault, Outcome, School, Session, State, Try
from attsync.problems import Problem
from attsync.window import Window


class Attempts(LogFile):
    """The part of the log that knows what was sent."""

    def refuse(self, run: int, school: School, day: date, problem: Problem, at: datetime) -> None:
        """Record that a day was refused before anything was sent. Call inside `writing`."""
        self._insert(
            "submission",
            run_id=run,
            urn=school.urn,
            day=day.isoformat(),
            state=State.REFUSED,
            recorded_at=utc(at),
            **problem_columns(problem),
        )

    def begin_sending(self, run: int, school: School, body: Body, last: Submission | None, at: datetime) -> Submission:
        """Record an attempt before its first byte is sent. Call inside `writing`.

        `last` is the newest entry of that school and day that has a body. If its fate is unknown and the body is the
        same, the attempt goes on under the same key; if the body differs, the new one takes its place under a new key.
        """
        if last and last.state is State.UNKNOWN and last.sha256 == body.sha256:
            self._connection.execute(
                """
                UPDATE submission SET state = ?, run_id = ?, recorded_at = ?, answered_at = NULL, reference = NULL,
                                      problem_code = NULL, problem_text = NULL, problem_next = NULL,
                                      problem_words = NULL
                WHERE id = ?
                """,
                (State.SENDING, run, utc(at), last.id),
            )
            return last
        if last and last.state is State.UNKNOWN:
            self._connection.execute("UPDATE submission SET state = ? WHERE id = ?", (State.SUPERSEDED, last.id))
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
            recorded_at=utc(at),
        )
        return Submission(
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

    def record(self, entry: Submission, outcome: Outcome, at: datetime) -> None:
        """Record how an attempt has ended. Call inside `writing`."""
        problem = outcome.problem
        self._connection.execute(
            """
            UPDATE submission SET state = ?, answered_at = ?, reference = ?,
                                  problem_code = ?, problem_text = ?, problem_next = ?, problem_words = ?
            WHERE id = ?
            """,
            (outcome.state, utc(at), outcome.reference, *problem_columns(problem).values(), entry.id),
        )
        self._connection.executemany(
            "INSERT INTO try (submission_id, at, seconds, answer) VALUES (?, ?, ?, ?)",
            [(entry.id, utc(t.at), t.seconds, t.answer) for t in outcome.tries],
        )
        self._connection.executemany(
            "INSERT INTO fault (submission_id, code, year_group, session, attendance_code, text)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [(entry.id, f.code, *(f.cell or (None, None)), f.attendance_code, f.text) for f in outcome.faults],
        )

    def latest(self, window: Window, urn: int | None = None, *, with_body: bool = False) -> list[Submission]:
        """Give the newest entry for each school and day of the window; `with_body` passes over refused ones."""
        # One run has one entry for a day. Its number tells which is newest, not `id`: an entry whose fate was unknown
        # is taken up again by a later run. Nothing is recorded for a school without consent, so consent knows them all.
        schools = "SELECT DISTINCT urn FROM consent" if urn is None else "SELECT ? AS urn"
        return self._submissions(
            f"""
            JOIN (SELECT id, max(run_id) FROM ({schools}) AS school CROSS JOIN submission USING (urn)
                  WHERE day BETWEEN ? AND ? {"AND sha256 IS NOT NULL" if with_body else ""}
                  GROUP BY urn, day) AS newest USING (id)
            """,  # noqa: S608  constants
            (*(() if urn is None else (urn,)), window.first.isoformat(), window.last.isoformat()),
        )

    def history(self, urn: int, day: date) -> list[Submission]:
        """Give every entry of one school and day, oldest first."""
        return self._submissions("WHERE urn = ? AND day = ?", (urn, day.isoformat()))

    def tries(self, entry: Submission) -> list[Try]:
        """Give the requests of one entry, oldest first."""
        rows = self._rows("SELECT at, seconds, answer FROM try WHERE submission_id = ? ORDER BY rowid", (entry.id,))
        return [Try(at=moment(row["at"]), seconds=row["seconds"], answer=row["answer"]) for row in rows]

    def faults(self, entries: Iterable[Submission]) -> dict[int, list[Fault]]:
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

    def _submissions(self, condition: str, values: tuple[object, ...]) -> list[Submission]:
        rows = self._rows(
            f"SELECT submission.*, content FROM submission LEFT JOIN body USING (sha256) {condition}"  # noqa: S608
            " ORDER BY urn, day, run_id, submission.id",
            values,
        )
        return [submission_of(row) for row in rows]
