"""Makes signals wait while something must not be cut in two: an answer recorded, and what is known of it in memory.

A signal that arrives meanwhile is answered right after. Knows nothing of what is shielded.
"""

import signal
import threading
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_SIGNALS: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


class Shield:
    """`with Shield() as shield:` puts itself before the handlers of signals; `with shield.held():` makes them wait.

    In a thread that is not the main one it does nothing: no signal is handled there.
    """

    def __init__(self) -> None:
        self._handlers: dict[int, Callable[[int, FrameType | None], Any]] = {}
        self._depth = 0
        self._waiting: int | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                handler = signal.getsignal(number)
                if callable(handler):  # not SIG_IGN: nohup means it
                    self._handlers[number] = handler
                    signal.signal(number, self._arrive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def held(self) -> "_Held":
        """Make signals wait inside the block."""
        return _Held(self)

    def _arrive(self, number: int, frame: "FrameType | None") -> None:
        if self._depth:
            self._waiting = number
        else:
            self._handlers[number](number, frame)

    def _hold(self) -> None:
        self._depth += 1

    def _release(self) -> None:
        self._depth -= 1
        if self._waiting is not None and not self._depth:
            number, self._waiting = self._waiting, None
            self._handlers[number](number, None)


class _Held:
    # A class, not @contextmanager: Python looks for signals at calls, and here there is none that could be missed.
    def __init__(self, shield: Shield) -> None:
        self._shield = shield

    def __enter__(self) -> None:
        self._shield._hold()  # noqa: SLF001  its other half

    def __exit__(self, *_: object) -> None:
        self._shield._release()  # noqa: SLF001
