"""schedule.py: the texts that make a machine send, and which of them are there."""

import re
import sys
import time as clock
from collections.abc import Iterator
from datetime import date, time, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from attsync.problems import SettingsError
from attsync.schedule import (
    Installed,
    also_sends,
    cron_lines,
    first_difference,
    installed,
    is_ours,
    run_times,
    service_unit,
    timer_unit,
)
from attsync.settings import Settings
from tests.other_account import needs_root
from tests.settings_file import DFE, loaded, settings_text

KEY = """
base_url = "https://dfe.example/v1"
token_url = "https://dfe.example/token"
client_id = "oakfield"
auth_method = "private_key_jwt"
private_key_file = "private-key.pem"
"""
FROM_A_FILE = 'url_file = "database-url"\nleaving_date_is = "last_day"'


@pytest.fixture
def zones(tmp_path: Path) -> Path:
    """Make a folder of time zones as a system has it."""
    folder = tmp_path / "zoneinfo" / "Europe"
    folder.mkdir(parents=True)
    for name in ("London", "Paris", "Guernsey"):
        (folder / name).write_bytes(files("tzdata").joinpath("zoneinfo", "Europe", name).read_bytes())
    return folder


@pytest.fixture
def _shell_in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    clock.tzset()
    yield
    monkeypatch.undo()
    clock.tzset()


@pytest.mark.usefixtures("_shell_in_tokyo")
@pytest.mark.parametrize(
    ("zone", "differs"),
    [("London", None), ("Guernsey", None), ("Paris", (date(2026, 11, 23), timedelta(hours=1)))],
)
def test_zone_is_that_of_the_machine_and_not_of_the_shell(zones: Path, zone: str, differs: object) -> None:
    """Cron does not follow what a shell, or the reading of a database, has set."""
    (zones / "localtime").symlink_to(zones / zone)

    assert first_difference(date(2026, 11, 23), zones / "localtime") == differs


@pytest.mark.parametrize("content", [None, b"no zone"])
def test_machine_without_a_zone_is_not_on_uk_time(tmp_path: Path, content: bytes | None) -> None:
    """The system's own programs use UTC then, which is an hour late in summer."""
    if content:
        (tmp_path / "localtime").write_bytes(content)

    last_sunday_of_march = date(2027, 3, 28)
    assert first_difference(date(2026, 11, 23), tmp_path / "localtime") == (last_sunday_of_march, timedelta(hours=-1))


def test_minute_of_a_late_time_stays_on_its_day(tmp_path: Path) -> None:
    """Monday to Friday at 0:09 would be the night before."""
    schools = ('urn = 900039\nname = "Elm Grove"',)
    settings = loaded(settings_text(tables='[schedule]\ntimes = ["10:15", "23:50"]', schools=schools), tmp_path)

    assert run_times(settings) == (time(10, 34), time(23, 59))


@pytest.mark.parametrize(
    ("line", "sends"),
    [
        ("17 10 * * 1-5 /usr/bin/env attsync send --config /x", True),
        ("17 10 * * 1-5 attsync --config=/x --quiet send", True),
        ("17 10 * * 1-5 /usr/bin/python3 -m attsync send", True),
        ("17 10 * * 1-5 attsync send --dry-run", False),
        ("17 10 * * 1-5 attsync status", False),
        ("  # 17 10 * * 1-5 attsync send", False),
    ],
)
def test_line_of_someone_else_that_sends_is_noticed(line: str, *, sends: bool) -> None:
    """Otherwise a person who removed our lines would think that nothing sends."""
    assert also_sends(line) is sends


def test_lines_of_other_settings_are_not_ours(tmp_path: Path) -> None:
    """A trust may have several settings files; a percent sign in a path is escaped for cron."""
    folder = tmp_path / "50% a"
    folder.mkdir()
    settings = loaded(settings_text(), folder)
    lines = cron_lines(settings)

    assert all(is_ours(line, settings) for line in lines)
    assert not re.search(r"(?<!\\)%", "".join(lines))
    assert not is_ours(f"#{lines[0]}", settings)
    assert not is_ours(lines[0].replace("config.toml", "other.toml"), settings)


@pytest.mark.parametrize(
    ("dfe", "database", "passed_on"),
    [
        (DFE, None, {"client-secret"}),
        (DFE + 'subscription_key_file = "key"', FROM_A_FILE, {"client-secret", "subscription-key", "database-url"}),
        (KEY, None, {"private-key"}),
        (KEY + '[notify]\naddresses_file = "addresses"', None, {"private-key", "notify-addresses"}),
    ],
)
def test_each_secret_is_passed_on(tmp_path: Path, dfe: str, database: str | None, passed_on: set[str]) -> None:
    """Then its file may belong to root alone."""
    text = settings_text(dfe=dfe, database=database) if database else settings_text(dfe=dfe)

    unit = service_unit(loaded(text, tmp_path), "attsync")

    assert set(re.findall(r"^LoadCredential=([a-z-]+):/", unit, re.MULTILINE)) == passed_on


