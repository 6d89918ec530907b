"""checks/files.py: who can read or change the files, whether the log is sound, whether the planned sends came."""

import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
import trustme

from attsync.accounts import name_of
from attsync.checks import Finding
from attsync.checks.files import file_findings, log_findings, schedule_findings
from attsync.checks.runner import exit_code_of
from attsync.log import Log
from attsync.problems import Problem
from attsync.schedule import Installed
from attsync.settings import Settings, load, origins
from attsync.window import LONDON
from tests.factories import NOON, OAKFIELD, WINDOW, give_consent, settings
from tests.other_account import SOMEBODY_ELSE, needs_root

PASSWORD = "postgresql://attsync_ro:hunter2@localhost/school"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with settings, secrets and a log, all as they should be."""
    give_consent(settings(tmp_path))
    (tmp_path / "config.toml").chmod(0o600)
    return tmp_path


def look(folder: Path, environ: Mapping[str, str] | None = None) -> list[Finding]:
    """Load the settings of `folder` and look at all files."""
    path = folder / "config.toml"
    loaded = load(path, environ or {}, trusted=False)
    return list(file_findings(loaded, origins(path, environ or {})))


def only(findings: list[Finding]) -> Finding:
    """Return the one finding that is not good; it says what to do, and shows no secret."""
    (finding,) = (finding for finding in findings if finding.sign != "good")
    assert finding.next
    assert "hunter2" not in str(finding) + str(finding.as_json())
    return finding


def problem(finding: Finding) -> Problem:
    """Return the problem of a finding."""
    assert isinstance(finding.found, Problem)
    return finding.found


def command(finding: Finding) -> str:
    """Return the command at the end of what to do."""
    return str(finding.next.parts[-1])


def change(folder: Path, *changes: tuple[str, str]) -> None:
    """Change the settings file, and leave its mode as it is."""
    path = folder / "config.toml"
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def test_files_as_they_should_be_are_one_line(folder: Path) -> None:
    """With the modes and owners, for anyone who has to prove it."""
    (found,) = look(folder)

    me = found.text.split()[3].rstrip(",")
    assert found == Finding(
        "good",
        "Files",
        f"settings file 0600 {me}, client secret 0600 {me}, subscription key 0600 {me}, log 0600 {me} in a folder 0700",
    )


@pytest.mark.parametrize("mode", [0o660, 0o602, 0o666])
def test_settings_file_that_others_may_write_is_told(folder: Path, mode: int) -> None:
    """Anyone who writes it can have the counts sent elsewhere."""
    path = folder / "config.toml"
    path.chmod(mode)
    found = only(look(folder))

    assert (problem(found).case, problem(found)["mode"]) == ("mode", f"{mode:04o}")
    assert command(found) == f"chmod go-w {path}"
    assert (found.sign, found.code, exit_code_of([found])) == ("bad", "FILE-RIGHTS", 2)


def test_folder_in_which_others_could_put_another_file_is_told(folder: Path) -> None:
    """The file's own rights do not help then."""
    inner = folder / "inner folder"
    inner.mkdir()
    (folder / "config.toml").rename(inner / "config.toml")
    change(inner, ('= "client-secret"', f'= "{folder}/client-secret"'), ('= "subsc', f'= "{folder}/subsc'))
    change(inner, ('"state/attsync.db"', f'"{folder}/state/attsync.db"'))
    inner.chmod(0o777)

    assert command(only(look(inner))) == f"chmod go-w '{inner}'"


@needs_root
def test_settings_file_of_a_third_account_is_told(open_folder: Path, somebody_else: Callable[[], None]) -> None:
    """It may change at any time. For root, the account of the log's folder is right: it may be a look with sudo."""
    settings(open_folder)
    (open_folder / "state").mkdir()
    for each in (open_folder, *open_folder.iterdir()):
        os.chown(each, 12344, -1)
    (open_folder / "config.toml").chmod(0o644)
    assert not [f for f in look(open_folder) if f.code == "FILE-RIGHTS" and problem(f).case == "owner"]
    somebody_else()

    (loose,) = (f for f in look(open_folder) if f.code == "FILE-RIGHTS" and problem(f).case == "owner")
    assert command(loose) == f"chown -h {SOMEBODY_ELSE} {open_folder}/config.toml"


