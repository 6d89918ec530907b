"""Cron mails every byte: all is well and --quiet is not one of them, whatever the libraries would like to say."""

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import IO

import pytest

from attsync.sandbox.folder import Sandbox
from tests.installed import PROGRAM, attsync, here, of_the_tests, served

pytestmark = pytest.mark.slow

PYTHONS = [
    pytest.param([str(PROGRAM)], {"PYTHONWARNINGS": "default"}, id="installed"),
    pytest.param([sys.executable, "-X", "dev", "-m", "attsync"], {}, id="-X dev"),
]
COMMANDS = ["send", "send --dry-run", "status", "consent show", "preview", "check --offline", "crontab", "--help"]
READERS = [word for word in COMMANDS if word != "--help"]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Serve a made-up school's folder, with consent, all sent."""
    with served(tmp_path_factory.mktemp("silence") / "trial", consent=True) as sandbox:
        assert here("send", config=sandbox.config).exit_code == 0
        yield sandbox


def run(
    words: str,
    sandbox: Sandbox,
    program: list[str] = [str(PROGRAM)],  # noqa: B006  never changed
    environ: dict[str, str] = {},  # noqa: B006
    *,
    stdout: IO[bytes] | int = subprocess.PIPE,
    stderr: IO[bytes] | int = subprocess.PIPE,
) -> subprocess.CompletedProcess[bytes]:
    """Run a command under `env -i`, and nothing of the tests' own but where coverage writes."""
    options = [] if words.startswith(("--", "sendd")) else ["--config", str(sandbox.config)]
    environ = {name: value for name, value in of_the_tests().items() if name != "PYTHONPATH"} | environ
    return subprocess.run(
        [*program, *words.split(), *options], env=environ, cwd="/", stdout=stdout, stderr=stderr, check=False
    )


@cache
def usual(words: str, config: Path) -> int:
    """Return the exit code of a command whose output can be written."""
    return here(*words.split(), config=None if words.startswith(("--", "sendd")) else config).exit_code


@pytest.mark.parametrize(("program", "environ"), PYTHONS)
@pytest.mark.parametrize(
    "words", ["send --quiet", "send -q --window 1", "consent grant --yes -q", "check -q --offline"]
)
def test_all_is_well_and_quiet_is_not_one_byte(
    sandbox: Sandbox, program: list[str], environ: dict[str, str], words: str
) -> None:
    """Also with the warnings of every library switched on."""
    ended = run(words, sandbox, program, environ)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


@pytest.mark.parametrize("words", COMMANDS)
def test_nobody_but_attsync_speaks(sandbox: Sandbox, words: str) -> None:
    """Results go to stdout, and stderr stays empty."""
    ended = run(words, sandbox, [sys.executable, "-X", "dev", "-m", "attsync"])

    assert ended.returncode in (0, 1)
    assert ended.stdout
    assert ended.stderr == b""


@pytest.mark.parametrize("words", COMMANDS)
def test_reader_that_goes_changes_nothing(sandbox: Sandbox, words: str) -> None:
    """As in `attsync status | head -1`: no word, and the exit code that it has anyway."""
    read, write = os.pipe()
    os.close(read)
    ended = run(words, sandbox, stdout=write)
    os.close(write)

    assert (ended.returncode, ended.stderr) == (usual(words, sandbox.config), b"")


@pytest.mark.parametrize("words", COMMANDS)
def test_full_disk_is_told_in_one_line(sandbox: Sandbox, words: str) -> None:
    """Half a table must not look like a whole one."""
    with Path("/dev/full").open("wb") as full:
        ended = run(words, sandbox, stdout=full)

    assert ended.returncode == 1
    assert ended.stderr.decode().splitlines() == [
        "attsync: the output could not be written: no space left on device. [OUTPUT]"
    ]


@pytest.mark.parametrize("words", ["--help", "send --quiet", "status", "sendd"])
def test_nobody_hears_the_errors_and_the_exit_code_is_right(sandbox: Sandbox, words: str) -> None:
    """What cannot be told must not change what is done."""
    with Path("/dev/full").open("wb") as full:
        ended = run(words, sandbox, stdout=subprocess.DEVNULL, stderr=full)

    assert ended.returncode == usual(words, sandbox.config)


@pytest.mark.parametrize(
    ("words", "environ"),
    [*((words, {"LC_ALL": "C"}) for words in READERS), ("status", {"PYTHONIOENCODING": "cp1252"})],
)
def test_output_that_is_not_utf_8_is_served(sandbox: Sandbox, words: str, environ: dict[str, str]) -> None:
    """Signs become words; nothing fails."""
    ended = run(words, sandbox, environ={"PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", **environ})

    assert (ended.returncode, ended.stderr) == (usual(words, sandbox.config), b"")
    assert b"\xe2\x9c\x93" not in ended.stdout


@pytest.mark.parametrize("words", ["--bogus", "sendd", "send --window 9", "send --window", "status --date yesterday"])
def test_wrong_command_line_is_whole_in_its_first_line(sandbox: Sandbox, words: str) -> None:
    """A slip in a crontab comes by mail, and some see no more than its first line."""
    ended = run(f"{words} -q", sandbox)
    lines = ended.stderr.decode().splitlines()

    assert (ended.returncode, ended.stdout) == (2, b"")
    assert len(lines) == 2
    assert lines[0].startswith(("attsync: ", "Error: "))
    assert lines[1].startswith("For help: ")
    assert "nvalid" not in lines[0]


def test_many_faults_of_the_settings_and_quiet_are_at_most_twelve_lines(tmp_path: Path) -> None:
    """The first says how many, and that nothing was read or sent."""
    path = tmp_path / "config.toml"
    path.write_text("[dfe]\n" + "".join(f"wrong_{n} = 1\n" for n in range(20)))

    lines = attsync("send", "--quiet", config=path).err.splitlines()

    assert len(lines) == 12
    assert lines[0].startswith("attsync: ")
    assert "problems in the settings file" in lines[0]
    assert "Nothing was read or sent." in lines[0]
    assert f"{path}:2: dfe.wrong_0: This setting is not known." in "\n".join(lines)
    assert "attsync check" in lines[-2]
