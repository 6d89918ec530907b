"""The file of the log: created, opened, checked, and written so that a commit is on disk.

WAL with synchronous=FULL. A file that is damaged, empty or newer is left as it is and reported, never replaced. The
tables are in data/log.sql. Imports no other module of the log.
"""

import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote
from uuid import uuid4

from attsync import data
from attsync.accounts import make_file, make_folder, other_owner, require_trusted_log
from attsync.problems import LogError

_APPLICATION_ID: Final = 0x61747473  # "atts"
LAYOUT: Final = 4
_BUSY_SECONDS: Final = 5
_MAKING_SECONDS: Final = 60
"""Seconds after which an unfinished log is left over from a dead process."""
_NOTHING_LEFT: Final = 100_000
"""Free bytes below which a disk counts as full."""
_CASES: Final = {
    "FULL": "full",
    "READONLY": "read_only",
    "BUSY": "locked",
    "LOCKED": "locked",
    "CANTOPEN": "unopened",
    "IOERR": "disk",
    "PERM": "denied",
}
"""What SQLite calls an error -> the case of LOG-WRITE."""


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection to the file at `path`, if no other account can change it and it has the log's layout.

    Raise LogError.
    """
    with in_our_words(path):
        require_trusted_log(path)
        if path.stat().st_size == 0:  # SQLite would take it for a new database
            raise damaged(path)
        connection = _open(path)
        try:
            _check_layout(path, connection)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
        return connection


def exists(path: Path) -> bool:
    """Whether there is a log at `path`. Raise LogError if this account cannot find out, or the file has two names."""
    with in_our_words(path):
        try:
            found = path.stat()
        except FileNotFoundError:
            return False
        # Two names would mean two locks, and two runs at the same time. `make` adds a second one for a moment: it is
        # looked for before the names are counted again, so it cannot be missed.
        if found.st_nlink > 1 and stat.S_ISREG(found.st_mode):
            of_make = sum(other.st_ino == found.st_ino for _, other in _unfinished(path))
            if (names := path.stat().st_nlink - of_make) > 1:
                raise _refused(path, "linked", number=names)
        return True


def make(path: Path) -> None:
    """Make an empty log under another name and move it into place, so that a crash leaves no half-made file."""
    with in_our_words(path):
        make_folder(path.parent)
        require_trusted_log(path)
        _clear_up(path)
        unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
        try:
            os.close(make_file(unfinished))
            connection = _open(unfinished)
            try:
                tables = data.text("log.sql")
                connection.executescript(
                    f"BEGIN; PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {LAYOUT};{tables} COMMIT;"
                )
            finally:
                connection.close()
            with suppress(FileExistsError):  # another attsync was quicker, and its log is as good
                os.link(unfinished, path)
            folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(folder)  # or a power cut could lose the file's name, with all that is in it
            finally:
                os.close(folder)
        finally:
            for ending in ("", "-journal"):
                unfinished.with_name(unfinished.name + ending).unlink(missing_ok=True)


def _clear_up(path: Path) -> None:
    """Delete what processes that died in `make` left behind; there is nothing in it."""
    for left, found in _unfinished(path):
        if found.st_mtime < time.time() - _MAKING_SECONDS:
            left.unlink(missing_ok=True)


def _unfinished(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Return what is being made now, or was left behind; its maker may delete it at any moment."""
    for each in path.parent.iterdir():
        if each.name.startswith(f".{path.name}."):
            with suppress(FileNotFoundError):
                yield each, each.lstat()


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.row_factory = sqlite3.Row
    return connection


def _check_layout(path: Path, connection: sqlite3.Connection) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (layout,) = connection.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION_ID or layout < LAYOUT:
        raise damaged(path)
    if layout > LAYOUT:
        raise LogError("LOG-NEWER", path=path)


@contextmanager
def writing(path: Path, connection: sqlite3.Connection) -> Iterator[None]:
    """Make everything inside one transaction, on disk when it ends. Raise LogError."""
    with in_our_words(path):
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite may have rolled back itself
                with suppress(sqlite3.Error):  # the first error is the one to report
                    connection.execute("ROLLBACK")
            raise


@contextmanager
def in_our_words(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the file system into LogError."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_SHORT_READ")):
            raise damaged(path) from error
        raise _unusable(path, name) from error
    except OSError as error:
        raise _refused(path, "system", why=(error.strerror or "it cannot be opened").lower()) from error


def damaged(path: Path) -> LogError:
    """Return the error that says that the log is damaged, or is not attsync's log."""
    return LogError("LOG-DAMAGED", path=path)


def _unusable(path: Path, name: str) -> LogError:
    """Return the error for what SQLite calls `name`, such as SQLITE_IOERR_WRITE."""
    kind = name.split("_")[1] if "_" in name else ""
    with suppress(OSError):
        if kind == "IOERR" and shutil.disk_usage(path.parent).free < _NOTHING_LEFT:
            kind = "FULL"
    beside = [path.with_name(path.name + ending) for ending in ("-wal", "-shm")]
    if kind == "READONLY" and (closed := [each for each in beside if each.exists() and not os.access(each, os.W_OK)]):
        return _refused(path, "beside", name=closed[0].name)
    return _refused(path, _CASES.get(kind, "sqlite"), name=name)


def _refused(path: Path, case: str, **parameters: object) -> LogError:
    return LogError("LOG-WRITE", case, path=path, owner=other_owner(path), **parameters)
