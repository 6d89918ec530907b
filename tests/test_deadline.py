"""deadline.py: every wait ends at one moment, by our own clock, whatever the other side or a C library does."""

import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress
from math import inf

import pytest

from attsync.deadline import Deadline

SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
"""Never ends."""
IN_C = f"""
import signal, sqlite3, sys
from attsync.deadline import Deadline

def stop(number, frame):
    print("handled", flush=True)

signal.signal(signal.SIGTERM, stop)
connection = sqlite3.connect(":memory:")
with Deadline() as deadline:
    print("ready", flush=True)
    if sys.argv[1] == "before":
        sys.stdin.readline()
    with deadline.guard(connection.interrupt, on_signal=sys.argv[1] != "not asked for", seconds=float(sys.argv[2])):
        try:
            connection.execute("{SLOW}")
        except sqlite3.OperationalError as error:
            print(error)
"""


def slow(connection: sqlite3.Connection) -> None:
    """Run a statement that never ends."""
    connection.execute(SLOW)


@pytest.fixture
def connection() -> sqlite3.Connection:
    """Return a database in memory."""
    return sqlite3.connect(":memory:", check_same_thread=False)


def test_wait_ends_at_the_deadline(connection: sqlite3.Connection) -> None:
    """C1: a statement that would run for ever, in a thread that cannot look at a clock meanwhile."""
    with Deadline(0.05) as deadline:
        assert deadline.seconds_left > 0
        with pytest.raises(sqlite3.OperationalError, match="interrupted"), deadline.guard(connection.interrupt):
            slow(connection)
        assert deadline.is_over
        assert deadline.seconds_left == 0


def test_wait_ends_at_its_own_limit_before_the_deadline(connection: sqlite3.Connection) -> None:
    """A request has 90 s, the run ten minutes."""
    with Deadline(600) as deadline:
        with pytest.raises(sqlite3.OperationalError), deadline.guard(connection.interrupt, seconds=0.05):
            slow(connection)
        assert not deadline.is_over
        assert 0 < deadline.seconds_left <= 600


def test_own_limit_does_not_reach_beyond_the_deadline(connection: sqlite3.Connection) -> None:
    """The earlier of the two counts; a guard that begins after the deadline is stopped at once."""
    with Deadline(0.02) as deadline:
        for _ in range(2):
            with pytest.raises(sqlite3.OperationalError), deadline.guard(connection.interrupt, seconds=600):
                slow(connection)


def test_wait_is_stopped_again_and_again(connection: sqlite3.Connection) -> None:
    """What was stopped while it was still connecting has to be stopped once it is connected."""
    calls: list[None] = []

    def stop() -> None:
        calls.append(None)
        if len(calls) > 2:
            connection.interrupt()

    with (
        Deadline(0.01) as deadline,
        pytest.raises(sqlite3.OperationalError),
        deadline.guard(stop),
    ):
        slow(connection)
    assert len(calls) >= 3


def test_what_cannot_be_stopped_does_not_keep_the_others_waiting(connection: sqlite3.Connection) -> None:
    """A driver raises what it likes when it is closed from another thread."""

    def fails() -> None:
        raise RuntimeError

    with (
        Deadline(0.01) as deadline,
        pytest.raises(sqlite3.OperationalError),
        deadline.guard(fails),
        deadline.guard(connection.interrupt),
    ):
        slow(connection)


def test_guards_of_several_threads_each_end_at_their_own_time() -> None:
    """A later guard with an earlier end wakes the watching thread."""
    ended: list[int] = []
    pairs = [socket.socketpair() for _ in range(3)]

    def wait(number: int, seconds: float) -> None:
        end = pairs[number][0]
        with deadline.guard(lambda: end.shutdown(socket.SHUT_RDWR), seconds=seconds):
            begun.wait()
            end.recv(1)
        ended.append(number)

    begun = threading.Barrier(4)
    with Deadline(600) as deadline:
        threads = [threading.Thread(target=wait, args=(n, s)) for n, s in enumerate((500, 0.3, 0.05))]
        for thread in threads:
            thread.start()
        begun.wait()
        for thread in threads[1:]:
            thread.join()
        pairs[0][1].close()
        threads[0].join()
    for end in (end for pair in pairs for end in pair):
        end.close()

    assert ended == [2, 1, 0]


def test_what_ends_in_time_is_not_stopped() -> None:
    """Nor is anything stopped after it has ended."""
    calls: list[None] = []
    with Deadline(0.05) as deadline:
        with deadline.guard(lambda: calls.append(None)):
            pass
        with deadline.guard(lambda: calls.append(None), seconds=600), suppress(ZeroDivisionError):
            raise ZeroDivisionError
        woken = threading.Event()
        with deadline.guard(woken.set):
            woken.wait()

    assert calls == []


def test_deadline_that_does_not_come() -> None:
    """`check` and `init` have none of their own."""
    with Deadline() as deadline:
        assert (deadline.seconds_left, deadline.is_over) == (inf, False)
        with deadline.guard(lambda: pytest.fail("stopped")):
            pass


def test_deadline_leaves_signals_and_threads_as_they_were() -> None:
    """Also one inside another, and one in a thread, which cannot watch for signals."""
    names = {thread.name for thread in threading.enumerate()}
    signal.set_wakeup_fd(-1)  # a test before this one may have closed its deadlines in another order
    with Deadline(), Deadline():
        assert signal.set_wakeup_fd(-1) != -1
        thread = threading.Thread(target=lambda: Deadline(0.01).close())
        thread.start()
        thread.join()

    assert {thread.name for thread in threading.enumerate()} == names
    assert signal.set_wakeup_fd(-1) == -1


@pytest.mark.parametrize(("how", "seconds"), [("during", 600), ("before", 600), ("not asked for", 0.3)])
def test_signal_ends_a_wait_inside_a_c_library(how: str, seconds: float) -> None:
    """C1: SIGTERM while SQLite computes: Python handles a signal only between two of its own instructions.

    A wait that begins after the signal ends at once; one that does not ask for it goes on to its end.
    """
    command = [sys.executable, "-c", IN_C, how, str(seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdin
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        process.stdin.write("\n")
        process.stdin.flush()
        assert sorted(process.stdout.read().split("\n")) == ["", "handled", "interrupted"]
