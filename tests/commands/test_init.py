"""`attsync init`: a settings file that nobody has to write from nothing, at a real terminal and without one."""

import subprocess
from pathlib import Path

import pexpect
import pytest

from attsync.settings import load
from tests.installed import PROGRAM, attsync, of_the_tests

EXAMPLE = Path(__file__).parents[2] / "examples" / "config.toml"


def answer(path: Path, *, url: str = "sqlite:///school.db", name: str = "Oakfield Primary School", ca: str = "") -> str:
    """Answer the questions at a terminal; give what was said."""
    terminal = pexpect.spawn(
        str(PROGRAM),
        ["init", "--output", str(path)],
        encoding="utf-8",
        timeout=20,
        dimensions=(40, 100),
        env={"TERM": "dumb", "PYTHONUTF8": "1", **of_the_tests()},
    )
    answers = [
        ("Name of the school", name),
        ("Its URN", "12"),
        ("6 digits, for example", ""),
        ("Its URN", "900023"),
        ("school database", url),
        ("last day at school", "last_day"),
        ("/attendances", "http://dfe.example/v1"),
        ("begins with https://", ""),
        ("/attendances", "https://dfe.example/v1"),
        ("signs in there", "https://dfe.example/token"),
        ("Client id", "oakfield"),
        ("certificate file", ca),
    ]
    said = ""
    for question, words in answers:
        terminal.expect_exact(question)
        said += terminal.before or ""
        if words or question == "certificate file":
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
    assert path.read_text().count("#") >= EXAMPLE.read_text().count("#")
    assert path.stat().st_mode & 0o777 == 0o600
    assert "attsync check" in said


def test_address_with_a_password_goes_into_a_file_of_its_own(tmp_path: Path) -> None:
    """A settings file is mailed around sooner or later."""
    path = tmp_path / "config.toml"
    answer(path, url="postgresql://ro:pa$$word@server/school")

    assert "pa$$word" not in path.read_text()
    assert (tmp_path / "database-url").read_text() == "postgresql://ro:pa$$word@server/school\n"
    assert (tmp_path / "database-url").stat().st_mode & 0o777 == 0o600
    assert load(path, {}).database[0].database_url().get_secret_value() == "postgresql://ro:pa$$word@server/school"


def test_any_name_of_a_school_is_kept(tmp_path: Path) -> None:
    """Quotes, backslashes, accents."""
    path = tmp_path / "config.toml"
    answer(path, name=r'St Mary\1 "C of E" Ŵ')

    assert load(path, {"HOME": str(tmp_path)}).database[0].schools[0].name == r'St Mary\1 "C of E" Ŵ'


def test_certificate_file_is_kept(tmp_path: Path) -> None:
    """For a web filter, and to try the sandbox."""
    path = tmp_path / "config.toml"
    answer(path, ca="/etc/ssl/filter.pem")

    assert load(path, {"HOME": str(tmp_path)}).dfe.ca_file == Path("/etc/ssl/filter.pem")


def test_print_is_the_example(tmp_path: Path) -> None:
    """Byte for byte."""
    ended = subprocess.run([PROGRAM, "init", "--print"], capture_output=True, check=True, env=of_the_tests())

    assert ended.stdout == EXAMPLE.read_bytes()
    assert not list(tmp_path.iterdir())


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
    assert "--no-input" in ended.err
    assert not list(tmp_path.iterdir())


def test_usual_place_is_where_it_is_looked_for(tmp_path: Path) -> None:
    """Nobody has to say --config then."""
    ended = attsync("init", "--no-input", "--quiet", HOME=str(tmp_path))

    assert (ended.exit_code, ended.said) == (0, "")
    assert attsync("status", HOME=str(tmp_path)).exit_code == 0


def test_folder_that_cannot_be_made_is_told() -> None:
    """In our words."""
    ended = attsync("init", "--no-input", "--output", "/dev/null/nowhere/config.toml")

    assert ended.exit_code == 2
    assert "cannot be made" in ended.err
