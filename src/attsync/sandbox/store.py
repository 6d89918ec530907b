"""What the sandbox received, kept in one small SQLite database: a file, or in memory.

Knows posts and their answers; leaves it to judge.py to say what was wrong with them. Safe to use from several threads.
"""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Self

from attsync.sandbox.validation import Error, Figure, figures

_LAYOUT = """
    CREATE TABLE IF NOT EXISTS received (
        number      INTEGER PRIMARY KEY,
        ref         TEXT UNIQUE,
        client_id   TEXT NOT NULL,
        key         TEXT,
        urn         INTEGER,
        received_at TEXT NOT NULL,
        status      INTEGER NOT NULL,
        body        BLOB NOT NULL,
        errors      TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX IF NOT EXISTS received_once ON received (client_id, key) WHERE status = 201
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One post by a sender who was signed in, and how it was answered."""

    ref: str | None
    """The submissionRef; only a post that was stored (201) has one."""
    client_id: str
    key: str | None
    """Its Idempotency-Key."""
    urn: int | None
    received_at: datetime
    """In UTC."""
    status: int
    """201 stored, 400 refused, 422 a key used before; or the status of a scripted fault."""
    body: bytes
    errors: tuple[Error, ...] = ()


class Store:
    """Everything that was received, in order of arrival."""

    def __init__(self, path: Path | None = None) -> None:
        """Open or make the file at `path` (mode 0600); without a path the store lives in memory."""
        if path:
            os.close(os.open(path, os.O_CREAT, 0o600))
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
        """Close the file; an in-memory store is gone."""
        with self._lock:
            self._database.close()

    def keep(self, post: Received) -> Received:
        """Keep `post` unless its key was used before, and give back what is to be answered.

        Same key and same body: the first one, and nothing is stored twice. Same key and another body: `post` with
        status 422. A key counts as used once a post under it was stored (201).
        """
        with self._lock:
            first = self._stored_under(post.client_id, post.key)
            if first and first.body == post.body:
                return first
            if first:
                post = replace(post, ref=None, status=HTTPStatus.UNPROCESSABLE_ENTITY, errors=())
            self._insert(post)
            return post

    def note(self, post: Received) -> None:
        """Keep a post that did not get as far as the service."""
        with self._lock:
            self._insert(post)

    def received(self) -> list[Received]:
        """List everything, also what was not stored as a submission."""
        return list(self._rows("SELECT * FROM received ORDER BY number"))

    def content(self) -> dict[Figure, int]:
        """Tell what the DfE now believes: for each figure the value that came last, faulty ones left out."""
        believed: dict[Figure, int] = {}
        for post in self._rows("SELECT * FROM received WHERE status = 201 ORDER BY number"):
            believed.update(figures(post.body, post.errors))
        return believed

    def _rows(self, select: str, *values: str | None) -> Iterator[Received]:
        with self._lock, closing(self._database.execute(select, values)) as rows:
            yield from map(_received, rows)

    def _stored_under(self, client_id: str, key: str | None) -> Received | None:
        if key is None:
            return None
        row = self._database.execute(
            "SELECT * FROM received WHERE status = 201 AND client_id = ? AND key = ?", (client_id, key)
        ).fetchone()
        return _received(row) if row else None

    def _insert(self, post: Received) -> None:
        self._database.execute(
            "INSERT INTO received (ref, client_id, key, urn, received_at, status, body, errors)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                post.ref,
                post.client_id,
                post.key,
                post.urn,
                post.received_at.isoformat(),
                post.status,
                post.body,
                json.dumps(post.errors),
            ),
        )


def _received(row: tuple[int, str | None, str, str | None, int | None, str, int, bytes, str]) -> Received:
    _, ref, client_id, key, urn, received_at, status, body, errors = row
    return Received(
        ref=ref,
        client_id=client_id,
        key=key,
        urn=urn,
        received_at=datetime.fromisoformat(received_at),
        status=status,
        body=body,
        errors=tuple(json.loads(errors)),
    )
