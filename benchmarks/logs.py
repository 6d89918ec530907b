"""Logs as years of sends leave them: the runs that went before, and what each of them sent.

A real send in between makes the rows that are multiplied here, by set-based statements. Knows the tables of the log
(src/attsync/data/log.sql); imports nothing of attsync.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

_LONDON: Final = ZoneInfo("Europe/London")
TIMES: Final = (time(23, 58), time(23, 59))
"""Of the planned sends: late, so that none of today is missing at any hour at which someone measures."""
_WINDOW: Final = 8
"""Days that each send covers."""
_INDEXES: Final = ("submission_by_day", "submission_open", "submission_by_run", "submission_by_body")


def add_runs(path: Path, days: Sequence[date]) -> None:
    """Record both planned sends of each of `days` as runs that read every school with consent."""
    starts = [datetime.combine(day, at, _LONDON).astimezone(UTC) for day in days for at in TIMES]
    runs = [(_text(at), _text(at + timedelta(seconds=5)), f"{at:%F}", f"{at:%F}") for at in starts]
    with _changed(path) as log:
        log.executemany(
            "INSERT INTO run (started_at, ended_at, first_day, last_day, receiver, version, exit_code, clock_confirmed)"
            " SELECT ?, ?, date(?, '-12 days'), ?, (SELECT receiver FROM consent LIMIT 1), 'made up', 0, 1",
            runs,
        )
        log.execute(
            "INSERT INTO school_run (run_id, urn, name, outcome)"
            " SELECT run.id, consent.urn, consent.name, 'read' FROM run CROSS JOIN consent"
        )


def as_of(path: Path, day: date) -> None:
    """Move the newest run to the last planned send of `day`."""
    at = _text(datetime.combine(day, TIMES[-1], _LONDON).astimezone(UTC))
    with _changed(path) as log:
        (run,) = log.execute("SELECT max(id) FROM run").fetchone()
        log.execute("UPDATE run SET started_at = ?, ended_at = ? WHERE id = ?", (at, at, run))
        log.execute(
            "UPDATE submission SET recorded_at = ?1, answered_at = ?1, tries = json_array(json_array(?1, 0.05, '201'))"
            " WHERE run_id = ?2",
            (at, run),
        )


def add_submissions(path: Path, days: Sequence[date]) -> None:
    """Record what the runs of `add_runs` sent: 8 days each, with new counts at noon and a correction every other day.

    The newest run has to be a real one, of the window that ends with the last of `days`.
    """
    with _changed(path) as log:
        indexes = [
            log.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,)).fetchone()[0] for name in _INDEXES
        ]
        for name in _INDEXES:
            log.execute(f"DROP INDEX {name}")
        log.execute("CREATE TEMP TABLE slot (run_id, at, day, number, version)")
        log.executemany("INSERT INTO slot VALUES (?, ?, ?, ?, ?)", _slots(log, days))
        log.execute(
            "CREATE TEMP TABLE real AS SELECT submission.*, size, content,"
            " dense_rank() OVER (ORDER BY urn) - 1 AS school,"
            " row_number() OVER (PARTITION BY urn ORDER BY day) - 1 AS nth"
            " FROM submission JOIN body ON body.id = body_id WHERE run_id = (SELECT max(id) FROM run)"
        )
        log.execute("CREATE INDEX real_by_nth ON real (nth, school)")
        (schools,) = log.execute("SELECT count(DISTINCT urn) FROM real").fetchone()
        (bodies,) = log.execute("SELECT max(id) FROM body").fetchone()
        number = f"{bodies} + 1 + (slot.number * 3 + slot.version) * {schools} + real.school"
        log.execute(
            f"INSERT INTO body (id, sha256, size, content) SELECT {number}, lower(hex(randomblob(32))), size, content"
            " FROM (SELECT DISTINCT number, version FROM slot ORDER BY number, version) AS slot"
            " CROSS JOIN real WHERE real.nth = slot.number % 8"
        )
        columns = "receiver, urn, state, am, pm, on_roll, attendance, changed, reference"
        log.execute(
            "INSERT INTO submission"
            f" (run_id, day, key, body_id, changed_from, recorded_at, answered_at, tries, {columns})"
            f" SELECT slot.run_id, slot.day, lower(hex(randomblob(18))), {number}, slot.at, slot.at, slot.at,"
            f" json_array(json_array(slot.at, 0.05, '201')), {columns}"
            " FROM slot CROSS JOIN real WHERE real.nth = slot.number % 8 ORDER BY slot.run_id"
        )
        for sql in indexes:
            log.execute(sql)
        log.execute("DROP TABLE slot")
        log.execute("DROP TABLE real")


def _slots(log: sqlite3.Connection, days: Sequence[date]) -> Iterator[tuple[int, str, str, int, int]]:
    """Return for each run but the newest each day that it sent, with the number of its day and which counts it had."""
    runs = log.execute("SELECT id, started_at, last_day FROM run ORDER BY id").fetchall()[:-1]
    for run, at, last_day in runs:
        newest = days.index(date.fromisoformat(last_day))
        for number in range(max(0, newest - _WINDOW + 1), newest + 1):
            is_morning = number == newest and run % len(TIMES) == 1
            version = 0 if is_morning else 2 if number < newest and number % 2 else 1
            yield run, at, days[number].isoformat(), number, version


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


@contextlib.contextmanager
def _changed(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as log:
        log.execute("PRAGMA journal_mode = OFF")
        log.execute("PRAGMA synchronous = OFF")
        log.execute("PRAGMA cache_size = -500000")
        log.execute("BEGIN")
        yield log
        log.execute("COMMIT")
        log.execute("PRAGMA journal_mode = WAL")