@pytest.mark.parametrize("mode", [0o644, 0o604])
def test_password_in_a_settings_file_that_others_may_read_is_told(folder: Path, mode: int) -> None:
    """Best it were in a file of its own."""
    change(folder, ("sqlite:///school.db", PASSWORD))
    (folder / "config.toml").chmod(mode)
    found = only(look(folder))

    assert (found.code, found.setting) == ("FILE-RIGHTS", ("database", 0, "url"))
    assert (problem(found).case, problem(found)["mode"]) == ("password", f"{mode:04o}")
    assert command(found).endswith(f"-r {folder}/config.toml")


@needs_root
def test_group_of_a_file_of_roots_may_read_it(folder: Path) -> None:
    """There is no other way for the account of attsync. In its own file, the group is other people."""
    change(folder, ("sqlite:///school.db", PASSWORD))
    path = folder / "config.toml"
    path.chmod(0o640)

    assert [f.sign for f in look(folder)] == ["good"]

    for each in (path, folder / "state"):
        os.chown(each, SOMEBODY_ELSE, -1)
    found = next(f for f in look(folder) if f.code == "FILE-RIGHTS" and problem(f).case == "password")
    assert command(found) == f"chmod go-r {path}"


@pytest.mark.parametrize(
    ("address", "environ"),
    [
        ("sqlite:///school.db", {}),
        ("postgresql://attsync_ro@localhost/school?sslmode=require", {}),
        ("sqlite:///school.db", {"ATTSYNC_DFE__PROXY": "http://sam:hunter2@localhost:3128"}),
    ],
)
def test_settings_file_without_a_password_may_be_read(folder: Path, address: str, environ: dict[str, str]) -> None:
    """What a variable holds is not in the file."""
    change(folder, ("sqlite:///school.db", address))
    (folder / "config.toml").chmod(0o644)

    assert [f.sign for f in look(folder, environ)] == ["good"]


def test_password_of_the_proxy_counts_too(folder: Path) -> None:
    """It is often that of an account of the whole network."""
    change(folder, ("connections = 2", 'connections = 2\nproxy = "http://sam:hunter2@localhost:3128"'))
    (folder / "config.toml").chmod(0o644)

    assert only(look(folder)).setting == ("dfe", "proxy")

    change(folder, ("sqlite:///school.db", PASSWORD))
    assert only(look(folder)).setting == ("database", 0, "url")  # one command puts both right


def test_secret_that_others_may_read_is_told_with_its_setting(folder: Path) -> None:
    """In the words in which a send would stop."""
    (folder / "client-secret").chmod(0o644)
    found = only(look(folder))

    assert (found.code, found.setting) == ("SECRET-FILE", ("dfe", "client_secret_file"))


def test_each_secret_is_looked_at(folder: Path) -> None:
    """All that is wrong is told at once."""
    (folder / "client-secret").unlink()
    (folder / "subscription-key").chmod(0o640)
    change(folder, ('url = "sqlite:///school.db"', 'url_file = "address"'))

    assert [f.setting for f in look(folder) if f.sign == "bad"] == [
        ("dfe", "client_secret_file"),
        ("dfe", "subscription_key_file"),
        ("database", 0, "url_file"),
    ]


def test_address_file_is_one_of_the_right_ones(folder: Path) -> None:
    """And what is in it is not shown."""
    (folder / "address").write_text(PASSWORD)
    (folder / "address").chmod(0o600)
    change(folder, ('url = "sqlite:///school.db"', 'url_file = "address"'))
    (found,) = look(folder)

    assert "database address 0600" in found.text
    assert "hunter2" not in found.text


