"""`attsync consent`: who agreed to what, since when, and how to stop it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta

import pytest
from inline_snapshot import snapshot

from attsync.accounts import who
from tests.commands.trial import MONDAY, SCHOOL, URN, Trial
from tests.installed import PROGRAM
from tests.other_account import needs_root

Start = Callable[..., Trial]


@pytest.mark.parametrize(
    ("columns", "screen"),
    [
        (
            80,
            snapshot("""\
Oakfield Primary School  URN 900023
What is sent, twice a day, for the last 8 working days: the number of roll-call
  marks for each code and year group, AM and PM, and the number of pupils on
  roll, in total and in each year group.
To: the Department for Education (localhost:8443). The DfE has closed the
  service that attsync was made for: before you agree, ask the person who runs
  attsync who answers there now.
What is never sent: names, pupil numbers, dates of birth, reasons or comments.
Small counts are not rounded, so one could identify a child to someone who knows
  the school.
Notice 2, full text: attsync consent show --notice --config config.toml
You are sam, who holds "Data Returns: Administer" in the school database.
✓ Consent given by sam (School business manager) on 23 November 2026 at 10:20.
  Receipt 7c1e0000.
  To send now: attsync send --config config.toml
  To send automatically twice a day, first today 14:48: attsync crontab --config config.toml
  Remove it at any time: attsync consent revoke --school 900023 --config config.toml
"""),
        ),
        (
            100,
            snapshot("""\
Oakfield Primary School  URN 900023
What is sent, twice a day, for the last 8 working days: the number of roll-call marks for each code
  and year group, AM and PM, and the number of pupils on roll, in total and in each year group.
To: the Department for Education (localhost:8443). The DfE has closed the service that attsync was
  made for: before you agree, ask the person who runs attsync who answers there now.
What is never sent: names, pupil numbers, dates of birth, reasons or comments.
Small counts are not rounded, so one could identify a child to someone who knows the school.
Notice 2, full text: attsync consent show --notice --config config.toml
You are sam, who holds "Data Returns: Administer" in the school database.
✓ Consent given by sam (School business manager) on 23 November 2026 at 10:20. Receipt 7c1e0000.
  To send now: attsync send --config config.toml
  To send automatically twice a day, first today 14:48: attsync crontab --config config.toml
  Remove it at any time: attsync consent revoke --school 900023 --config config.toml
