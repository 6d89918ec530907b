"""machine.py: everything that makes this machine send is found, whoever wrote it, and nothing else."""

import os
from collections.abc import Callable
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from attsync.person import name_of
from attsync.schedule.machine import Entry, Machine, Places, look
from tests.other_account import needs_root

ME = name_of(os.geteuid())
WEEKDAYS = frozenset((day, time(10, 17)) for day in range(5))
CONFIG = Path("/srv/attsync/config.toml")
SERVICE = f"[Service]\nUser={ME}\nExecStart=/opt/attsync/bin/attsync send --quiet --config {CONFIG}\n"
TIMER = "[Timer]\nOnCalendar=Mon..Fri 10:17 Europe/London\nPersistent=true\n"
Find = Callable[..., Machine]


@pytest.fixture
def find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Find:
    """Look at a machine that has this crontab (None: no crontab program) and these files."""

    def find(table: str | None = "", refusal: str = "", **files: str) -> Machine:
        program = tmp_path / "bin" / "crontab"
        program.parent.mkdir(exist_ok=True)
        if table is not None:
            (tmp_path / "table").write_text(table)
            program.write_text(f"#!/bin/sh\n{refusal or f'/bin/cat {tmp_path}/table'}\n")
            program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent))
        for folder in ("cron.d", "system", "home/.config/systemd/user"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        places = Places(tmp_path / "cron.d", tmp_path / "system", tmp_path / "localtime")
        return look({"HOME": str(tmp_path / "home")}, places)

    return find


def only(machine: Machine) -> Entry:
    """Give the one entry of a machine."""
    (entry,) = machine.entries
    return entry


def test_machine_without_anything(find: Find) -> None:
    """No entry; the clock is UTC where no zone is set."""
    assert find() == Machine(account=ME, clock=find().clock, crontab="read")
    assert find().clock.name == "UTC"


def test_machine_without_cron_is_no_fault(find: Find) -> None:
    """Systemd does as well."""
    assert find(None).crontab == "none"


def test_account_that_may_not_use_cron_is_told_apart(find: Find) -> None:
    """/etc/cron.deny."""
    assert find(refusal='echo "You (sam) are not allowed to use this program" >&2; exit 1').crontab == "refused"
    assert find(refusal='echo "no crontab for sam" >&2; exit 1').crontab == "read"


@pytest.mark.parametrize(
    "command",
    [
        f"/usr/bin/env attsync send --config {CONFIG}",
        f"attsync send --window 8 --quiet --config {CONFIG} # attsync {CONFIG}",
        f"attsync --config {CONFIG} --quiet send",
        f"attsync --config={CONFIG} send",
        f"attsync send --config '{CONFIG}'",
        f"cd /srv && ATTSYNC_CONFIG={CONFIG} attsync send",
        f"flock -n /run/lock/x sh -c 'attsync send --config {CONFIG}'",
        f"/usr/bin/python3 -m attsync send --config {CONFIG}",
        rf"/usr/bin/env attsync send --config {CONFIG} --quiet % not the command",
    ],
)
def test_any_line_that_sends_is_found(find: Find, command: str) -> None:
    """Whoever wrote it, in whatever way."""
    entry = only(find(f"17 10 * * 1-5 {command}\n"))

    assert (entry.source, entry.said, entry.week) == (f"crontab of {ME}", "17 10 * * 1-5", WEEKDAYS)
    assert (entry.config, entry.zone, entry.missing_program) == (CONFIG, None, None)


@pytest.mark.parametrize(
    "line",
    [
        "# 17 10 * * 1-5 attsync send",
        "17 10 * * 1-5 attsync status",
        "17 10 * * 1-5 attsync send --dry-run",
        "17 10 * * 1-5 /usr/local/bin/attsync-like send",
        "17 10 * * 1-5 my.attsync send",
        "17 10 * * 1-5 echo hello % attsync send",
        "MAILTO=attsync send",
        "attsync send",
        "",
    ],
)
def test_line_that_does_not_send_is_left_out(find: Find, line: str) -> None:
    """A tick for it would be untrue."""
    assert find(f"{line}\n").entries == ()


def test_variables_above_a_line_hold_for_it(find: Find) -> None:
    """And not for the lines before."""
    table = f"0 9 * * 1 attsync send\nATTSYNC_CONFIG = '{CONFIG}'\nCRON_TZ=Europe/London\n17 10 * * 1-5 attsync send\n"
    before, after = find(table).entries

    assert (before.config, before.zone, before.by_cron_tz) == (None, None, False)
    assert (after.config, after.zone, after.by_cron_tz) == (CONFIG, ZoneInfo("Europe/London"), True)


def test_zone_that_is_none_is_no_zone(find: Find) -> None:
    """Cron would go by its own clock."""
    assert only(find("CRON_TZ=Nowhere/Else\n17 10 * * 1-5 attsync send\n")).zone is None


def test_path_with_a_percent_sign_is_read_as_cron_reads_it(find: Find) -> None:
    r"""A crontab has \% for it."""
    assert only(find(r"17 10 * * 1-5 attsync send --config /srv/a\%b.toml" + "\n")).config == Path("/srv/a%b.toml")


def test_program_that_is_gone_is_seen(find: Find) -> None:
    """A virtual environment that was moved: cron would mail twice a day."""
    entry = only(find("17 10 * * 1-5 '/opt/old folder/attsync' send\n"))

    assert entry.missing_program == "/opt/old folder/attsync"


def test_quotation_mark_that_is_never_closed_stops_nothing(find: Find) -> None:
    """The shell will complain; here the line is read as well as can be."""
    assert only(find("17 10 * * 1-5 attsync send --config '/srv/x.toml\n")).week == WEEKDAYS


def test_system_crontab_names_an_account(find: Find) -> None:
    """Lines of other accounts send for them."""
    line = f"17 10 * * 1-5 {ME} attsync send --config {CONFIG}\n17 10 * * 1-5 nobody attsync send\n"
    entry = only(find(**{"cron.d/attsync": line}))

    assert entry.source.endswith("/cron.d/attsync")
    assert (entry.week, entry.config) == (WEEKDAYS, CONFIG)


@pytest.mark.parametrize("enabled", [False, True])
def test_timer_of_systemd_is_found(find: Find, *, enabled: bool) -> None:
    """Installed is not enabled: that is the step that is forgotten."""
    files = {"system/attsync.service": SERVICE, "system/attsync.timer": TIMER}
    if enabled:
        files["system/timers.target.wants/attsync.timer"] = ""
    entry = only(find(**files))

    assert (entry.source, entry.week, entry.zone) == ("timer attsync.timer", WEEKDAYS, ZoneInfo("Europe/London"))
    assert (entry.config, entry.enabled) == (CONFIG, enabled)
    assert entry.missing_program == "/opt/attsync/bin/attsync"


def test_timer_may_name_its_service_and_several_times(find: Find) -> None:
    """A comment is none, and what is no week is kept in its own words."""
    timer = "# OnCalendar=daily\n[Timer]\nOnCalendar=Mon..Fri 10:17\nOnCalendar=weekly\nUnit=send.service\n"
    service = SERVICE.replace("ExecStart=", 'Environment=A=b "ATTSYNC_CONFIG=/x" c\nExecStart=').replace(
        f" --config {CONFIG}", ""
    )
    first, second = find(**{"system/send.service": service, "system/twice.timer": timer}).entries

    assert (first.week, first.config, first.zone) == (WEEKDAYS, Path("/x"), None)
    assert (second.week, second.said) == (None, "weekly")


def test_timer_of_another_account_or_program_is_left_out(find: Find) -> None:
    """It does not send for this one."""
    files = {
        "system/a.timer": TIMER,
        "system/a.service": SERVICE.replace(f"User={ME}", "User=nobody"),
        "system/b.timer": TIMER,
        "system/b.service": "[Service]\nExecStart=/usr/bin/backup\n",
        "system/c.timer": TIMER,
    }

    assert find(**files).entries == ()


def test_timer_of_ones_own_needs_no_account(find: Find) -> None:
    """Systemctl --user."""
    folder = "home/.config/systemd/user"
    service = SERVICE.replace(f"User={ME}\n", "")

    assert only(find(**{f"{folder}/attsync.service": service, f"{folder}/attsync.timer": TIMER})).config == CONFIG


def test_account_without_a_name_in_the_service_is_root(find: Find) -> None:
    """As systemd has it."""
    service = SERVICE.replace(f"User={ME}\n", "")
    found = find(**{"system/attsync.service": service, "system/attsync.timer": TIMER}).entries

    assert len(found) == (1 if ME == "root" else 0)


@needs_root
def test_folder_of_cron_that_may_not_be_entered_holds_nothing(
    open_folder: Path, somebody_else: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some distributions close it: that its entries are not to be seen is no fault."""
    (open_folder / "closed").mkdir(mode=0o744)
    (open_folder / "closed" / "attsync").touch()
    monkeypatch.setenv("PATH", "/nonexistent")
    places = Places(open_folder / "closed", open_folder, open_folder / "zone")
    somebody_else()

    assert look({"HOME": str(open_folder)}, places).entries == ()


def test_account_without_a_folder_has_no_timers_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container: a number, and nothing else."""
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)

    assert look({}, Places(tmp_path, tmp_path, tmp_path / "zone")).entries == ()