def test_percent_in_a_path_is_no_specifier(tmp_path: Path) -> None:
    """Systemd would put something else there, and the secret would not be found."""
    folder = tmp_path / "50% a"
    folder.mkdir()

    unit = service_unit(loaded(settings_text(dfe=DFE), folder), "attsync")

    assert [line for line in unit.splitlines() if "50%" in line]
    assert not re.search("50%(?!%)", unit)
    assert f'ReadWritePaths="{folder}'.replace("50%", "50%%") in unit


@pytest.mark.parametrize("name", ["a\nb", "a\x1bb", "a\u202eb"])
def test_path_that_would_end_a_line_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A line break in a crontab or a unit begins a new entry (CASES C10). Here in the path of the program itself."""
    started = tmp_path / name / "attsync"
    started.parent.mkdir()
    started.touch()
    settings = loaded(settings_text(), tmp_path)
    monkeypatch.setattr(sys, "argv", [str(started)])

    for write in (cron_lines, lambda settings: service_unit(settings, "attsync")):
        with pytest.raises(SettingsError) as raised:
            write(settings)
        assert (raised.value.problem.code, raised.value.problem.case) == ("CRONTAB", "path")
        assert str(raised.value.problem["path"]).isprintable()


def test_quotation_mark_in_a_path_is_refused_for_systemd_only(tmp_path: Path) -> None:
    """The shell that cron starts can quote it; a unit cannot."""
    (tmp_path / "o'clock").mkdir()
    settings = loaded(settings_text(), tmp_path / "o'clock")

    assert len(cron_lines(settings)) == 2
    with pytest.raises(SettingsError):
        service_unit(settings, "attsync")


@pytest.fixture
def units(tmp_path: Path) -> tuple[Settings, Path]:
    """Make settings, and the units for them where a system has its own."""
    settings = loaded(settings_text(), tmp_path)
    folder = tmp_path / "systemd"
    folder.mkdir()
    (folder / "other.service").write_text("[Service]\nExecStart=/usr/bin/backup\n")
    (folder / "other.timer").touch()
    (folder / "attsync.service").write_text(service_unit(settings, "attsync"))
    (folder / "attsync.timer").write_text(timer_unit(settings))
    return settings, folder


@pytest.mark.usefixtures("_no_crontab")
@pytest.mark.parametrize("is_enabled", [False, True])
def test_timer_is_found(units: tuple[Settings, Path], *, is_enabled: bool) -> None:
    """Installed is not enabled: that is the step that is forgotten."""
    settings, folder = units
    if is_enabled:
        (folder / "timers.target.wants").mkdir()
        (folder / "timers.target.wants/attsync.timer").touch()

    assert installed(settings, {"HOME": "/nonexistent"}, folder) == Installed(None, "attsync.timer", is_enabled)


@pytest.mark.usefixtures("_no_crontab")
def test_timer_for_other_settings_is_not_found(units: tuple[Settings, Path], tmp_path: Path) -> None:
    """Nor one without its timer, nor one in a folder that is not there."""
    settings, folder = units
    (tmp_path / "other").mkdir()
    other = loaded(settings_text(), tmp_path / "other")

    assert installed(other, {"HOME": "/nonexistent"}, folder) == Installed(None)
    (folder / "attsync.timer").unlink()
    assert installed(settings, {"HOME": "/nonexistent"}, folder) == Installed(None)


@pytest.mark.usefixtures("_no_crontab")
def test_timer_of_one_account_is_found(units: tuple[Settings, Path], tmp_path: Path) -> None:
    """Systemctl --user."""
    settings, folder = units
    (tmp_path / ".config/systemd").mkdir(parents=True)
    folder.rename(tmp_path / ".config/systemd/user")

    assert installed(settings, {"HOME": str(tmp_path)}, tmp_path / "none").timer == "attsync.timer"


@needs_root
@pytest.mark.usefixtures("_no_crontab")
def test_account_without_a_name_has_no_timers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container: a number, and nothing else."""
    monkeypatch.setattr("os.getuid", lambda: 4_000_000)

    assert installed(loaded(settings_text(), tmp_path), {}, tmp_path) == Installed(None)


@pytest.fixture
def _no_crontab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
