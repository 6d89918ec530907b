"""Runs attsync commands in children that can be made to fail at their N-th step. Started by `runner.py`.

Everything that attsync needs is imported once; each command then runs in a fork of its own, within a tenth of a second.
A step is a statement on the log or on the school's database, a lock, a file made, or bytes sent or received, each
before it happens and after.
Several senders take their steps in another order each time: then a plan says which of the steps of one name is meant.
"""

# ruff: noqa: ANN401  what is wrapped here takes anything

import fcntl
import json
import os
import re
import resource
import signal
import socket
import sqlite3
import ssl
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any, NoReturn

import time_machine

# Whatever a command imports when it runs: its child has it already.
from attsync.commands import main as command_line

LOG, SCHOOL = "attsync.db", "school.db"
_ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


class Steps:
    """Counts steps, and does at one of them what the plan says."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan = plan
        self._lock = Lock()
        self._has_waited = False
        self.clock = time_machine.travel(time.time(), tick=True).start() if plan.get("act") == "jump" else None
        self.names: list[str] = []
        self.posts: list[tuple[float, str]] = []
        """When the first byte of each post was about to leave, on a clock of the whole machine, and its key."""

    def step(self, name: str, key: str = "", hang: Callable[[], object] | None = None) -> None:
        """Take a step; before a post, `key` is its key; `hang` never returns by itself."""
        with self._lock:
            self.names.append(name)
            kind = self._plan.get("of", name)
            number = self.names.count(name) if "of" in self._plan else len(self.names)
            is_it = (name, number) == (kind, self._plan.get("at"))
            if is_it and self._plan["act"] == "wait":
                self._wait(key)  # and anyone who takes a step meanwhile waits as well: the whole run stands still
        if is_it and self._plan["act"] == "hang" and hang:
            hang()
        elif is_it:
            self._act(name)

    def end(self) -> None:
        """Stand still at the end, if the plan says to wait for more steps of a kind than there were."""
        with self._lock:
            if self._plan.get("act") == "wait" and not self._has_waited:
                self._wait("")

    def _wait(self, key: str) -> None:
        self._has_waited = True
        Path(self._plan["here"]).write_text(key)  # both are pipes: this says that we are here,
        Path(self._plan["go"]).read_bytes()  # and this waits until we may go on

    def post(self, head: bytes) -> None:
        """Take the step before the first byte of a post, and note the moment."""
        (found,) = re.findall(rb"(?i)\r\nIdempotency-Key: (.*?)\r\n", head)
        key = found.decode()
        self.step("send POST", key)
        self.posts.append((time.monotonic(), key))

    def _act(self, name: str) -> None:
        match self._plan["act"]:
            case "signal":
                os.kill(os.getpid(), self._plan["signal"])
            case "fail":
                if name.startswith("sqlite "):
                    error = sqlite3.OperationalError("planted")
                    error.sqlite_errorname = self._plan["error"]
                    raise error
            case "jump":
                assert self.clock
                self.clock.shift(self._plan["seconds"])
            case "break":
                raise ZeroDivisionError(self._plan.get("text", ""))


def install(steps: Steps) -> None:
    """Put a step before and after everything that matters."""

    class Connection(sqlite3.Connection):
        """A connection to the log."""

        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            word = sql.split(None, 1)[0]
            steps.step(f"sqlite {word}")
            found = super().execute(sql, *values)
            if word != "SELECT":
                steps.step(f"after {word}")
            return found

        def executemany(self, sql: str, *values: Any) -> sqlite3.Cursor:
            steps.step("sqlite many")
            return super().executemany(sql, *values)

        def executescript(self, sql: str) -> sqlite3.Cursor:
            steps.step("sqlite script")
            return super().executescript(sql)

    class SchoolCursor(sqlite3.Cursor):
        """A cursor of the school's database."""

        def execute(self, sql: str, *values: Any) -> Any:
            steps.step("school statement", hang=lambda: super(SchoolCursor, self).execute(_ENDLESS).fetchall())
            return super().execute(sql, *values)

    class SchoolConnection(sqlite3.Connection):
        """A connection to the school's database."""

        def cursor(self, *_: Any) -> Any:
            return super().cursor(SchoolCursor)

    connect: Any = sqlite3.connect

    def connect_hooked(path: Any, **options: Any) -> Any:
        factories = {LOG: Connection, SCHOOL: SchoolConnection}
        found = [factory for name, factory in factories.items() if name in str(path)]
        return connect(path, **options | ({"factory": found[0]} if found else {}))

    sqlite3.connect = connect_hooked  # type: ignore[assignment]
    for owner, name in (
        (ssl.SSLSocket, "send"),
        (ssl.SSLSocket, "recv"),
        (ssl.SSLSocket, "do_handshake"),
        (socket.socket, "connect_ex"),
        (fcntl, "flock"),
        (os, "link"),
        (os, "fsync"),
    ):
        setattr(owner, name, _around(steps, name, getattr(owner, name)))