def test_key_that_cannot_sign_is_told(folder: Path) -> None:
    """Its rights are right, and it is no key."""
    (folder / "key.pem").write_text("no key")
    (folder / "key.pem").chmod(0o600)
    change(folder, ('client_secret_file = "client-secret"', 'auth_method = "private_key_jwt"'))
    change(folder, ("connections = 2", 'private_key_file = "key.pem"'))

    assert only(look(folder)).code == "SECRET-FILE"


def test_certificates_to_trust_are_looked_at(folder: Path) -> None:
    """Anyone who can change them can pretend to be the DfE; without them there is no sign-in."""
    change(folder, ("connections = 2", 'ca_file = "ca.pem"'))
    missing = only(look(folder))
    (folder / "ca.pem").write_text("")
    empty = only(look(folder))
    trustme.CA().cert_pem.write_to_path(folder / "ca.pem")
    (folder / "ca.pem").chmod(0o666)
    loose = only(look(folder))

    assert (missing.code, missing.setting) == ("SETTINGS", ("dfe", "ca_file"))
    assert (empty.code, problem(loose).case) == ("SETTINGS", "mode")
    assert command(loose) == f"chmod go-w {folder}/ca.pem"
    assert loose.setting == ("dfe", "ca_file")


@needs_root
def test_what_one_run_under_sudo_left_behind_is_told(folder: Path) -> None:
    """The next run of cron could not open it, and would end with 9."""
    state = folder / "state"
    os.chown(state, SOMEBODY_ELSE, -1)
    os.chown(state / "attsync.db", SOMEBODY_ELSE, -1)
    (state / "attsync.db.lock").touch(0o600)
    (state / "attsync.db.gate").touch(0o600)
    of_root, found, _ = look(folder)

    assert of_root.sign == "check"
    assert command(of_root) == f"sudo -u '#{SOMEBODY_ELSE}' attsync check"
    files = (f"{state}/attsync.db.gate", f"{state}/attsync.db.lock")
    assert (problem(found).case, set(problem(found).get("files", ()))) == ("foreign", set(files))  # type: ignore[arg-type]
    assert command(found) == f"chown {SOMEBODY_ELSE} {files[1]} {files[0]}"
    assert (found.code, exit_code_of([found]), found.setting) == ("LOG-WRITE", 9, ("log", "path"))


@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "signs"),
    [
        (0o700, 0o644, ["check"]),
        (0o711, 0o640, ["bad", "check"]),
        (0o755, 0o600, ["check"]),
        (0o777, 0o600, ["bad"]),
        (0o1777, 0o600, ["check"]),
    ],
)
def test_log_and_folder_that_are_open_are_told(
    folder: Path, folder_mode: int, file_mode: int, signs: list[str]
) -> None:
    """Bad is what others can reach or replace."""
    (folder / "state" / "attsync.db").chmod(file_mode)
    (folder / "state").chmod(folder_mode)
    found = [f for f in look(folder) if f.sign != "good"]

    assert [f.sign for f in found] == signs
    assert {f.code for f in found} == {"FILE-RIGHTS"}
    if file_mode != 0o600:
        assert command(found[0]) == f"chmod 600 {folder}/state/attsync.db"
    if folder_mode != 0o700:
        assert command(found[-1]) == f"chmod 700 {folder}/state"


def test_no_log_is_no_fault_and_none_is_made(tmp_path: Path) -> None:
    """The first consent makes it."""
    loaded = settings(tmp_path)
    before = sorted(tmp_path.rglob("*"))

    assert [f.sign for f in look(tmp_path)] == ["good"]
    (found,) = log_findings(loaded.log.path)
    assert (found.sign, found.text) == ("good", f"none yet; the first consent creates {loaded.log.path}")
    assert sorted(tmp_path.rglob("*")) == before


