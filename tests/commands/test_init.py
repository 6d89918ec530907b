"""`attsync init`: a settings file that nobody has to write from nothing, at a real terminal and without one."""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pexpect
import pytest
from click.testing import CliRunner

from attsync.commands.init import command as init
from attsync.commands.init import log_for
from attsync.commands.questions import _SANDBOX_URNS
from attsync.person import who
from attsync.sandbox.app import _REGISTER
from attsync.settings import load
from tests.installed import PROGRAM, attsync, of_the_tests, served

EXAMPLE = Path(__file__).parents[2] / "examples" / "config.toml"


REAL = ("https://dfe.example/v1", "https://dfe.example/token", "oakfield")
"""What the DfE gave: two addresses and a client id."""
NAME, URN, DATABASE, LEAVING, USERNAME, BASE_URL, TOKEN_URL, CLIENT_ID, SECRET, KEY, CA_FILE, SANDBOX = (
    "Name of the school",
    "Its URN",
    "Address of the school database",
    "1 or 2:",
    "Your user name there",
    "Address that counts are sent to",
    "Address where attsync signs in",
    "Client id",
    "Client secret",
    "Subscription key",
    "Certificate file",
    "Folder of the sandbox",
)


def begin(path: Path, *, columns: int = 100, words: tuple[str, ...] = ()) -> "pexpect.spawn[str]":
    """Start the questions at a terminal."""
    return pexpect.spawn(
        str(PROGRAM),
        ["init", "--output", str(path), *words],
        encoding="utf-8",
        timeout=20,
        dimensions=(40, columns),
        env={"TERM": "dumb", "PYTHONUTF8": "1", **of_the_tests()},
        cwd=str(path.parent) if path.parent.exists() else None,
    )


def answer(
    path: Path,
    *more: tuple[str, str],
    url: str = "sqlite:///school.db",
    name: str = "Oakfield Primary School",
    receiver: tuple[str, ...] = REAL,
    secret: str = "",
    key: str = "",
    ca: str = "",
) -> str:
    """Answer every question at a terminal, after wrong answers of `more`; give what was said."""
    base_url, token_url, client_id = receiver
    right = {NAME: name, URN: "900023", DATABASE: url, LEAVING: "2", USERNAME: "s.patel", BASE_URL: base_url}
    right |= {TOKEN_URL: token_url, CLIENT_ID: client_id, SECRET: secret, KEY: key, CA_FILE: ca}
    return dialogue(
        path, [pair for at, said in right.items() for pair in (*(m for m in more if m[0] == at), (at, said))]
    )


def dialogue(path: Path, answers: Iterable[tuple[str, str]]) -> str:
    """Give each answer to its question; give what was said."""
    terminal = begin(path)
    said = ""
    for question, words in answers:
        terminal.expect_exact(question)
        said += terminal.before or ""
        terminal.sendline(words)
    terminal.expect(pexpect.EOF)
    said += terminal.before or ""
    terminal.close()
    assert terminal.exitstatus == 0, said
    return said


def test_answers_become_a_settings_file_that_loads(tmp_path: Path) -> None:
    """And it keeps its comments: they are the manual."""
    path = tmp_path / "new" / "config.toml"

    said = answer(path)

    settings = load(path, {"HOME": str(tmp_path)})
    (school,) = settings.database[0].schools
    assert (school.urn, school.name) == (900023, "Oakfield Primary School")
    assert (settings.dfe.base_url, settings.dfe.client_id) == ("https://dfe.example/v1", "oakfield")
    assert settings.dfe.ca_file is None
    assert settings.database[0].leaving_date_is == "first_day_off"
    assert settings.consent.usernames == {who({}).account: "s.patel"}
    assert path.read_text().count("#") >= EXAMPLE.read_text().count("#")
    assert path.stat().st_mode & 0o777 == 0o600
    assert f"check --config {path}" in " ".join(said.split())


