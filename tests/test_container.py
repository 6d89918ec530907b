"""Containerfile, and what it starts: share/attsync/schedule, with a snooze that does not wait."""

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from attsync.sandbox.faults import Fault
from attsync.sandbox.folder import Sandbox
from tests.installed import PROGRAM, attsync, of_the_tests, served
from tests.test_docs import ROOT

SCHEDULE = ROOT / "share" / "attsync" / "schedule"


@contextmanager
def scheduled(sandbox: Sandbox, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run the script: one of its entries is due at once, and then none for ten minutes."""
    folder = sandbox.config.parent
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    snooze = programs / "snooze"
    snooze.write_text(f"#!/bin/sh\nmkdir {folder}/came 2>/dev/null || exec sleep 600\n")
    snooze.chmod(0o755)
    path = f"{programs}:{PROGRAM.parent}:{os.environ['PATH']}"
    process = subprocess.Popen(
        ["sh", SCHEDULE, *words],
        env={**of_the_tests(), "PATH": path, "ATTSYNC_CONFIG": str(sandbox.config)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # its signals go to its group
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def states(sandbox: Sandbox) -> set[str]:
    """Return the states that the log has."""
    with closing(sqlite3.connect(sandbox.config.with_name("attsync.db"))) as log:
        return {state for (state,) in log.execute("SELECT state FROM submission")}


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """Return the lines up to the one with these words."""
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            break
    return "".join(lines)


@pytest.mark.slow
def test_each_entry_is_run_at_its_time_and_its_end_is_in_the_output(tmp_path: Path) -> None:
    """As cron would, but what cron would mail is the container's log."""
    with served(tmp_path / "try") as sandbox:
        assert attsync("consent", "grant", "--yes", config=sandbox.config).exit_code == 0
        with scheduled(sandbox) as process:
            said = read_until(process, "ended with")
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)

        assert process.returncode == 128 + signal.SIGTERM
        assert said.count("attsync send --window 8 --quiet") == 2
        assert said.endswith("attsync send ended with exit code 0\n")
        assert "#" not in said
        assert states(sandbox) == {"accepted"}


@pytest.mark.slow
def test_signal_ends_a_send_in_order(tmp_path: Path) -> None:
    """`podman stop` in the middle of a request: the send records what it has done, and the container ends after it."""
    with served(tmp_path / "try", *[Fault.SLOW] * 20) as sandbox:
        assert attsync("consent", "grant", "--yes", config=sandbox.config).exit_code == 0
        with scheduled(sandbox) as process:
            deadline = time.monotonic() + 60
            while "sending" not in states(sandbox) and time.monotonic() < deadline:
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=60)

        assert process.returncode == 128 + signal.SIGTERM
        assert "Stopped. What was sent so far is in the log" in out
        assert "sending" not in states(sandbox)


def test_settings_that_are_missing_end_it_and_a_command_replaces_it(tmp_path: Path) -> None:
    """Nothing waits for a time that never comes."""
    with served(tmp_path / "try") as sandbox:
        with scheduled(sandbox, "--version") as process:
            assert process.communicate(timeout=60)[0].startswith("attsync ")
        sandbox.config.unlink()
        with scheduled(sandbox) as process:
            assert "[SETTINGS-NONE]" in process.communicate(timeout=60)[0]

    assert process.returncode == 2


def test_image_is_made_of_the_program_alone() -> None:
    """No settings, secret or log of the folder it is built in. Tested versions, not root, UK time."""
    ignored = [line for line in (ROOT / ".containerignore").read_text().splitlines() if not line.startswith("#")]
    image = (ROOT / "Containerfile").read_text().rpartition("\nFROM ")[2]

    assert ignored[0] == "*"
    copied = {line[1:] for line in ignored if line.startswith("!")}
    assert copied == {"LICENSE", "README.md", "pyproject.toml", "requirements", "share", "src"}
    assert all((ROOT / name).exists() for name in copied)
    assert [line for line in image.splitlines() if line.startswith(("COPY", "ADD"))] == [
        "COPY --from=build /opt/attsync /opt/attsync"
    ]
    assert "\nUSER attsync\n" in image
    assert "Europe/London /etc/localtime" in image
    assert "--require-hashes" in (ROOT / "Containerfile").read_text()
