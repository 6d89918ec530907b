"""The locks beside the log: one run at a time, and no request between a removal of consent and its return.

All are flock on files that are never unlinked; the kernel frees them, also after kill -9. filelock would do the first,
for 58 ms of imports on every run (measured) and without the shared kind that the gate needs. Imports no log.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from os.path import realpath
from pathlib import Path
from typing import Final, Self

from attsync.accounts import make_file, make_folder, other_owner
from attsync.deadline import Deadline
from attsync.problems import AlreadyRunning, LogError

_AGAIN_SECONDS: Final = 0.005
"""Seconds between two tries to take a lock that another process has."""
_NEVER: Final = threading.Event()
"""Never set. Not time.sleep, which raises OSError under libfaketime, with which clocks are tested."""


@contextmanager
def one_run(log: Path) -> Iterator[None]:
    """Take the run lock of `log` for the block. Raise AlreadyRunning, or LogError if the lock file cannot be used."""
    with _opened(log, "lock") as descriptor:
        try:
            _lock(log, "lock", descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning("RUNNING") from None
        # A second kind of lock, for `is_running`: it probes with this kind only, so a probe never blocks a run.
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            raise _unusable(_path(log, "lock"), error) from error
        yield


def is_running(log: Path) -> bool:
    """Whether a run has the run lock of `log`. Does not take or create the lock, nor block a run.

    Always false in the process that runs: the kernel keeps this kind of lock per process.
    """
    try:
        descriptor = os.open(_path(log, "lock"), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:  # there was no run yet, or it was another account's, which cannot read the log either
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


class Gate:
    """The gate of one run, through which its requests start; each thread opens the files once and keeps them."""

    def __init__(self, log: Path, deadline: Deadline) -> None:
        self._log = log
        self._deadline = deadline
        self._files = ExitStack()
        self._of_thread = threading.local()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    @contextmanager
    def starting_request(self) -> Iterator[None]:
        """Inside, consent is read and the first bytes of a request are sent. Many threads can be inside.

        Raise LogError if another process keeps the gate locked until the deadline.
        """
        if not hasattr(self._of_thread, "gate"):
            self._of_thread.gate = self._files.enter_context(_opened(self._log, "gate"))
            self._of_thread.door = self._files.enter_context(_opened(self._log, "door"))
        gate, door = self._of_thread.gate, self._of_thread.door
        _wait_for(self._log, "door", door, fcntl.LOCK_EX, self._deadline)
        try:
            _wait_for(self._log, "gate", gate, fcntl.LOCK_SH, self._deadline)
        finally:
            _lock(self._log, "door", door, fcntl.LOCK_UN)
        try:
            yield
        finally:
            _lock(self._log, "gate", gate, fcntl.LOCK_UN)


def wait_for_starting_requests(log: Path) -> None:
    """Wait until every request that passed the gate before has begun; later ones see what was recorded before."""
    # The door is locked before the gate: while it is locked, no new request starts. Without it, 32 senders kept the
    # gate locked for seconds (measured).
    with _opened(log, "door") as door, _opened(log, "gate") as gate:
        _lock(log, "door", door, fcntl.LOCK_EX)
        _lock(log, "gate", gate, fcntl.LOCK_EX)


def _wait_for(log: Path, kind: str, descriptor: int, how: int, deadline: Deadline) -> None:
    """Take a lock, waiting at most until the deadline: flock itself has no time limit."""
    while True:
        try:
            return _lock(log, kind, descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if deadline.is_over:
                raise _unusable(_path(log, kind), error) from None
        _NEVER.wait(_AGAIN_SECONDS)


def _lock(log: Path, kind: str, descriptor: int, how: int) -> None:
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        raise
    except OSError as error:  # a network disk may have no locks, or lose them
        raise _unusable(_path(log, kind), error) from error


@contextmanager
def _opened(log: Path, kind: str) -> Iterator[int]:
    path = _path(log, kind)
    try:
        make_folder(path.parent)
        try:
            descriptor = make_file(path)
        except FileExistsError:  # the file is never deleted
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _path(log: Path, kind: str) -> Path:
    log = Path(realpath(log))  # beside the log itself, not beside a link to it
    return log.with_name(f"{log.name}.{kind}")


def _unusable(path: Path, error: OSError) -> LogError:
    why = (error.strerror or "it cannot be opened").lower()
    return LogError("LOG-WRITE", "lock", path=path, owner=other_owner(path), why=why)
