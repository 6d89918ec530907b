"""clock.py: the clock that cron goes by."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from attsync.schedule.clock import Clock, server_clock
from attsync.window import LONDON


@pytest.fixture
def zones(tmp_path: Path) -> Path:
    """Make a folder of zones as a system has it."""
    folder = tmp_path / "zoneinfo" / "Europe"
    folder.mkdir(parents=True)
    for name in ("London", "Paris"):
        (folder / name).write_bytes(files("tzdata").joinpath("zoneinfo", "Europe", name).read_bytes())
    return folder


@pytest.fixture
def _shell_in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_shell_in_tokyo")
def test_zone_is_that_of_the_machine_and_not_of_the_shell(zones: Path, tmp_path: Path) -> None:
    """Cron does not see what a shell, or the reading of a database, has set."""
    (tmp_path / "localtime").symlink_to(zones / "London")
    clock = server_clock(tmp_path / "localtime")

    assert clock.name == "Europe/London"
    assert clock.is_of_london


def test_other_zone_is_told_apart(zones: Path, tmp_path: Path) -> None:
    """An hour ahead, always."""
    (tmp_path / "localtime").symlink_to(os.path.relpath(zones / "Paris", tmp_path))
    clock = server_clock(tmp_path / "localtime")

    assert clock.name == "Europe/Paris"
    assert not clock.is_of_london


def test_copy_of_a_zone_has_no_name_but_goes_right(zones: Path, tmp_path: Path) -> None:
    """Some systems copy the file."""
    (tmp_path / "localtime").write_bytes((zones / "London").read_bytes())
    clock = server_clock(tmp_path / "localtime")

    assert clock.is_of_london
    assert clock.name == f"{datetime.now(LONDON):%Z}"


@pytest.mark.parametrize("content", [None, b"no zone"])
def test_machine_without_a_zone_goes_by_utc(tmp_path: Path, content: bytes | None) -> None:
    """As the system's own programs take it; in winter that is UK time, in summer it is not."""
    if content:
        (tmp_path / "localtime").write_bytes(content)

    assert server_clock(tmp_path / "localtime") == Clock(UTC, "UTC")
    assert not Clock(UTC, "UTC").is_of_london
    assert Clock(ZoneInfo("Europe/Guernsey"), "Europe/Guernsey").is_of_london
