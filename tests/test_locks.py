"""locks.py: one run at a time, and no request between a removal of consent and its return."""

import errno
import fcntl
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from attsync.deadline import Deadline
from attsync.locks import Gate, is_running, one_run, wait_for_starting_requests
from attsync.problems import AlreadyRunning, LogError, Problem
from tests.other_account import needs_root

HOLD = """
import pathlib, sys, attsync.locks
with attsync.locks.one_run(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    input()
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return the path of a log."""
    return tmp_path / "attsync.db"


@pytest.fixture
def deadline() -> Iterator[Deadline]:
    """Return a deadline that does not come."""
    with Deadline() as made:
        yield made


@contextmanager
def held_elsewhere(log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Let another process hold the run lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(log)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        yield holder
        holder.kill()


def refused(log: Path, kind: str, why: str, owner: str = "") -> pytest.RaisesExc[LogError]:
    """Expect exit code 9 and the problem of this lock."""
    problem = Problem("LOG-WRITE", "lock", path=f"{log}.{kind}", why=why, owner=owner)
    return pytest.raises(LogError, check=lambda error: (error.problem, error.exit_code) == (problem, 9))


def test_second_run_does_nothing(log: Path) -> None:
    """Cron starts one while the other is still at it: exit 6."""
    with one_run(log), pytest.raises(AlreadyRunning) as raised, one_run(log):
        pytest.fail("two at once")
    assert (raised.value.problem.code, raised.value.exit_code) == ("RUNNING", 6)


def test_lock_is_free_after_the_run(log: Path) -> None:
    """And its file stays: unlinking it would let two runs hold two files."""
    for _ in range(2):
        with one_run(log):
            pass

    assert [file.name for file in log.parent.iterdir()] == ["attsync.db.lock"]
    assert stat.S_IMODE((log.parent / "attsync.db.lock").stat().st_mode) == 0o600


def test_lock_is_seen_and_freed_by_a_kill(log: Path) -> None:
    """The kernel frees it; `status` sees the run meanwhile, and nothing where none has been."""
    assert not is_running(log)
    assert not [*log.parent.iterdir()]
    with held_elsewhere(log) as holder:
        assert is_running(log)
        with pytest.raises(AlreadyRunning), one_run(log):
            pytest.fail("two at once")
        holder.kill()
        holder.wait()

    assert not is_running(log)
    with one_run(log):
        pass


def test_programs_that_a_run_starts_do_not_inherit_the_lock(log: Path) -> None:
    """Or it would be held for as long as they live."""
    with one_run(log):
        (descriptor,) = [fd for fd in Path("/proc/self/fd").iterdir() if str(fd.resolve()).endswith(".db.lock")]
        assert not os.get_inheritable(int(descriptor.name))


def test_link_in_place_of_the_lock_is_told(log: Path) -> None:
    """Someone else could have put it there, to a file of ours."""
    (log.parent / "attsync.db.lock").symlink_to(log.parent / "elsewhere")

    with refused(log, "lock", "too many levels of symbolic links"), one_run(log):
        pytest.fail("followed the link")
    assert not is_running(log)
    assert not (log.parent / "elsewhere").exists()


def test_lock_in_no_folder_is_told(tmp_path: Path) -> None:
    """A file where the folder should be."""
    (tmp_path / "state").write_text("")
    log = tmp_path / "state" / "attsync.db"

    with refused(log, "lock", "not a directory"), one_run(log):
        pytest.fail("no folder")


@needs_root
def test_lock_of_another_account_is_told_with_its_owner(open_folder: Path, somebody_else: Callable[[], None]) -> None:
    """Left behind by one run under sudo: permission denied is not "another run"."""
    log = open_folder / "attsync.db"
    with one_run(log):
        pass
    somebody_else()

    with refused(log, "lock", "permission denied", owner="root"), one_run(log):
        pytest.fail("it is root's")


@pytest.mark.parametrize("kind", ["lock", "door", "gate"])
def test_disk_without_locks_is_told(log: Path, deadline: Deadline, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A network disk may have none, or lose them in the middle: exit 9, and no request passes."""
    real = fcntl.flock

    def flock(descriptor: int, how: int) -> None:
        if how != fcntl.LOCK_UN and Path(f"/proc/self/fd/{descriptor}").resolve().name == f"attsync.db.{kind}":
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with (
        refused(log, kind, "no locks available"),
        one_run(log),
        Gate(log, deadline) as gate,
        gate.starting_request(),
    ):
        pytest.fail("passed")


def test_disk_without_the_second_kind_of_lock_is_told(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By it `status` sees a run; a disk may have the one kind and not the other."""

    def lockf(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "lockf", lockf)

    with refused(log, "lock", "no locks available"), one_run(log):
        pytest.fail("passed")


def test_requests_may_start_together(log: Path, deadline: Deadline) -> None:
    """The gate holds up a removal, not one sender by the other."""
    with Gate(log, deadline) as one, Gate(log, deadline) as other, one.starting_request(), other.starting_request():
        pass


def test_removal_waits_for_requests_that_are_starting(log: Path, deadline: Deadline) -> None:
    """When it returns, their first bytes have left, and later ones will see the removal."""
    order: list[str] = []

    def remove() -> None:
        wait_for_starting_requests(log)
        order.append("removed")

    with Gate(log, deadline) as gate, gate.starting_request():
        removal = threading.Thread(target=remove)
        removal.start()
        removal.join(0.05)
        order.append("started")
    removal.join()

    assert order == ["started", "removed"]


def test_removal_gets_through_between_many_requests(log: Path, deadline: Deadline) -> None:
    """32 senders one after the other leave it a gap."""
    done = threading.Event()

    def send() -> None:
        while not done.is_set():
            with gate.starting_request():
                pass

    with Gate(log, deadline) as gate:
        senders = [threading.Thread(target=send) for _ in range(32)]
        for sender in senders:
            sender.start()
        for _ in range(3):
            wait_for_starting_requests(log)
        done.set()
        for sender in senders:
            sender.join()


@pytest.mark.parametrize("kind", ["door", "gate"])
def test_gate_that_stays_locked_is_waited_for_until_the_deadline(log: Path, deadline: Deadline, kind: str) -> None:
    """C1: a removal that is stopped half-way (Ctrl-Z) must not hold up a run for ever. What was passed stays free."""
    with Gate(log, deadline) as gate, gate.starting_request():
        pass
    with Deadline(0.05) as short, Gate(log, short) as gate:
        with Path(f"{log}.{kind}").open() as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            with refused(log, kind, "resource temporarily unavailable"), gate.starting_request():
                pytest.fail("passed")
        with gate.starting_request():  # it is not the deadline that locks it
            wait = threading.Thread(target=wait_for_starting_requests, args=(log,))
            wait.start()
        wait.join()