"""),
        ),
    ],
)
def test_grant_shows_the_notice_and_a_receipt(trial: Start, columns: int, screen: str) -> None:
    """What is sent, to whom, how often, and what never; and how to stop."""
    ran = trial(consent=False)("consent", "grant", "--yes", "--role", "School business manager", columns=columns)

    assert ran.exit_code == 0
    assert ran.screen == screen


def test_grant_saves_the_receipt(trial: Start) -> None:
    """For the file of the data protection lead."""
    run = trial(consent=False)
    path = run.folder / "receipt.txt"

    ran = run("consent", "grant", "--yes", "--save", str(path))

    receipt = ran.out.split("Receipt ", 1)[1][:8]
    assert f"Consent {receipt}" in path.read_text()
    assert SCHOOL in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert run("consent", "show", "--receipt").out == path.read_text()  # the log has all of it, should the file be lost


def test_receipt_of_those_before_a_failure_is_saved(trial: Start) -> None:
    """Their consent is recorded, and the log then takes no more."""
    run = trial(consent=False)
    run.config.write_text(run.config.read_text() + '[[database.schools]]\nurn = 900031\nname = "Elm"\nschool = "2"\n')
    run("send")
    run.logged("CREATE TRIGGER full BEFORE INSERT ON consent WHEN NEW.urn = 900031 BEGIN SELECT RAISE(ABORT, ''); END")
    path = run.folder / "receipts.txt"

    ran = run("consent", "grant", "--all", "--yes", "--save", str(path))

    assert ran.exit_code == 9
    assert path.read_text().count("School:    ") == 1


def test_database_that_fails_leaves_the_consent_of_all_schools_as_it_was(trial: Start) -> None:
    """The permission is looked up for all of them before anything is recorded."""
    run = trial(consent=False)
    text = run.config.read_text()
    other = text[text.index("[[database]]") :].replace("900023", "900031").replace("school.db", "none.db")
    run.config.write_text(f"{text}\n{other}")
    path = run.folder / "receipts.txt"

    ran = run("consent", "grant", "--all", "--yes", "--save", str(path))

    assert (ran.exit_code, "No consent was recorded. [DB-NONE]" in ran.err) == (3, True)
    assert not path.exists()
    assert not run.log.exists()


def test_school_in_two_databases_is_refused(trial: Start) -> None:
    """A2: it could not be sent, and which database decides about the permission would be chance."""
    run = trial(consent=False)
    run.school("CREATE TABLE listed AS SELECT '1' AS school, 900023 AS urn, 'Oakfield' AS name")
    text = run.config.read_text()
    block = text[text.index("[[database]]") : text.index("\n[[database.schools]]") + 1]
    listing = block.replace("marks = ", 'schools = "SELECT school, urn, name FROM listed"\nmarks = ', 1)
    run.config.write_text(text[: text.index("[[database]]")] + listing + listing)

    ran = run("consent", "grant", "--all", "--yes")

    assert (ran.exit_code, "[SCHOOL-NONE]" in ran.err) == (2, True)
    assert not run.log.exists()


@pytest.mark.parametrize("command", ["grant", "revoke"])
def test_log_that_cannot_be_written_says_what_becomes_of_consent(trial: Start, command: str) -> None:
    """Not what becomes of a send: there was none."""
    run = trial()
    log = run.folder / "attsync.db"
    log.write_bytes(b"")

    ran = run("consent", command, "--yes")

    assert ran.exit_code == 9
    assert ("Consent was not removed. Nothing is sent while the log cannot be used." in ran.err) is (
        command == "revoke"
    )
    assert ("No consent was recorded." in ran.err) is (command == "grant")
    assert "nothing was sent" not in ran.err.lower()


def test_notice_says_the_most_that_may_ever_be_sent(trial: Start) -> None:
    """The window of the settings may be raised without another consent."""
    run = trial(consent=False)
    run.config.write_text(run.config.read_text().replace("[window]", "[window]\ndays = 1"))

    assert "for the last 8 working days" in run("consent", "grant", "--yes").out


@pytest.mark.parametrize(
    "place", ["receipt.txt", "link", "pipe", "missing/receipt.txt", "school.db", "/dev/full", "x" * 300]
)
def test_receipt_that_cannot_be_saved_is_told_before_anything_is_recorded(trial: Start, place: str) -> None:
    """Else there is a consent, an error, and no receipt."""
    run = trial(consent=False)
    (run.folder / "receipt.txt").write_text("an older one")
    (run.folder / "link").symlink_to("nowhere")
    os.mkfifo(run.folder / "pipe")
    before = sorted(run.folder.iterdir())

    ran = run("consent", "grant", "--yes", "--save", place)

    assert (ran.exit_code, "[OUTPUT-FILE]" in ran.err) == (2, True)
    assert (run.folder / "receipt.txt").read_text() == "an older one"
    assert sorted(run.folder.iterdir()) == before  # no log either


@needs_root
def test_receipt_that_the_person_could_not_read_is_not_saved(trial: Start) -> None:
    """Behind sudo, a new file belongs to the account that sends."""
    run = trial(consent=False)

    ran = run("consent", "grant", "--yes", "--save", "receipt.txt", SUDO_UID="65534")

    assert (ran.exit_code, "[OUTPUT-FILE]" in ran.err) == (2, True)
    assert "No consent was recorded." in ran.err
    assert "attsync consent show --receipt" in ran.err
    assert not (run.folder / "receipt.txt").exists()
    assert not run.log.exists()


def test_receipt_is_printed_only_for_a_consent_in_place(trial: Start) -> None:
    """Redirected into a file, nothing else may be in it."""
    run = trial(consent=False)
    none = run("consent", "show", "--receipt")
    run("consent", "grant", "--yes")
    run("consent", "revoke", "--yes")
    removed = run("consent", "show", "--receipt")

    for ran in (none, removed):
        assert (ran.exit_code, ran.out) == (1, "")
        assert ran.err == "No consent is in place, so there is no receipt.\n"


def test_setup_prints_a_rule_for_another_account(trial: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact commands for that account alone; sudo itself accepts the file."""
    run = trial(consent=False)
    monkeypatch.setattr(sys, "argv", [str(PROGRAM)])

    ran = run("consent", "setup", "nobody")

    rule = run.folder / "rule"
    rule.write_text(ran.out)
    lines = [line for line in ran.out.splitlines() if not line.startswith("#")]
    assert lines[0] == f"nobody ALL=({who({}).account}) \\"
    assert all(line.startswith(f"  {PROGRAM} ") and f" --config {run.config}" in line for line in lines[1:])
    assert f"consent grant --school {'[0-9]' * 6} --config" in lines[1]
    assert "*" not in "".join(lines)
    assert ran.out.endswith(f"{PROGRAM} consent grant --school {URN} --config {run.config}\n")
    if visudo := shutil.which("visudo", path="/usr/sbin:/sbin:/usr/local/sbin"):
        subprocess.run([visudo, "-c", "-f", rule], check=True, capture_output=True)