def test_wrong_answers_are_explained_and_asked_again(tmp_path: Path) -> None:
    """As they are typed: whoever types them still has the paper in hand."""
    path = tmp_path / "config.toml"

    said = answer(
        path,
        (NAME, ""),
        (URN, "12"),
        (URN, "9000234"),
        (DATABASE, "school.db"),
        (LEAVING, "perhaps"),
        (BASE_URL, "http://dfe.example"),
        (BASE_URL, "https://dfe.example/v1/attendances"),
        (TOKEN_URL, "dfe.example/token"),
        (CA_FILE, "/nowhere/ca.pem"),
    )

    for words in (
        "This needs an answer. Once more:",
        "A URN has 6 digits, for example 900012. Once more:",
        "This looks like a LAESTAB.",
        "There is no such file here, and an address begins with the kind of the database",
        "Answer 1 or 2.",
        "Leave out /attendances at the end",
        "There is no such file, or it may not be read. Once more:",
    ):
        assert words in " ".join(said.split()), words
    assert said.count("Give an address that begins with https://") == 2
    assert load(path, {"HOME": str(tmp_path)}).dfe.base_url == "https://dfe.example/v1"


def test_file_that_is_here_is_named_in_full(tmp_path: Path) -> None:
    """A path of the settings starts at the file, not where somebody happened to stand."""
    (tmp_path / "school.db").touch()
    (tmp_path / "etc").mkdir()
    path = tmp_path / "config.toml"

    answer(path, url="school.db")

    url = load(path, {"HOME": str(tmp_path)}).database[0].database_url().get_secret_value()
    assert url == f"sqlite:///{tmp_path}/school.db"


def test_secrets_are_not_shown_and_go_into_files_of_their_own(tmp_path: Path) -> None:
    """The first check would ask for them anyway."""
    path = tmp_path / "config.toml"

    said = answer(path, secret="s3cr3t", key="k3y")

    assert "s3cr3t" not in said + path.read_text()
    assert "k3y" not in said + path.read_text()
    dfe = load(path, {"HOME": str(tmp_path)}).dfe
    for file, secret in ((dfe.client_secret_file, "s3cr3t"), (dfe.subscription_key_file, "k3y")):
        assert file
        assert file.read_text() == f"{secret}\n"
        assert file.stat().st_mode & 0o777 == 0o600


def test_secret_that_is_not_at_hand_is_the_first_step_after(tmp_path: Path) -> None:
    """And a key that there is none of is not asked for by the first check."""
    path = tmp_path / "config.toml"

    said = answer(path)

    assert f"Put the client secret into {tmp_path / 'client-secret'}" in " ".join(said.split())
    assert load(path, {"HOME": str(tmp_path)}).dfe.subscription_key_file is None


def test_enter_is_the_sandbox(tmp_path: Path) -> None:
    """To try everything before the DfE is asked for anything: its folder has all it takes."""
    with served(tmp_path / "attsync-sandbox") as sandbox:
        path = tmp_path / "config.toml"
        said = dialogue(
            path,
            [
                (NAME, "Oakfield"),
                (URN, "900023"),
                (DATABASE, "attsync-sandbox/school.db"),
                (LEAVING, "1"),
                (USERNAME, ""),
                (BASE_URL, ""),
                (SANDBOX, "elsewhere"),
                (SANDBOX, ""),
            ],
        )
        checked = attsync("check", config=path)

        assert "There is no sandbox in that folder yet" in said
        assert (checked.exit_code, sandbox.server.base_url.split("//")[1] in checked.out) == (0, True), checked


def test_real_urn_is_exchanged_for_one_that_the_sandbox_knows(tmp_path: Path) -> None:
    """It takes no real school's; whoever does not know that would be rejected at the first send."""
    assert _SANDBOX_URNS == _REGISTER
    with served(tmp_path / "attsync-sandbox"):
        path = tmp_path / "config.toml"
        real = [(NAME, "Oakfield"), (URN, "123456"), (DATABASE, "attsync-sandbox/school.db"), (LEAVING, "1")]
        sandbox = [
            (USERNAME, ""),
            (BASE_URL, ""),
            (SANDBOX, ""),
            ("URN to try with", "123457"),
            ("URN to try with", ""),
        ]
        said = dialogue(path, [*real, *sandbox])

    assert "The sandbox knows 900000 to 989999 only." in said
    assert load(path, {"HOME": str(tmp_path)}).database[0].schools[0].urn == 900023


