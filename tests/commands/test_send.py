"""`attsync send`: what it does, what it says, and what it says to programs."""

import logging
import socket
from collections.abc import Callable

import pytest
from inline_snapshot import snapshot

from attsync.locks import one_run
from attsync.sandbox.faults import Fault
from tests.commands.trial import SCHOOL, URN, Trial, mark

Start = Callable[..., Trial]


def test_first_send_is_received(trial: Start) -> None:
    """The whole point: every session of the window, and the next step."""
    ran = trial()("send", "--window", "8")

    assert ran.exit_code == 0
    assert ran.screen == snapshot("""\
Sending Thu 12 to Mon 23 November 2026 (8 working days) for 1 school
✓  Oakfield Primary School   0.0 s  15 sessions received
Finished. 15 sessions received. Recorded as run 1.
Next: attsync status --config config.toml
""")


def test_second_send_changes_nothing(trial: Start) -> None:
    """Cron may run it as often as it likes."""
    run = trial()
    run("send")
    before = set(run.logged("SELECT urn, day, body_id, state FROM submission"))

    again = run("send")

    assert again.exit_code == 0
    assert "changed" not in again.out
    assert set(run.logged("SELECT urn, day, body_id, state FROM submission")) == before


def test_late_corrections_are_told(trial: Start) -> None:
    """They are why the whole window is sent each time."""
    run = trial()
    run("send")
    mark(run, "2026-11-20", "I")

    assert "15 sessions received, 1 of them changed since the last send" in run("send").out


def test_dry_run_sends_and_records_nothing(trial: Start) -> None:
    """It is for finding out beforehand."""
    run = trial()

    ran = run("send", "--dry-run")

    assert ran.exit_code == 0
    assert ran.screen == snapshot("""\
Dry run, nothing is sent: Thu 12 to Mon 23 November 2026 (8 working days) for 1 school
✓  Oakfield Primary School    15 sessions would be sent
Finished. 15 sessions would be sent. Nothing was sent.
Next: attsync send --config config.toml
""")
    assert not run.received
    assert not run.logged("SELECT * FROM run")


def test_school_that_never_decided_ends_each_send_with_7(trial: Start) -> None:
    """A log that is gone looks the same (A3), so silence comes only after a decision."""
    run = trial(consent=False)
    ran = run("send")
    mail = run("send", "--quiet")
    declined = run("consent", "revoke", "--yes")
    silent = run("send", "--quiet")

    assert not run.received
    assert (mail.exit_code, mail.out) == (7, "")
    assert mail.err.splitlines()[0].endswith("[CONSENT-NONE]")
    assert f"attsync consent grant --school {URN} --config config.toml;" in mail.err
    assert f"attsync consent revoke --school {URN} --config config.toml" in mail.err
    assert (declined.exit_code, declined.out) == (0, f"✓ Consent declined for {SCHOOL}. Nothing is sent for it.\n")
    assert (silent.exit_code, silent.out, silent.err) == (0, "", "")
    assert ran.exit_code == 7
    assert ran.screen == snapshot("""\
Sending Thu 12 to Mon 23 November 2026 (8 working days) for 1 school
○  Oakfield Primary School          no consent: not read, not sent

Finished with 1 problem. 0 sessions received, 1 school without consent. Recorded as run 1.

✗ Oakfield Primary School (900023)  No one has decided about consent yet. Nothing is read or sent.
  To give consent: attsync consent grant --school 900023 --config config.toml; to decline it, so
  that this is not shown again: attsync consent revoke --school 900023 --config config.toml
  [CONSENT-NONE]

Next: attsync consent grant --school 900023 --config config.toml
""")


def test_school_whose_consent_was_removed_is_a_fault_if_it_is_named(trial: Start) -> None:
    """Who names a school expects it to be sent."""
    run = trial()
    run("consent", "revoke", "--yes")
    unnamed, named = run("send"), run("send", "--school", str(URN))

    assert (unnamed.exit_code, "[CONSENT-NONE]" in unnamed.out) == (0, False)
    assert "no consent: not read, not sent" in unnamed.out
    assert (named.exit_code, "[CONSENT-NONE]" in named.out) == (7, True)
    assert unnamed.out.endswith("Next: attsync status --config config.toml\n")
    assert "consent grant" not in unnamed.out + named.out  # it has decided
    assert not run.received


