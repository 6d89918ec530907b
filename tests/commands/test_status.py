"""`attsync status`: ten seconds, twice a day."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape

import pytest
from inline_snapshot import snapshot

from attsync.sandbox.faults import Fault
from tests.commands.trial import URN, Trial, mark

Start = Callable[..., Trial]


def test_one_school_after_corrections(trial: Start) -> None:
    """Ticks everywhere, what has changed, and what comes next."""
    ran = trial(sent=2)("status")

    assert ran.exit_code == 0
    assert ran.screen == snapshot("""\
Oakfield Primary School  URN 900023
✓ Consent given by sam on 23 November 2026
✓ Up to date   Last send today 10:20, took 0.1 s.   Next send today 14:48.

Date        AM  PM  Marks  On roll  Attendance  Last sent    Note
────────────────────────────────────────────────────────────────────────────────────────
Mon 23 Nov  ✓   …     419      419       94.3%  today 10:20  1 mark changed since 10:20
Fri 20 Nov  ✓   ✓     838      419       92.5%  today 10:20  5 marks changed since 10:20
Thu 19 Nov  ✓   ✓     838      419       94.6%  today 10:20  1 mark changed since 10:20
Wed 18 Nov  ✓   ✓     838      419       96.2%  today 10:20
Tue 17 Nov  ✓   ✓     838      419       94.4%  today 10:20
Mon 16 Nov  ✓   ✓     840      420       93.7%  today 10:20
Fri 13 Nov  ✓   ✓     840      420       95.0%  today 10:20
Thu 12 Nov  ✓   ✓     838      419       94.0%  today 10:20

✓ received by DfE   ✗ not received, or with faults   … not due yet   – no register taken   · closed
""")


@pytest.mark.parametrize("charset", ["ascii", "cp1252"])
def test_signs_become_words_where_the_output_has_none(trial: Start, charset: str) -> None:
    """Cron's mail, an old terminal."""
    run = trial(sent=1)

    ran = run("status", charset=charset)

    assert ran.out.isascii()
    assert "ok Up to date" in ran.out


def test_school_that_nothing_was_sent_for(trial: Start) -> None:
    """The first thing someone sees after consent."""
    ran = trial()("status")

    assert ran.exit_code == 0
    assert "Nothing has been sent for this school yet. To send now: attsync send --config config.toml" in ran.out


def test_school_without_consent(trial: Start) -> None:
    """It says how to give or decline it, also to cron, and in a table of several schools."""
    run = trial(consent=False)
    ran, quiet = run("status"), run("status", "-q")
    run("consent", "grant", "--yes")
    run.config.write_text(run.config.read_text() + '[[database.schools]]\nurn = 900031\nname = "Elm"\nschool = "2"\n')
    several = run("status")

    assert [each.exit_code for each in (ran, quiet, several)] == [7, 7, 7]
    for words in ("grant", "revoke"):
        assert f"attsync consent {words} --school 900023 --config config.toml" in ran.out
        assert f"attsync consent {words} --school 900023 --config config.toml" in quiet.out
        assert f"attsync consent {words} --school 900031 --config config.toml" in several.out


def test_removed_consent_is_told(trial: Start) -> None:
    """What was sent before can still be seen."""
    run = trial(sent=2)
    run("consent", "revoke", "--yes")

    ran = run("status")

    assert "Consent was removed by" in ran.out
    assert "received by DfE" in ran.out
    assert "consent grant" not in ran.out  # it has decided
    assert ran.exit_code == 0


def test_consent_for_another_receiver_is_needed_again(trial: Start) -> None:
    """Who agreed to one receiver has not agreed to another."""
    run = trial()
    run.change((f"localhost:{run.sandbox.server.port}", "dfe.example"))

    ran = run("status")

    assert "! Consent is needed again: " in ran.out
    assert ran.exit_code == 7


