"""`attsync sandbox`: serves until it is told to stop, and then says so."""

import codecs
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from attsync.commands.sandbox import command as sandbox
from attsync.problems import SettingsError
from tests.installed import PROGRAM, here, of_the_tests, port
from tests.other_account import needs_root

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("number", "times"), [(signal.SIGINT, 1), (signal.SIGTERM, 2)])
def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals, times: int) -> None:
    """What it prints is what is typed in the other terminal; the same folder can be served again."""
    folder = tmp_path / "try"
    command = [str(PROGRAM), "sandbox", "--dir", str(folder), "--port", str(port())]
    for _ in range(times):
        with subprocess.Popen(command, env=of_the_tests(), stdout=subprocess.PIPE, text=True, bufsize=1) as served:
            assert served.stdout
            said = "".join(served.stdout.readline() for _ in range(4))
            assert f" send --config {folder / 'config.toml'}" in said
            here("consent", "grant", "--yes", config=folder / "config.toml")
            assert here("send", config=folder / "config.toml").exit_code == 0
            served.send_signal(number)
            assert served.stdout.read().endswith("The pretend DfE has stopped.\n")
        assert served.returncode == 128 + number


def test_fault_that_is_none_is_told(tmp_path: Path) -> None:
    """With those that there are; and no folder is made."""
    ended = here("sandbox", "--dir", str(tmp_path / "try"), "--faults", "bussy")

    assert ended.exit_code == 2
    assert "busy" in ended.err
    assert not (tmp_path / "try").exists()


def test_port_that_is_taken_leaves_nothing_behind(tmp_path: Path) -> None:
    """And is told."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = here("sandbox", "--dir", str(tmp_path / "try"), "--port", str(port))

    assert ended.exit_code == 2
    assert "[SANDBOX]" in ended.err
    assert f"port {port} " in ended.err
    assert not (tmp_path / "try").exists()


@needs_root
def test_folder_that_may_not_be_entered_is_told(open_folder: Path, somebody_else: Callable[[], None]) -> None:
    """It was an error in attsync itself."""
    folder = open_folder / "closed" / "try"
    folder.parent.mkdir(mode=0o700)
    number = str(port())
    CliRunner().invoke(sandbox, ["--dir", str(open_folder), "--faults", "bussy"])  # no imports later
    codecs.lookup("ascii")
    somebody_else()
    ended = CliRunner().invoke(sandbox, ["--dir", str(folder), "--port", number])

    assert isinstance(ended.exception, SettingsError)
    problem = ended.exception.problem
    assert (problem.code, problem.case, problem["why"]) == ("SANDBOX", "folder", "Permission denied")
