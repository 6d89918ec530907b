"""state_folder.py: what root makes in the folder of another account belongs to that account."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from attsync.locks import Gate, one_run, wait_for_starting_requests
from attsync.log import Log
from attsync.state_folder import make_file, make_folder
from tests.other_account import SOMEBODY_ELSE, needs_root

ACCOUNT = 65534
GROUP = 65533


@pytest.fixture
def folder() -> Iterator[Path]:
    """Make a folder of another account, in a place that it can reach."""
    with TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o755)
        made = Path(temporary) / "home"
        made.mkdir()
        os.chown(made, ACCOUNT, GROUP)
        yield made


def owners(folder: Path) -> set[tuple[int, int]]:
    """Tell to whom a folder and everything in it belong."""
    return {(found.stat().st_uid, found.stat().st_gid) for found in (folder, *folder.rglob("*"))}


def use_everything(log: Path) -> None:
    """Make the log and every lock beside it."""
    with one_run(log), Gate(log) as gate, gate.starting_request():
        pass
    wait_for_starting_requests(log)
    with Log.open(log) as opened, opened.writing():
        pass


@needs_root
def test_log_and_locks_that_root_makes_belong_to_the_account_of_the_folder(folder: Path) -> None:
    """`sudo attsync consent grant` comes first, cron second. tests/torture/test_cron.py runs both."""
    log = folder / "state" / "attsync" / "attsync.db"
    use_everything(log)

    assert owners(folder) == {(ACCOUNT, GROUP)}


@needs_root
def test_log_that_root_writes_while_it_is_open_stays_with_the_account(folder: Path) -> None:
    """`sudo attsync consent revoke` in the middle of the night: the files beside the log count too."""
    log = folder / "attsync.db"
    use_everything(log)

    with Log.open(log) as opened, opened.writing():
        assert {path.name for path in folder.iterdir()} > {"attsync.db", "attsync.db-wal", "attsync.db-shm"}
        assert owners(folder) == {(ACCOUNT, GROUP)}


@needs_root
def test_file_that_is_there_already_keeps_its_owner(folder: Path) -> None:
    """The account could have put a link there, to a file of root's that it wants to have."""
    lock = folder / "attsync.db.lock"
    lock.touch(0o600)

    with one_run(folder / "attsync.db"):
        assert lock.stat().st_uid == 0


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Let whatever is made with no mode of its own be open to everybody."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_folders_and_files_are_for_nobody_else(tmp_path: Path) -> None:
    """0700 and 0600, and what is there is left as it is; whatever the umask, and the folders above it too."""
    make_folder(tmp_path / "above" / "state")
    make_folder(tmp_path / "above" / "state")
    os.close(make_file(tmp_path / "above" / "state" / "file"))

    assert stat.S_IMODE((tmp_path / "above").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "above" / "state").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "above" / "state" / "file").stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        make_file(tmp_path / "above" / "state" / "file")


@needs_root
def test_account_that_is_not_root_keeps_what_it_makes(open_folder: Path, somebody_else: Callable[[], None]) -> None:
    """It could not give it away."""
    open_folder.chmod(0o777)
    somebody_else()
    make_folder(open_folder / "state")
    os.close(make_file(open_folder / "state" / "attsync.db"))

    assert (open_folder / "state" / "attsync.db").stat().st_uid == SOMEBODY_ELSE
