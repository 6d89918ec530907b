"""`attsync crontab`: the entries, and other people's lines left alone."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from attsync.schedule.clock import server_clock
from tests.commands.trial import Trial
from tests.installed import attsync

Start = Callable[..., Trial]

THEIRS = """\
# m h  dom mon dow   command
MAILTO=sam@school.example
  5 4 * * *   /usr/local/bin/backup --all   # every night

@reboot /usr/bin/something 'with # in it'
*/10 * * * 1-5 /usr/local/bin/attsync-like-name  # attsync /another/config.toml
"""


def entries(text: str) -> list[str]:
    """Give the lines that run something."""
    return [line for line in text.splitlines() if "attsync send" in line and not line.startswith("#")]


def test_entries_have_full_paths_and_the_minute_of_the_urn(trial: Start) -> None:
    """10:15 and 14:45, three minutes later: 900023 ends in 3 when twenty schools are spread."""
    run = trial()

    ran = run("crontab")

    morning, afternoon = entries(ran.out)
    assert morning.startswith("18 10 * * 1-5  /")
    assert afternoon.startswith("48 14 * * 1-5  /")
    assert morning.endswith(f"send --window 8 --quiet --config {run.config}")
    assert "attsync crontab --remove" in ran.out


def test_clock_that_is_not_of_london_is_told(trial: Start) -> None:
    """Cron knows no time zone; in summer a UTC machine is an hour late."""
    assert ("correct the hours" in trial()("crontab").out) is not server_clock().is_of_london


def test_install_twice_and_remove_leave_other_lines_as_they_were(trial: Start, table: Path) -> None:
    """A crontab is somebody's own."""
    run = trial()
    table.write_text(THEIRS)

    assert run("crontab", "--install").exit_code == 0
    once = table.read_text()
    assert run("crontab", "--install").exit_code == 0
    twice = table.read_text()
    assert run("crontab", "--remove").exit_code == 0

    assert len(entries(once)) == len(entries(twice)) == 2
    assert twice.startswith(THEIRS)
    assert table.read_text() == THEIRS


def test_install_works_without_any_crontab(trial: Start, table: Path) -> None:
    """The first entry of an account."""
    ran = trial()("crontab", "--install")

    assert ran.exit_code == 0, ran
    assert len(entries(table.read_text())) == 2
    assert "Put into the crontab of this account" in ran.out


def test_remove_without_entries_changes_nothing(trial: Start, table: Path) -> None:
    """And says so."""
    table.write_text(THEIRS)
    run = trial()

    ran = run("crontab", "--remove")

    assert f"has no entry for {run.config}. Nothing was changed." in ran.out
    assert "Left as they are" not in ran.out
    assert table.read_text() == THEIRS


def test_remove_names_the_entries_of_other_settings(trial: Start, table: Path) -> None:
    """Whoever thinks that all is removed would go on sending."""
    run = trial()
    run("crontab", "--install")
    table.write_text(table.read_text().replace(str(run.config), "/etc/attsync/other.toml"))

    ran = run("crontab", "--remove")

    assert f"has no entry for {run.config}. Nothing was changed." in ran.out
    assert ran.out.count("/etc/attsync/other.toml # attsync") == 2
    assert "Left as they are" in ran.out


def test_machine_without_cron_is_told(trial: Start) -> None:
    """There is systemd."""
    ran = trial()("crontab", "--install", PATH="/nonexistent")

    assert ran.exit_code == 2
    assert "--systemd" in ran.err


def test_line_that_was_edited_by_hand_is_shown_before_it_is_gone(trial: Start, table: Path) -> None:
    """Whoever moved an hour for the summer can move it again."""
    run = trial()
    run("crontab", "--install")
    edited = table.read_text().replace("18 10 * * 1-5", "17 9 * * 1-5")
    table.write_text(edited)

    ran = run("crontab", "--install")

    assert "In the place of what stood there:\n  17 9 * * 1-5 /" in ran.out
    assert ran.out.count("17 9 * * 1-5") == 1
    assert "17 9" not in table.read_text()


def test_line_without_our_mark_is_left_and_told(trial: Start, table: Path) -> None:
    """It is somebody's own, but then attsync runs twice."""
    run = trial()
    run("crontab", "--install")
    table.write_text(table.read_text().replace(f" # attsync {run.config}", ""))

    ran = run("crontab", "--install")

    assert len(entries(table.read_text())) == 4
    assert "Left as they are, and they run attsync too:" in ran.out