def test_planned_send_that_did_not_happen_is_told(trial: Start) -> None:
    """No one else would: cron that does not run mails nothing."""
    run = trial(sent=1)
    run.move_to(datetime(2026, 11, 24, 16, 0, tzinfo=UTC))

    ran = run("status")
    days = run("status", "--json").json["schools"][0]["days"]

    assert ran.exit_code == 1
    assert [day["problem"]["code"] for day in days[:2]] == ["SEND-MISSED"] * 2
    assert [(day["AM"], day["PM"]) for day in days[:2]] == [("not_received",) * 2, ("received", "not_received")]
    assert ran.out.count("[SEND-MISSED]") == 1
    assert ran.out.endswith("To send now: attsync send --school 900023 --config config.toml\n")


def test_send_that_was_never_set_up_is_told(trial: Start) -> None:
    """Consent alone sends nothing: someone forgot the crontab."""
    run = trial()
    run.move_to(datetime(2026, 11, 25, 9, 0, tzinfo=UTC))

    ran = run("status")

    assert ran.exit_code == 1
    assert "Mon 23 Nov and 1 more day: A planned send did not happen." in ran.out


def test_one_day_with_what_changed(trial: Start) -> None:
    """What went wrong, what was sent, what to do next, every try."""
    ran = trial(sent=2)("status", "--date", "2026-11-19")

    parts = ("What went wrong", "What was sent", "Changed since the send before", "What to do next", "Tries")
    assert ran.exit_code == 0
    assert [line for line in ran.out.splitlines() if line in parts] == [*parts]
    assert "1 mark changed: M to C, Year 4, Thursday PM" in ran.out


def test_one_day_that_was_refused(trial: Start) -> None:
    """The way from a red cross to the pupil's mark."""
    run = trial()
    mark(run, "2026-11-17", "ZZ")
    run("send")

    ran = run("status", "--school", str(URN), "--date", "2026-11-17")

    assert ran.exit_code == 1
    assert "[MARK-UNKNOWN]" in ran.out
    assert "attsync preview --school 900023 --date 2026-11-17 --config config.toml" in ran.out
    assert "To send now: attsync send --school 900023 --config config.toml\n" in ran.out
    assert "refused here, not sent" in ran.out


def test_send_now_is_not_advised_once_a_day_has_left_the_window(trial: Start) -> None:
    """No send takes it any more, whatever is corrected."""
    run = trial()
    mark(run, "2026-11-17", "ZZ")
    run("send")
    run.move_to(datetime(2026, 12, 7, 10, 20, tzinfo=UTC))

    ran = run("status", "--school", str(URN), "--date", "2026-11-17")

    assert "This day has left the window" in ran.out
    assert "attsync send" not in ran.out


def test_day_that_is_fine_tells_what_stops_the_whole_school(trial: Start) -> None:
    """Exit code 1 with nothing said would be a riddle."""
    run = trial(Fault.CLOSED, Fault.CLOSED)
    run.change(("# connections = 8", "connections = 1"))
    run("send")
    run("send")

    ran = run("status", "--date", "2026-11-12")
    again = run("status", "--date", "2026-11-23")

    assert (ran.exit_code, again.exit_code) == (1, 1)
    assert "[DFE-CLOSED]" in ran.out
    assert "[DFE-CLOSED]" in again.out


def test_day_tells_what_is_odd_on_it_and_nothing_of_other_days(trial: Start) -> None:
    """A register that is gone, four days ago."""
    run = trial(sent=1)
    run.school("DELETE FROM roll_call_marks WHERE mark_date = '2026-11-17' AND session = 'Afternoon'")
    run("send")

    odd, fine = run("status", "--date", "2026-11-17"), run("status", "--date", "2026-11-16")

    assert (odd.exit_code, fine.exit_code) == (1, 0)
    assert "What went wrong\nNothing. See the 2 things to check below.\n" in odd.out
    assert "[MARKS-FEWER]" in odd.out
    assert "What to do next\nNothing.\n" in fine.out


def test_school_that_waits_for_its_first_send_is_not_up_to_date(trial: Start) -> None:
    """A green tick is for what was received."""
    assert "… 1 not sent yet" in trial()("status", "--problems").out


