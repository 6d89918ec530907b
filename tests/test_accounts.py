"""accounts.py: who runs a command, who can change a file, secret files, and what root makes beside the log."""

import os
import pwd
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from attsync.accounts import (
    make_file,
    make_folder,
    name_of,
    owners,
    read_secret,
    require_trusted_log,
    rights_problem,
    who,
)
from attsync.deadline import Deadline
from attsync.locks import Gate, one_run, wait_for_starting_requests
from attsync.log import Log
from attsync.messages import next_step
from attsync.problems import LogError, NotPermitted, Problem, SettingsError
from tests.other_account import SOMEBODY_ELSE, needs_root

ME = pwd.getpwuid(os.getuid()).pw_name
NOBODY = pwd.getpwnam("nobody")
ACCOUNT = 65534
GROUP = 65533
PEM = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize("name", ["USER", "LOGNAME", "LNAME", "USERNAME", "SUDO_USER", "HOME"])
def test_environment_has_no_say(name: str) -> None:
    """Anyone can set these."""
    assert who({name: "head"}).account == ME


def test_caller_behind_sudo_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """`sudo attsync consent grant`: the account that called it, not root."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert who({"SUDO_UID": str(NOBODY.pw_uid)}).account == "nobody"


def test_sudo_is_believed_only_from_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without root's rights, SUDO_UID is just a variable that anyone can set."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert who({"SUDO_UID": str(NOBODY.pw_uid)}).account == ME


_BELOW = """
import os, subprocess, sys
from attsync.accounts import who
above, own = map(int, sys.argv[1:])
who({})  # imports what only root can read
if not os.fork():
    os.setresuid(above, above, 0)  # as sudo's process has the real uid of its caller
    if not os.fork():
        os.seteuid(0)
        os.setresuid(own, own, own)
        print(who(os.environ).account, flush=True)
        os._exit(0)
    os.wait()
    os._exit(0)
os.wait()
"""


@needs_root
@pytest.mark.parametrize(
    ("above", "claim", "person"),
    [
        (4001, "4001", 4001),
        (4001, "4002", 4000),
        (4000, "4001", 4000),
        (0, "4001", 4000),
        (0, "0", 4000),
        (4001, "", 4000),
    ],
)
def test_account_that_called_sudo_is_that_of_the_process_above(above: int, claim: str, person: int) -> None:
    """`sudo -u attsync attsync consent grant`: the head is recorded, and no account can pass for her by a variable."""
    ended = subprocess.run(
        [sys.executable, "-c", _BELOW, str(above), "4000"],
        env=os.environ | {"SUDO_UID": claim},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )

    assert ended.stdout == f"uid {person}\n"


@pytest.mark.parametrize("uid", [2**31, 2**32 - 2, 4_000_000_000])
def test_number_of_ten_digits_is_an_account(monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    """Directories of large networks give such numbers."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert who({"SUDO_UID": str(uid)}).account == f"uid {uid}"


@pytest.mark.parametrize("value", ["", "-1", "x", "1 ", "\u0663", "1\n", "+1", "9" * 30, str(2**32 - 1), str(2**32)])
def test_sudo_variable_that_is_no_account_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Never root in its place: root would be recorded as the person who gave consent."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    with pytest.raises(NotPermitted) as raised:
        who({"SUDO_UID": value})
    assert raised.value.problem == Problem("PERMISSION", "sudo")


def test_account_without_a_name_is_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers."""
    monkeypatch.setattr(os, "getuid", lambda: 54321)

    assert who({}).account == "uid 54321"


@pytest.mark.parametrize(("content", "uid"), [("1000", 1000), ("4294967295", None), ("", None), ("x", None)])
def test_login_is_recorded_where_the_kernel_keeps_it(
    monkeypatch: pytest.MonkeyPatch, content: str, uid: int | None
) -> None:
    """Evidence: who signed in to this machine, whatever sudo did since."""
    monkeypatch.setattr(Path, "read_text", lambda _, **__: content)

    assert who({}).login_uid == uid


def test_login_may_be_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other kernels have no such file."""

    def read(_: Path, **__: str) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", read)

    assert who({}).login_uid is None


