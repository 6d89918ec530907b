"""Cron mails every byte: all is well and --quiet is not one of them, whatever the libraries would like to say."""

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from attsync.sandbox.folder import Sandbox
from tests.installed import PROGRAM, Ended, forked, here, of_the_tests, served

pytestmark = pytest.mark.slow

DEVELOPING = [sys.executable, "-X", "dev", "-m", "attsync"]
COMMANDS = ["send", "send --dry-run", "status", "consent show", "preview", "check --offline", "crontab", "--help"]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Serve a made-up school's folder, with consent, all sent."""
    with served(tmp_path_factory.mktemp("silence") / "trial", consent=True) as sandbox:
        assert here("send", config=sandbox.config).exit_code == 0
        yield sandbox


def run(words: str, sandbox: Sandbox, program: list[str], **environ: str) -> subprocess.CompletedProcess[bytes]:
    """Start a command under `env -i`, and nothing of the tests' own but where coverage writes."""
    command = [*program, *words.split(), "--config", str(sandbox.config)]
    environ = {name: value for name, value in of_the_tests().items() if name != "PYTHONPATH"} | environ
    return subprocess.run(command, env=environ, cwd="/", capture_output=True, check=False)


def run_without(words: str, sandbox: Sandbox, *streams: str) -> Ended:
    """Run a command whose standard output, and errors, go somewhere else than to a reader."""
    return forked(*words.split(), config=sandbox.config, streams=dict(enumerate(streams, start=1)))


@cache
def usual(words: str, config: Path) -> int:
    """Return the exit code of a command whose output can be written."""
    return here(*words.split(), config=config).exit_code


@pytest.mark.parametrize(
    "words", ["send --quiet", "send -q --window 1", "consent grant --yes -q", "check -q --offline"]
)
def test_all_is_well_and_quiet_is_not_one_byte(sandbox: Sandbox, words: str) -> None:
    """Also with the warnings of every library switched on."""
    ended = run(words, sandbox, DEVELOPING)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


@pytest.mark.parametrize("words", ["send", "preview", "status", "check --offline"])
def test_nobody_but_attsync_speaks(sandbox: Sandbox, words: str) -> None:
    """Results go to stdout, and stderr stays empty: of the installed program, with warnings switched on for it."""
    ended = run(words, sandbox, [str(PROGRAM)], PYTHONWARNINGS="default")

    assert ended.returncode in (0, 1)
    assert ended.stdout
    assert ended.stderr == b""


@pytest.mark.parametrize("words", COMMANDS)
def test_reader_that_goes_changes_nothing(sandbox: Sandbox, words: str) -> None:
    """As in `attsync status | head -1`: no word, and the exit code that it has anyway."""
    ended = run_without(words, sandbox, "gone")

    assert (ended.exit_code, ended.err) == (usual(words, sandbox.config), "")


@pytest.mark.parametrize("words", COMMANDS)
def test_full_disk_is_told_in_one_line(sandbox: Sandbox, words: str) -> None:
    """Half a table must not look like a whole one."""
    ended = run_without(words, sandbox, "/dev/full")

    assert ended.exit_code == 1
    assert ended.err == "attsync: the output could not be written: no space left on device. [OUTPUT]\n"


@pytest.mark.parametrize("words", ["--help", "send --quiet", "status", "sendd"])
def test_nobody_hears_the_errors_and_the_exit_code_is_right(sandbox: Sandbox, words: str) -> None:
    """What cannot be told must not change what is done."""
    ended = run_without(words, sandbox, os.devnull, "/dev/full")

    assert ended.exit_code == usual(words, sandbox.config)


def test_output_that_is_not_utf_8_is_served(sandbox: Sandbox) -> None:
    """Signs become words; nothing fails. In the locale of cron, and as tests/torture/test_cron.py has it by name."""
    ended = run("status", sandbox, [str(PROGRAM)], LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")

    assert (ended.returncode, ended.stderr) == (usual("status", sandbox.config), b"")
    assert ended.stdout.isascii()


@pytest.mark.parametrize("words", ["send", "preview", "consent show", "check --offline", "crontab"])
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_no_command_fails_where_a_sign_cannot_be_shown(sandbox: Sandbox, words: str, encoding: str) -> None:
    """Nor does it show half of one."""
    ended = forked(*words.split(), config=sandbox.config, environment={"PYTHONIOENCODING": encoding})

    assert (ended.exit_code, ended.err) == (usual(words, sandbox.config), "")
    assert "✓" not in ended.out


@pytest.mark.parametrize("words", ["--bogus", "sendd", "send --window 9", "send --window", "status --date 5.30"])
def test_wrong_command_line_is_whole_in_its_first_line(words: str) -> None:
    """A slip in a crontab comes by mail, and some see no more than its first line."""
    ended = here(*f"{words} -q".split())
    lines = ended.err.splitlines()

    assert (ended.exit_code, ended.out) == (2, "")
    assert len(lines) == 2
    assert lines[0].startswith(("attsync: ", "Error: "))
    assert lines[1].startswith("For help: ")
    assert "nvalid" not in lines[0]


def test_many_faults_of_the_settings_and_quiet_are_at_most_twelve_lines(tmp_path: Path) -> None:
    """The first says how many, and that nothing was read or sent."""
    path = tmp_path / "config.toml"
    path.write_text("[dfe]\n" + "".join(f"wrong_{n} = 1\n" for n in range(20)))

    lines = here("send", "--quiet", config=path).err.splitlines()

    assert len(lines) == 12
    assert lines[0].startswith("attsync: ")
    assert "problems in the settings file" in lines[0]
    assert "Nothing was read or sent." in lines[0]
    assert f"{path}:2: dfe.wrong_0: This setting is not known." in "\n".join(lines)
    assert "attsync check" in lines[-2]
