"""What `attsync demo` does ends well at any time; tests/test_whole.py runs the command itself."""

import os
from datetime import datetime
from pathlib import Path

import pytest
import time_machine
from click.testing import CliRunner

from attsync.accounts import who
from attsync.commands import attsync
from attsync.commands.demo import AFTERNOON
from attsync.sandbox.faults import Fault
from attsync.sandbox.folder import make_folder, open_folder
from attsync.sandbox.sample_school import correct_marks
from attsync.window import LONDON
from tests.commands.trial import Trial
from tests.installed import attsync as installed
from tests.installed import port


@pytest.mark.parametrize(
    ("at", "with_problems"),
    [
        pytest.param(datetime(2026, 11, 23, 0, 30, tzinfo=LONDON), False, id="night"),
        pytest.param(datetime(2026, 11, 23, 9, 0, tzinfo=LONDON), True, id="before the first send"),
        pytest.param(datetime(2026, 11, 23, 13, 59, tzinfo=LONDON), False, id="noon"),
        pytest.param(datetime(2026, 11, 23, 14, 0, tzinfo=LONDON), True, id="afternoon"),
        pytest.param(datetime(2026, 11, 23, 23, 50, tzinfo=LONDON), False, id="evening"),
        pytest.param(datetime(2026, 11, 28, 16, 0, tzinfo=LONDON), True, id="Saturday"),
        pytest.param(datetime(2026, 12, 25, 11, 0, tzinfo=LONDON), False, id="Christmas"),
        pytest.param(datetime(2027, 1, 1, 15, 0, tzinfo=LONDON), True, id="New Year"),
        pytest.param(datetime(2027, 8, 30, 12, 0, tzinfo=LONDON), False, id="August bank holiday, in summer time"),
        pytest.param(datetime(2027, 6, 14, 0, 30, tzinfo=LONDON), True, id="yesterday in UTC"),
    ],
)
def test_demo_ends_well_on_any_day(tmp_path: Path, at: datetime, *, with_problems: bool) -> None:
    """Someone tries it on a Saturday evening: ticks everywhere, or the problems that were asked for."""
    with time_machine.travel(at, tick=True) as clock:
        folder = tmp_path / "trial"
        make_folder(
            folder,
            today=at.date(),
            username=who(os.environ).account,
            port=port(),
            with_problems=with_problems,
            afternoon=at.hour >= AFTERNOON,
        )
        faults = [Fault.FAULTY] if with_problems else []
        with open_folder(folder, faults=faults) as sandbox:
            run = Trial(folder, sandbox, clock)
            exits = [run("consent", "grant", "--yes").exit_code, run("send", "--window", "8").exit_code]
            assert len(correct_marks(folder / "school.db", at.date())) >= 4
            exits += [run("send", "--window", "8").exit_code]
            status = run("status")

    assert [*exits, status.exit_code] == ([0, 1, 1, 1] if with_problems else [0, 0, 0, 0]), status.out
    assert "changed since" in status.out
    assert status.out.count("✓") > 14


def test_demo_leaves_a_folder_that_is_not_empty_alone(tmp_path: Path) -> None:
    """`--keep` on a folder with real settings (CASES C19)."""
    (tmp_path / "config.toml").write_text("my own")

    ran = CliRunner().invoke(attsync, ["demo", "--keep", str(tmp_path)])

    assert ran.exit_code == 2
    assert "[SANDBOX]" in ran.stderr
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("config.toml", "my own")]


def test_demo_that_goes_wrong_says_so() -> None:
    """Here a variable stops every command: the demo does not end as if all were well."""
    ended = installed("demo", ATTSYNC_DFE__TIMEOUT_SECONDS="0")

    assert ended.exit_code == 1
    assert "Something went wrong: the commands ended with [2, 2, 2, 2], but [0, 0, 0, 0] was expected." in ended.out
