"""Runs attsync with its parts timed: `parts.py FILE ARGUMENT...` writes to FILE how much CPU each part took, as JSON.

CPU of the thread that does it (`time.thread_time`): other work of the machine adds nothing. What one part asks of
another counts for the other. Being timed costs about a tenth.
"""

import atexit
import functools
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from attsync import commands, tally
from attsync.dfe.client import Dfe
from attsync.run import plan, send
from attsync.run.dispatch import Dispatch
from attsync.run.plan import Planner

PARTS = (
    (httpx.HTTPTransport, "handle_request", "httpx, h11 and TLS"),
    (Dfe, "send", "token, limits, permission, answer"),
    (Dispatch, "_commit", "the log: recorded before and after"),
    (Planner, "plan", "what was sent before, and what is due"),
    (plan, "build", "messages built, validated, hashed"),
    (tally, "to_check", "looking for what is unusual"),
)
READING, OTHER = "reading and counting rows", "waking threads, and what is left"

cpu: Counter[str] = Counter()
_inside = threading.local()


def timed(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` with its CPU added to a part, without that of the parts that it asks."""

    @functools.wraps(function)
    def run(*arguments: Any, **more: Any) -> Any:  # noqa: ANN401  any function
        outer, _inside.others = getattr(_inside, "others", 0.0), 0.0
        started = time.thread_time()
        try:
            return function(*arguments, **more)
        finally:
            took = time.thread_time() - started
            cpu[part] += took - _inside.others
            _inside.others = outer + took

    return run


def main(file: Path) -> None:
    """Run attsync."""
    for owner, name, part in PARTS:
        setattr(owner, name, timed(part, getattr(owner, name)))
    send.send = timed(READING, send.send)  # the main thread, without its other parts
    imports = time.process_time()

    def write() -> None:
        cpu[OTHER] = time.process_time() - imports - sum(cpu.values())
        file.write_text(json.dumps({"imports": imports, **cpu}), encoding="utf-8")

    atexit.register(write)
    commands.main()


if __name__ == "__main__":
    main(Path(sys.argv.pop(1)))
