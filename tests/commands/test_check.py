"""`attsync check`: tries everything a send needs, sends nothing, and says who does what."""

import re
from collections.abc import Callable

import pytest

from attsync.person import who
from attsync.sandbox.faults import Fault
from attsync.schedule.clock import server_clock
from tests.commands.trial import Trial

Start = Callable[..., Trial]


def install_timer(trial: Trial) -> None:
    """Put the units that `attsync crontab --systemd` prints where a user of systemd has them."""
    _, service, timer = trial("crontab", "--systemd").out.split("# Save as ")
    folder = trial.folder / "home/.config/systemd/user"
    (folder / "timers.target.wants").mkdir(parents=True)
    for name, text in (("attsync.service", service), ("attsync.timer", timer)):
        (folder / name).write_text(text.split("\n", 1)[1])
    (folder / "timers.target.wants/attsync.timer").symlink_to("../attsync.timer")


def test_everything_right_is_all_ticks(trial: Start) -> None:
    """The technician's question after setting up: will it work, and who is to mend what does not."""
    started = trial()
    install_timer(started)

    ran = started("check", HOME=str(started.folder / "home"))

    assert ran.exit_code == 0
    signs = {line[0] for line in ran.out.splitlines() if line.strip() and not line.startswith(" ")}
    assert signs == {"✓", "N"}, ran.out
    assert ran.out.endswith("\n\nNo problem. Exit code 0.\n")
    assert "900023 is Oakfield Primary School" in ran.out
    assert "has given consent" in ran.out
    assert "timer attsync.timer: weekdays 10:18 and 14:48 (Europe/London)" in ran.out
    assert started.sandbox.store.received() == []


def test_offline_does_not_sign_in(trial: Start) -> None:
    """A settings file can be looked at where there is no way to the DfE."""
    started = trial()
    started.sandbox.server.stop()

    ran = started("check", "--offline")

    assert ran.exit_code == 0
    assert "DfE" not in ran.out


def test_dfe_that_is_not_there_is_told(trial: Start) -> None:
    """Exit code 5, as a send would end."""
    started = trial()
    started.sandbox.server.stop()

    ran = started("check", "--json")

    (finding,) = (finding for finding in ran.json["findings"] if finding["sign"] == "bad")
    assert (ran.exit_code, finding["code"]) == (5, "DFE-UNREACHABLE")


def test_missing_secret_is_told(trial: Start) -> None:
    """It is found now, not at a quarter past ten."""
    started = trial()
    (started.folder / "client-secret").unlink()

    ran = started("check")

    assert ran.exit_code == 2
    assert "[SECRET-FILE]" in ran.out


def test_urn_that_the_dfe_does_not_know_is_told(trial: Start) -> None:
    """An academy conversion brings a new URN, and every day would be rejected."""
    started = trial()
    started.change(("900023", "123456"))

    ran = started("check")

    assert ran.exit_code == 1
    assert "the DfE does not know the URN of Oakfield Primary School (123456)" in ran.out
    assert "No consent has been given" in ran.out


def test_service_that_answers_again_is_sent_to_again(trial: Start) -> None:
    """After "closed" nothing is sent until somebody has looked; this is the look."""
    started = trial(Fault.CLOSED)
    started("send")
    assert started("send").exit_code == 4

    checked = started("check")

    assert "it was closed and answers again" in checked.out
    assert started("send").exit_code == 0


