"""`attsync init`: a settings file that no one has to write from nothing, at a real terminal and without one."""

import json
import os
import re
import subprocess
from collections.abc import Iterable
from contextlib import chdir
from pathlib import Path

import pexpect
import pytest
from click.testing import CliRunner

from attsync.commands.init import command as init
from attsync.commands.init import log_for
from attsync.settings import load
from tests.installed import PROGRAM, attsync, here, of_the_tests

EXAMPLE = Path(__file__).parents[2] / "examples" / "config.toml"


NAME, URN, DATABASE, LEAVING, ANOTHER, BASE_URL, OTHER_DATABASE = (
    "Name of the school",
    "Its URN",
    "Address of the school database",
    "1 or 2 (Enter",
    "Name of another school",
    "DfE address",
    "Address of its database",
)
ANSWERS = {
    NAME: "Oakfield Primary School",
    URN: "900023",
    DATABASE: "sqlite:///school.db",
    LEAVING: "2",
    ANOTHER: "",
    BASE_URL: "https://dfe.example/v1",
}
"""The six questions about one school."""


def begin(path: Path) -> "pexpect.spawn[str]":
    """Start the questions at a terminal."""
    return pexpect.spawn(
        str(PROGRAM),
        ["init", "--output", str(path)],
        encoding="utf-8",
        timeout=20,
        dimensions=(40, 100),
        env={"TERM": "dumb", "PYTHONUTF8": "1", **of_the_tests()},
        cwd=str(path.parent) if path.parent.exists() else None,
    )


def answer(path: Path, *more: tuple[str, str], **said: str) -> str:
    """Answer every question, after wrong answers of `more`; give what was said."""
    right = ANSWERS | {{"url": DATABASE, "name": NAME}[name]: words for name, words in said.items()}
    return dialogue(
        path, [pair for at, said in right.items() for pair in (*(m for m in more if m[0] == at), (at, said))]
    )


def dialogue(path: Path, answers: Iterable[tuple[str, str]]) -> str:
    """Return each answer to its question; give what was said."""
    questions, words = zip(*answers, strict=True)
    ended = here("init", "--output", str(path), typed="\n".join([*words, ""]))
    assert ended.exit_code == 0, ended.said
    asked = "|".join(map(re.escape, {NAME, URN, DATABASE, LEAVING, ANOTHER, BASE_URL, OTHER_DATABASE}))
    assert tuple(re.findall(rf"(?m)^(?:.*Try again: |.*)?({asked})", ended.out)) == questions, ended.said
    return ended.out


def test_answers_become_a_settings_file_that_loads(tmp_path: Path) -> None:
    """Six questions; the file keeps its comments, which are the manual, and what is missing is named."""
    path = tmp_path / "new" / "config.toml"

    said = " ".join(answer(path).split())

    settings = load(path, {"HOME": str(tmp_path)})
    (school,) = settings.database[0].schools
    assert (school.urn, school.name) == (900023, "Oakfield Primary School")
    assert (settings.dfe.base_url, settings.dfe.token_url) == (
        "https://dfe.example/v1",
        "https://dfe.example/oauth/token",
    )
    assert (settings.dfe.ca_file, settings.dfe.subscription_key_file) == (None, None)
    assert settings.database[0].leaving_date_is == "first_day_off"
    assert path.read_text().count("#") >= EXAMPLE.read_text().count("#")
    assert path.stat().st_mode & 0o777 == 0o600
    assert "token_url and client_id" in said
    assert f"Put the client secret into {path.parent / 'client-secret'}" in said
    assert f"check --config {path}" in said


def test_enter_takes_every_default(tmp_path: Path) -> None:
    """All but the school: it has none."""
    path = tmp_path / "config.toml"
    said = answer(path, *[(question, "") for question in (NAME, URN)], url="")
    said = dialogue(
        tmp_path / "other.toml", [(question, ANSWERS[question] * (question in (NAME, URN))) for question in ANSWERS]
    )

    settings = load(tmp_path / "other.toml", {"HOME": str(tmp_path)})
    assert settings.database[0].leaving_date_is == "last_day"
    assert settings.dfe.base_url == "https://localhost:8443"
    assert "the address of your school database" in " ".join(said.split())


