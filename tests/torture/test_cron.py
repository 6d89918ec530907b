"""Under cron, as it is on real machines: an empty environment, no terminal, a log that is not as it should be."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import pytest

from attsync.sandbox.faults import Fault
from attsync.sandbox.server import Certificates
from tests.factories import ELMHURST, OAKFIELD, SECRET, SUBSCRIPTION_KEY, give_consent
from tests.installed import PROGRAM, of_the_tests
from tests.torture.runner import CRON, Runner
from tests.torture.scene import NAME, SECRETS, Scene, found_secrets, scene

NOBODY = 65534
PASSWORD = "pass-w0rd"
_A_WHILE = 30


@pytest.fixture
def new(certificates: Certificates, tmp_path: Path) -> Iterator[Scene]:
    """Make a school whose consent is given."""
    with scene(tmp_path / "scene", certificates) as made:
        yield made


@pytest.mark.slow
def test_empty_environment_is_enough(new: Scene) -> None:
    """`env -i`, no HOME, no LANG, no PATH; nothing to read from and nothing to write to."""
    program = f"{sys.executable} -m attsync send --quiet --config {new.folder}/config.toml <&- >&- 2>&-"

    ended = subprocess.run(["/bin/sh", "-c", program], env={}, cwd="/", check=False)

    assert ended.returncode == 0
    assert new.wrong() == []


@pytest.mark.parametrize("closed", [[0], [1], [2], [0, 1, 2]], ids=str)
def test_closed_files_get_nothing_written_into_the_log(new: Scene, attsync: Runner, closed: list[int]) -> None:
    """Files that are opened later get the numbers of stdout and stderr; no message may end up in them."""
    ended = attsync(new.folder, "send", closed=closed)

    assert ended.exit_code == 0
    assert new.wrong() == []


def test_success_is_silent(new: Scene, attsync: Runner) -> None:
    """Cron mails whatever is said."""
    assert attsync(new.folder, "send", "--quiet", environment={}).said == ""


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LC_ALL": "nonsense"}, {"PYTHONIOENCODING": "ascii"}, {}])
def test_screen_of_another_time_is_served(new: Scene, attsync: Runner, locale: dict[str, str]) -> None:
    """Signs that cannot be shown are shown otherwise."""
    ended = attsync(new.folder, "send", environment=locale)

    assert (ended.exit_code, ended.stderr) == (0, "")
    assert "6 sessions received" in ended.stdout


def test_second_run_at_the_same_time_is_6(new: Scene, attsync: Runner) -> None:
    """The first one is not disturbed; after a kill the lock is free."""
    here, go = new.folder / "here", new.folder / "go"
    os.mkfifo(here)
    os.mkfifo(go)
    with Runner() as first:
        first.start(new.folder, "send", "-q", plan={"at": 60, "act": "wait", "here": str(here), "go": str(go)})
        here.read_bytes()
        second = attsync(new.folder, "send", "--quiet")
        go.write_bytes(b"")
        assert first.end().exit_code == 0

    assert second.exit_code == 6
    assert second.stderr.startswith("attsync: Another attsync is sending")
    assert new.wrong() == []


def test_lock_is_free_after_a_kill(new: Scene, attsync: Runner) -> None:
    """No one has to delete a file by hand."""
    killed = attsync(new.folder, "send", "-q", plan={"at": 60, "act": "signal", "signal": signal.SIGKILL})

    assert killed.exit_code == -signal.SIGKILL
    assert attsync(new.folder, "send", "-q").exit_code == 0
    assert new.wrong() == []


@pytest.mark.parametrize("command", [["send", "-q"], ["status"], ["consent", "revoke", "--yes"], ["consent", "show"]])
@pytest.mark.parametrize(
    ("sql", "code"), [("PRAGMA user_version = 99", "LOG-NEWER"), ("PRAGMA application_id = 1", "LOG-DAMAGED")]
)
def test_odd_log_is_9_in_every_command(new: Scene, attsync: Runner, command: list[str], sql: str, code: str) -> None:
    """And it is left as it is."""
    path = new.settings.log.path
    with closing(sqlite3.connect(path)) as log:
        log.execute(sql)
    before = path.read_bytes()

    ended = attsync(new.folder, *command)

    assert (ended.exit_code, f"[{code}]" in ended.stderr) == (9, True)
    assert str(path) in ended.stderr
    assert path.read_bytes() == before
    assert new.dfe.posts == []


def test_log_of_0_bytes_is_damage(new: Scene, attsync: Runner) -> None:
    """Not a new log: it would have forgotten every consent, and every code that was sent."""
    new.settings.log.path.write_bytes(b"")

    ended = attsync(new.folder, "send", "-q")

    assert (ended.exit_code, "[LOG-DAMAGED]" in ended.stderr) == (9, True)


@pytest.fixture
def of_nobody(certificates: Certificates) -> Iterator[Scene]:
    """Make a school in a folder of another account, which can reach everything it needs; consent is not given yet."""
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    with TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o755)
        with scene(Path(temporary) / "scene", certificates, has_consent=False) as new:
            authority = new.folder / "ca.pem"
            authority.write_bytes(certificates.ca.read_bytes())
            config = new.folder / "config.toml"
            config.write_text(config.read_text().replace(str(certificates.ca), str(authority)))
            subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", new.folder], check=True)
            yield new


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("chown 0:0 state/attsync.db; chmod 600 state/attsync.db", "(owner: root)"),
        ("chown 0:0 state/attsync.db.lock; chmod 600 state/attsync.db.lock", "(owner: root)"),
        ("chmod 500 state; rm -f state/*.lock", "attsync.db.lock cannot be used: permission denied"),
        ("chmod 400 state/attsync.db", "attsync.db"),
    ],
)
def test_log_that_this_account_may_not_write_is_9(of_nobody: Scene, attsync: Runner, change: str, words: str) -> None:
    """Brought back by root from a backup, or in a folder that may only be read: not "another run", nothing is sent."""
    give_consent(of_nobody.settings)
    script = f"touch state/attsync.db.lock; chown -R {NOBODY}:{NOBODY} state; {change}"
    subprocess.run(["/bin/sh", "-c", script], cwd=of_nobody.folder, check=True)

    ended = attsync(of_nobody.folder, "send", "-q", user=NOBODY)

    assert (ended.exit_code, words in ended.stderr) == (9, True), ended.said
    assert "Nothing" in ended.stderr
    assert of_nobody.dfe.posts == []


def test_log_and_locks_that_root_made_serve_the_next_run(of_nobody: Scene, attsync: Runner) -> None:
    """`sudo attsync consent grant` makes them, cron comes in the night; and so after `sudo attsync consent revoke`."""
    folder = of_nobody.folder

    granted = attsync(folder, "consent", "grant", "--yes", "-q")
    sent = attsync(folder, "send", "-q", user=NOBODY)
    wrong = of_nobody.wrong()
    revoked = attsync(folder, "consent", "revoke", "--yes", "-q")
    skipped = attsync(folder, "send", "-q", user=NOBODY)

    ended = [granted, sent, revoked, skipped]
    assert [(one.exit_code, one.said) for one in ended] == [(0, "")] * 4
    assert wrong == []
    assert {path.stat().st_uid for path in (folder / "state", *(folder / "state").iterdir())} == {NOBODY}


def test_check_says_how_to_put_the_files_of_another_account_right(of_nobody: Scene, attsync: Runner) -> None:
    """What root left behind, and what is not the account's to read, with the commands that correct it."""
    give_consent(of_nobody.settings)
    lock, secret = (of_nobody.folder / name for name in ("state/attsync.db.lock", "client-secret"))
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", of_nobody.folder / "state"], check=True)
    lock.touch(0o600)
    os.chown(secret, 0, 0)

    wrong = attsync(of_nobody.folder, "check", "--offline", user=NOBODY)
    for line in re.findall(r"chown \S+ \S+", wrong.stdout):
        subprocess.run(["/bin/sh", "-c", line], check=True)
    right = attsync(of_nobody.folder, "check", user=NOBODY)

    assert wrong.exit_code == 9
    assert f"chown nobody {lock}" in wrong.stdout
    assert f"chown nobody {secret}" in wrong.stdout
    assert right.exit_code == 0, right.said
    assert "log 0600 nobody in a folder 0700" in right.stdout