def test_settings_are_shown_without_opening_anything(trial: Start) -> None:
    """Which value holds, and where it comes from; also where neither database nor DfE is there."""
    started = trial(consent=False)
    (started.folder / "school.db").unlink()
    (started.folder / "client-secret").unlink()
    started.sandbox.server.stop()
    proxy = "http://sam:hunter2@proxy.example:3128"

    ran = started("check", "--show-settings", ATTSYNC_DFE__PROXY=proxy)
    document = started("check", "--show-settings", "--json", ATTSYNC_DFE__PROXY=proxy).json

    assert ran.exit_code == 0
    assert re.search(r"^dfe\.client_id +line 12 +oakfield$", ran.out, re.MULTILINE)
    assert re.search(
        r"^dfe\.proxy +variable ATTSYNC_DFE__PROXY +http://\*{3}@proxy\.example:3128$", ran.out, re.MULTILINE
    )
    assert re.search(r"^window\.days +default +8$", ran.out, re.MULTILINE)
    assert "hunter2" not in ran.out + str(document)
    rows = {row["setting"]: row for row in document["settings"]}
    assert document["version"] == 1
    assert rows["dfe.timeout_seconds"] == {
        "setting": "dfe.timeout_seconds",
        "value": 30,
        "from": "default",
        "line": None,
        "name": None,
    }
    assert rows["dfe.proxy"]["name"] == "ATTSYNC_DFE__PROXY"
    assert not started.log.exists()


def test_damaged_log_is_one_line_of_many(trial: Start) -> None:
    """The rest is looked at all the same: a technician wants all that is wrong at once."""
    started = trial()
    content = bytearray(started.log.read_bytes())
    content[:100] = bytes(100)
    started.log.write_bytes(content)

    ran = started("check", "--json")

    findings = ran.json["findings"]
    assert [(f["what"], f["code"]) for f in findings if f["sign"] == "bad"] == [("Log", "LOG-DAMAGED")]
    assert ran.exit_code == 9
    assert "not known, because the log cannot be used: nothing is sent" in [f["text"] for f in findings]
    assert "900023 is Oakfield Primary School" in [f["text"] for f in findings]
    assert started.log.read_bytes() == content


def test_no_log_is_made_by_looking(trial: Start) -> None:
    """Nor a lock, nor a folder."""
    started = trial(consent=False)
    before = sorted(started.folder.iterdir())

    ran = started("check")

    assert ran.exit_code == 0
    assert "Log " in ran.out
    assert "no school has given consent" in ran.out
    assert sorted(started.folder.iterdir()) == before


def test_line_to_change_is_told(trial: Start) -> None:
    """Beside what to do."""
    started = trial()
    started.change(("mark AS code", "no_column AS code"))

    (bad,) = (
        finding for finding in started("check", "--offline", "--json").json["findings"] if finding["sign"] == "bad"
    )

    assert bad["code"] == "DB-SELECT"
    assert bad["where"] == "config.toml line 51"


@pytest.mark.usefixtures("table")
def test_what_is_to_be_typed_next_finds_the_same_settings(trial: Start) -> None:
    """Whoever copies it must not land in another school's settings."""
    started = trial()

    started.folder.chmod(0o755)
    shown = [line.strip() for line in started("check").out.splitlines()]

    assert f"chmod 700 {started.folder}" in shown
    assert "attsync crontab --install --config config.toml" in shown


@pytest.mark.usefixtures("table")
def test_entries_that_were_installed_are_found(trial: Start) -> None:
    """By the same words that put them in; whether their times fit depends on this machine's clock."""
    started = trial()
    assert started("crontab", "--install").exit_code == 0

    (schedule,) = (f for f in started("check", "--json").json["findings"] if f["what"] == "Schedule")

    assert f"crontab of {who({}).account}: weekdays 10:18 and 14:48 (server clock: " in schedule["text"]
    assert (schedule["sign"] == "good") is server_clock().is_of_london


def test_database_of_other_schools_is_left_alone(trial: Start) -> None:
    """Whoever asks for one school of a trust waits for one database."""
    started = trial()
    text = started.config.read_text()
    other = text[text.index("[[database]]") :].replace("school.db", "none.db").replace("900023", "900024")
    started.config.write_text(f"{text}\n{other}")

    one = started("check", "--offline", "--school", "900023", "--json")
    both = started("check", "--offline", "--json")

    assert (one.exit_code, both.exit_code) == (0, 3)
    (bad,) = (finding for finding in both.json["findings"] if finding["sign"] == "bad")
    second = next(n for n, line in enumerate(started.config.read_text().split("\n"), 1) if "none.db" in line)
    assert bad["where"] == f"config.toml line {second}"
