"""`attsync crontab`: the entries, and other people's lines left alone."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from attsync.schedule import first_difference
from tests.commands.trial import MONDAY, Trial

Start = Callable[..., Trial]

THEIRS = """\
# m h  dom mon dow   command
MAILTO=sam@school.example
  5 4 * * *   /usr/local/bin/backup --all   # every night

@reboot /usr/bin/something 'with # in it'
*/10 * * * 1-5 /usr/local/bin/attsync-like-name  # attsync /another/config.toml
"""


def entries(text: str) -> list[str]:
    """Return the lines that run something."""
    return [line for line in text.splitlines() if "attsync send" in line and not line.startswith("#")]


def test_entries_have_full_paths_and_the_minute_of_the_urn(trial: Start) -> None:
    """10:15 and 14:45, three minutes later: 900023 ends in 3 when twenty schools are spread."""
    run = trial()

    ran = run("crontab")

    morning, afternoon = entries(ran.out)
    assert morning.startswith("18 10 * * 1-5 /")
    assert afternoon.startswith("48 14 * * 1-5 /")
    assert morning.endswith(f"send --window 8 --quiet --config {run.config} # attsync {run.config}")
    assert "attsync crontab --remove" in ran.out


def test_clock_that_is_not_on_uk_time_is_told(trial: Start, table: Path) -> None:
    """Cron has no time zone: in summer a UTC machine is an hour late."""
    run = trial()
    printed, installed = run("crontab").out, run("crontab", "--install").out

    assert len(entries(table.read_text())) == 2
    found, utc = first_difference(MONDAY.date()), (date(2027, 3, 28), timedelta(hours=-1))
    for said in (printed, installed):
        assert ("time zone is not the UK's" in said) is (found is not None)
        assert found != utc or "From 28 March 2027, subtract 1 hour in these lines" in said


def test_install_twice_and_remove_leave_other_lines_as_they_were(trial: Start, table: Path) -> None:
    """The other lines of a crontab belong to someone else."""
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
    assert "Added to this account's crontab:" in ran.out


def test_remove_without_entries_changes_nothing(trial: Start, table: Path) -> None:
    """And says so."""
    table.write_text(THEIRS)
    run = trial()

    ran = run("crontab", "--remove")

    assert f"has no entry for {run.config}. Nothing was changed." in ran.out
    assert "Not changed, because" not in ran.out
    assert table.read_text() == THEIRS


def test_remove_names_the_entries_of_other_settings(trial: Start, table: Path) -> None:
    """A person who thinks that all is removed would go on sending."""
    run = trial()
    run("crontab", "--install")
    table.write_text(table.read_text().replace(str(run.config), "/etc/attsync/other.toml"))

    ran = run("crontab", "--remove")

    assert f"has no entry for {run.config}. Nothing was changed." in ran.out
    assert ran.out.count("/etc/attsync/other.toml # attsync") == 2
    assert "Not changed, because they use other settings" in ran.out


def test_machine_without_cron_is_told(trial: Start) -> None:
    """There is systemd."""
    ran = trial()("crontab", "--install", PATH="/nonexistent")

    assert ran.exit_code == 2
    assert "--systemd" in ran.err


def test_line_that_was_edited_by_hand_is_shown_before_it_is_gone(trial: Start, table: Path) -> None:
    """A person who moved an hour for the summer can move it again."""
    run = trial()
    run("crontab", "--install")
    edited = table.read_text().replace("18 10 * * 1-5", "17 9 * * 1-5")
    table.write_text(edited)

    ran = run("crontab", "--install")

    assert "Replaced:\n  17 9 * * 1-5 /" in ran.out
    assert ran.out.count("17 9 * * 1-5") == 1
    assert "17 9" not in table.read_text()


def test_line_without_our_mark_is_left_and_told(trial: Start, table: Path) -> None:
    """Someone else wrote it, but then attsync runs twice."""
    run = trial()
    run("crontab", "--install")
    table.write_text(table.read_text().replace(f" # attsync {run.config}", ""))

    ran = run("crontab", "--install")

    assert len(entries(table.read_text())) == 4
    assert "Not changed, but these run attsync too:" in ran.out


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


def test_quiet_says_nothing(trial: Start, table: Path) -> None:
    """For a script that sets up many accounts."""
    run = trial()

    assert run("crontab", "--install", "--quiet").out == ""
    assert len(entries(table.read_text())) == 2
    assert run("crontab", "--remove", "--quiet").out == ""
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
def test_units_beside_cron_lines_say_how_to_remove_these(trial: Start, table: Path) -> None:
    """Otherwise both would send."""
    run = trial()
    alone = run("crontab", "--systemd").out
    run("crontab", "--install")

    beside = run("crontab", "--systemd").out.removeprefix(alone)

    assert len(entries(table.read_text())) == 2
    assert beside.splitlines() == [
        "# This account's crontab sends too. Before you start the timer: attsync crontab --remove --config config.toml"
    ]


def test_real_crontab_program_takes_the_entries(trial: Start) -> None:
    """It checks every line that it is given."""
    run = trial()

    assert run("crontab", "--install").exit_code == 0
    listed = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=True).stdout
    assert len(entries(listed)) == 2
    (found,) = (f for f in run("check", "--offline", "--json").json["findings"] if f["what"] == "Schedule")
    assert found["text"].startswith("2 lines in the crontab of ")
    assert run("crontab", "--remove").exit_code == 0
    assert not entries(subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=False).stdout)