def test_secrets_are_not_in_the_process_list(certificates: Certificates, tmp_path: Path) -> None:
    """Everyone on the machine can read how a program was called. Looked at while the DfE thinks about its answer."""
    held, go = Event(), Event()

    def pause(_: float) -> None:
        held.set()
        go.wait(_A_WHILE)

    with scene(tmp_path / "scene", certificates, Fault.SLOW, pause=pause) as new:
        _add_database_with_password(new)
        command = [str(PROGRAM), "send", "--quiet", "--config", str(new.folder / "config.toml")]
        with subprocess.Popen(command, env=CRON | of_the_tests(), stderr=subprocess.PIPE, text=True) as process:
            try:
                assert held.wait(_A_WHILE)
                seen, tokens = list(_process_list(process.pid)), list(new.dfe.service.sign_in.tokens)
            finally:
                go.set()
            _, said = process.communicate()

    assert process.returncode == 1
    assert "[DB-NONE]" in said
    assert b"send\0--quiet" in seen[0]
    assert len(tokens) == 1
    assert [secret for secret in (*SECRETS, *tokens, PASSWORD) if any(secret.encode() in text for text in seen)] == []


def _add_database_with_password(new: Scene) -> None:
    """Add a database, read before the other, that is not there; its school has given consent."""
    address = new.folder / "database-url"
    address.write_text(f"postgresql://reader:{PASSWORD}@127.0.0.1:9/school")
    address.chmod(0o600)
    config = new.folder / "config.toml"
    before, first = config.read_text().split("[[database]]", 1)
    second = first.replace("MIS 1", "MIS 2").replace('url = "sqlite:///school.db"', 'url_file = "database-url"')
    second = second.replace(str(OAKFIELD.urn), str(ELMHURST.urn)).replace(OAKFIELD.name, ELMHURST.name)
    config.write_text(f"{before}[[database]]{second}\n[[database]]{first}")
    give_consent(new.settings, ELMHURST)


