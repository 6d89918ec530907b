"""`attsync check`: tests everything a send needs, sends nothing, and says what to correct."""

import re
import shutil
import tomllib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from attsync.accounts import who
from attsync.checks.runner import check, exit_code_of
from attsync.deadline import Deadline
from attsync.sandbox.faults import Fault
from attsync.settings import load, origins
from attsync.window import LONDON, window_ending
from tests.commands.trial import MONDAY, Trial, mark

Start = Callable[..., Trial]


def install_timer(trial: Trial) -> None:
    """Put the units that `attsync crontab --systemd` prints where a user of systemd has them."""
    _, service, timer = trial("crontab", "--systemd").out.split("# Save as ")
    folder = trial.folder / "home/.config/systemd/user"
    (folder / "timers.target.wants").mkdir(parents=True)
    for name, text in (("attsync.service", service), ("attsync.timer", timer)):
        (folder / name).write_text(text.split("\n", 1)[1])
    (folder / "timers.target.wants/attsync.timer").symlink_to("../attsync.timer")


def test_everything_right_is_good(trial: Start) -> None:
    """The technician's question after setting up: will it work, and who has to correct what does not."""
    started = trial()
    install_timer(started)

    ran = started("check", HOME=str(started.folder / "home"), columns=200)

    assert ran.exit_code == 0
    signs = {line[0] for line in ran.out.splitlines() if line.strip() and not line.startswith(" ")}
    assert signs == {"✓", "N"}, ran.out
    assert ran.out.endswith("\n\nNo problem. Exit code 0.\n")
    assert "900023 is Sandbox School 900023" in ran.out
    assert "systemd timer attsync.timer; no planned send has been due yet" in ran.out
    assert len(ran.out.splitlines()) < 24
    assert started.sandbox.store.received() == []


def test_schedule_answers_from_the_log(trial: Start) -> None:
    """Lines that are there prove nothing; a send that came does."""
    started = trial()
    started.change(('# times = ["10:15", "14:45"]', 'times = ["10:15"]'))
    install_timer(started)

    def schedule() -> Any:  # noqa: ANN401  JSON
        found = started("check", "--offline", "--json", HOME=str(started.folder / "home")).json["findings"]
        return next(finding for finding in found if finding["what"] == "Schedule")

    early = schedule()
    started.move_to(datetime(2026, 11, 24, 11, 0, tzinfo=LONDON))
    missed = schedule()
    started.move_to(datetime(2026, 11, 25, 10, 20, tzinfo=LONDON))
    started("send")
    started.move_to(datetime(2026, 11, 25, 11, 0, tzinfo=LONDON))

    assert early["text"] == "systemd timer attsync.timer; no planned send has been due yet"
    assert (missed["sign"], missed["code"]) == ("check", "SEND-MISSED")
    assert schedule()["text"] == "systemd timer attsync.timer; the last planned sends came on Wed 25 Nov 10:20"


def test_values_without_a_map_come_with_lines_that_work(trial: Start) -> None:
    """What is pasted below the headings is what the settings file needs, codes and year groups at once."""
    started = trial()
    mark(started, "2026-11-18", "ZZ")
    started.change(('"Year 6" = "6"\n', ""))

    (bad,) = (f for f in started("check", "--offline", "--json").json["findings"] if f["sign"] == "bad")
    lines = bad["next"].split("\n")[1:]
    # The headings are there: twice, they would be an error.
    assert tomllib.loads("\n".join(lines)) == {"ZZ": "...", "Year 6": "6"}
    assert [line for line in lines if "below" in line] == [
        "# below [database.codes]:",
        "# below [database.year_groups]:",
    ]

    code, group = (next(line for line in lines if line.startswith(f'"{start}')) for start in ("ZZ", "Year"))
    started.change(
        ('"HOSP" = "M"', f'{code.replace("...", "B")}\n"HOSP" = "M"'), ('"Year 5" = "5"', f'"Year 5" = "5"\n{group}')
    )
    assert started("check", "--offline").exit_code == 0


def test_offline_does_not_sign_in(trial: Start) -> None:
    """A settings file can be looked at where there is no way to the DfE."""
    started = trial()
    started.sandbox.server.stop()

    ran = started("check", "--offline")

    assert ran.exit_code == 0
    assert "DfE" not in ran.out


def test_message_is_not_sent_offline(trial: Start) -> None:
    """It asks for both; and with neither address nor --offline, the test that was asked for has failed."""
    started = trial()

    assert started("check", "--offline", "--test-message").exit_code == 2
    ran = started("check", "--test-message", "--json")
    assert [each["code"] for each in ran.json["findings"] if each["what"] == "Messages"] == ["NOTIFY"]


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

    ran = started("check", "--json")

    assert ran.exit_code == 1
    assert {"DFE-REJECTED", "CONSENT-NONE"} <= {finding["code"] for finding in ran.json["findings"]}


