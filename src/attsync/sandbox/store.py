"""What the sandbox received: in memory, and in a file of JSON lines if it has one. Safe to use from several threads."""

import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from threading import Lock

from attsync.sandbox.validation import Error


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One post by a sender who was signed in, and how it was answered."""

    ref: str | None = None
    """The submissionRef; only a post that was stored (201) has one."""
    key: str | None
    """Its Idempotency-Key."""
    urn: int | None = None
    received_at: datetime
    """In UTC."""
    status: int
    """201 stored, 400 rejected, 422 a key used before; or the status of a scripted fault."""
    body: bytes
    errors: tuple[Error, ...] = ()


class Store:
    """Everything that was received, in order of arrival."""

    def __init__(self, path: Path | None = None) -> None:
        """Read the file at `path`, or make it (mode 0600). Raise OSError or ValueError."""
        self._path = path
        self._lock = Lock()
        self._posts: list[Received] = []
        self._first: dict[str, Received] = {}
        if path:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600), encoding="utf-8") as file:
                for line in file:
                    self._take(_from_json(line))

    def received(self) -> list[Received]:
        """Return everything, also what was not stored as a submission."""
        with self._lock:
            return list(self._posts)

    def keep(self, post: Received) -> Received:
        """Store `post` unless its key was used before, and return what is to be answered.

        Same key and same body: the first one, and nothing is stored twice. Same key and another body: `post` with
        status 422. A key counts as used once a post with it was stored (201).
        """
        with self._lock:
            first = self._first.get(post.key) if post.key else None
            if first and first.body == post.body:
                return first
            if first:
                post = replace(post, ref=None, status=HTTPStatus.UNPROCESSABLE_ENTITY, errors=())
            self._write(post)
            return post

    def note(self, post: Received) -> None:
        """Store a post that something in front of the service answered."""
        with self._lock:
            self._write(post)

    def _write(self, post: Received) -> None:
        self._take(post)
        if self._path:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(_to_json(post))

    def _take(self, post: Received) -> None:
        self._posts.append(post)
        if post.key and post.status == HTTPStatus.CREATED:
            self._first[post.key] = post


def _to_json(post: Received) -> str:
    # Latin-1 has a character for each byte.
    return json.dumps(asdict(post) | {"received_at": f"{post.received_at}", "body": post.body.decode("latin-1")}) + "\n"


def _from_json(line: str) -> Received:
    post = Received(**json.loads(line))
    at = datetime.fromisoformat(str(post.received_at))
    return replace(post, received_at=at, body=str(post.body).encode("latin-1"), errors=tuple(post.errors))
