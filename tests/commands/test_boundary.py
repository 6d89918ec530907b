"""The one place where an error becomes words and an exit code: commands/__init__.py."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from attsync.problems import Stopped
from tests.commands.trial import Trial
from tests.installed import of_the_tests

Start = Callable[..., Trial]


def test_error_that_nobody_foresaw_is_told_also_where_no_report_can_be_written(
    trial: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A full disk is a likely cause of both. The last place that is known stands in the line itself."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    run = trial()
    monkeypatch.setattr("attsync.commands.status.overview", broken)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    ran = run("status")

    assert (ran.exit_code, ran.out) == (70, "")
    assert ran.err.startswith("attsync: an error in attsync itself. Details for the developers could not be written")
    assert ran.err.endswith(" in broken [BUG]\n")


def test_computer_without_memory_is_told_as_such(trial: Start) -> None:
    """Nothing else is wrong: neither attsync, nor an address, nor a certificate."""
    program = "import threading; threading.stack_size(1 << 46); from attsync.commands import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", program, "preview", "--config", trial().folder / "config.toml"],
        env=of_the_tests(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (70, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("attsync: this computer has no memory left for attsync. ")
    assert line.endswith(" [BUG]")


def test_stop_is_told_in_one_line_where_there_is_no_terminal(trial: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Systemd ends what takes too long, and keeps what was said."""

    def stopped(*_: object, **__: object) -> None:
        raise Stopped(signal.SIGTERM)

    run = trial()
    monkeypatch.setattr("attsync.commands.status.overview", stopped)
    ran = run("status")

    assert (ran.exit_code, ran.out, ran.err) == (143, "", "Stopped.\n")


def test_signal_before_any_command_has_begun_is_no_error(tmp_path: Path) -> None:
    """The morning run of cron, at the moment at which the computer is shut down."""
    program = """
        import os, signal
        from attsync import commands
        commands._start_fast = lambda: os.kill(os.getpid(), signal.SIGTERM)
        commands.main()
    """
    ended = subprocess.run(
        [sys.executable, "-c", "\n".join(line.strip() for line in program.splitlines())],
        env=of_the_tests(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (143, "", "")


def test_one_fault_of_the_settings_is_told_to_cron_in_three_lines(trial: Start) -> None:
    """There are no others to be seen elsewhere."""
    run = trial()
    ran = run("send", "--quiet", ATTSYNC_WINDOW__DAYS="9")

    first, second, _next = ran.err.splitlines()
    assert first.endswith("[SETTINGS]")
    assert "ATTSYNC_WINDOW__DAYS: " in second


def test_fault_of_a_variable_is_told_without_a_line_of_the_file(trial: Start) -> None:
    """There is nothing to underline."""
    run = trial()
    ran = run("send", ATTSYNC_DFE__TIMEOUT_SECOND="60")

    assert ran.exit_code == 2
    assert "ATTSYNC_DFE__TIMEOUT_SECOND" in ran.err
    assert "^" not in ran.err


def test_no_core_dump_is_written() -> None:
    """It would contain the client secret. The entry point itself, which every command passes."""
    program = """
import resource, sys
from attsync.commands import main
sys.argv = ["attsync", "--version"]
try:
    main()
except SystemExit:
    print(resource.getrlimit(resource.RLIMIT_CORE))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.endswith("(0, 0)\n")
