"""`trial()`: a sandbox folder that is served, and the commands."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from shutil import copytree

import pytest
import time_machine

from attsync.accounts import who
from attsync.sandbox.faults import Fault
from attsync.sandbox.folder import EXAMPLE_PORT, make_folder, open_folder
from attsync.sandbox.server import free_port
from tests.commands.trial import MONDAY, Trial


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

        def start(*faults: Fault, at: datetime = MONDAY, consent: bool = True) -> Trial:
            clock = running.enter_context(time_machine.travel(at, tick=True))
            folder = copytree(made_folder, tmp_path / "trial")
            config = folder / "config.toml"
            config.write_text(config.read_text().replace(str(EXAMPLE_PORT), str(free_port())))
            sandbox = running.enter_context(open_folder(folder, faults=faults))
            started = Trial(folder, sandbox, clock)
            if consent:
                assert started("consent", "grant", "--yes").exit_code == 0
            return started

        yield start


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