def _process_list(number: int) -> Iterator[bytes]:
    """Return the arguments and the environment of a process, and of all that it has started."""
    process = Path(f"/proc/{number}")
    for name in ("cmdline", "environ"):
        yield (process / name).read_bytes()
    for children in process.glob("task/*/children"):
        for child in children.read_text().split():
            yield from _process_list(int(child))


@pytest.mark.parametrize("column", ["code", "year_group", "session", "school"])
def test_names_in_a_wrong_column_go_nowhere(new: Scene, attsync: Runner, column: str) -> None:
    """Not sent, not logged, not shown, not even in part or under -vv, by no command."""
    new.school.change(f"UPDATE marks SET {column} = name || ' ' || rowid")

    ended = [
        attsync(new.folder, *command)
        for command in (["send", "-vv"], ["send", "--json"], ["preview"], ["preview", "--json"], ["status", "-vv"])
    ]

    first, *others = ended
    # Without a school there are no marks: whether that is a problem depends on the time of year.
    assert first.exit_code == 1 or (column == "school" and "[MARKS-NONE]" in first.stdout)
    for one in ended:
        assert "Traceback" not in one.said
        assert "BUG" not in one.said
    assert others
    assert NAME.split()[1] not in "".join(one.said for one in ended)
    assert new.dfe.posts == []
    assert found_secrets(new.folder, (NAME, *NAME.split())) == []


def test_password_of_the_database_is_in_no_output(new: Scene, attsync: Runner) -> None:
    """A server that is not there: its driver would repeat the address in its error."""
    address = new.folder / "database-url"
    address.write_text(f"postgresql://reader:{PASSWORD}@127.0.0.1:9/school")
    address.chmod(0o600)
    config = new.folder / "config.toml"
    config.write_text(config.read_text().replace('url = "sqlite:///school.db"', 'url_file = "database-url"'))

    ended = attsync(new.folder, "send", "-vv")

    assert (ended.exit_code, "[DB-NONE]" in ended.said) == (3, True)
    assert found_secrets(new.folder, (PASSWORD,)) == []


@pytest.mark.parametrize("at", [30, 70])
def test_bug_gives_one_line_and_a_report_without_secrets(new: Scene, attsync: Runner, at: int) -> None:
    """No traceback: it could show values. The report names files and lines."""
    text = f"{SECRET} {SUBSCRIPTION_KEY} {NAME}"

    ended = attsync(new.folder, "send", "-q", "-vv", plan={"at": at, "act": "break", "text": text})

    (line,) = [line for line in ended.stderr.splitlines() if "[BUG]" in line]
    (report,) = (new.folder / "output").rglob("attsync-error-*.txt")
    assert ended.exit_code == 70
    assert "Traceback" not in ended.said
    assert str(report) in line
    assert "ZeroDivisionError" in report.read_text()
    assert found_secrets(new.folder, (SECRET, SUBSCRIPTION_KEY, NAME)) == []


def test_bug_is_told_even_where_no_report_can_be_written(new: Scene, attsync: Runner) -> None:
    """A full disk: here no file may grow beyond what the line itself takes. The last place is in the line."""
    ended = attsync(new.folder, "send", "-q", plan={"at": 3, "act": "break"}, largest_file=600)

    assert (ended.exit_code, ended.stdout) == (70, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("attsync: an error in attsync itself. Details for the developers could not be written to")
    assert line.endswith("[BUG]")