def test_pipe_can_answer(tmp_path: Path) -> None:
    """For those who set up many schools."""
    path = tmp_path / "config.toml"
    answers = ["Oakfield", "900023", "sqlite:///school.db", "1", "", *REAL, "s3cr3t", "", ""]

    ended = subprocess.run(
        [PROGRAM, "init", "--output", path],
        input="\n".join([*answers, ""]),
        capture_output=True,
        text=True,
        env=of_the_tests(),
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert load(path, {"HOME": str(tmp_path)}).database[0].schools[0].urn == 900023
    assert (tmp_path / "client-secret").read_text() == "s3cr3t\n"


@pytest.mark.parametrize(("sent", "code"), [("intr", 130), ("eof", 130)])
@pytest.mark.parametrize("question", [NAME, SECRET])
def test_whoever_stops_in_the_middle_has_nothing_written(tmp_path: Path, sent: str, code: int, question: str) -> None:
    """Ctrl-C and Ctrl-D; one line says so."""
    folder = tmp_path / "new"
    terminal = begin(folder / "config.toml")
    answers = {NAME: "Oakfield", URN: "900023", DATABASE: "sqlite:///s.db", LEAVING: "1", USERNAME: ""}
    answers |= dict(zip((BASE_URL, TOKEN_URL, CLIENT_ID), REAL, strict=True))
    for asked, words in () if question == NAME else answers.items():
        terminal.expect_exact(asked)
        terminal.sendline(words)
    terminal.expect_exact(question)
    terminal.expect_exact(": ")
    terminal.sendintr() if sent == "intr" else terminal.sendeof()
    terminal.expect(pexpect.EOF)
    said = (terminal.before or "").strip().splitlines()
    terminal.close()

    assert terminal.exitstatus == code, said
    assert said[-1] == "Stopped. Nothing was written."
    assert not folder.exists()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ro:pa$$word@server/school",
        "postgresql://ro:pa$$/word@server/school",
        "mysql://server/school?user=ro&passwd=pa$$word",
    ],
)
def test_address_with_a_password_goes_into_a_file_of_its_own(tmp_path: Path, url: str) -> None:
    """A settings file is mailed around sooner or later."""
    path = tmp_path / "config.toml"
    answer(path, url=url)

    assert "pa$$" not in path.read_text()
    assert (tmp_path / "database-url").read_text() == f"{url}\n"
    assert (tmp_path / "database-url").stat().st_mode & 0o777 == 0o600
    assert load(path, {}).database[0].database_url().get_secret_value() == url


def test_address_of_another_database_is_left_as_it_is(tmp_path: Path) -> None:
    """And the answers are not lost over it."""
    path = tmp_path / "config.toml"
    (tmp_path / "database-url").write_text("another")
    answer(path, url="postgresql://ro:pa$$word@server/school")

    assert (tmp_path / "database-url").read_text() == "another"
    assert load(path, {}).database[0].database_url().get_secret_value() == "postgresql://ro:pa$$word@server/school"


def test_any_name_of_a_school_is_kept(tmp_path: Path) -> None:
    """Quotes, backslashes, accents."""
    path = tmp_path / "config.toml"
    answer(path, name=r'St Mary\1 "C of E" Ŵ')

    assert load(path, {"HOME": str(tmp_path)}).database[0].schools[0].name == r'St Mary\1 "C of E" Ŵ'


def test_certificate_file_is_kept(tmp_path: Path) -> None:
    """For a web filter."""
    path = tmp_path / "config.toml"
    authority = tmp_path / "filter.pem"
    authority.touch()
    answer(path, ca=str(authority))

    assert load(path, {"HOME": str(tmp_path)}).dfe.ca_file == authority


def test_print_is_the_example(tmp_path: Path) -> None:
    """Byte for byte."""
    ended = subprocess.run([PROGRAM, "init", "--print"], capture_output=True, check=True, env=of_the_tests())

    assert ended.stdout == EXAMPLE.read_bytes()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("path", "log"),
    [("/etc/attsync/config.toml", "/var/lib/attsync/attsync.db"), ("/home/ada/etc/config.toml", "attsync.db")],
)
def test_no_log_is_kept_below_etc(path: str, log: str) -> None:
    """Where the account that sends may not write; beside the file elsewhere."""
    assert log_for(Path(path)) == log


