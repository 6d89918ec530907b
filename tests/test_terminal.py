"""At a real terminal: the question of consent, colours, and the progress of a long run."""

import re

import pexpect
import pytest

from attsync.sandbox.faults import Fault
from attsync.sandbox.folder import Sandbox
from tests.installed import PROGRAM, attsync, here, of_the_tests

pytestmark = pytest.mark.slow

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def start(sandbox: Sandbox, *words: str, **environment: str) -> "pexpect.spawn[str]":
    """Start the program at a terminal."""
    return pexpect.spawn(
        str(PROGRAM),
        [*words, "--config", str(sandbox.config)],
        encoding="utf-8",
        timeout=30,
        dimensions=(40, 100),
        env={"TERM": "xterm-256color", "PYTHONUTF8": "1", **of_the_tests(), **environment},
    )


def finish(terminal: "pexpect.spawn[str]") -> tuple[int | None, str]:
    """Wait for the end; give the exit code and what was said since."""
    terminal.expect(pexpect.EOF)
    terminal.close()
    return terminal.exitstatus, terminal.before or ""


@pytest.mark.parametrize(("answer", "given"), [("y", True), ("n", False), ("", False)])
def test_consent_is_asked_for(sandbox: Sandbox, answer: str, *, given: bool) -> None:
    """Enter alone is no consent."""
    terminal = start(sandbox, "consent", "grant")
    terminal.expect_exact("Do you give consent for Oakfield Primary School? [y/N]:")
    assert "What is never sent" in COLOUR.sub("", terminal.before or "")
    terminal.sendline(answer)

    code, said = finish(terminal)

    assert code == 0
    assert ("Consent given" in said) is given
    assert ("Nothing was recorded" in said) is not given
    assert (here("consent", "show", config=sandbox.config).exit_code == 0) is given


@pytest.mark.parametrize(("answer", "removed"), [("y", True), ("", False)])
def test_removal_is_asked_for(agreed: Sandbox, answer: str, *, removed: bool) -> None:
    """Enter alone changes nothing."""
    terminal = start(agreed, "consent", "revoke")
    terminal.expect_exact("Stop sending for Oakfield Primary School? [y/N]:")
    terminal.sendline(answer)

    code, said = finish(terminal)

    assert code == 0
    assert ("Nothing was changed." in said) is not removed
    assert (here("consent", "show", config=agreed.config).exit_code == 1) is removed


def test_error_breaks_between_words(agreed: Sandbox) -> None:
    """At a terminal; a mail gets it in one line."""
    secret = agreed.config.with_name("client-secret")
    secret.chmod(0o644)

    code, said = finish(start(agreed, "send"))

    assert code == 2
    lines = COLOUR.sub("", said).split("\r\n")
    assert all(len(line) <= 100 or line.startswith("chmod 600 ") for line in lines)  # which is there to be copied
    assert f"chmod 600 {secret}" in " ".join(lines)


@pytest.mark.parametrize(("sent", "expected"), [("intr", 130), ("eof", 130)])
def test_ctrl_c_and_ctrl_d_at_the_question_are_no_consent(sandbox: Sandbox, sent: str, expected: int) -> None:
    """130 and 1, one line, and nothing recorded."""
    terminal = start(sandbox, "consent", "grant")
    terminal.expect_exact("[y/N]: ")
    terminal.sendintr() if sent == "intr" else terminal.sendeof()

    code, said = finish(terminal)

    assert code == expected
    assert said.strip().splitlines()[-1] == "Stopped. What is not confirmed above was not recorded."
    assert "Traceback" not in said
    assert here("consent", "show", config=sandbox.config).exit_code == 1


def test_colours_repeat_what_a_sign_says(agreed: Sandbox) -> None:
    """At a terminal, and not with --no-color or NO_COLOR."""
    here("send", config=agreed.config)

    _, with_colour = finish(start(agreed, "status"))
    _, without = finish(start(agreed, "status", "--no-color"))
    _, by_variable = finish(start(agreed, "status", NO_COLOR="1"))

    assert "\x1b[32m✓" in with_colour
    for plain in (without, by_variable):
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]", plain)
        assert COLOUR.sub("", plain).split() == COLOUR.sub("", with_colour).split()


def test_long_run_shows_how_far_it_is(agreed: Sandbox) -> None:
    """Ten seconds of silence look like a fault."""
    agreed.faults.extend([Fault.SLOW] * 2)

    code, said = finish(start(agreed, "send"))

    assert code == 0
    assert "Reading and sending" in said
    assert "0/1 schools" in COLOUR.sub("", said)
    assert re.search(r"Oakfield Primary School +[\d.]+ s +1[56] sessions received", COLOUR.sub("", said))


def test_without_a_terminal_no_progress_is_shown(agreed: Sandbox) -> None:
    """Cron's mail would be full of it."""
    agreed.faults.append(Fault.SLOW)

    ended = attsync("send", config=agreed.config)

    assert ended.exit_code == 0
    assert "Reading and sending" not in ended.said
    assert "\x1b" not in ended.said


def test_faults_of_the_settings_have_a_red_caret(sandbox: Sandbox) -> None:
    """As in settings-error.png."""
    text = sandbox.config.read_text()
    sandbox.config.write_text(text.replace("# timeout_seconds = 30", "timeout_secnds = 30"))

    code, said = finish(start(sandbox, "send"))

    assert code == 2
    assert "\x1b[31m\x1b[1m^^^^^^^^^^^^^^\x1b[0m" in said
    assert "\x1b" not in attsync("send", config=sandbox.config).said


def test_answer_that_is_neither_yes_nor_no_is_asked_for_again(sandbox: Sandbox) -> None:
    """In our words."""
    terminal = start(sandbox, "consent", "grant")
    terminal.expect_exact("[y/N]: ")
    terminal.sendline("maybe")
    terminal.expect_exact("Answer y or n.")
    terminal.expect_exact("[y/N]: ")
    terminal.sendline("Y")

    code, said = finish(terminal)

    assert code == 0
    assert "Consent given" in said