def test_setup_refuses_what_would_make_another_rule(trial: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account that sends, one that does not exist, and a path with signs that sudo reads in its own way."""
    run = trial(consent=False)
    refused = [run("consent", "setup", name) for name in (who({}).account, "no one", "ALL")]
    program = run.folder / "a, b" / "attsync"
    program.parent.mkdir()
    program.touch()
    monkeypatch.setattr(sys, "argv", [str(program)])
    refused.append(run("consent", "setup", "nobody"))

    assert [ran.exit_code for ran in refused] == [2, 2, 2, 2]
    assert [ran.out for ran in refused] == [""] * 4


def test_account_with_another_user_name_is_told_where_that_belongs(trial: Start) -> None:
    """The account of a server is seldom the name that the school system knows."""
    run = trial(consent=False)
    run.school("UPDATE staff_permissions SET username = 'someone.else'")

    ran = run("consent", "grant", "--yes")

    assert f'below [consent.usernames]: "{who({}).account}" = ' in " ".join(ran.err.split())


def test_account_without_the_permission_is_refused(trial: Start) -> None:
    """In the words of the brief, and with 7."""
    run = trial(consent=False)
    run.school("DELETE FROM staff_permissions WHERE permission LIKE 'Data%'")

    ran = run("consent", "grant", "--yes")

    assert ran.exit_code == 7
    assert "ask your office team to assign it to you." in ran.err
    assert run("consent", "show").exit_code == 1


def test_question_without_a_terminal_is_an_error(trial: Start) -> None:
    """A script has to say --yes; no one consents by accident."""
    run = trial(consent=False)

    ran = run("consent", "grant")

    assert ran.exit_code == 2
    assert "--yes" in ran.err
    assert not run.log.exists()


def test_revoke_stops_the_next_send(trial: Start) -> None:
    """At once, and for good."""
    run = trial()
    ran = run("consent", "revoke", "--yes", "--reason", "asked by the governors")

    assert ran.screen == snapshot("""\
✓ Consent removed for Oakfield Primary School (900023). Nothing more is sent for it. What was sent
  before stays with the DfE.
""")
    assert "no consent: not read, not sent" in run("send").out
    assert not run.received


def test_revoke_needs_no_school_database(trial: Start) -> None:
    """Stopping always works."""
    run = trial()
    (run.folder / "school.db").unlink()

    assert run("consent", "revoke", "--yes").exit_code == 0


def test_show_says_where_consent_stands(trial: Start) -> None:
    """0 only if it stands for all that are asked for."""
    run = trial(consent=False)
    before = run("consent", "show")
    run("consent", "grant", "--yes")
    after = run("consent", "show")

    assert (before.exit_code, after.exit_code) == (1, 0)
    assert before.screen == snapshot("""\
   School                   URN     Consent
────────────────────────────────────────────────────────────────────────────────────────────────────
○  Oakfield Primary School  900023  No one has decided about consent yet. Nothing is read or sent.
                                    To give consent:
                                    attsync consent grant --school 900023 --config config.toml; to
                                    decline it, so that this is not shown again:
                                    attsync consent revoke --school 900023 --config config.toml
""")
    assert after.screen == snapshot("""\
   School                   URN     Consent
───────────────────────────────────────────────────────────────────────────────────────
✓  Oakfield Primary School  900023  given by sam on 23 November 2026, receipt 7c1e0000
""")


def test_history_has_every_grant_and_removal(trial: Start) -> None:
    """Who, when, what, why."""
    run = trial()
    run("consent", "revoke", "--yes", "--reason", "asked by the governors")
    run("consent", "grant", "--yes", "--role", "Head")

    assert run("consent", "show", "--history").screen == snapshot("""\
Oakfield Primary School  URN 900023
When               What     By whom, and for what
────────────────────────────────────────────────────────────────────────────────────────────────────
23 Nov 2026 10:20  given    sam, for localhost:8443, notice 2 (b0a711ce0000), receipt 7c1e0000
23 Nov 2026 10:20  removed  sam, for localhost:8443, receipt 7c1e0000. Reason: asked by the
                            governors
23 Nov 2026 10:20  given    sam (Head), for localhost:8443, notice 2 (b0a711ce0000), receipt
                            7c1e0000

""")


def test_show_as_json(trial: Start) -> None:
    """For programs."""
    (school,) = trial()("consent", "show", "--json").json["schools"]

    assert (school["urn"], school["consent"]["standing"], school["consent"]["by"]) == (URN, True, who({}).account)


def test_notice_in_full_needs_no_settings(trial: Start) -> None:
    """Someone reads it before anything is set up."""
    run = trial(consent=False)
    run.config.unlink()

    ran = run("consent", "show", "--notice")

    assert ran.exit_code == 0
    assert ran.out.startswith("Notice 2\n\n1. What is sent.")
    assert ran.out.endswith("\n\nReceiver: not known yet, because there is no settings file that can be read.\n")


def test_notice_in_full_names_the_receiver(trial: Start) -> None:
    """The one that consent would be bound to."""
    ran = trial(consent=False)("consent", "show", "--notice")

    assert ran.exit_code == 0
    assert ran.screen.endswith("asked again.\n\nReceiver in the settings now: https://localhost:8443\n")


def test_unknown_school_is_told(trial: Start) -> None:
    """Nothing is changed."""
    ran = trial()("consent", "revoke", "--yes", "--school", "900999")

    assert ran.exit_code == 2
    assert "The settings file has no school with the URN 900999." in ran.err


def test_several_schools_have_to_be_named(trial: Start) -> None:
    """No one consents for a school by leaving something out."""
    run = trial(consent=False)
    run.config.write_text(run.config.read_text() + '[[database.schools]]\nurn = 900031\nname = "Elm"\nschool = "2"\n')

    ran = run("consent", "grant", "--yes")

    assert ran.exit_code == 2
    assert "--all" in ran.err


def test_many_schools_at_once_take_a_line_each(trial: Start) -> None:
    """Thirty times the same notice is read by no one."""
    run = trial(consent=False)
    run.config.write_text(run.config.read_text() + '[[database.schools]]\nurn = 900031\nname = "Elm"\nschool = "2"\n')

    ran = run("consent", "grant", "--all", "--yes", columns=132)
    once_more = run("consent", "revoke", "--all", "--yes")

    lines = ran.out.splitlines()
    assert ran.exit_code == 0
    assert [ran.out.count(words) for words in ("What is never sent", "You are", "Consent given", "To send now")] == [
        1, 1, 2, 1,
    ]  # fmt: skip
    assert sum("Consent given for Elm (900031) by " in line for line in lines) == 1
    assert lines[-1].endswith("attsync consent revoke --all --config config.toml")
    assert once_more.out.count("Consent removed") == 2


@pytest.mark.parametrize(("option", "command"), [("--role", "grant"), ("--reason", "revoke")])
@pytest.mark.parametrize("words", ["Head\nTeacher", "x" * 101, "\x1b[2J"])
def test_words_that_fill_a_screen_are_not_taken(trial: Start, option: str, command: str, words: str) -> None:
    """They would stand in every status from then on."""
    run = trial()
    before = run("consent", "show", "--history").out

    ran = run("consent", command, "--yes", option, words)

    assert ran.exit_code == 2
    assert "one line of at most 100" in ran.err
    assert run("consent", "show", "--history").out == before


def test_consent_is_declined_and_removed_once(trial: Start) -> None:
    """To revoke what was never given is a decision, and is recorded; to do it again is not."""
    run = trial(consent=False)
    declined, again = run("consent", "revoke", "--yes"), run("consent", "revoke", "--yes")
    run("consent", "grant", "--yes")
    removed, once_more = run("consent", "revoke", "--yes"), run("consent", "revoke", "--yes")

    assert [ran.exit_code for ran in (declined, again, removed, once_more)] == [0, 0, 0, 0]
    assert declined.out == f"✓ Consent declined for {SCHOOL}. Nothing is sent for it.\n"
    assert removed.out.startswith(f"✓ Consent removed for {SCHOOL}. Nothing more is sent for it.")
    for ran in (again, once_more):
        assert f"{SCHOOL} has no consent that could be removed. Nothing was changed." in ran.out
    assert run("consent", "show", "--history").out.count("removed") == 2


def test_consent_is_not_dated_by_a_clock_that_is_wrong(trial: Start) -> None:
    """Its date is kept for good. A removal is recorded all the same: it must never be refused."""
    started = trial()
    assert started("send").exit_code == 0
    started.move_to(MONDAY - timedelta(days=1500))

    grant, checked = started("consent", "grant", "--yes"), started("check", "--offline", "--json")

    assert grant.exit_code == 2
    assert "No consent was recorded. [CLOCK]" in grant.err
    assert [f["what"] for f in checked.json["findings"] if f["sign"] == "bad"] == ["Clock"]
    assert started("consent", "revoke", "--yes").exit_code == 0