@pytest.mark.parametrize(
    ("columns", "screen"),
    [
        (
            80,
            snapshot("""\
Sending Thu 12 to Mon 23 November 2026 (8 working days) for 1 school
✗  Oakfield Primary         0.0 s  2 of 15 sessions refused: unknown mark code
                                   "ZZ" (Tue 17 Nov)

Finished with 1 problem. 13 sessions received, 2 refused. Recorded as run 1.

✗ Oakfield Primary School (900023)  3 marks in Year 4 on Tue 17 Nov AM have the
  code "ZZ", which is not a DfE attendance code for this date and session. This
  day was not sent. Correct these marks in the MIS, or map the code under
  [database.codes] in the settings file. The next send will then include the
  day. To see every place:
  attsync preview --school 900023 --date 2026-11-17 --config config.toml
  [MARK-UNKNOWN]

Next: attsync status --problems --config config.toml
"""),
        ),
        (
            132,
            snapshot("""\
Sending Thu 12 to Mon 23 November 2026 (8 working days) for 1 school
✗  Oakfield Primary School   0.0 s  2 of 15 sessions refused: unknown mark code "ZZ" (Tue 17 Nov)

Finished with 1 problem. 13 sessions received, 2 refused. Recorded as run 1.

✗ Oakfield Primary School (900023)  3 marks in Year 4 on Tue 17 Nov AM have the code "ZZ", which is
  not a DfE attendance code for this date and session. This day was not sent. Correct these marks in
  the MIS, or map the code under [database.codes] in the settings file. The next send will then
  include the day. To see every place:
  attsync preview --school 900023 --date 2026-11-17 --config config.toml  [MARK-UNKNOWN]

Next: attsync status --problems --config config.toml
"""),
        ),
    ],
)
def test_unknown_code_refuses_its_day_only(trial: Start, columns: int, screen: str) -> None:
    """The other days are fine and go."""
    run = trial()
    mark(run, "2026-11-17", "ZZ")

    ran = run("send", columns=columns)

    assert ran.exit_code == 1
    assert ran.screen == screen
    assert not any("2026-11-17" in str(message) for message in run.received)


def test_faulty_answer_is_no_green_tick(trial: Start) -> None:
    """201 with errors: stored, but not right."""
    run = trial(Fault.FAULTY)
    run.change(("# connections = 8", "connections = 1"))  # the first message is then the oldest day's

    ran = run("send")

    assert ran.exit_code == 1
    assert ran.screen == snapshot("""\
Sending Thu 12 to Mon 23 November 2026 (8 working days) for 1 school
✗  Oakfield Primary School   0.0 s  1 of 15 sessions faulty: unknown attendance code "/" (Thu 12
                                    Nov)

Finished with 1 problem. 14 sessions received, 1 faulty. Recorded as run 1.

✗ Oakfield Primary School (900023)  Thu 12 Nov: The DfE stored this day and found 1 fault in it:
  unknown attendance code (VAL104), in Reception AM "/". Correct these marks in the MIS, or their
  map in the settings file. The next send will then include the corrections.  [DFE-FAULTS]

Next: attsync status --problems --config config.toml
""")


def test_rejected_day_is_told(trial: Start) -> None:
    """400: the DfE did not take it."""
    run = trial(Fault.REJECT)
    run.change(("# connections = 8", "connections = 1"))

    ran = run("send")

    assert ran.exit_code == 1
    assert "sessions rejected: the DfE does not know this school's URN (Thu 12 Nov)" in " ".join(ran.out.split())


def test_closed_service_ends_the_run(trial: Start) -> None:
    """One 410 may be a mistake (A11); after 2 runs in a row with it, nothing leaves until check finds it open."""
    run = trial(Fault.CLOSED, Fault.CLOSED)
    run.change(("# connections = 8", "connections = 1"))

    first, status = run("send"), run("status")
    second, closed = run("send"), run("status")
    third = run("send")

    assert [ran.exit_code for ran in (first, second, third)] == [4, 4, 4]
    assert [message.status for message in run.received] == [410, 410]
    assert "15 of 15 sessions not received: DfE service closed" in first.out
    assert "0 sessions received, 15 not received." in first.out
    assert ["Next send" in ran.out for ran in (status, closed)] == [True, False]
    assert "[DFE-CLOSED]" in closed.out
    assert run("check").exit_code == 0
    assert run("send").exit_code == 0


def test_all_well_and_quiet_says_nothing(trial: Start) -> None:
    """Cron mails every byte."""
    run = trial()

    ran = run("send", "--quiet")

    assert (ran.exit_code, ran.out, ran.err) == (0, "", "")


def test_problem_and_quiet_is_whole_in_its_first_line(trial: Start) -> None:
    """Some see no more of a mail than its first line."""
    run = trial()
    mark(run, "2026-11-17", "ZZ")

    ran = run("send", "--quiet")

    assert (ran.exit_code, ran.out) == (1, "")
    first, second = ran.err.splitlines()
    assert first.startswith(f"attsync: {SCHOOL}: Fewer than 5 marks on Tue 17 Nov AM have the code")
    assert first.endswith("[MARK-UNKNOWN]")
    assert second.startswith("  Correct these marks in the MIS")
    assert second.endswith(f"attsync preview --school {URN} --date 2026-11-17 --config config.toml")