@needs_root
def test_log_that_could_not_be_made_is_told(open_folder: Path, somebody_else: Callable[[], None]) -> None:
    """With the command that makes its folder."""
    path = open_folder / "state" / "attsync.db"
    somebody_else()
    (found,) = log_findings(path)

    assert (problem(found).case, problem(found)["owner"], problem(found)["path"]) == ("no_folder", "root", str(path))
    assert command(found) == f"install -d -m 700 -o {SOMEBODY_ELSE} {path.parent}"
    assert exit_code_of([found]) == 9


@needs_root
def test_folders_that_may_not_be_entered_are_told(open_folder: Path, somebody_else: Callable[[], None]) -> None:
    """Each by the words of what is in it."""
    settings(open_folder, dfe_lines='ca_file = "closed/ca.pem"')
    change(open_folder, ('path = "state/attsync.db"', 'path = "closed/attsync.db"'))
    (open_folder / "closed").mkdir(mode=0o700)
    for path in open_folder.iterdir():
        if path.is_file():
            os.chown(path, SOMEBODY_ELSE, -1)
    somebody_else()
    found = look(open_folder)
    (log,) = log_findings(open_folder / "closed" / "attsync.db")

    assert only(found).code == "SETTINGS"
    assert (log.sign, log.code, log.setting) == ("bad", "LOG-WRITE", ("log", "path"))


@needs_root
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_log_that_may_not_be_written_is_told(open_folder: Path, somebody_else: Callable[[], None], mode: int) -> None:
    """Reading alone is not enough for a send."""
    path = open_folder / "attsync.db"
    Log.open(path).close()
    with closing(sqlite3.connect(path)) as log:
        log.execute("PRAGMA journal_mode = DELETE")
    path.chmod(mode)
    somebody_else()
    (found,) = log_findings(path)

    assert (found.sign, found.code) == ("bad", "LOG-WRITE")


@pytest.fixture
def log(tmp_path: Path) -> Settings:
    """Make a log with a run."""
    loaded = settings(tmp_path)
    give_consent(loaded, *[OAKFIELD] * 60)
    with Log.open(loaded.log.path) as log:
        log.end_run(log.begin_run(WINDOW, loaded.dfe.origin, NOON), 0, NOON)
    return loaded


def test_log_is_described(log: Settings) -> None:
    """Its size, its layout, its newest run."""
    (found,) = log_findings(log.log.path)

    size = log.log.path.stat().st_size / 10**6
    assert found.sign == "good"
    assert found.text == (f"{log.log.path}: undamaged, writable, {size:.1f} MB; newest run 1, Mon 23 Nov 12:00")


def test_log_without_a_run_says_so(folder: Path) -> None:
    """Consent comes first."""
    (found,) = log_findings(folder / "state" / "attsync.db")

    assert found.text.endswith("; no run yet")


def test_damage_that_no_read_would_meet_is_found(log: Settings) -> None:
    """Every page is looked at; the first that a send reads may be a sound one."""
    content = bytearray(log.log.path.read_bytes())
    content[-4096:-2048] = os.urandom(2048)
    log.log.path.write_bytes(content)
    with Log.open(log.log.path) as opened:
        assert opened.last_run()

    (found,) = log_findings(log.log.path)

    assert (found.sign, found.code, exit_code_of([found])) == ("bad", "LOG-DAMAGED", 9)
    assert log.log.path.read_bytes() == bytes(content)


def test_newer_log_is_told_with_its_setting(log: Settings) -> None:
    """Another file can be named there."""
    with closing(sqlite3.connect(log.log.path)) as other:
        other.execute("PRAGMA user_version = 99")
    (found,) = log_findings(log.log.path)

    assert (found.code, found.setting) == ("LOG-NEWER", ("log", "path"))


# The schedule


def at(text: str) -> datetime:
    """Return a time in London."""
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


SINCE = at("2026-11-16 09:00")