def test_several_schools_and_databases_are_taken(tmp_path: Path) -> None:
    """A trust: two schools in one database, two in another, whose password is in a separate file."""
    path = tmp_path / "config.toml"
    second = "mysql://ro:pa$$word@server/two"

    dialogue(
        path,
        [
            (NAME, "Oakfield"),
            (URN, "900023"),
            (DATABASE, "postgresql://ro:pa$$word@server/one"),
            (LEAVING, ""),
            (ANOTHER, "Elmhurst"),
            (URN, "900023"),
            (URN, "900031"),
            (OTHER_DATABASE, ""),
            (ANOTHER, "Birchwood"),
            (URN, "900004"),
            (OTHER_DATABASE, second),
            (LEAVING, "2"),
            (ANOTHER, "Abbey Lane"),
            (URN, "900001"),
            (OTHER_DATABASE, second),
            (ANOTHER, "https://dfe.example/v1"),  # an answer to the next question, taken back by Enter
            (URN, ""),
            (ANOTHER, ""),
            (BASE_URL, ""),
        ],
    )

    databases = load(path, {"HOME": str(tmp_path)}).database
    assert [[school.urn for school in each.schools] for each in databases] == [[900023, 900031], [900004, 900001]]
    assert [each.leaving_date_is for each in databases] == ["last_day", "first_day_off"]
    assert [each.url_file and each.url_file.name for each in databases] == ["database-url", "database-url-2"]
    assert databases[1].database_url().get_secret_value() == second
    assert "pa$$" not in path.read_text()


def test_wrong_answers_are_explained_and_asked_again(tmp_path: Path) -> None:
    """As they are typed: the person still has the paper in hand."""
    path = tmp_path / "config.toml"

    said = answer(
        path,
        (NAME, ""),
        (NAME, "a\u202eb"),
        (URN, "12"),
        (URN, "9000234"),
        (DATABASE, "school.db"),
        (LEAVING, "perhaps"),
        (BASE_URL, "http://dfe.example"),
        (BASE_URL, "https://dfe.example/v1/attendances"),
    )

    for words in (
        "Error: An answer is needed.",
        "invisible character.",
        "Error: A URN has 6 digits, for example 900012.",
        "This looks like a LAESTAB.",
        "That file does not exist, and an address starts with the database type",
        "Answer 1 or 2.",
        "Use an address that starts with https://",
        "Leave out /attendances at the end",
    ):
        assert words in " ".join(said.split()), words
    assert load(path, {"HOME": str(tmp_path)}).dfe.base_url == "https://dfe.example/v1"


def test_file_that_is_here_is_named_in_full(tmp_path: Path) -> None:
    """A path of the settings starts at the file, not where someone happened to stand."""
    (tmp_path / "school.db").touch()
    (tmp_path / "etc").mkdir()
    path = tmp_path / "config.toml"

    with chdir(tmp_path):
        answer(path, url="school.db")

    url = load(path, {"HOME": str(tmp_path)}).database[0].database_url().get_secret_value()
    assert url == f"sqlite:///{tmp_path}/school.db"


def test_terminal_asks_as_a_pipe_does(tmp_path: Path) -> None:
    """All other tests here answer through a pipe, as those do who set up many schools."""
    path = tmp_path / "config.toml"
    terminal = begin(path)
    for question, words in ANSWERS.items():
        terminal.expect_exact(question)
        terminal.sendline(words)
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert terminal.exitstatus == 0
    assert load(path, {"HOME": str(tmp_path)}).database[0].schools[0].urn == 900023


@pytest.mark.parametrize(("sent", "question"), [("intr", NAME), ("intr", BASE_URL), ("eof", BASE_URL)])
def test_person_who_stops_in_the_middle_has_nothing_written(tmp_path: Path, sent: str, question: str) -> None:
    """Ctrl-C and Ctrl-D; one line says so."""
    folder = tmp_path / "new"
    terminal = begin(folder / "config.toml")
    for asked, words in ANSWERS.items():
        if asked == question:
            break
        terminal.expect_exact(asked)
        terminal.sendline(words)
    terminal.expect_exact(question)
    terminal.expect_exact(": ")
    terminal.sendintr() if sent == "intr" else terminal.sendeof()
    terminal.expect(pexpect.EOF)
    said = (terminal.before or "").strip().splitlines()
    terminal.close()

    assert terminal.exitstatus == 130, said
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


