"""Gives orders to `victim.py`, and tells how the commands ended."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Self

CRON = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
"""About what cron gives a command; not even HOME."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    exit_code: int
    """Negative: killed by that signal."""
    at: float
    """When, on the clock of `monotonic`; 0 if it was killed."""
    stdout: str
    stderr: str
    steps: list[str]
    posts: list[tuple[float, str]]
    """When each post left, on the clock of `monotonic`, and its key."""
    grown: int
    """By how many KiB its memory grew, at most."""

    @property
    def said(self) -> str:
        """All that it said."""
        return self.stdout + self.stderr


class Runner:
    """A process from which commands are forked, one at a time: `with Runner() as attsync: attsync("send", ...)`."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.victim"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            close_fds=False,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    @property
    def number(self) -> int:
        """The number of the process from which commands are forked."""
        return self._process.pid

    def __call__(self, folder: Path, *arguments: str, **options: Any) -> Ended:  # noqa: ANN401  those of `start`
        """Run a command in `folder` with its config.toml, and wait for its end."""
        self.start(folder, *arguments, **options)
        return self.end()

    def start(  # noqa: PLR0913  what can be done to a command
        self,
        folder: Path,
        *arguments: str,
        plan: dict[str, Any] | None = None,
        environment: dict[str, str] | None = None,
        closed: Sequence[int] = (),
        largest_file: int | None = None,
        seconds: float | None = None,
        user: int | None = None,
        now: float | None = None,
        streams: dict[int, str] | None = None,
        program: str = "",
    ) -> int:
        """Start a command and give its process number.

        `streams`: paths in the place of those that are read afterwards, or "gone" for a pipe without a reader.
        `program`: as which it was started; then nothing is added to `arguments`, and no step is counted.
        """
        assert self._process.stdin
        output = folder / "output"
        output.mkdir(exist_ok=True)
        self._output = Path(mkdtemp(dir=output))
        if user:
            os.chown(self._output, user, user)
        order = {
            "folder": str(folder),
            "output": str(self._output),
            "arguments": [*arguments, *([] if program else ["--config", str(folder / "config.toml")])],
            "program": program,
            "streams": streams or {},
            "environment": environment if environment is not None else CRON | {"TMPDIR": str(self._output)},
            "plan": plan,
            "closed": list(closed),
            "largest_file": largest_file,
            "seconds": seconds,
            "user": user,
            "now": now,
            "names": str(self._output / "steps"),
        }
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._line())

    def end(self) -> Ended:
        """Wait for the end of the command that was started."""
        exit_code = int(self._line())
        names = self._output / "steps"
        left = json.loads(names.read_text() or "{}") if names.exists() else {}
        files = [self._output / name for name in ("stdout", "stderr")]
        # Killed in its first moments, the command has not even opened them.
        out, err = (file.read_text(errors="replace") if file.exists() else "" for file in files)
        posts = [(at, key) for at, key in left.get("posts", [])]
        return Ended(exit_code, left.get("at", 0), out, err, left.get("steps", []), posts, left.get("grown", 0))

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()
