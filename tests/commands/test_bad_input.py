"""Everything that can be wrong is told in one clear message, with the right exit code, and nothing is half-sent."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from attsync.locks import one_run
from tests.commands.trial import Ran, Trial, mark

Start = Callable[..., Trial]

CLASS_NAMES = re.compile(r"\b[A-Z][a-z]+(?:Error|Exception)\b|Traceback|psycopg|sqlite3\.", re.IGNORECASE)
FORBIDDEN_WORDS = re.compile(r"\b(please|sorry|oops|invalid|fatal)\b|!\s", re.IGNORECASE)


def assert_one_clear_message(ran: Ran, exit_code: int, code: str) -> None:
    """docs/design/sending.md 7."""
    assert ran.exit_code == exit_code, ran
    said = ran.out + ran.err
    assert said.count(f"[{code}]") == 1, said
    assert not CLASS_NAMES.search(said), said
    assert not FORBIDDEN_WORDS.search(said), said


def test_all_faults_of_the_settings_are_told_at_once(trial: Start) -> None:
    """Anyone who corrects one should not have to come back for the next."""
    run = trial()
    run.change(("# timeout_seconds = 30", "timeout_secnds = 30"), ("urn  = 900023", "urn  = 12"))
    before = len(run.received)

    ran = run("send")

    assert ran.exit_code == 2
    assert ran.out == ""
    line = next(n for n, text in enumerate(run.config.read_text().splitlines(), 1) if "timeout_secnds" in text)
    assert ran.err.startswith(f"Error: 2 problems in the settings file {run.config}. ")
    assert "[SETTINGS]" in ran.err.splitlines()[0]
    assert f"{run.config}:{line}: dfe.timeout_secnds\n" in ran.err
    assert "^^^^^^^^^^^^^^  This setting is not known. Did you mean timeout_seconds?" in ran.err
    assert "A URN has 6 digits, for example 900012." in ran.err
    assert "Nothing was read or sent." in ran.err
    assert len(run.received) == before


@pytest.mark.parametrize("word", ["send", "preview", "status"])
def test_wrong_settings_stop_every_command(trial: Start, word: str) -> None:
    """Nothing is read or sent with half of the settings."""
    run = trial()
    run.change(("[dfe]", "[dfee]"))

    assert run(word).exit_code == 2


def test_fault_near_a_secret_does_not_show_it(trial: Start) -> None:
    """A secret in the wrong place is the most likely mistake of all."""
    run = trial()
    run.change(('client_secret_file    = "client-secret"', 'client_secret = "s3cr3t-in-the-wrong-place"'))

    ran = run("send")

    assert ran.exit_code == 2
    assert "s3cr3t" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("change", "exit_code", "code"),
    [
        pytest.param(("sqlite:///school.db", "sqlite:///nowhere.db"), 3, "DB-NONE", id="database that is not there"),
        pytest.param(("mark AS code, ", ""), 3, "DB-SELECT", id="SELECT without a needed column"),
        pytest.param(("FROM roll_call_marks", "FROM role_call_marks"), 3, "DB-SELECT", id="table that is not there"),
        pytest.param(("SELECT year_group, entry", "DELETE FROM enrolments; SELECT entry"), 3, "DB-SELECT", id="DELETE"),
        pytest.param(("sqlite:///", "firebird+nodriver://"), 3, "DB-DRIVER", id="driver that is not there"),
        pytest.param(('"client-secret"', '"no-such-file"'), 2, "SECRET-FILE", id="secret that is not there"),
    ],
)
def test_what_cannot_be_read_is_told(trial: Start, change: tuple[str, str], exit_code: int, code: str) -> None:
    """One message; nothing is sent."""
    run = trial()
    run.change(change)

    assert_one_clear_message(run("send"), exit_code, code)
    assert not run.received


def test_unknown_code_is_told_with_its_number_and_place(trial: Start) -> None:
    """1: that day is not sent, the others are."""
    run = trial()
    mark(run, "2026-11-17", "ZZ")

    ran = run("send")

    assert_one_clear_message(ran, 1, "MARK-UNKNOWN")
    assert '3 marks in Year 4 on Tue 17 Nov AM have the code "ZZ"' in " ".join(ran.out.split())
    assert len(run.received) == 7


def test_wrong_client_secret_is_told(trial: Start) -> None:
    """4: for IT."""
    run = trial()
    (run.folder / "client-secret").write_text("another\n")

    assert_one_clear_message(run("send"), 4, "SIGNIN-REFUSED")
    assert not run.received


def test_wrong_subscription_key_is_told(trial: Start) -> None:
    """4 as well: the DfE refuses."""
    run = trial()
    (run.folder / "subscription-key").write_text("another\n")

    ran = run("send")

    assert ran.exit_code == 4
    assert not run.received


def test_secret_that_others_can_read_is_told(trial: Start) -> None:
    """2: with the file and the mode to set."""
    run = trial()
    (run.folder / "client-secret").chmod(0o644)

    ran = run("send")

    assert_one_clear_message(ran, 2, "SECRET-FILE")
    assert "client-secret" in ran.err


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("client-secret", ["send"]),
        ("client-secret", ["send", "--dry-run"]),
        ("ca.pem", ["send"]),
        ("attsync.db", ["send"]),
        ("attsync.db", ["send", "--dry-run"]),
    ],
)
def test_no_heading_stands_before_an_error_that_ends_it_all(trial: Start, words: list[str], name: str) -> None:
    """Above "Nothing was sent", the heading "Sending Mon 16 to Mon 23" makes people wonder which is true."""
    run = trial()
    for path in run.folder.glob(f"{name}*"):
        path.unlink()
    if name == "attsync.db":
        run.log.touch()

    ran = run(*words)

    assert (ran.exit_code, ran.out) == (9 if name == "attsync.db" else 2, "")
    assert ran.err.startswith("Error: ")


def test_no_heading_stands_before_the_word_that_another_is_running(trial: Start) -> None:
    """Nothing was read or sent."""
    run = trial()
    with one_run(run.log):
        ran = run("send")

    assert (ran.exit_code, ran.out) == (6, "")


def test_certificate_that_does_not_verify_is_told(trial: Start) -> None:
    """8: never sent to anyone who answers."""
    run = trial()
    run.change(('ca_file = "ca.pem"', '# ca_file = "ca.pem"'))

    assert_one_clear_message(run("send"), 8, "DFE-CERTIFICATE")
    assert not run.received


def test_dfe_that_is_not_there_is_told(trial: Start) -> None:
    """5: the next send covers it; every attempt is in the log."""
    run = trial()
    run.sandbox.server.stop()

    assert_one_clear_message(run("send"), 5, "DFE-UNREACHABLE")
    assert run.logged("SELECT state, count(*) FROM submission GROUP BY state") == [("failed", 8)]


@pytest.mark.parametrize("urn", ["12", "9000230", "abcdef", "012345", "9000\uff123"])
def test_urn_that_has_not_six_digits_is_told(trial: Start, urn: str) -> None:
    """A LAESTAB has seven."""
    ran = trial()("send", "--school", urn)

    assert ran.exit_code == 2
    assert "a URN has 6 digits, for example 900012" in ran.err


@pytest.mark.parametrize("window", ["0", "9", "-1", "eight"])
def test_window_outside_one_to_eight_is_told(trial: Start, window: str) -> None:
    """The DfE takes eight days."""
    assert trial()("send", "--window", window).exit_code == 2


def test_mistyped_command_is_guessed(trial: Start) -> None:
    """No one reads a manual for that."""
    ran = trial()("statsu")

    assert ran.exit_code == 2
    assert "Did you mean status?" in ran.err


def test_settings_that_are_not_there_are_told(trial: Start, tmp_path: Path) -> None:
    """With how to try attsync without any."""
    run = trial()
    run.config.unlink()

    assert_one_clear_message(run("status"), 2, "SETTINGS-NONE")
    assert str(tmp_path) in run("status").err


def test_log_that_is_damaged_is_told_and_left(trial: Start) -> None:
    """9: it may hold what was agreed and sent."""
    run = trial()
    for path in run.folder.glob("attsync.db*"):
        path.unlink()
    run.log.write_bytes(b"not a log of anything" * 1000)

    assert_one_clear_message(run("send"), 9, "LOG-DAMAGED")
    assert_one_clear_message(run("status"), 9, "LOG-DAMAGED")
    assert run.log.read_bytes().startswith(b"not a log")
