"""log.schema: the log is created once, commits are on disk, and what is not our log is left as it is."""

import os
import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from attsync.locks import is_running, one_run
from attsync.log import Log, schema
from attsync.problems import AlreadyRunning, LogError, Problem
from tests.made_log import ABBEY, AT, RECEIVER, WINDOW, decide
from tests.other_account import SOMEBODY_ELSE, needs_root


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the log is to be."""
    return tmp_path / "attsync.db"


@contextmanager
def refused(path: Path, code: str, case: str = "") -> Iterator[None]:
    """Expect exit code 9, this problem about this file, and that not one byte of it has changed."""
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(LogError) as raised:
        yield
    problem = raised.value.problem
    assert (problem.code, problem.case, problem.exit_code) == (code, case, 9)
    assert problem["path"] == str(path)
    assert (path.read_bytes() if path.is_file() else b"") == before


# Creation


def test_log_belongs_to_its_account_alone(tmp_path: Path) -> None:
    """It contains counts by which a pupil could be recognised."""
    path = tmp_path / "new" / "state" / "attsync.db"

    with Log.open(path) as log, log.writing():
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}

    assert modes == dict.fromkeys(("attsync.db", "attsync.db-wal", "attsync.db-shm"), 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_nothing_is_created_by_reading(path: Path) -> None:
    """`status` before the first send."""
    assert Log.open_existing(path) is None
    assert list(path.parent.iterdir()) == []


def test_log_created_by_several_at_the_same_moment_is_one_log(path: Path) -> None:
    """Two consents on a new machine: each finds the one log, anyone who was quicker, and none is refused."""
    start, failed = threading.Barrier(8), []

    def open_it(number: int) -> None:
        start.wait()
        try:
            with Log.open(path) as log:
                decide(log, ABBEY, at=AT.replace(minute=number))
        except LogError as error:
            failed.append(error.problem)

    threads = [threading.Thread(target=open_it, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    with Log.open(path) as log:
        assert len(log.consent_history(ABBEY.urn)) == 8
    assert [file.name for file in path.parent.iterdir()] == ["attsync.db"]


def test_log_that_another_has_just_put_in_place_is_opened(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a moment it has 2 names; its maker may delete the second at any moment while they are counted."""
    schema.make(path)
    second = path.with_name(f".{path.name}.0123")
    os.link(path, second)
    assert schema.exists(path)

    real = Path.iterdir

    def listed(folder: Path) -> list[Path]:
        found = [*real(folder)]
        second.unlink()
        return found

    monkeypatch.setattr(Path, "iterdir", listed)
    assert schema.exists(path)


def test_what_a_dead_process_left_while_creating_is_deleted(path: Path) -> None:
    """There is nothing in it; a recent one may be another attsync's."""
    old, recent = path.with_name(".attsync.db.0123"), path.with_name(".attsync.db.4567")
    for left in (old, recent):
        left.write_text("")
    os.utime(old, (0, 0))

    Log.open(path).close()

    assert sorted(file.name for file in path.parent.iterdir()) == [".attsync.db.4567", "attsync.db"]


# Commits


def test_commits_are_on_disk(path: Path) -> None:
    """WAL with synchronous FULL, on each connection that writes: a power cut takes nothing back."""
    Log.open(path).close()
    with closing(schema.connect(path)) as connection:
        pragmas = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in _PRAGMAS]
        assert dict(zip(_PRAGMAS, pragmas, strict=True)) == _PRAGMAS


_PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "user_version": 4, "application_id": 0x61747473}


def test_second_writer_waits_and_then_says_that_the_log_is_locked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """C13: nothing about rights or space. Reading goes on."""
    monkeypatch.setattr(schema, "_BUSY_SECONDS", 0.05)
    with Log.open(path) as log, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LogError) as raised:
            log.begin_run(WINDOW, RECEIVER, AT)
        assert log.last_run() is None
        other.execute("ROLLBACK")
        log.begin_run(WINDOW, RECEIVER, AT)

    assert (raised.value.problem.code, raised.value.problem.case) == ("LOG-WRITE", "locked")