@pytest.fixture
def schedule(tmp_path: Path) -> Callable[..., Finding]:
    """Return the finding for a machine with what is `installed`, and a log with runs that began at these times."""
    loaded = settings(tmp_path)

    def find(
        *runs: str,
        now: str,
        lines: int | None = 2,
        since: datetime | None = SINCE,
        timer: str = "",
        is_enabled: bool = False,
    ) -> Finding:
        found = Installed(lines, timer, is_enabled)
        with Log.open(loaded.log.path) as log:
            for run in runs:
                log.end_run(log.begin_run(WINDOW, loaded.dfe.origin, at(run)), 0, at(run))
            *_, last = schedule_findings(loaded, found, log, since, at(now))
        return last

    return find


ME = name_of(os.geteuid())


@pytest.mark.parametrize(
    ("runs", "now", "said"),
    [
        (("2026-11-23 10:18", "2026-11-23 14:48"), "2026-11-23 16:00", "came on Mon 23 Nov 10:18 and Mon 23 Nov 14:48"),
        (("2026-11-20 14:48", "2026-11-23 10:18"), "2026-11-23 12:00", "came on Fri 20 Nov 14:48 and Mon 23 Nov 10:18"),
        (("2026-11-20 10:18", "2026-11-20 14:48"), "2026-11-22 12:00", "came on Fri 20 Nov 10:18 and Fri 20 Nov 14:48"),
        (("2026-11-20 10:18", "2026-11-20 14:48"), "2026-11-23 10:40", "came on Fri 20 Nov 10:18 and Fri 20 Nov 14:48"),
    ],
)
def test_planned_sends_that_came_are_good(
    schedule: Callable[..., Finding], runs: tuple[str, ...], now: str, said: str
) -> None:
    """Whatever started them; one that is not late yet does not count."""
    found = schedule(*runs, now=now)

    assert found.text == f"2 lines in the crontab of {ME}; the last planned sends {said}"
    assert schedule(*runs, now=now, lines=0).sign == "good"


@pytest.mark.parametrize("lines", [0, 2])
@pytest.mark.parametrize(
    ("run", "missed"), [("2026-11-23 10:18", "Mon 23 Nov 14:45"), ("2026-11-23 14:48", "Mon 23 Nov 10:15")]
)
def test_planned_send_that_did_not_come_is_told(
    schedule: Callable[..., Finding], lines: int, run: str, missed: str
) -> None:
    """The lines may be there, and cron may not run; also if a later one came."""
    found = schedule(run, now="2026-11-23 15:20", lines=lines)

    assert (found.sign, problem(found).case, problem(found)["at"]) == ("check", "planned", missed)


def test_bank_holiday_is_not_a_missed_send(schedule: Callable[..., Finding]) -> None:
    """Christmas Day and Boxing Day, and the weekend after them."""
    found = schedule("2026-12-24 10:18", "2026-12-24 14:48", now="2026-12-28 16:00")

    assert found.text.endswith("came on Thu 24 Dec 10:18 and Thu 24 Dec 14:48")


@pytest.mark.parametrize("since", [None, at("2026-11-23 09:30")])
def test_no_send_is_missed_before_there_is_consent(schedule: Callable[..., Finding], since: datetime | None) -> None:
    """Nor one that was planned before it was given."""
    found = schedule(now="2026-11-23 10:40", since=since)

    assert found.text == f"2 lines in the crontab of {ME}; no planned send has been due yet"
    assert problem(schedule(now="2026-11-23 10:40", since=since, lines=0)).case == "nothing"
    assert problem(schedule(now="2026-11-23 10:40", since=since, lines=None)).case == "no_crontab"


def test_timer_that_is_not_enabled_is_told(schedule: Callable[..., Finding]) -> None:
    """And one that is enabled is good."""
    off = schedule(now="2026-11-23 10:40", since=None, lines=0, timer="attsync.timer")
    on = schedule(now="2026-11-23 10:40", since=None, lines=0, timer="attsync.timer", is_enabled=True)

    assert command(off) == "systemctl enable --now attsync.timer"
    assert on.text == "systemd timer attsync.timer; no planned send has been due yet"
