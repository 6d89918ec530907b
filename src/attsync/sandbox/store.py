"""What the sandbox received, in a small SQLite database: a file, or in memory. Safe to use from several threads."""

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self

from attsync.sandbox.validation import Error, Figure, figures

_LAYOUT: Final = """
    CREATE TABLE IF NOT EXISTS received (
        ref TEXT UNIQUE, client_id TEXT NOT NULL, key TEXT, urn INTEGER, received_at TEXT NOT NULL,
        status INTEGER NOT NULL, body BLOB NOT NULL, errors TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX IF NOT EXISTS received_once ON received (client_id, key) WHERE status = 201
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One post by a sender who was signed in, and how it was answered. The columns of the table, in order."""

    ref: str | None
    """The submissionRef; only a post that was stored (201) has one."""
    client_id: str
    key: str | None
    """Its Idempotency-Key."""
    urn: int | None
    received_at: datetime
    """In UTC."""
    status: int
    """201 stored, 400 rejected, 422 a key used before; or the status of a scripted fault."""
    body: bytes
    errors: tuple[Error, ...] = ()


class Store:
    """Everything that was received, in order of arrival."""

    def __init__(self, path: Path | None = None) -> None:
        """Open or make the file at `path` (mode 0600); without a path the store is in memory."""
        if path:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        self._lock = Lock()
        # Every statement commits by itself. Nothing here is worth waiting for the disk.
        self._database = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.executescript(_LAYOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; a store in memory is gone."""
        with self._lock:
            self._database.close()

    def keep(self, post: Received) -> Received:
        """Store `post` unless its key was used before, and return what is to be answered.

        Same key and same body: the first one, and nothing is stored twice. Same key and another body: `post` with
        status 422. A key counts as used once a post with it was stored (201).
        """
        used = "status = 201 AND client_id = ? AND key = ?"
        with self._lock:
            first = next(iter(self._rows(used, post.client_id, post.key)), None)
            if first and first.body == post.body:
                return first
            if first:
                post = replace(post, ref=None, status=HTTPStatus.UNPROCESSABLE_ENTITY, errors=())
            self._insert(post)
            return post

    def note(self, post: Received) -> None:
        """Store a post that something in front of the service answered."""
        with self._lock:
            self._insert(post)

    def received(self) -> list[Received]:
        """Return everything, also what was not stored as a submission."""
        with self._lock:
            return self._rows("true")

    def content(self) -> dict[Figure, int]:
        """Return what the DfE now believes: for each figure the value that came last, faulty ones left out."""
        believed: dict[Figure, int] = {}
        for post in self.received():
            if post.status == HTTPStatus.CREATED:
                believed.update(figures(post.body, post.errors))
        return believed

    def _insert(self, post: Received) -> None:
        row = {name: getattr(post, name) for name in Received.__slots__}
        row |= {"received_at": post.received_at.isoformat(), "errors": json.dumps(post.errors)}
        self._database.execute("INSERT INTO received VALUES (?, ?, ?, ?, ?, ?, ?, ?)", tuple(row.values()))

    def _rows(self, condition: str, *values: str | None) -> list[Received]:
        select = f"SELECT * FROM received WHERE {condition} ORDER BY rowid"  # noqa: S608  constants
        with closing(self._database.execute(select, values)) as rows:
            return [_received(*row) for row in rows]


def _received(*row: Any) -> Received:  # noqa: ANN401  the columns
    post = Received(**dict(zip(Received.__slots__, row, strict=True)))
    at, errors = datetime.fromisoformat(row[4]), tuple(json.loads(row[7]))
    return replace(post, received_at=at, errors=errors)
