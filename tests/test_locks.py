"""lock.py: one run at a time, and no request between a removal of consent and its return."""

import errno
import fcntl
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from attsync.locks import Gate, is_running, one_run, wait_for_starting_requests
from attsync.problems import AlreadyRunning, LogError

HOLD = """
import pathlib, sys, attsync.locks
with attsync.locks.one_run(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    input()
"""


def test_second_run_does_nothing(tmp_path: Path) -> None:
    """Cron starts one while the other is still at it: exit 6."""
    log = tmp_path / "attsync.db"

    with one_run(log), pytest.raises(AlreadyRunning) as raised, one_run(log):
        pytest.fail("two at once")
    assert raised.value.exit_code == 6


def test_lock_is_free_after_the_run(tmp_path: Path) -> None:
    """And its file stays: unlinking it would let two runs hold two files."""
    log = tmp_path / "attsync.db"
    for _ in range(2):
        with one_run(log):
            pass

    assert [file.name for file in tmp_path.iterdir()] == ["attsync.db.lock"]
    assert stat.S_IMODE((tmp_path / "attsync.db.lock").stat().st_mode) == 0o600


def test_lock_is_freed_by_a_kill(tmp_path: Path) -> None:
    """The kernel frees it; nobody has to delete anything by hand."""
    log = tmp_path / "attsync.db"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(log)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(AlreadyRunning), one_run(log):
            pytest.fail("two at once")
        holder.kill()
        holder.wait()

    with one_run(log):
        pass


def test_programs_that_a_run_starts_do_not_inherit_the_lock(tmp_path: Path) -> None:
    """Or it would be held for as long as they live."""
    with one_run(tmp_path / "attsync.db"):
        (descriptor,) = [fd for fd in Path("/proc/self/fd").iterdir() if str(fd.resolve()).endswith(".db.lock")]
        assert not os.get_inheritable(int(descriptor.name))


def test_link_in_place_of_the_lock_is_told(tmp_path: Path) -> None:
    """Somebody else could have put it there, to a file of ours."""
    (tmp_path / "attsync.db.lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(LogError, match="cannot be used") as raised, one_run(tmp_path / "attsync.db"):
        pytest.fail("followed the link")
    assert raised.value.exit_code == 9
    assert not (tmp_path / "elsewhere").exists()


def test_lock_in_no_folder_is_told(tmp_path: Path) -> None:
    """A file where the folder should be."""
    (tmp_path / "state").write_text("")

    with pytest.raises(LogError, match="cannot be used"), one_run(tmp_path / "state" / "attsync.db"):
        pytest.fail("no folder")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_lock_of_another_account_is_told_with_its_owner() -> None:
    """Left behind by one run under sudo: permission denied is not "another run"."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        log = Path(folder) / "attsync.db"
        with one_run(log):
            pass
        os.seteuid(65534)
        try:
            with pytest.raises(LogError, match=r"\(owner: root\) cannot be used: permission denied"), one_run(log):
                pytest.fail("it is root's")
        finally:
            os.seteuid(0)


@pytest.mark.parametrize("kind", ["lock", "door", "gate"])
def test_disk_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A network disk may have none, or lose them in the middle: exit 9, and no request passes."""
    log = tmp_path / "attsync.db"
    real = fcntl.flock

    def flock(descriptor: int, how: int) -> None:
        if how != fcntl.LOCK_UN and Path(f"/proc/self/fd/{descriptor}").resolve().name == f"attsync.db.{kind}":
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    said = rf"attsync\.db\.{kind} cannot be used: no locks available"
    with pytest.raises(LogError, match=said) as raised, one_run(log), Gate(log) as gate, gate.starting_request():
        pytest.fail("passed")
    assert raised.value.exit_code == 9


def test_disk_without_the_second_kind_of_lock_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By it `status` sees a run; a disk may have the one kind and not the other."""

    def lockf(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "lockf", lockf)

    with pytest.raises(LogError, match="no locks available") as raised, one_run(tmp_path / "attsync.db"):
        pytest.fail("passed")
    assert raised.value.exit_code == 9


def test_requests_may_start_together(tmp_path: Path) -> None:
    """The gate holds up a removal, not one sender by the other."""
    log = tmp_path / "attsync.db"
    with Gate(log) as one, Gate(log) as other, one.starting_request(), other.starting_request():
        pass


def test_removal_waits_for_requests_that_are_starting(tmp_path: Path) -> None:
    """When it returns, their first bytes have left, and later ones will see the removal."""
    log = tmp_path / "attsync.db"
    order: list[str] = []

    def remove() -> None:
        wait_for_starting_requests(log)
        order.append("removed")

    with Gate(log) as gate, gate.starting_request():
        removal = threading.Thread(target=remove)
        removal.start()
        removal.join(0.05)
        order.append("started")
    removal.join()

    assert order == ["started", "removed"]


def test_removal_gets_through_between_many_requests(tmp_path: Path) -> None:
    """32 senders one after the other leave it a gap."""
    log = tmp_path / "attsync.db"
    done = threading.Event()

    def send() -> None:
        while not done.is_set():
            with gate.starting_request():
                pass

    with Gate(log) as gate:
        senders = [threading.Thread(target=send) for _ in range(32)]
        for sender in senders:
            sender.start()
        for _ in range(3):
            wait_for_starting_requests(log)
        done.set()
        for sender in senders:
            sender.join()


def test_running_is_told_without_turning_anybody_away(tmp_path: Path) -> None:
    """`status` looks while a run holds the lock, after its end, and where none has been."""
    log = tmp_path / "attsync.db"
    assert not is_running(log)
    assert not [*tmp_path.iterdir()]

    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(log)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        assert is_running(log)
        holder.kill()
        holder.wait()

    assert not is_running(log)