@pytest.mark.parametrize(
    ("mode", "is_open"), [(0o755, False), (0o1777, False), (0o775, True), (0o757, True), (0o777, True)]
)
def test_folder_above_is_looked_at(tmp_path: Path, mode: int, is_open: bool) -> None:  # noqa: FBT001  a parameter
    """As sshd looks at it; but in a sticky folder, such as /tmp, no one can replace another's file."""
    (tmp_path / "above" / "folder").mkdir(parents=True)
    (tmp_path / "above" / "folder" / "file").touch()
    (tmp_path / "above").chmod(mode)

    found = rights_problem("FILE-RIGHTS", tmp_path / "above" / "folder" / "file", {os.geteuid()})

    assert (found is not None and found["place"] == str(tmp_path / "above")) == is_open


@pytest.mark.parametrize("where", ["first", "second", "target"])
def test_every_folder_that_a_link_leads_through_is_looked_at(tmp_path: Path, where: str) -> None:
    """A link to a link: each could be pointed elsewhere where it is."""
    for name in ("first", "second", "target"):
        (tmp_path / name).mkdir()
    (tmp_path / "target" / "file").touch()
    (tmp_path / "second" / "link").symlink_to(tmp_path / "target")
    (tmp_path / "first" / "link").symlink_to("../second/link/../target/file")
    path = tmp_path / "first" / "link"
    assert rights_problem("FILE-RIGHTS", path, {os.geteuid()}) is None

    (tmp_path / where).chmod(0o777)

    found = rights_problem("FILE-RIGHTS", path, {os.geteuid()})
    assert found
    assert found["place"] == str(tmp_path / where)


@needs_root
def test_link_of_another_account_is_not_trusted(tmp_path: Path) -> None:
    """In a sticky folder it could be pointed elsewhere, though its target is safe."""
    (tmp_path / "file").touch()
    (tmp_path / "sticky").mkdir()
    (tmp_path / "sticky").chmod(0o1777)
    link = tmp_path / "sticky" / "link"
    link.symlink_to(tmp_path / "file")
    assert rights_problem("FILE-RIGHTS", link, {0}) is None

    os.chown(link, SOMEBODY_ELSE, -1, follow_symlinks=False)

    found = rights_problem("FILE-RIGHTS", link, {0})
    assert found
    assert (found.case, found["path"], found.get("through")) == ("owner", str(link), "")


def test_link_to_itself_is_an_error_of_the_system(tmp_path: Path) -> None:
    """It must not be followed for ever."""
    (tmp_path / "link").symlink_to("link")

    with pytest.raises(OSError, match="symbolic links"):
        rights_problem("FILE-RIGHTS", tmp_path / "link", {os.geteuid()})


@pytest.mark.parametrize(("place", "mode"), [("log", 0o660), ("log", 0o606), ("folder", 0o770), ("folder", 0o1777)])
def test_log_that_others_can_change_is_not_used(tmp_path: Path, place: str, mode: int) -> None:
    """Also not in a sticky folder: SQLite takes over what others put beside the log."""
    folder = tmp_path / "folder"
    log = folder / "attsync.db"
    require_trusted_log(log)
    folder.mkdir()
    require_trusted_log(log)
    log.touch(0o600)
    require_trusted_log(log)
    loose = folder if place == "folder" else log
    loose.chmod(mode)

    with pytest.raises(LogError) as raised:
        require_trusted_log(log)

    problem = raised.value.problem
    assert (problem.code, problem.case, problem["place"], problem["mode"]) == (
        "LOG-WRITE",
        "mode",
        str(loose),
        f"{mode:04o}",
    )
    assert (raised.value.exit_code, str(next_step(problem)).endswith(f"chmod go-w {loose}")) == (9, True)


