"""`trial()`: a sandbox folder that is served, and the commands."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from attsync.accounts import who
from attsync.sandbox.folder import make_folder
from tests.commands.trial import MONDAY, Trial, trial_in


@pytest.fixture(scope="session")
def made_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a sandbox folder once."""
    folder = tmp_path_factory.mktemp("commands") / "made"
    make_folder(folder, today=MONDAY.date(), username=who(os.environ).account)
    return folder


@pytest.fixture
def trial(made_folder: Path, tmp_path: Path) -> Iterator[Callable[..., Trial]]:
    """Start a trial; `consent=False` leaves out the consent."""
    with ExitStack() as running:
        yield lambda *faults, **options: running.enter_context(trial_in(tmp_path, made_folder, *faults, **options))


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
