"""Cron mails every byte: all is well and --quiet is not one of them, whatever the libraries would like to say."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from attsync.sandbox.folder import Sandbox
from tests.installed import PROGRAM, attsync, of_the_tests, served

pytestmark = pytest.mark.slow

PYTHONS = [
    pytest.param([str(PROGRAM)], {}, id="installed"),
    pytest.param([str(PROGRAM)], {"PYTHONWARNINGS": "default"}, id="warnings"),
    pytest.param([sys.executable, "-W", "default", "-m", "attsync"], {}, id="-W default"),
    pytest.param([sys.executable, "-X", "dev", "-m", "attsync"], {}, id="-X dev"),
]
COMMANDS = ["send", "send --dry-run", "status", "consent show", "preview", "check --offline", "crontab", "--help"]
READERS = [word for word in COMMANDS if word != "--help"]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Serve a made-up school's folder, with consent, all sent."""
    with served(tmp_path_factory.mktemp("silence") / "trial") as sandbox:
        assert attsync("consent", "grant", "--yes", config=sandbox.config).exit_code == 0
        assert attsync("send", config=sandbox.config).exit_code == 0
        yield sandbox


def run(
    program: list[str], words: str, environ: dict[str, str], sandbox: Sandbox
) -> subprocess.CompletedProcess[bytes]:
    """Run a command under `env -i`, and nothing of the tests' own but where coverage writes."""
    options = [] if words == "--help" else ["--config", str(sandbox.config)]
    environ = {name: value for name, value in of_the_tests().items() if name != "PYTHONPATH"} | environ
    return subprocess.run([*program, *words.split(), *options], env=environ, cwd="/", capture_output=True, check=False)


@pytest.mark.parametrize(("program", "environ"), PYTHONS)
@pytest.mark.parametrize(
    "words", ["send --quiet", "send -q --window 1", "consent grant --yes -q", "check -q --offline"]
)
def test_all_is_well_and_quiet_is_not_one_byte(
    sandbox: Sandbox, program: list[str], environ: dict[str, str], words: str
) -> None:
    """Also with the warnings of every library switched on."""
    ended = run(program, words, environ, sandbox)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


@pytest.mark.parametrize(("program", "environ"), PYTHONS[2:])
@pytest.mark.parametrize("words", COMMANDS)
def test_nobody_but_attsync_speaks(sandbox: Sandbox, program: list[str], environ: dict[str, str], words: str) -> None:
    """Results go to stdout, and stderr stays empty."""
    ended = run(program, words, environ, sandbox)

    assert ended.returncode in (0, 1)
    assert ended.stdout
    assert ended.stderr == b""


@pytest.mark.parametrize("words", COMMANDS)
def test_reader_that_goes_changes_nothing(sandbox: Sandbox, words: str) -> None:
    """As in `attsync status | head -1`: no word, and the exit code that it has anyway."""
    whole = run([str(PROGRAM)], words, {}, sandbox)
    read, write = os.pipe()
    os.close(read)
    options = [] if words == "--help" else ["--config", str(sandbox.config)]
    ended = subprocess.run(
        [PROGRAM, *words.split(), *options],
        env=of_the_tests(),
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)

    assert (ended.returncode, ended.stderr) == (whole.returncode, b"")


@pytest.mark.parametrize("words", COMMANDS)
def test_full_disk_is_told_in_one_line(sandbox: Sandbox, words: str) -> None:
    """Half a table must not look like a whole one."""
    options = [] if words == "--help" else ["--config", str(sandbox.config)]
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [PROGRAM, *words.split(), *options], env=of_the_tests(), stdout=full, stderr=subprocess.PIPE, check=False
        )

    assert ended.returncode == 1
    assert ended.stderr.decode().splitlines() == [
        "attsync: what it had to say could not be written: no space left on device. [OUTPUT]"
    ]


@pytest.mark.parametrize("words", ["--help", "send --quiet", "status", "sendd"])
def test_nobody_hears_the_errors_and_the_exit_code_is_right(sandbox: Sandbox, words: str) -> None:
    """What cannot be told must not change what is done."""
    options = [] if words in ("--help", "sendd") else ["--config", str(sandbox.config)]
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [PROGRAM, *words.split(), *options], env=of_the_tests(), stdout=subprocess.DEVNULL, stderr=full, check=False
        )

    assert ended.returncode == run([str(PROGRAM)], words, {}, sandbox).returncode


@pytest.mark.parametrize("environ", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "cp1252"}])
@pytest.mark.parametrize("words", READERS)
def test_output_that_is_not_utf_8_is_served(sandbox: Sandbox, words: str, environ: dict[str, str]) -> None:
    """Signs become words; nothing fails."""
    usual = run([str(PROGRAM)], words, {}, sandbox)
    ended = run([str(PROGRAM)], words, {"PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", **environ}, sandbox)

    assert (ended.returncode, ended.stderr) == (usual.returncode, b"")
    assert b"\xe2\x9c\x93" not in ended.stdout


@pytest.mark.parametrize("words", ["--bogus", "sendd", "send --window 9", "send --window", "status --date yesterday"])
def test_wrong_command_line_is_whole_in_its_first_line(sandbox: Sandbox, words: str) -> None:
    """A slip in a crontab comes by mail, and some see no more than its first line."""
    ended = run([str(PROGRAM)], f"{words} -q", {}, sandbox)
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
    assert "attsync check" in lines[-1]