def test_service_that_answers_again_is_sent_to_again(trial: Start) -> None:
    """After "closed" nothing is sent until someone has checked; this is the check."""
    started = trial(*[Fault.CLOSED] * 40)
    started("send")
    started("send")
    started.sandbox.faults.clear()
    assert started("send").exit_code == 4

    checked = started("check")

    assert "it was closed but answers again" in " ".join(checked.out.split())
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
    assert re.search(r"^dfe\.client_id +line 13 +oakfield$", ran.out, re.MULTILINE)
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
    assert ("Consent", "LOG-DAMAGED") in [(f["what"], f["code"]) for f in findings]
    assert "900023 is Sandbox School 900023" in [f["text"] for f in findings]
    assert started.log.read_bytes() == content


def test_no_log_is_made_by_looking(trial: Start) -> None:
    """Nor a lock, nor a folder."""
    started = trial(consent=False)
    before = sorted(started.folder.iterdir())

    ran = started("check")

    assert ran.exit_code == 0
    assert "Log " in ran.out
    assert "[CONSENT-NONE]" in ran.out
    assert sorted(started.folder.iterdir()) == before


def test_line_to_change_is_told(trial: Start) -> None:
    """Beside what to do."""
    started = trial()
    started.change(("mark AS code", "no_column AS code"))

    (bad,) = (
        finding for finding in started("check", "--offline", "--json").json["findings"] if finding["sign"] == "bad"
    )

    assert bad["code"] == "DB-SELECT"
    assert bad["where"] == "config.toml line 53"


@pytest.mark.usefixtures("table")
def test_what_is_to_be_typed_next_is_on_its_own_line(trial: Start) -> None:
    """It is there to be copied."""
    started = trial()

    started.folder.chmod(0o755)
    shown = [line.strip() for line in started("check").out.splitlines()]

    assert f"chmod 700 {started.folder}" in shown
    assert any(line.startswith("attsync crontab --install") for line in shown)


@pytest.mark.usefixtures("table")
def test_lines_that_were_installed_are_found(trial: Start) -> None:
    """By the comment at their end."""
    started = trial()
    assert started("crontab", "--install").exit_code == 0

    (schedule,) = (f for f in started("check", "--json").json["findings"] if f["what"] == "Schedule")

    assert schedule["text"] == f"2 lines in the crontab of {who({}).account}; no planned send has been due yet"


def test_what_the_time_limit_leaves_is_told(trial: Start) -> None:
    """A check ends, whatever does not answer."""
    loaded = load(trial().config, {})
    with Deadline(0) as deadline:
        window = window_ending(MONDAY.date(), 8, "working")
        found = check(loaded, origins(loaded.path, {}), (), window, MONDAY, deadline, offline=False)

    late = [finding.what for finding in found if finding.code == "RUN-TIME"]
    assert (late, exit_code_of(found)) == (["School database", "DfE service"], 5)


def test_address_in_a_file_of_its_own_is_named(trial: Start) -> None:
    """Not the line of the settings file, where there is nothing to correct."""
    started = trial()
    address = started.folder / "address"
    address.write_text("sqlite:///none.db")
    address.chmod(0o600)
    started.change(('url = "sqlite:///school.db"', 'url_file = "address"'))

    (bad,) = (f for f in started("check", "--offline", "--json").json["findings"] if f["sign"] == "bad")

    assert (bad["what"], bad["code"], bad["where"]) == ("School database", "DB-NONE", str(address))


def test_database_of_other_schools_is_left_alone(trial: Start) -> None:
    """A person who asks for one school of a trust waits for one database."""
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


def test_school_that_two_databases_list_is_told(trial: Start) -> None:
    """What makes every send end with 2 is no surprise of the first send."""
    started = trial()
    started.school("CREATE TABLE schools AS SELECT '900023' AS school, 900023 AS urn, 'Oakfield' AS name")
    shutil.copy(started.folder / "school.db", started.folder / "copy.db")
    text = started.config.read_text()
    other = text[text.index("[[database]]") : text.index("\n[[database.schools]]")]
    other = other.replace("school.db", "copy.db").replace("# schools =", "schools =")
    started.config.write_text(f"{text}\n{other}\n")

    ended = started("check", "--offline", "--json")

    (bad,) = (finding for finding in ended.json["findings"] if finding["sign"] == "bad")
    assert (ended.exit_code, started("send", "--quiet").exit_code) == (2, 2)
    assert bad["code"] == "SCHOOL-NONE"
    assert "The URN 900023 is in 2 databases" in bad["text"]
