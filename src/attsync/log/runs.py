"""Runs, what they did for each school, and whether the DfE has closed the service.

Knows the tables run, school_run and closed; refuses to judge a run.
"""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from attsync import __version__
from attsync.log.file import LogFile
from attsync.log.rows import Run, SchoolRun, moment, problem_columns, problem_of, run_of, utc
from attsync.model import School, SchoolOutcome
from attsync.problems import Problem
from attsync.window import Window

_RUN: Final = "run.id AS run_id, started_at, ended_at, first_day, last_day, exit_code"


_DIED: Final = Problem(
    "STOPPED",
    "The run that sent this day ended before it could record an answer. The day may have been received.",
    "Nothing to do: the next send covers this.",
)


class Runs(LogFile):
    """The part of the log that knows runs."""

    def begin_run(self, window: Window, at: datetime) -> int:
        """Record that a run has begun; what a dead run left as `sending` becomes `unknown`."""
        with self.writing():
            self._connection.execute(
                """
                UPDATE submission
                SET state = 'unknown', problem_code = ?, problem_text = ?, problem_next = ?, problem_words = ?
                WHERE state = 'sending'
                """,
                tuple(problem_columns(_DIED).values()),
            )
            return self._insert(
                "run",
                started_at=utc(at),
                first_day=window.first.isoformat(),
                last_day=window.last.isoformat(),
                version=__version__,
            )

    def end_run(self, run: int, exit_code: int, at: datetime, to_check: Sequence[Problem] = ()) -> None:
        """Record how a run has ended, and what is to check in no school of the settings."""
        with self.writing():
            self._connection.execute(
                "UPDATE run SET ended_at = ?, exit_code = ?, to_check = ? WHERE id = ?",
                (utc(at), exit_code, _as_json(to_check), run),
            )

    def last_run(self) -> Run | None:
        """Give the newest run."""
        rows = self._rows(f"SELECT {_RUN} FROM run ORDER BY id DESC LIMIT 1")  # noqa: S608  constants
        return run_of(rows[0]) if rows else None

    def runs_since(self, at: datetime) -> list[Run]:
        """Return the runs that began at `at` or later, oldest first."""
        rows = self._rows(f"SELECT {_RUN} FROM run WHERE started_at >= ? ORDER BY id", (utc(at),))  # noqa: S608  constants
        return [run_of(row) for row in rows]

    def to_check(self) -> tuple[Problem, ...]:
        """Give what the newest run that has ended found to check in no school of the settings."""
        rows = self._rows("SELECT to_check FROM run WHERE ended_at IS NOT NULL ORDER BY id DESC LIMIT 1")
        return _from_json(rows[0]["to_check"]) if rows else ()

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
            **problem_columns(problem),
            to_check=_as_json(to_check),
        )

    def latest_school_runs(self) -> dict[int, SchoolRun]:
        """Give for each school, by URN, what the newest run that knew it did."""
        rows = self._rows(
            f"""
            SELECT {_RUN}, school_run.urn, name, outcome, problem_code, problem_text, problem_next, problem_words,
                   school_run.to_check
            FROM (SELECT urn, max(run_id) AS run_id FROM school_run GROUP BY urn) AS newest
            JOIN school_run ON school_run.urn = newest.urn AND school_run.run_id = newest.run_id
            JOIN run ON run.id = newest.run_id
            """  # noqa: S608  constants
        )
        return {
            row["urn"]: SchoolRun(
                school=School(row["urn"], row["name"]),
                run=run_of(row),
                outcome=row["outcome"],
                problem=problem_of(row),
                to_check=_from_json(row["to_check"]),
            )
            for row in rows
        }

    def reads(self, window: Window) -> dict[int, list[Run]]:
        """Give for each school, by URN, the runs that read it in full for a day of `window` or after, oldest first."""
        since = (window.first.isoformat(),)
        rows = self._rows(f"SELECT {_RUN} FROM run WHERE last_day >= ?", since)  # noqa: S608  constants
        runs = {row["run_id"]: run_of(row) for row in rows}
        found: dict[int, list[Run]] = {}
        for row in self._rows(
            """
            SELECT urn, run_id FROM run CROSS JOIN school_run ON run_id = run.id
            WHERE last_day >= ? AND outcome = 'read' ORDER BY run.id
            """,
            since,
        ):
            found.setdefault(row["urn"], []).append(runs[row["run_id"]])
        return found

    def forget(self, before: datetime) -> None:
        """Delete runs that began before `before`, with their attempts and the bodies that nothing names any more."""
        with self.writing():
            if self._connection.execute("DELETE FROM run WHERE started_at < ?", (utc(before),)).rowcount:
                self._connection.execute(
                    "DELETE FROM body WHERE NOT EXISTS (SELECT 1 FROM submission WHERE submission.sha256 = body.sha256)"
                )

    # 410: the service is closed for good, as far as it says

    def close_service(self, receiver: str, at: datetime) -> None:
        """Record that the DfE has closed the service at `receiver`. Call inside `writing`."""
        self._connection.execute("INSERT OR IGNORE INTO closed (receiver, at) VALUES (?, ?)", (receiver, utc(at)))

    def reopen_service(self, receiver: str) -> None:
        """Forget it: the service was seen to answer again."""
        with self.writing():
            self._connection.execute("DELETE FROM closed WHERE receiver = ?", (receiver,))

    def closed_since(self, receiver: str) -> datetime | None:
        """Give when the service at `receiver` said that it is closed; None if it did not."""
        rows = self._rows("SELECT at FROM closed WHERE receiver = ?", (receiver,))
        return moment(rows[0]["at"]) if rows else None


def _as_json(problems: Sequence[Problem]) -> str:
    rows = [(p.code, p.text, p.next, [day.isoformat() for day in p.days]) for p in problems]
    return json.dumps(rows, ensure_ascii=False)


def _from_json(text: str) -> tuple[Problem, ...]:
    rows: list[list[Any]] = json.loads(text)
    return tuple(
        Problem(code, said, then, days=tuple(date.fromisoformat(day) for day in days))
        for code, said, then, days in ((*row, [])[:4] for row in rows)  # up to layout 2 without days
    )
