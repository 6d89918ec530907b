"""The whole, as a user has it: the installed program, a school's database, the pretend DfE over TLS."""

import importlib.util
import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from attsync.sandbox.folder import Sandbox
from attsync.sandbox.sample_school import correct_marks
from attsync.window import today_in_london
from tests.installed import PROGRAM, attsync, of_the_tests, served
from tests.test_docs import MESSAGES

pytestmark = pytest.mark.slow


def submissions(sandbox: Sandbox) -> set[tuple[object, ...]]:
    """List what the log has sent."""
    with closing(sqlite3.connect(sandbox.config.with_name("attsync.db"))) as log:
        return set(log.execute("SELECT day, body_id, state FROM submission"))


def test_the_story_from_consent_to_a_status_without_a_problem(sandbox: Sandbox) -> None:
    """Consent, send, send again, corrections, send, status: what a school does, and each step ends with 0."""
    config = sandbox.config
    assert attsync("consent", "grant", "--yes", config=config).exit_code == 0

    first = attsync("send", "--window", "8", config=config)
    sent = submissions(sandbox)
    second = attsync("send", "--window", "8", config=config)

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert {state for *_, state in sent} == {"accepted"}
    assert submissions(sandbox) == sent
    assert "changed" not in second.out
    correct_marks(config.with_name("school.db"), today_in_london())
    assert "of them changed since the last send" in attsync("send", config=config).out
    status = attsync("status", config=config)
    assert status.exit_code == 0
    assert "changed since" in status.out
    assert "✗ not received" in status.out  # in the legend
    assert status.out.count("✗") == 1


@pytest.mark.parametrize("words", [["--config"], ["status", "--config"]])
def test_config_stands_before_or_after_the_command(sandbox: Sandbox, words: list[str]) -> None:
    """No one has to remember which."""
    before = [*words, str(sandbox.config)] if words[0] == "--config" else []
    after = [] if before else ["--config", str(sandbox.config)]

    ended = attsync(*before, "status", *after)

    assert ended.exit_code == 7  # no one has decided yet
    assert "Oakfield Primary School" in ended.out


def test_config_can_be_a_variable(sandbox: Sandbox) -> None:
    """For containers."""
    assert attsync("status", ATTSYNC_CONFIG=str(sandbox.config)).exit_code == 7  # no one has decided yet


def test_pipe_that_closes_early_is_no_error(sandbox: Sandbox) -> None:
    """`attsync preview --json | head -1`."""
    ended = subprocess.run(
        ["sh", "-c", f"{PROGRAM} preview --json --config {sandbox.config} | head -c 1"],
        env=of_the_tests(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "{", "")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_output_that_cannot_hold_a_sign_is_no_error(sandbox: Sandbox, encoding: str) -> None:
    """Names have accents, signs have none: nothing may stop a send."""
    text = sandbox.config.read_text().replace("Oakfield Primary School", "Ysgol Gŵyr – Łódź")
    sandbox.config.write_text(text)
    environment = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}

    grant = attsync("consent", "grant", "--yes", config=sandbox.config, **environment)
    send = attsync("send", config=sandbox.config, **environment)
    document = attsync("status", "--json", config=sandbox.config, **environment)

    assert (grant.exit_code, send.exit_code, document.exit_code) == (0, 0, 0)
    assert "ok    Ysgol G" in send.out
    assert json.loads(document.out)["schools"][0]["name"] == "Ysgol Gŵyr – Łódź"


@pytest.mark.parametrize("options", [[], ["--with-problems"]])
def test_demo_ends_as_it_should(options: list[str]) -> None:
    """It is the first thing that anyone sees, on any day of the week and at any hour."""
    ended = attsync("demo", *options)

    assert ended.exit_code == 0, ended.said
    assert "✓" in ended.out
    assert "changed since" in ended.out
    assert ("ZZ" in ended.out) == bool(options)
    assert ("faulty" in ended.out) == bool(options)


def test_demo_leaves_what_can_be_tried_by_hand(tmp_path: Path) -> None:
    """`--keep`: settings, secrets, certificate, database, log."""
    folder = tmp_path / "try"

    # Port 8443 may be taken, by a demo of someone else's: that is told, and is no fault of this test.
    ended = attsync("demo", "--keep", str(folder))

    assert ended.exit_code == 0 or "cannot listen on port 8443" in ended.err
    assert (folder / "config.toml").exists()
    if ended.exit_code == 0:
        assert attsync("status", config=folder / "config.toml").exit_code == 0
        assert attsync("preview", config=folder / "config.toml").exit_code == 0


SLOW = {"sqlalchemy", "httpx", "authlib", "trustme", "pydantic", "rich", "sqlite3"}
"""Libraries that take long to import."""


def test_slow_libraries_are_those_that_are_used() -> None:
    """Else the next two tests would look for what no one imports."""
    assert all(importlib.util.find_spec(name) for name in SLOW)


def test_status_needs_no_database_no_network_and_no_sign_in(sandbox: Sandbox) -> None:
    """It has to start at once: what is slow to import is for `send`."""
    program = (
        "import sys; from attsync.commands import attsync\n"
        f"try: attsync(['status', '--config', {str(sandbox.config)!r}])\n"
        "except SystemExit: pass\n"
        f"print(sorted({SLOW - {'pydantic', 'rich', 'sqlite3'}} & sys.modules.keys()))"
    )

    ended = subprocess.run(
        [PROGRAM.with_name("python"), "-c", program], capture_output=True, text=True, check=True, env=of_the_tests()
    )

    assert ended.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_help_imports_nothing_slow(word: str) -> None:
    """Completion and help are typed while someone waits."""
    program = (
        "import sys; before = set(sys.modules); from attsync.commands import attsync\n"  # coverage brings sqlite3
        f"try: attsync([{word!r}])\n"
        "except SystemExit: pass\n"
        f"print(sorted({SLOW} & (sys.modules.keys() - before)))"
    )

    ended = subprocess.run(
        [PROGRAM.with_name("python"), "-c", program], capture_output=True, text=True, check=True, env=of_the_tests()
    )

    assert ended.stdout.splitlines()[-1] == "[]"


def test_settings_of_the_sandbox_are_the_example(tmp_path: Path) -> None:
    """What can be tried is what is documented, but for addresses and paths."""
    with served(tmp_path / "trial") as sandbox:
        text = sandbox.config.read_text()

    example = (Path(__file__).parent.parent / "examples" / "config.toml").read_text()
    assert text.replace(f"localhost:{sandbox.server.port}", "localhost:8443") == example


def test_what_is_said_when_python_is_gone_is_on_the_page_about_messages(tmp_path: Path) -> None:
    """The program cannot say it itself: its Python was removed, or upgraded and has other folders."""
    moved = tmp_path / "attsync"
    moved.write_text(re.sub(r"\A#!.*", f"#!{tmp_path}/python3", PROGRAM.read_text()))
    moved.chmod(0o755)

    gone = subprocess.run(["sh", "-c", moved], capture_output=True, text=True, check=False)
    upgraded = subprocess.run([sys.executable, "-S", "-I", PROGRAM], capture_output=True, text=True, check=False)

    assert gone.returncode == 127
    said = [gone.stderr.strip().rpartition(": ")[2], upgraded.stderr.strip().rpartition(": ")[2]]
    assert [each for each in said if each not in MESSAGES] == []
    assert said[1] == "No module named 'attsync'"