def test_no_input_writes_the_example(tmp_path: Path) -> None:
    """For scripts, and for those who would rather edit."""
    path = tmp_path / "config.toml"

    ended = attsync("init", "--no-input", "--output", str(path))

    assert ended.exit_code == 0
    assert path.read_bytes() == EXAMPLE.read_bytes()


@pytest.mark.parametrize("words", [["--no-input"], []])
def test_file_that_exists_is_never_overwritten(tmp_path: Path, words: list[str]) -> None:
    """It holds somebody's work."""
    path = tmp_path / "config.toml"
    path.write_text("my own")

    ended = attsync("init", *words, "--output", str(path))

    assert ended.exit_code == 2
    assert "was left as it is" in ended.err
    assert path.read_text() == "my own"


def test_without_a_terminal_it_says_how(tmp_path: Path) -> None:
    """It must not wait for ever."""
    ended = attsync("init", "--output", str(tmp_path / "config.toml"))

    assert ended.exit_code == 2
    assert ended.err.startswith("Error: there is no terminal to ask on")
    assert "--no-input" in ended.err
    assert not list(tmp_path.iterdir())


def test_usual_place_is_where_it_is_looked_for(tmp_path: Path) -> None:
    """Nobody has to say --config then."""
    ended = attsync("init", "--no-input", "--quiet", HOME=str(tmp_path))

    assert (ended.exit_code, ended.said) == (0, "")
    assert attsync("status", HOME=str(tmp_path)).exit_code == 0


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """In our words."""
    (tmp_path / "file").touch()
    for path, words in (
        (f"{tmp_path}/file/config.toml", f"{tmp_path}/file/config.toml cannot be written: not a directory."),
        ("/proc/nowhere/config.toml", "the folder /proc/nowhere cannot be made: no such file or directory."),
    ):
        ended = attsync("init", "--no-input", "--output", path)

        assert ended.exit_code == 2
        assert words in ended.err


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_commands_of_what_comes_next_are_whole(tmp_path: Path, columns: int) -> None:
    """They are there to be copied, whatever the width."""
    path = tmp_path / "a-folder-with-a-long-name-of-its-own" / "config.toml"
    path.parent.mkdir()

    terminal = begin(path, columns=columns, words=("--no-input",))
    terminal.expect(pexpect.EOF)

    lines = (terminal.before or "").splitlines()
    for command in (f"chmod 600 {path.parent}/client-secret", *(f"{c} --config {path}" for c in ("check", "grant"))):
        assert sum(command in line for line in lines) == 1, command


def test_file_in_its_usual_place_needs_no_name(tmp_path: Path) -> None:
    """What comes next is short then."""
    ended = attsync("init", "--no-input", HOME=str(tmp_path))

    assert ended.exit_code == 0
    assert f"Written: {tmp_path}/.config/attsync/config.toml." in ended.out
    assert "--config" not in ended.out


def test_account_without_a_folder_is_asked_for_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container."""
    monkeypatch.setenv("HOME", "")
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    ended = CliRunner().invoke(init, ["--no-input"])

    assert ended.exit_code == 2
    assert "this account has no folder of its own. Name the file: --output FILE" in ended.output


def test_secret_that_is_there_is_used_and_not_asked_for(tmp_path: Path) -> None:
    """Somebody else may have put it there; it is never overwritten. The word of the file itself is an answer, too."""
    path = tmp_path / "config.toml"
    (tmp_path / "client-secret").write_text("from the DfE")
    base_url, token_url, client_id = REAL
    said = dialogue(
        path,
        [
            (NAME, "Oakfield Primary School"),
            (URN, "900023"),
            (DATABASE, "postgresql://attsync_ro@server/school"),
            (LEAVING, "last_day"),
            (USERNAME, "s.patel"),
            (BASE_URL, base_url),
            (TOKEN_URL, token_url),
            (CLIENT_ID, client_id),
            (KEY, ""),
            (CA_FILE, ""),
        ],
    )

    assert "client-secret is there already, and is used." in " ".join(said.split())
    assert (tmp_path / "client-secret").read_text() == "from the DfE"
    assert load(path, {"HOME": str(tmp_path)}).database[0].leaving_date_is == "last_day"
