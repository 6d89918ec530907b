"""What the sandbox received, in memory. Safe to use from several threads."""

from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
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

    def __init__(self) -> None:
        self._lock = Lock()
        self._posts: list[Received] = []
        self._first: dict[str, Received] = {}

    def received(self) -> list[Received]:
        """Return everything, also what was not stored as a submission."""
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
            elif post.key and post.status == HTTPStatus.CREATED:
                self._first[post.key] = post
            self._posts.append(post)
            return post

    def note(self, post: Received) -> None:
        """Store a post that something in front of the service answered."""
        self._posts.append(post)