def test_log_that_a_viewer_has_locked_whole_is_said_to_be_locked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """C13: a database viewer with an exclusive lock keeps even readers out."""
    monkeypatch.setattr(schema, "_BUSY_SECONDS", 0.05)
    Log.open(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as viewer:
        viewer.execute("PRAGMA locking_mode = EXCLUSIVE")
        viewer.execute("BEGIN EXCLUSIVE")
        for opening in (Log.open, Log.open_existing):
            with pytest.raises(LogError) as raised:
                opening(path)
            assert (raised.value.problem.code, raised.value.problem.case) == ("LOG-WRITE", "locked")


def test_full_disk_leaves_the_log_usable(path: Path) -> None:
    """What was committed before stays, and the next transaction works once there is space."""
    with Log.open(path) as log:
        log.begin_run(WINDOW, RECEIVER, AT)
        pages = log._rows("PRAGMA page_count")[0][0]  # noqa: SLF001
        log._rows(f"PRAGMA max_page_count = {pages}")  # noqa: SLF001
        with pytest.raises(LogError) as raised:
            decide(log, reason="x" * 1_000_000)
        log._rows("PRAGMA max_page_count = 1000000")  # noqa: SLF001
        log.begin_run(WINDOW, RECEIVER, AT)
        assert log.examine() == 4

    assert (raised.value.problem.code, raised.value.problem.case) == ("LOG-WRITE", "full")


@pytest.mark.parametrize(
    ("error", "case"),
    [
        ("SQLITE_FULL", "full"),
        ("SQLITE_IOERR_SHMSIZE", "disk"),
        ("SQLITE_READONLY_DIRECTORY", "read_only"),
        ("SQLITE_BUSY_RECOVERY", "locked"),
        ("SQLITE_CANTOPEN", "unopened"),
        ("SQLITE_PERM", "denied"),
        ("SQLITE_PROTOCOL", "sqlite"),
        ("", "sqlite"),
        ("SQLITE_CORRUPT_INDEX", None),
        ("SQLITE_NOTADB", None),
        ("SQLITE_IOERR_SHORT_READ", None),
    ],
)
def test_error_of_sqlite_is_told_by_its_kind(path: Path, error: str, case: str | None) -> None:
    """Each has someone else to act."""
    raised = sqlite3.OperationalError()
    raised.sqlite_errorname = error
    with pytest.raises(LogError) as told, schema.in_our_words(path):
        raise raised

    problem = told.value.problem
    assert (problem.code, problem.case) == (("LOG-WRITE", case) if case else ("LOG-DAMAGED", ""))
    assert problem.get("name") == (error if case else "")


def test_disk_error_on_a_full_disk_is_told_as_that(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite calls some of its failures on a full disk an error of the disk; a folder that is gone does not hide it."""
    full = shutil.disk_usage(path.parent)._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    assert schema._unusable(path, "SQLITE_IOERR_WRITE").problem.case == "full"  # noqa: SLF001
    monkeypatch.undo()
    assert schema._unusable(path / "no" / "folder", "SQLITE_IOERR_WRITE").problem.case == "disk"  # noqa: SLF001


def test_read_only_file_beside_the_log_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite makes it with the mode of the log, which may have been corrected since."""
    beside = path.with_name("attsync.db-shm")
    beside.touch()
    real = os.access
    monkeypatch.setattr(os, "access", lambda file, mode: file != beside and real(file, mode))

    problem = schema._unusable(path, "SQLITE_READONLY_CANTINIT").problem  # noqa: SLF001

    assert (problem.case, problem["name"]) == ("beside", "attsync.db-shm")


# Files that are not our log


def empty(path: Path) -> None:
    """Make a file of 0 bytes: SQLite would take it for a new database."""
    path.write_bytes(b"")


def text(path: Path) -> None:
    """Make a file that is no database."""
    path.write_text("no database at all, but long enough to be one" * 50)


def other_database(path: Path) -> None:
    """Make a database of another program."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE anything (a)")


def older_layout(path: Path) -> None:
    """Make a log of a layout before this one: nothing was released with it."""
    Log.open(path).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("PRAGMA user_version = 3")


def torn(path: Path) -> None:
    """Overwrite the first page but for the header."""
    Log.open(path).close()
    content = bytearray(path.read_bytes())
    content[100:4096] = os.urandom(3996)
    path.write_bytes(content)


def cut_short(path: Path) -> None:
    """Make a copy that stopped half-way."""
    Log.open(path).close()
    os.truncate(path, 8192)


@pytest.mark.parametrize("damage", [empty, text, other_database, older_layout, torn, cut_short])
def test_damaged_log_is_left_as_it_is(path: Path, damage: Callable[[Path], None]) -> None:
    """It may be all that proves what was sent; a new one in its place would forget every consent."""
    damage(path)

    with refused(path, "LOG-DAMAGED"), Log.open(path) as log:
        log.begin_run(WINDOW, RECEIVER, AT)
    with refused(path, "LOG-DAMAGED"), Log.open_existing(path) or pytest.fail("there is a log") as log:
        log.examine()


def test_damage_that_no_query_meets_is_found_by_examining(path: Path) -> None:
    """`check` reads every page."""
    with Log.open(path) as log:
        for number in range(20):
            decide(log, reason=f"{number}" * 1000)
    content = bytearray(path.read_bytes())
    content[-6000:-4000] = bytes(2000)
    path.write_bytes(content)

    with Log.open(path) as log:
        assert log.last_run() is None
        with refused(path, "LOG-DAMAGED"):
            log.examine()


def test_newer_log_is_left_as_it_is(path: Path) -> None:
    """An older attsync must not write what a newer one cannot read."""
    Log.open(path).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("PRAGMA user_version = 99")

    with refused(path, "LOG-NEWER"):
        Log.open(path)


def test_folder_in_place_of_the_log_is_told(path: Path) -> None:
    """A mount in a container that went wrong."""
    path.mkdir()

    with refused(path, "LOG-WRITE", "unopened"):
        Log.open(path)


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file where the folder should be; also for root, who can write anywhere."""
    (tmp_path / "state").write_text("")

    with refused(tmp_path / "state" / "attsync.db", "LOG-WRITE", "system"):
        Log.open(tmp_path / "state" / "attsync.db")


# Two names of one log


def test_link_to_the_log_is_the_log_with_the_same_locks(path: Path, tmp_path: Path) -> None:
    """C5: two settings files with two names for one log must not send at the same time."""
    with Log.open(path) as log:
        decide(log)
    link = tmp_path / "other" / "link.db"
    link.parent.mkdir()
    link.symlink_to(path)

    with Log.open(link) as log:
        assert log.path == path
        assert log.latest_consent(ABBEY.urn)
    with one_run(path), pytest.raises(AlreadyRunning), one_run(link):
        pytest.fail("two at once")
    assert not is_running(link)
    assert [file.name for file in link.parent.iterdir()] == ["link.db"]


def test_link_to_a_log_that_is_not_there_yet_leads_to_it(path: Path, tmp_path: Path) -> None:
    """The link stays a link."""
    link = tmp_path / "link.db"
    link.symlink_to(path)

    Log.open(link).close()

    assert path.is_file()
    assert link.is_symlink()


def test_log_with_two_hard_links_is_refused(path: Path, tmp_path: Path) -> None:
    """C5: each name would have its own locks."""
    Log.open(path).close()
    os.link(path, tmp_path / "second.db")

    for opening in (Log.open, Log.open_existing):
        with pytest.raises(LogError) as raised:
            opening(path)
        assert raised.value.problem == Problem("LOG-WRITE", "linked", path=path, number=2)


def test_link_that_leads_to_itself_is_told(path: Path) -> None:
    """Never an error of attsync itself."""
    path.symlink_to(path)

    for opening in (Log.open, Log.open_existing):
        with pytest.raises(LogError) as raised:
            opening(path)
        assert raised.value.problem.case == "system"


# Other accounts


@pytest.mark.parametrize(("loose", "mode"), [("state", 0o1777), ("state", 0o770), ("state/attsync.db", 0o660)])
def test_log_that_others_can_change_is_not_opened(tmp_path: Path, loose: str, mode: int) -> None:
    """C2, for root too: neither an existing log nor a connection for the senders; and none is made in such a folder."""
    path = tmp_path / "state" / "attsync.db"
    with Log.open(path) as log:
        (tmp_path / loose).chmod(mode)
        for opening in (Log.open, Log.open_existing, lambda _: log.consent_now(ABBEY.urn)):
            with refused(path, "LOG-WRITE", "mode"):
                opening(path)
    if loose == "state":
        path.unlink()
        with refused(path, "LOG-WRITE", "mode"):
            Log.open(path)
        assert list(path.parent.iterdir()) == []


@needs_root
def test_log_of_a_third_account_is_not_opened(tmp_path: Path) -> None:
    """C2: its owner could change every consent in it."""
    path = tmp_path / "attsync.db"
    Log.open(path).close()
    os.chown(path, SOMEBODY_ELSE, -1)

    with refused(path, "LOG-WRITE", "owner"):
        Log.open(path)


@needs_root
def test_log_that_this_account_cannot_see_is_not_taken_for_none(
    open_folder: Path, somebody_else: Callable[[], None]
) -> None:
    """Otherwise a wrong account would hear that no school has given consent."""
    path = open_folder / "closed" / "attsync.db"
    path.parent.mkdir(mode=0o700)
    Log.open(path).close()
    somebody_else()

    for opening in (Log.open, Log.open_existing):
        with pytest.raises(LogError) as raised:
            opening(path)
        assert (raised.value.problem.case, raised.value.problem["why"]) == ("system", "permission denied")


@needs_root
def test_owner_of_a_log_that_cannot_be_opened_is_named(open_folder: Path, somebody_else: Callable[[], None]) -> None:
    """Left behind by one run under sudo."""
    path = open_folder / "attsync.db"
    Log.open(path).close()
    somebody_else()

    with pytest.raises(LogError) as raised:
        Log.open(path)
    assert raised.value.problem["owner"] == "root"