def test_no_input_writes_the_example_without_what_only_some_have(tmp_path: Path) -> None:
    """`check --offline` finds nothing but what it said is missing: the secret and the database."""
    path = tmp_path / "config.toml"

    ended = here("init", "--no-input", "--output", str(path))

    said = " ".join(ended.out.split())
    assert (ended.exit_code, ended.err) == (0, "")
    assert f"Put the client secret into {tmp_path}/client-secret" in said
    assert "the address of your school database" in said
    assert path.read_text() == re.sub("(?m)^(?=ca_file|subscription_key_file)", "# ", EXAMPLE.read_text())
    checked = here("check", "--offline", "--json", config=path)
    bad = [each["code"] for each in json.loads(checked.out)["findings"] if each["sign"] == "bad"]
    assert bad == ["SECRET-FILE", "DB-NONE"]


@pytest.mark.parametrize("words", [["--no-input"], []])
def test_file_that_exists_is_never_overwritten(tmp_path: Path, words: list[str]) -> None:
    """It holds someone's work."""
    path = tmp_path / "config.toml"
    path.write_text("my own")

    ended = here("init", *words, "--output", str(path))

    assert ended.exit_code == 2
    assert "[OUTPUT-FILE]" in ended.err
    assert path.read_text() == "my own"


def test_without_a_terminal_it_says_how(tmp_path: Path) -> None:
    """It must not wait for ever."""
    ended = attsync("init", "--output", str(tmp_path / "config.toml"))

    assert ended.exit_code == 2
    assert ended.err.startswith("Error: there is no terminal to ask on")
    assert "--no-input" in ended.err
    assert not list(tmp_path.iterdir())


def test_usual_place_is_where_it_is_looked_for(tmp_path: Path) -> None:
    """No one has to say --config then."""
    ended = here("init", "--no-input", "--quiet", HOME=str(tmp_path))

    assert (ended.exit_code, ended.said) == (0, "")
    assert "SETTINGS-NONE" not in here("status", HOME=str(tmp_path)).said


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """In our words."""
    (tmp_path / "file").touch()
    for path, words in (
        (f"{tmp_path}/file/config.toml", f"{tmp_path}/file/config.toml cannot be written: not a directory."),
        ("/proc/nowhere/config.toml", "/proc/nowhere cannot be written: no such file or directory."),
    ):
        ended = here("init", "--no-input", "--output", path)

        assert ended.exit_code == 2
        assert words in " ".join(ended.err.split())


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_commands_of_what_comes_next_are_whole(tmp_path: Path, columns: int) -> None:
    """They are there to be copied, whatever the width."""
    path = tmp_path / "a-folder-with-a-long-name-of-its-own" / "config.toml"
    path.parent.mkdir()

    lines = here("init", "--no-input", "--output", str(path), COLUMNS=str(columns)).out.splitlines()

    for command in (f"chmod 600 {path.parent}/client-secret", *(f"{c} --config {path}" for c in ("check", "grant"))):
        assert sum(command in line for line in lines) == 1, command


def test_file_in_its_usual_place_needs_no_name(tmp_path: Path) -> None:
    """What comes next is short then."""
    ended = here("init", "--no-input", HOME=str(tmp_path))

    assert ended.exit_code == 0
    assert f"Written: {tmp_path}/.config/attsync/config.toml." in ended.out
    assert "--config" not in ended.out
    assert "attsync consent grant; or, for another person's account: attsync consent setup ACCOUNT" in ended.out


def test_account_without_a_folder_is_asked_for_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container."""
    monkeypatch.setenv("HOME", "")
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    ended = CliRunner().invoke(init, ["--no-input"])

    assert ended.exit_code == 2
    assert "this account has no home folder. Name the file: --output FILE" in ended.output


def test_secret_that_is_there_is_not_asked_for_again(tmp_path: Path) -> None:
    """Someone else may have put it there. The word of the file itself is an answer, too."""
    path = tmp_path / "config.toml"
    (tmp_path / "client-secret").write_text("from the DfE")
    said = dialogue(path, (ANSWERS | {LEAVING: "last_day"}).items())

    assert "Put the client secret" not in " ".join(said.split())
    assert (tmp_path / "client-secret").read_text() == "from the DfE"
    assert load(path, {"HOME": str(tmp_path)}).database[0].leaving_date_is == "last_day"