def test_many_problems_and_quiet_are_at_most_twelve_lines(trial: Start) -> None:
    """A mail that no one reads to its end helps no one."""
    run = trial()
    for day in ("12", "13", "16", "17", "18", "19", "20"):
        mark(run, f"2026-11-{day}", "ZZ", pupils=int(day) - 10)

    lines = run("send", "--quiet").err.splitlines()

    assert "The same applies to 6 more days." in lines[0]
    assert lines[1:] == ["  To see each of them: attsync status --problems --config config.toml"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # what Apprise imports
def test_school_that_turns_bad_is_told_to_people_after_the_run(
    trial: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead address changes nothing of how the run ends; a file that others can read ends it before it begins."""
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "")  # put back what the command leaves there for Apprise
    caplog.set_level(logging.INFO, "attsync.notify")
    run = trial()
    run.change(("[notify]", '[notify]\naddresses_file = "addresses"'))
    addresses = run.folder / "addresses"
    with socket.create_server(("127.0.0.1", 0)) as free:
        addresses.write_text(f"json://127.0.0.1:{free.getsockname()[1]}")
    addresses.chmod(0o600)
    run("send")
    assert "addresses file" not in caplog.text
    mark(run, "2026-11-17", "ZZ")

    assert [run("send").exit_code, run("send").exit_code] == [1, 1]

    assert caplog.text.count("JSON (line 1 of the addresses file) did not accept the message.") == 1
    addresses.chmod(0o644)
    refused = run("send", "--quiet")
    assert refused.exit_code == 2
    assert "the file with the addresses" in refused.err
    assert "Nothing was read or sent. [SECRET-FILE]" in refused.err


def test_json_is_one_document_with_what_this_run_did(trial: Start) -> None:
    """For programs: `days` as in status (SPEC 6), and the exit code."""
    run = trial()
    mark(run, "2026-11-17", "ZZ")

    ran = run("send", "--json")

    document = ran.json
    assert (document["version"], document["run"], document["exit_code"]) == (1, 1, ran.exit_code)
    (school,) = document["schools"]
    assert (school["urn"], school["outcome"], school["problem"]) == (URN, "read", None)
    days = {day["date"]: day for day in school["days"]}
    assert days["2026-11-17"]["state"] == "refused"
    assert days["2026-11-17"]["problem"]["code"] == "MARK-UNKNOWN"
    today = days["2026-11-23"]
    assert (today["AM"], today["PM"], today["state"], today["problem"]) == ("received", "not_due", "accepted", None)
    assert "[MARK-UNKNOWN]" in ran.err


def test_dry_run_json_says_what_would_be_sent(trial: Start) -> None:
    """Nothing was received yet, and nothing claims to be."""
    (school,) = trial()("send", "--dry-run", "--json").json["schools"]

    assert {(day["AM"], day["state"], day["sent_at"]) for day in school["days"]} == {("not_due", None, None)}


def test_window_of_one_day_is_today(trial: Start) -> None:
    """`--window 1` for a hurry."""
    run = trial()

    assert "Sending Mon 23 November 2026 (1 working day) for 1 school" in run("send", "--window", "1").out
    assert len(run.received) == 1


def test_second_run_at_the_same_time_stops_at_once(trial: Start) -> None:
    """6: no one has to do anything."""
    run = trial()
    with one_run(run.log):
        ran = run("send")

    assert ran.exit_code == 6
    assert "[RUNNING]" in ran.err


def test_dfe_that_is_not_there_is_told_once(trial: Start) -> None:
    """5: the next send covers it, and eight days are one problem."""
    run = trial()
    with socket.create_server(("127.0.0.1", 0)) as other:
        nobody = other.getsockname()[1]
    port = run.sandbox.server.port
    run.change((f"localhost:{port}/oauth", f"localhost:{nobody}/oauth"))

    ran = run("send", "--quiet")

    assert ran.exit_code == 5
    assert ran.err.count("DFE-UNREACHABLE") == 1


def test_problems_come_before_what_is_to_check(trial: Start) -> None:
    """As everywhere else."""
    run = trial()
    mark(run, "2026-11-17", "ZZ")
    run.school("DELETE FROM roll_call_marks WHERE mark_date = '2026-11-19' AND session = 'Afternoon'")

    said = run("send").out

    assert 0 < said.index("[MARK-UNKNOWN]") < said.index("[SESSION-NONE]")