@pytest.mark.parametrize("refuses", ["-l", "-"])
def test_account_that_may_not_use_cron_is_told(trial: Start, table: Path, refuses: str) -> None:
    """And whatever is in its table stays."""
    table.write_text(THEIRS)
    program = Path(shutil.which("crontab") or "")
    program.write_text(
        program.read_text().replace(
            "#!/bin/sh\n", f'#!/bin/sh\n[ "$1" = {refuses} ] && echo "sam: you are not allowed" >&2 && exit 1\n'
        )
    )

    ran = trial()("crontab", "--install")

    assert ran.exit_code == 2
    assert "Nothing was changed." in ran.err
    assert table.read_text() == THEIRS


def test_server_in_another_time_zone_is_told(trial: Start, table: Path) -> None:
    """An hour too early all summer is a register that is not taken yet."""
    config = trial().config

    printed = attsync("crontab", config=config, TZ="UTC0")
    installed = attsync("crontab", "--install", config=config, TZ="UTC0", PATH=os.environ["PATH"])
    quiet = attsync("crontab", "--install", "--quiet", config=config, TZ="UTC0", PATH=os.environ["PATH"])

    assert "correct the hours" in printed.out
    assert "Correct the hours" in installed.out
    for said in (printed.out, installed.out):
        assert 'should begin "18 9 * * 1-5" and "48 13 * * 1-5" in summer, and "18 10 * * 1-5" and' in said
    assert (quiet.exit_code, quiet.said) == (0, "")
    assert len(entries(table.read_text())) == 2
    assert attsync("crontab", "--remove", "--quiet", config=config, PATH=os.environ["PATH"]).said == ""
    assert not entries(table.read_text())


def test_options_that_contradict_are_refused(trial: Start) -> None:
    """Nothing is done."""
    assert trial()("crontab", "--install", "--remove").exit_code == 2


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze here")
def test_units_are_what_systemd_accepts(trial: Start, tmp_path: Path) -> None:
    """With the secrets handed over and most of the machine shut away."""
    out = trial()("crontab", "--systemd").out
    _, service, timer = out.split("# Save as ")
    for name, text in (("attsync.service", service), ("attsync.timer", timer)):
        (tmp_path / name).write_text(text.split("\n", 1)[1])

    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / "attsync.service", tmp_path / "attsync.timer"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert verified.returncode == 0, verified.stderr
    assert "attsync." not in verified.stderr
    assert "LoadCredential=client-secret:" in service
    assert "OnCalendar=Mon..Fri 10:18 Europe/London" in timer


@pytest.fixture
def real_table() -> Iterator[None]:
    """Let a test use this account's own crontab, if it has none."""
    listed = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout.strip():
        pytest.skip("this account has a crontab of its own")
    yield
    subprocess.run(["crontab", "-r"], capture_output=True, check=False)


@pytest.mark.skipif(not shutil.which("crontab"), reason="no crontab program here")
@pytest.mark.xdist_group("crontab")  # no other test looks at it meanwhile
@pytest.mark.usefixtures("real_table")
def test_real_crontab_program_takes_the_entries(trial: Start) -> None:
    """It checks every line that it is given."""
    run = trial()

    assert run("crontab", "--install").exit_code == 0
    listed = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=True).stdout
    assert len(entries(listed)) == 2
    (found,) = (f for f in run("check", "--offline", "--json").json["findings"] if f["what"] == "Schedule")
    assert "weekdays 10:18 and 14:48" in found["text"]
    assert run("crontab", "--remove").exit_code == 0
    assert not entries(subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=False).stdout)


def test_nothing_is_said_of_a_clock_that_goes_as_in_london(
    trial: Start, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to correct an hour that is right."""
    with as_file(files("tzdata").joinpath("zoneinfo", "Europe", "London")) as london:
        monkeypatch.setattr(server_clock, "__defaults__", (london,))
        run = trial()
        printed, installed = run("crontab"), run("crontab", "--install")

    assert "clock" not in printed.out + installed.out
    assert len(entries(table.read_text())) == 2
