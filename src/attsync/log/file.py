"""The file of the log: opened, made, checked, brought up to date, and written so that a commit is on disk.

WAL with synchronous=FULL. A file that is damaged, empty or newer is left as it is and told about, never replaced.
Knows SQLite and disks; refuses to know what stands in the tables.
"""

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote
from uuid import uuid4

from attsync.others import other_owner
from attsync.problems import LogError
from attsync.state_folder import make_file, make_folder

_APPLICATION_ID: Final = 0x61747473  # "atts"
_LAYOUT: Final = 3
_STEPS: Final = {
    1: ("ALTER TABLE run ADD COLUMN to_check TEXT NOT NULL DEFAULT '[]'",),
    2: tuple(f"ALTER TABLE {table} ADD COLUMN problem_words TEXT" for table in ("school_run", "submission")),
}
"""Layout -> what makes the next one of it."""
_BUSY_SECONDS: Final = 5
_MAKING_SECONDS: Final = 60
"""A log that is being made for longer is left over from a dead process."""

_NOTHING_LEFT: Final = 100_000
"""Bytes free on a disk that is as good as full."""

_WHY: Final = {
    "FULL": "the disk is full",
    "READONLY": "it may only be read",
    "BUSY": "another program keeps it locked",
    "CANTOPEN": "it cannot be opened",
    "IOERR": "the disk reports an error",
    "PERM": "permission denied",
}


class LogFile:
    """An open SQLite file with the tables of the log."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._reader: sqlite3.Connection | None = None
        self._reading = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the log at `path`, and make it first where there is none. Raises LogError."""
        with _in_our_words(path):
            if not _is_there(path):
                _make(path)
            return cls._opened(path)

    @classmethod
    def open_existing(cls, path: Path) -> Self | None:
        """Open the log at `path`; None where there is none. Raises LogError."""
        with _in_our_words(path):
            return cls._opened(path) if _is_there(path) else None

    @classmethod
    def _opened(cls, path: Path) -> Self:
        if path.stat().st_size == 0:  # SQLite would take it for a new database
            raise _damaged(path)
        connection = _connect(path)
        try:
            _check_layout(path, connection)
            _make_durable(connection)
            _bring_up_to_date(connection)
        except BaseException:
            connection.close()
            raise
        return cls(path, connection)

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
        """Make everything inside one transaction, on disk when it ends. Raises LogError."""
        with _in_our_words(self.path):
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                _roll_back(self._connection)
                raise

    def examine(self) -> int:
        """Read every page, and take the right to write without writing; give the layout. Raises LogError."""
        damaged = self._rows("PRAGMA quick_check(1)")[0][0] != "ok"
        if damaged:
            raise _damaged(self.path)
        with self.writing():
            return _layout(self._connection)

    def _rows(self, sql: str, values: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        with _in_our_words(self.path):
            return self._connection.execute(sql, values).fetchall()

    def _rows_now(self, sql: str, values: tuple[object, ...]) -> list[sqlite3.Row]:
        # A connection of its own: the other one may be waiting for the disk, and a sender need not.
        with self._reading, _in_our_words(self.path):
            self._reader = self._reader or _connect(self.path)
            return self._reader.execute(sql, values).fetchall()

    def _insert(self, table: str, **values: object) -> int:
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608  names of this package
        return self._connection.execute(sql, tuple(values.values())).lastrowid or 0


def _is_there(path: Path) -> bool:
    # Not path.exists(): from Python 3.14 on it calls "not there" what this account may only not know.
    try:
        path.stat()
    except FileNotFoundError:
        return False
    return True


def _make(path: Path) -> None:
    """Make an empty log under another name and move it into place, so that a crash leaves no half-made file."""
    make_folder(path.parent)
    _clear_up(path)
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        os.close(make_file(unfinished))
        connection = _connect(unfinished)
        try:
            tables = files("attsync").joinpath("data", "log.sql").read_text(encoding="utf-8")
            connection.executescript(
                f"BEGIN; PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {_LAYOUT}; {tables} COMMIT;"
            )
        finally:
            connection.close()
        with suppress(FileExistsError):  # another attsync was quicker; its log serves as well
            os.link(unfinished, path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)  # or a power cut could take away the file's name, with all that is in it
        finally:
            os.close(folder)
    finally:
        for ending in ("", "-journal"):
            unfinished.with_name(unfinished.name + ending).unlink(missing_ok=True)


def _clear_up(path: Path) -> None:
    """Delete what processes that died in `_make` left behind; there is nothing in it."""
    for left in path.parent.iterdir():
        if left.name.startswith(f".{path.name}.") and left.stat().st_mtime < time.time() - _MAKING_SECONDS:
            left.unlink(missing_ok=True)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.row_factory = sqlite3.Row
    return connection


def _make_durable(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _check_layout(path: Path, connection: sqlite3.Connection) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != _APPLICATION_ID:
        raise _damaged(path)
    if _layout(connection) > _LAYOUT:
        raise LogError(
            "LOG-NEWER",
            f"The log {path} was made by a newer attsync.",
            "Install the newer attsync again, or name another file under [log] path.",
            not_done="It was left as it is, and nothing was sent.",
            setting=("log", "path"),
        )


def _layout(connection: sqlite3.Connection) -> int:
    (layout,) = connection.execute("PRAGMA user_version").fetchone()
    return int(layout)


def _bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Bring a log that an older attsync made to the layout of this one: all of it, or nothing."""
    if _layout(connection) == _LAYOUT:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for number in range(_layout(connection), _LAYOUT):  # asked again: another attsync may have been quicker
            for statement in _STEPS[number]:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_LAYOUT}")
        connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:  # SQLite may have done so itself
        with suppress(sqlite3.Error):  # what went wrong first is what counts
            connection.execute("ROLLBACK")


@contextmanager
def _in_our_words(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_SHORT_READ")):
            raise _damaged(path) from error
        raise _unusable(path, _why(path, name)) from error
    except OSError as error:
        raise _unusable(path, (error.strerror or "it cannot be opened").lower()) from error


def _why(path: Path, name: str) -> str:
    """Say in words what SQLite calls `name`, such as SQLITE_IOERR_WRITE."""
    kind = name.split("_")[1] if "_" in name else ""
    if kind == "IOERR" and shutil.disk_usage(path.parent).free < _NOTHING_LEFT:
        kind = "FULL"
    beside = [path.with_name(path.name + ending) for ending in ("-wal", "-shm")]
    if kind == "READONLY" and (closed := [each for each in beside if each.exists() and not os.access(each, os.W_OK)]):
        return f"{closed[0].name} beside it may only be read"
    return _WHY.get(kind, f"SQLite says {name}")


def _unusable(path: Path, why: str) -> LogError:
    return LogError(
        "LOG-WRITE",
        f"The log {path}{other_owner(path)} cannot be used: {why}.",
        "Ask IT to let the account that runs attsync write this file and its folder, and to check the free space.",
        not_done="Nothing new was sent.",
    )


def _damaged(path: Path) -> LogError:
    return LogError(
        "LOG-DAMAGED",
        f"The log {path} is damaged, or is not a log of attsync.",
        "Ask IT to bring it back from a backup, and to move away what lies beside it (-wal, -shm) before; consents and"
        " removals since are not in it. Without a backup: move all three away, then give consent again.",
        not_done="It was left as it is, and nothing was sent.",
    )
