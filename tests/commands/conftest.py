"""`trial()`: a sandbox folder that is served, and the commands."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.commands.trial import Trial, trial_in


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Callable[..., Trial]]:
    """Start a trial; `consent=False` leaves out the consent."""
    with ExitStack() as running:
        yield lambda *faults, **options: running.enter_context(trial_in(tmp_path, *faults, **options))


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a crontab program into PATH that keeps its table in a file."""
    program, table = tmp_path / "bin" / "crontab", tmp_path / "table"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = -l ]; then [ -f {table} ] && cat {table} || {{ echo "no crontab for sam" >&2; exit 1; }};\n'
        f"else cat > {table}; fi\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return table