def test_json_has_the_promised_members(trial: Start) -> None:
    """SPEC 6: it only grows."""
    (school,) = trial(sent=2)("status", "--json").json["schools"]

    assert school.keys() == {"urn", "name", "consent", "to_check", "days"}
    assert school["consent"].keys() == {"standing", "by", "at"}
    today, *_ = school["days"]
    assert today == {
        "date": "2026-11-23",
        "AM": "received",
        "PM": "not_due",
        "marks": 419,
        "on_roll": 419,
        "sent_at": today["sent_at"],
        "state": "accepted",
        "problem": None,
    }
    assert today["sent_at"].startswith("2026-11-23T10:2")


def test_problems_leaves_out_what_is_well(trial: Start) -> None:
    """`--problems` of a good day is one line."""
    ran = trial(sent=2)("status", "--problems")

    assert ran.exit_code == 0
    assert ran.screen == snapshot("""\
Oakfield Primary School  URN 900023
✓ 1 up to date
Last send today 10:20, took 0.1 s.   Next send today 14:48.
""")


def test_unknown_school_is_told(trial: Start) -> None:
    """With those that there are."""
    ran = trial()("status", "--school", "900999")

    assert ran.exit_code == 2
    assert "900999" in ran.err
    assert "900023" in ran.err


@pytest.mark.parametrize(
    ("today", "note"),
    [
        (datetime(2026, 11, 28, 9, 0, tzinfo=UTC), "Fri 27 Nov"),
        (datetime(2026, 12, 25, 9, 0, tzinfo=UTC), "Thu 24 Dec"),
    ],
)
def test_weekend_and_holiday_leave_out_what_is_closed(trial: Start, today: datetime, note: str) -> None:
    """Someone looks on a Saturday, and on Christmas Day."""
    run = trial(sent=1)
    run.move_to(today)

    lines = run("status").out.splitlines()

    dates = [line[:10] for line in lines if line[3:4] == " " and line[:3] in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat")]
    assert dates[0] == note


@pytest.mark.parametrize("kind", ["html", "csv", "json"])
def test_saved_status_is_one_file_without_an_outside_address(trial: Start, kind: str) -> None:
    """Good to mail to a head, and readable by its owner only until then."""
    run = trial(sent=2)
    path = run.folder / f"report.{kind}"

    ran = run("status", "--save", str(path))

    text = path.read_text(encoding="utf-8")
    assert (ran.exit_code, ran.out) == (0, "")
    assert path.stat().st_mode & 0o777 == 0o600
    assert "Oakfield" in text
    assert "5 marks changed" in text.replace("\xa0", " ").replace("&#160;", " ") or kind == "json"
    assert not re.search(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[a-z]", text)


def test_saved_day_has_its_four_parts(trial: Start) -> None:
    """As on the screen, and never "today": the page is read later."""
    run = trial(sent=2)
    path = run.folder / "day.html"

    run("status", "--date", "2026-11-19", "--save", str(path))

    text = unescape(path.read_text(encoding="utf-8")).replace("\xa0", " ")
    for part in ("What went wrong", "What was sent", "What to do next", "Tries", "1 mark changed: M to C, Year 4"):
        assert part in text
    assert not re.search(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[a-z]", text)
    assert "today" not in text
    assert "Mon 23 Nov 10:2" in text


def test_problems_of_a_day_that_is_fine(trial: Start) -> None:
    """Something was sent, and it is fine."""
    ran = trial(sent=2)("status", "--date", "2026-11-19", "--problems")

    assert ran.exit_code == 0
    assert "✓ 1 up to date" in ran.out


@pytest.mark.parametrize("kind", ["html", "csv", "json"])
def test_saved_status_takes_the_place_of_the_one_before(trial: Start, kind: str) -> None:
    """Every day the same name, and never half a file; but not that of another file."""
    run = trial()
    path = run.folder / f"report.{kind}"
    assert run("status", "--save", str(path)).exit_code in (0, 1)
    before = path.read_bytes()
    run("send")

    run("status", "--save", str(path))

    assert path.read_bytes() != before
    assert {each.name for each in run.folder.glob(".*")} == set()
    path.write_text("my own")
    assert run("status", "--save", str(path)).exit_code == 2
    assert path.read_text() == "my own"


def test_saved_page_has_real_tables_with_words_for_signs(trial: Start) -> None:
    """Someone may listen to it instead of looking."""
    run = trial()
    mark(run, "2026-11-17", "ZZ")
    run("send")
    path = run.folder / "report.html"

    ran = run("status", "--save", str(path))

    page = path.read_text(encoding="utf-8")
    assert ran.exit_code == 1
    assert '<html lang="en-GB">' in page
    assert page.count("<h1>") == 1
    assert '<th role="rowheader" scope="row" data-name="Date">Tue 17 Nov</th>' in page
    assert '<th role="columnheader" scope="col" class="">Date</th>' in page
    assert '<span class="hidden"> AM refused </span>' in page
    assert "<h2>What to do next</h2>" in page
    assert "[MARK-UNKNOWN]" in page


def test_name_that_looks_like_markup_stays_a_name(trial: Start) -> None:
    """In the page too."""
    run = trial()
    run.change(('name = "Oakfield Primary School"', 'name = "<script>St [b]Mary[/b] & Co</script>"'))
    path = run.folder / "report.html"

    run("status", "--save", str(path))

    assert "<script>" not in path.read_text(encoding="utf-8")
    assert "&lt;script&gt;St [b]Mary[/b] &amp; Co&lt;/script&gt;" in path.read_text(encoding="utf-8")


def test_kind_of_file_that_is_not_known_is_told(trial: Start) -> None:
    """Nothing is written."""
    run = trial()

    ran = run("status", "--save", str(run.folder / "report.pdf"))

    assert ran.exit_code == 2
    assert ".html, .csv, .json" in ran.err
    assert not (run.folder / "report.pdf").exists()


def test_day_that_was_received_before_still_says_what_was_sent(trial: Start) -> None:
    """One send that did not get through takes back nothing of what the DfE holds."""
    started = trial()
    started("send")
    received = started("status", "--date", "2026-11-20").out
    started.sandbox.server.stop()
    started("send")

    shown = started("status", "--date", "2026-11-20")

    assert shown.exit_code == 1
    assert "836 marks" in received
    assert "836 marks" in shown.out
    assert "today 10:2" in started("status").out


@pytest.mark.parametrize(
    ("day", "words"),
    [("2026-11-14", "Saturday 14 November 2026"), ("2026-10-20", "Tuesday 20 October 2026")],
    ids=["weekend", "before consent"],
)
def test_day_without_anything_is_said_to_be_so(trial: Start, day: str, words: str) -> None:
    """No one has to guess what an empty screen means, and a day that no send has looked at is no closed school."""
    started = trial()
    started("send")

    shown = started("status", "--date", day)

    assert shown.out.endswith(f"URN 900023\n{words}: nothing was sent, and nothing was due.\n")
    assert shown.exit_code == 0


def test_day_refused_after_it_was_received_says_what_the_dfe_holds(trial: Start) -> None:
    """Not sent, and last sent at 10:20: both are true, and both have to be said."""
    run = trial(sent=1)
    mark(run, "2026-11-17", "ZZ")
    run("send")

    said = " ".join(run("status", "--date", "2026-11-17", columns=80).out.split())

    assert "This day was not sent. The DfE still has the counts of today 10:20. [MARK-UNKNOWN]" in said
    assert "refused here, not sent" in said


def test_day_that_never_arrived_is_not_held(trial: Start) -> None:
    """Refused from the first day on."""
    run = trial()
    mark(run, "2026-11-17", "ZZ")
    run("send")

    assert "still has" not in run("status", "--date", "2026-11-17").out


def test_quiet_status_says_only_what_is_wrong(trial: Start) -> None:
    """For cron: a mail that comes always is read never."""
    run = trial(sent=2)

    assert (run("status", "-q").exit_code, run("status", "-q").out) == (0, "")

    mark(run, "2026-11-17", "ZZ")
    run("send")
    ran = run("status", "-q")

    assert ran.exit_code == 1
    assert "MARK-UNKNOWN" in ran.out


def test_status_can_be_saved_and_printed_as_json(trial: Start) -> None:
    """One does not swallow the other."""
    run = trial(sent=2)
    path = run.folder / "report.html"

    ran = run("status", "--json", "--save", str(path))

    assert ran.json == run("status", "--json").json
    assert path.read_text().startswith("<!")