@needs_root
def test_log_of_a_third_account_is_not_used(open_folder: Path) -> None:
    """Root works with the log of the account that its folder belongs to, and with no other."""
    log = open_folder / "attsync.db"
    log.touch(0o600)
    os.chown(open_folder, ACCOUNT, -1)
    os.chown(log, ACCOUNT, -1)
    require_trusted_log(log)
    missing = [log.with_name(name) / "attsync.db" for name in ("none", "x" * 300)]
    assert owners(log) == owners(missing[0]) == owners(missing[1]) == {0, ACCOUNT}

    os.chown(log, SOMEBODY_ELSE, -1)

    with pytest.raises(LogError) as raised:
        require_trusted_log(log)
    assert (raised.value.problem.case, raised.value.problem["owner"]) == ("owner", name_of(SOMEBODY_ELSE))


@pytest.fixture
def secret(tmp_path: Path) -> Callable[..., Path]:
    """Write a file with a secret."""

    def make(content: str | bytes = "hunter2", mode: int = 0o600, name: str = "client-secret") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    return make


@pytest.fixture
def credentials(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder such as systemd makes for a service, and a credential in it; give the credential."""

    def make(folder_mode: int = 0o550, mode: int = 0o440) -> Path:
        folder = tmp_path / "credentials"
        folder.mkdir()
        path = folder / "client-secret"
        path.write_text("hunter2")
        path.chmod(mode)
        folder.chmod(folder_mode)
        return path

    return make


def problem(path: Path, *, multiline: bool = False, environ: Mapping[str, str] | None = None) -> Problem:
    """Return the problem that reading `path` ends in; it shows nothing of the secret."""
    with pytest.raises(SettingsError) as raised:
        read_secret(path, what="client secret", multiline=multiline, environ=environ or {})
    found = raised.value.problem
    assert (found.code, found["what"], found["path"]) == ("SECRET-FILE", "client secret", str(path))
    assert "hunter2" not in f"{raised.value!r} {raised.value} {found} {raised.value.__context__!r}"
    return found


@pytest.mark.parametrize("content", ["hunter2", "hunter2\n", "hunter2\r\n"])
def test_secret_is_read_without_the_newline_of_an_editor(secret: Callable[..., Path], content: str) -> None:
    """Editors and `echo` add one; sent along, it would make the secret wrong."""
    assert read_secret(secret(content), what="client secret").get_secret_value() == "hunter2"


def test_secret_is_hidden_when_shown(secret: Callable[..., Path]) -> None:
    """What holds it may end up in a log."""
    read = read_secret(secret(), what="client secret")

    assert "hunter2" not in f"{read} {read!r}"


def test_secret_of_a_file_that_only_the_owner_may_read_is_read(secret: Callable[..., Path]) -> None:
    """0400 is stricter than asked for."""
    assert read_secret(secret(mode=0o400), what="client secret")


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o604, 0o601, 0o660, 0o644, 0o777])
def test_secret_file_that_is_open_to_others_is_refused(secret: Callable[..., Path], mode: int) -> None:
    """An account that can read it can sign in as the school; the remedy can be pasted, whatever the name."""
    path = secret(mode=mode, name="client secret")

    found = problem(path)

    assert (found.case, found["mode"]) == ("open", f"{mode:04o}")
    assert str(next_step(found)) == f"Restrict access: chmod 600 '{path}'"


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_secret_file_in_a_folder_of_others_is_refused(tmp_path: Path, secret: Callable[..., Path], mode: int) -> None:
    """They could put another in its place, or take it away."""
    folder = tmp_path / "folder"
    folder.mkdir()
    path = secret(name="folder/client-secret")
    folder.chmod(mode)

    assert (problem(path).case, problem(path)["through"]) == ("mode", str(folder))


def test_what_is_not_a_file_is_refused_without_waiting(
    tmp_path: Path, secret: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run under cron must not wait for someone to write into a pipe, nor follow a link."""
    (tmp_path / "link").symlink_to(secret())
    os.mkfifo(tmp_path / "pipe", mode=0o600)
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")

        for name, case in (
            ("missing", "missing"),
            ("client-secret/under", "missing"),
            ("link", "link"),
            ("pipe", "kind"),
            (".", "unreadable"),
            ("socket", "unreadable"),
        ):
            assert problem(tmp_path / name).case == case, name


@needs_root
def test_secret_file_of_another_account_is_refused(open_folder: Path, somebody_else: Callable[[], None]) -> None:
    """Its owner can read and change it, whatever its mode; and this account may not be able to read it at all."""
    theirs, roots = open_folder / "theirs", open_folder / "roots"
    for path in (theirs, roots):
        path.write_text("hunter2")
    theirs.chmod(0o644)
    roots.chmod(0o600)
    os.chown(theirs, SOMEBODY_ELSE + 1, -1)
    somebody_else()

    assert (problem(theirs).case, problem(roots).case) == ("other", "denied")
    assert str(next_step(problem(theirs))).endswith(f"chown {SOMEBODY_ELSE} {theirs}")


@needs_root
def test_root_reads_the_secret_of_the_account_that_sends(secret: Callable[..., Path]) -> None:
    """`sudo attsync consent grant`: the advice to give the file to root would have stopped what cron runs."""
    path = secret()
    os.chown(path, SOMEBODY_ELSE, -1)

    assert read_secret(path, what="client secret", environ={}).get_secret_value() == "hunter2"


@pytest.mark.parametrize(
    ("content", "case"),
    [
        ("", "empty"),
        ("\r\n", "empty"),
        ("   \n", "empty"),
        ("hunter2 \n", "blank"),
        ("hunter2\t", "blank"),
        (" hunter2", "blank"),
        ("hunter2\N{NO-BREAK SPACE}\n", "blank"),
        ("hunter2\n\n", "lines"),
        ("hunter2\nhunter3\n", "lines"),
        ("hunter2\r", "lines"),
        ("hun\tter2", "invisible"),
        ("hun\x00ter2", "invisible"),
        ("\N{ZERO WIDTH NO-BREAK SPACE}hunter2", "invisible"),
        ("hunter2\N{ZERO WIDTH SPACE}", "invisible"),
        (b"hunter2\xff", "text"),
        ("hunter2" * 10_000, "large"),
    ],
)
def test_content_that_cannot_be_a_secret_is_refused(
    secret: Callable[..., Path], content: str | bytes, case: str
) -> None:
    """With the reason: what no one sees would make the secret wrong, and the DfE's message says less."""
    assert problem(secret(content)).case == case


def test_largest_file_is_read(secret: Callable[..., Path]) -> None:
    """The limit itself is allowed."""
    assert len(read_secret(secret("x" * 65536), what="client secret")) == 65536


@pytest.mark.parametrize("content", [PEM, PEM + "\n", PEM.replace("\n", "\r\n") + "\r\n"])
def test_private_key_keeps_its_lines(secret: Callable[..., Path], content: str) -> None:
    """PEM is made of lines."""
    read = read_secret(secret(content), what="private key", multiline=True).get_secret_value()

    assert read.splitlines() == PEM.splitlines()


def test_private_key_with_a_control_character_is_refused(secret: Callable[..., Path]) -> None:
    """Lines are allowed, nothing else."""
    assert problem(secret("hunter2\n\x1b[2J"), multiline=True).case == "invisible"


def test_systemd_credential_is_read(credentials: Callable[..., Path]) -> None:
    """The group's right to read is the mask of an access list there, and no one else can enter the folder."""
    path = credentials()

    assert read_secret(path, what="client secret", environ={"CREDENTIALS_DIRECTORY": str(path.parent)})


@pytest.mark.parametrize(("folder_mode", "mode"), [(0o555, 0o440), (0o570, 0o440), (0o550, 0o460), (0o550, 0o444)])
def test_systemd_credential_is_read_only_from_a_closed_folder(
    credentials: Callable[..., Path], folder_mode: int, mode: int
) -> None:
    """Anyone can set CREDENTIALS_DIRECTORY; the rights have to be as systemd gives them."""
    path = credentials(folder_mode, mode)

    assert problem(path, environ={"CREDENTIALS_DIRECTORY": str(path.parent)}).case == "open"


def test_group_may_not_read_a_file_that_is_no_credential(credentials: Callable[..., Path]) -> None:
    """The exception is for systemd's folder alone."""
    path = credentials()

    for environ in ({"CREDENTIALS_DIRECTORY": "/run/credentials/x"}, {}):
        assert problem(path, environ=environ).case == "open"


@needs_root
def test_credential_of_root_is_read_by_the_account_of_the_service(
    open_folder: Path, somebody_else: Callable[[], None]
) -> None:
    """The credentials stay with root where the file system knows access lists."""
    open_folder.chmod(0o550)
    path = open_folder / "client-secret"
    path.write_text("hunter2")
    path.chmod(0o440)
    somebody_else()

    assert read_secret(path, what="client secret", environ={"CREDENTIALS_DIRECTORY": str(open_folder)})


@pytest.fixture
def folder() -> Iterator[Path]:
    """Make a folder of another account, in a place that it can reach."""
    with TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o755)
        made = Path(temporary) / "home"
        made.mkdir()
        os.chown(made, ACCOUNT, GROUP)
        yield made


