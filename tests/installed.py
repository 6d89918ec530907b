"""The installed program as a process of its own, as cron and people start it, and a folder to try it on."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from attsync.accounts import who
from attsync.commands.demo import AFTERNOON
from attsync.sandbox.faults import Fault
from attsync.sandbox.folder import Sandbox, make_folder, open_folder
from attsync.sandbox.server import free_port
from attsync.window import LONDON

PROGRAM = Path(sys.executable).with_name("attsync")


@dataclass(frozen=True)
class Ended:
    """How a process ended, and every byte that it said."""

    exit_code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Return both streams."""
        return self.out + self.err


def attsync(*words: str, config: Path | None = None, **environment: str) -> Ended:
    """Run the installed program without a terminal; an error of Python's own is a failure, whatever was expected."""
    ended = subprocess.run(
        [PROGRAM, *words, *(["--config", str(config)] if config else [])],
        env={"PYTHONUTF8": "1", **of_the_tests(), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="backslashreplace",
        timeout=60,
        check=False,
    )
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "[BUG]" not in ended.stderr, ended.stderr
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@contextmanager
def served(folder: Path, *faults: Fault, with_problems: bool = False) -> Iterator[Sandbox]:
    """Make a sandbox folder for the real today, and serve it over TLS."""
    now = datetime.now(UTC).astimezone(LONDON)
    make_folder(
        folder,
        today=now.date(),
        username=who({}).account,
        port=free_port(),
        with_problems=with_problems,
        afternoon=now.hour >= AFTERNOON,
    )
    with open_folder(folder, faults=faults) as sandbox:
        yield sandbox


def of_the_tests() -> dict[str, str]:
    """Return what a test needs for itself: which attsync it tests, and where coverage writes."""
    return {name: value for name, value in os.environ.items() if name.startswith(("PYTHONPATH", "COVERAGE"))}
