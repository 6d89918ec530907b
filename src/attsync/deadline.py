"""The one deadline of a run, enforced by our own clock: every wait is stopped from another thread.

Does not rely on the time limits of a server, a driver or a library. `Deadline.guard` takes a function that ends a wait
(by closing a connection or interrupting SQLite) and calls it when the time is over. With `on_signal`, a signal also
calls it: a wait inside a C library would keep Python from handling it. Imports nothing of attsync.
"""

import logging
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import inf
from time import monotonic
from typing import Final, NamedTuple, Self

_logger = logging.getLogger(__name__)

_AGAIN_SECONDS: Final = 0.05
"""What was stopped while it was still connecting has to be stopped again once it is connected."""


class _Guard(NamedTuple):
    until: float
    stop: Callable[[], object]
    on_signal: bool


class Deadline:
    """A moment on the clock of `monotonic` at which every wait ends. May be used from several threads."""

    def __init__(self, seconds: float = inf) -> None:
        self.until = monotonic() + seconds
        self._guards: dict[object, _Guard] = {}
        self._changed = threading.Lock()
        self._wakes_at = inf
        self._signalled = self._closed = False
        self._ours, self._theirs = socket.socketpair()
        for end in (self._ours, self._theirs):
            end.setblocking(False)  # noqa: FBT003  socket's own signature
        self._thread = threading.Thread(target=self._watch, name="deadline", daemon=True)
        self._thread.start()
        self._signals_before: int | None = None
        if threading.current_thread() is threading.main_thread():
            # The number of a signal is written there at once, also while the main thread is inside a C library.
            self._signals_before = signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline; 0 if it has passed."""
        return max(0.0, self.until - monotonic())

    @property
    def is_over(self) -> bool:
        """Whether the deadline has passed."""
        return monotonic() >= self.until

    @contextmanager
    def guard(self, stop: Callable[[], object], *, seconds: float = inf, on_signal: bool = False) -> Iterator[None]:
        """Call `stop` from another thread if the inside is not done at the deadline, or after `seconds`.

        `stop` may be called several times, until the inside is done. With `on_signal` it is called for a signal too.
        """
        ticket = object()
        until = min(self.until, monotonic() + seconds)
        with self._changed:
            self._guards[ticket] = _Guard(until, stop, on_signal)
            wakes = until < self._wakes_at or self._signalled
        if wakes:
            self._wake()
        try:
            yield
        finally:
            with self._changed:
                del self._guards[ticket]

    def close(self) -> None:
        """Stop watching."""
        if self._signals_before is not None:
            signal.set_wakeup_fd(self._signals_before)
        self._closed = True
        self._wake()
        self._thread.join()
        self._ours.close()
        self._theirs.close()

    def _wake(self) -> None:
        with suppress(
            OSError
        ):  # full: the thread is awake already; closed: a generator of an ended run is being cleaned up
            self._theirs.send(b"\0")

    def _watch(self) -> None:
        while not self._closed:
            now = monotonic()
            with self._changed:
                due = [
                    guard.stop
                    for guard in self._guards.values()
                    if guard.until <= now or (self._signalled and guard.on_signal)
                ]
                later = min((guard.until for guard in self._guards.values() if guard.until > now), default=inf)
                self._wakes_at = min(later, now + _AGAIN_SECONDS) if due else later
                wakes_at = self._wakes_at
            for stop in due:
                try:
                    stop()
                except Exception as error:  # noqa: BLE001  a driver's own error; the wait may just have ended
                    _logger.debug("a wait could not be stopped: %s", type(error).__name__)
            ready, _, _ = select.select([self._ours], [], [], None if wakes_at == inf else max(0.0, wakes_at - now))
            if ready and any(self._ours.recv(64)):
                self._signalled = True