def belongs_to(folder: Path) -> set[tuple[int, int]]:
    """Return to whom a folder and everything in it belong."""
    return {(found.stat().st_uid, found.stat().st_gid) for found in (folder, *folder.rglob("*"))}


def use_everything(log: Path) -> None:
    """Make the log and every lock beside it."""
    with one_run(log), Gate(log, Deadline(60)) as gate, gate.starting_request():
        pass
    wait_for_starting_requests(log)
    with Log.open(log) as opened, opened.writing():
        pass


@needs_root
def test_log_and_locks_that_root_makes_belong_to_the_account_of_the_folder(folder: Path) -> None:
    """`sudo attsync consent grant` comes first, cron second. tests/torture/test_cron.py runs both."""
    log = folder / "state" / "attsync" / "attsync.db"
    use_everything(log)

    assert belongs_to(folder) == {(ACCOUNT, GROUP)}


@needs_root
def test_log_that_root_writes_while_it_is_open_stays_with_the_account(folder: Path) -> None:
    """`sudo attsync consent revoke` in the middle of the night: the files beside the log count too."""
    log = folder / "attsync.db"
    use_everything(log)

    with Log.open(log) as opened, opened.writing():
        assert {path.name for path in folder.iterdir()} > {"attsync.db", "attsync.db-wal", "attsync.db-shm"}
        assert belongs_to(folder) == {(ACCOUNT, GROUP)}