def _around(steps: Steps, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(real)
    def hooked(*args: Any, **options: Any) -> Any:
        if name == "send" and bytes(args[1][:17]) == b"POST /attendances":
            steps.post(bytes(args[1]))
        else:
            steps.step(name)
        found = real(*args, **options)
        steps.step(f"after {name}")
        return found

    return hooked


def child(order: dict[str, Any]) -> NoReturn:
    """Become the command."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    os.chdir(order["folder"])
    _redirect(order)
    os.environ.clear()
    os.environ.update(order["environment"])
    if user := order.get("user"):
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    steps = Steps(order.get("plan") or {})
    if not order["program"]:
        install(steps)
    if (size := order.get("largest_file")) is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    _hurry(order.get("seconds"), (order.get("plan") or {}).get("run_seconds"))
    sys.argv = [order["program"] or "attsync", *order["arguments"]]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if now := order.get("now"):
        time_machine.travel(now, tick=True).start()
    code: Any = 0
    try:
        command_line()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:  # noqa: BLE001  a traceback is what the tests look for
        traceback.print_exc()
        code = 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # the command is over; what follows is ours
        steps.end()
        ended, grown = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        left = {"at": ended, "steps": steps.names, "posts": steps.posts, "grown": grown}
        with suppress(OSError):  # the disk may be full
            Path(order["names"]).write_text(json.dumps(left))
        os._exit(_flush(code))


def _hurry(seconds: float | None, run_seconds: float | None) -> None:
    """Wait for nothing between two tries, not longer than `seconds` for an answer, and end after `run_seconds`."""
    service: Any = import_module("attsync.dfe.client")
    service.LONGEST_WAIT = 0
    if seconds:
        real = service.Connection
        service.Connection = lambda *args, **options: real(*args, **options | {"timeout_seconds": seconds})
    if run_seconds:
        run: Any = import_module("attsync.run.send")
        deadline = run.Deadline
        run.Deadline = lambda _: deadline(run_seconds)


def _redirect(order: dict[str, Any]) -> None:
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        path = order["streams"].get(str(number), "/dev/null" if number == 0 else f"{order['output']}/{name}")
        opened = _gone() if path == "gone" else os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  orders came by the one that there was
    if encoding := order["environment"].get("PYTHONIOENCODING"):  # which Python itself reads when it starts
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(encoding=encoding)  # type: ignore[union-attr]  # TextIO has no such method
    for number in order["closed"]:
        os.close(number)
        setattr(sys, ("stdin", "stdout", "stderr")[number], None)


def _gone() -> int:
    read, write = os.pipe()
    os.close(read)
    return write


def _flush(code: int) -> int:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except OSError:
                code = 120  # as Python itself ends then
    return code


def _import_everything() -> None:
    """Import whatever a command imports when it runs: its child has it then."""
    for name in (
        "attsync.commands.check",
        "attsync.commands.consent",
        "attsync.commands.preview",
        "attsync.commands.send",
        "attsync.commands.status",
        "attsync.database.inspect",
        "attsync.run.send",
        "attsync.show.consent",
        "attsync.show.send",
        "attsync.show.status",
        "encodings.idna",
        "encodings.utf_8_sig",
        "holidays",
        "httpcore",
        "joserfc.jwk",
        "sqlalchemy.dialects.sqlite",
    ):
        import_module(name)


def main() -> None:
    """Take orders, one a line; answer each with the child's number, then with how it ended."""
    _import_everything()
    for line in sys.stdin:
        order = json.loads(line)
        number = os.fork()
        if number == 0:
            sys.stdin.close()
            child(order)
        _answer(number)
        _, status = os.waitpid(number, 0)
        _answer(os.waitstatus_to_exitcode(status))


def _answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