@needs_root
def test_file_that_is_there_already_keeps_its_owner(folder: Path) -> None:
    """The account could have put a link there, to a file of root's that it wants to have."""
    lock = folder / "attsync.db.lock"
    lock.touch(0o600)

    with one_run(folder / "attsync.db"):
        assert lock.stat().st_uid == 0


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Let whatever is made with no mode of its own be open to everyone."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_folders_and_files_are_for_nobody_else(tmp_path: Path) -> None:
    """0700 and 0600, and what is there is left as it is; whatever the umask, and the folders above it too."""
    make_folder(tmp_path / "above" / "state")
    make_folder(tmp_path / "above" / "state")
    os.close(make_file(tmp_path / "above" / "state" / "file"))

    assert stat.S_IMODE((tmp_path / "above").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "above" / "state").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "above" / "state" / "file").stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        make_file(tmp_path / "above" / "state" / "file")


@needs_root
def test_account_that_is_not_root_keeps_what_it_makes(open_folder: Path, somebody_else: Callable[[], None]) -> None:
    """It could not give it away."""
    open_folder.chmod(0o777)
    somebody_else()
    make_folder(open_folder / "state")
    os.close(make_file(open_folder / "state" / "attsync.db"))

    assert (open_folder / "state" / "attsync.db").stat().st_uid == SOMEBODY_ELSE
