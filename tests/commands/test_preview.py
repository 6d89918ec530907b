"""`attsync preview`: what is seen is what goes."""

import csv
import json
import re
from collections.abc import Callable

import pytest
from inline_snapshot import snapshot

from tests.commands.trial import Trial, mark

Start = Callable[..., Trial]


@pytest.mark.parametrize(
    ("columns", "screen"),
    [
        (
            80,
            snapshot("""\
Oakfield Primary School  URN 900023  Friday 20 November 2026, AM
This is everything attsync would send for this session. Nothing has been sent.

Year group  On roll    /  L  B  V  C  C2   I  M  G  N  O  U  Marks
──────────────────────────────────────────────────────────────────
Reception        60   54  1  ·  1  ·   ·   1  1  ·  1  1  ·     60
Year 1           59   53  ·  1  1  ·   ·   2  ·  ·  1  ·  1     59
Year 2           60   54  ·  ·  ·  ·   ·   2  ·  1  1  2  ·     60
Year 3           61   55  1  ·  1  1   ·   1  ·  ·  ·  2  ·     61
Year 4           59   54  ·  ·  ·  ·   1   3  ·  1  ·  ·  ·     59
Year 5           59   53  1  ·  1  ·   ·   2  ·  ·  ·  2  ·     59
Year 6           61   56  ·  ·  ·  ·   ·   4  ·  ·  1  ·  ·     61

All             419  379  3  1  4  1   1  15  1  2  4  7  1    419
! 1 N: reason not yet known (Reception)
! 1 N: reason not yet known (Year 1)
! 1 N: reason not yet known (Year 2)
! 1 N: reason not yet known (Year 6)

Also in this send: 7 other days, Thu 12 Nov to Mon 23 Nov.
To see one of them: attsync preview --date 2026-11-12 --config config.toml
All rows of these days: 6,289 = 6,287 to send + 0 refused + 2 without a mark.

Counts only: no names, no pupil numbers, no dates of birth. Small counts could
identify a child: keep them within the school. Full message:
attsync preview --json --config config.toml
"""),
        ),
        (
            100,
            snapshot("""\
Oakfield Primary School  URN 900023  Friday 20 November 2026, AM
This is everything attsync would send for this session. Nothing has been sent.

Year group  On roll    /  L  B  V  C  C2   I  M  G  N  O  U  Marks  Check
───────────────────────────────────────────────────────────────────────────────────────────────
Reception        60   54  1  ·  1  ·   ·   1  1  ·  1  1  ·     60  ! 1 N: reason not yet known
Year 1           59   53  ·  1  1  ·   ·   2  ·  ·  1  ·  1     59  ! 1 N: reason not yet known
Year 2           60   54  ·  ·  ·  ·   ·   2  ·  1  1  2  ·     60  ! 1 N: reason not yet known
Year 3           61   55  1  ·  1  1   ·   1  ·  ·  ·  2  ·     61  ✓
Year 4           59   54  ·  ·  ·  ·   1   3  ·  1  ·  ·  ·     59  ✓
Year 5           59   53  1  ·  1  ·   ·   2  ·  ·  ·  2  ·     59  ✓
Year 6           61   56  ·  ·  ·  ·   ·   4  ·  ·  1  ·  ·     61  ! 1 N: reason not yet known

All             419  379  3  1  4  1   1  15  1  2  4  7  1    419

Also in this send: 7 other days, Thu 12 Nov to Mon 23 Nov.
To see one of them: attsync preview --date 2026-11-12 --config config.toml
All rows of these days: 6,289 = 6,287 to send + 0 refused + 2 without a mark.

Counts only: no names, no pupil numbers, no dates of birth. Small counts could identify a child:
keep them within the school. Full message: attsync preview --json --config config.toml
"""),
        ),
        (
            132,
            snapshot("""\
Oakfield Primary School  URN 900023  Friday 20 November 2026, AM
This is everything attsync would send for this session. Nothing has been sent.

Year group  On roll    /  L  B  V  C  C2   I  M  G  N  O  U  Marks  Check
───────────────────────────────────────────────────────────────────────────────────────────────
Reception        60   54  1  ·  1  ·   ·   1  1  ·  1  1  ·     60  ! 1 N: reason not yet known
Year 1           59   53  ·  1  1  ·   ·   2  ·  ·  1  ·  1     59  ! 1 N: reason not yet known
Year 2           60   54  ·  ·  ·  ·   ·   2  ·  1  1  2  ·     60  ! 1 N: reason not yet known
Year 3           61   55  1  ·  1  1   ·   1  ·  ·  ·  2  ·     61  ✓
Year 4           59   54  ·  ·  ·  ·   1   3  ·  1  ·  ·  ·     59  ✓
Year 5           59   53  1  ·  1  ·   ·   2  ·  ·  ·  2  ·     59  ✓
Year 6           61   56  ·  ·  ·  ·   ·   4  ·  ·  1  ·  ·     61  ! 1 N: reason not yet known

All             419  379  3  1  4  1   1  15  1  2  4  7  1    419

Also in this send: 7 other days, Thu 12 Nov to Mon 23 Nov.
To see one of them: attsync preview --date 2026-11-12 --config config.toml
All rows of these days: 6,289 = 6,287 to send + 0 refused + 2 without a mark.

Counts only: no names, no pupil numbers, no dates of birth. Small counts could identify a child:
keep them within the school. Full message: attsync preview --json --config config.toml
"""),
        ),
    ],
)
def test_one_session_as_a_table(trial: Start, columns: int, screen: str) -> None:
    """A row a year group, a column a code, a check in each row."""
    ran = trial(consent=False)("preview", "--date", "2026-11-20", "--session", "AM", columns=columns)

    assert ran.exit_code == 0
    assert ran.screen == screen


def test_commands_to_copy_name_the_school_where_there_are_several(trial: Start) -> None:
    """Else the next screen would be that of all of them."""
    run = trial(consent=False)
    text = run.config.read_text()
    run.config.write_text(text + text[text.index("[[database]]") :].replace("900023", "900024"))

    shown = run("preview", "--date", "2026-11-20", "--session", "AM").out

    for urn in (900023, 900024):
        assert f"attsync preview --date 2026-11-12 --school {urn} --config config.toml" in shown


def test_preview_needs_no_consent_and_contacts_nobody(trial: Start) -> None:
    """A head looks before deciding."""
    run = trial(consent=False)

    assert run("preview").exit_code == 0
    assert not run.received
    assert not run.log.exists()


def test_json_is_what_is_sent_byte_for_byte(trial: Start) -> None:
    """Else a preview would prove nothing."""
    run = trial()
    shown = run("preview", "--json").out

    run("send")

    sent = run.logged(
        "SELECT sqlar_uncompress(content, size) FROM submission JOIN body ON body.id = body_id ORDER BY day"
    )
    (school,) = json.loads(shown)["schools"]
    lines = shown.splitlines()
    assert len(school["days"]) == 8
    assert [lines.count(content.decode()) for (content,) in sent] == [1] * 8
    assert [day["request"] for day in school["days"]] == [json.loads(content) for (content,) in sent]


def test_refused_day_is_told_on_the_screen(trial: Start) -> None:
    """What must be corrected can be seen before anything is sent."""
    run = trial()
    mark(run, "2026-11-17", "ZZ")

    ran = run("preview", "--date", "2026-11-17")

    assert ran.exit_code == 1
    assert "This day would not be sent.  3 marks in Year 4" in ran.out
    (school,) = run("preview", "--date", "2026-11-17", "--json").json["schools"]
    assert [(day["date"], day["problem"]["code"], day["request"]) for day in school["days"]] == [
        ("2026-11-17", "MARK-UNKNOWN", None)
    ]


def test_narrow_terminal_says_the_checks_below_the_table(trial: Start) -> None:
    """No number is cut, and no check is lost."""
    started = trial()
    started.school("UPDATE enrolments SET leaving_date = '2026-11-01' WHERE year_group = 'Year 2' AND rowid % 2 = 0")
    started.school(
        "DELETE FROM roll_call_marks WHERE mark_date = '2026-11-20' AND year_group = 'Year 3' AND rowid % 3 = 0"
    )

    narrow = started("preview", "--date", "2026-11-20", "--session", "AM", columns=50)

    table, _, checks = narrow.out.partition("\nAll")
    assert "Check" not in table
    assert re.search(r"! 1 N: reason not yet known; 30 more marks than\s+pupils on roll \(Year 2\)", checks)
    assert "! 20 on roll without a mark (Year 3)" in checks
    wider = started("preview", "--date", "2026-11-20", "--session", "AM", columns=92)
    assert "Marks  Check\n" in wider.out
    commands = [line for line in wider.out.splitlines() if "attsync preview" in line]
    assert max(len(line) for line in wider.out.splitlines() if line not in commands) <= 92


def test_refused_day_that_is_not_shown_is_told_too(trial: Start) -> None:
    """The newest day is shown, and an older one is wrong."""
    run = trial()
    mark(run, "2026-11-17", "ZZ")

    ran = run("preview")

    assert ran.exit_code == 1
    assert "[MARK-UNKNOWN]" in ran.err
    assert ran.out.endswith("\n\n"), "what is wrong is apart from the foot"


def test_csv_holds_every_count(trial: Start) -> None:
    """For a spreadsheet; readable by its owner only."""
    run = trial()
    path = run.folder / "counts.csv"

    ran = run("preview", "--csv", str(path))

    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    (school,) = run("preview", "--json").json["schools"]
    bodies = [day["request"] for day in school["days"]]
    total = sum(a["value"] for body in bodies for item in body["submissionData"] for a in item["attendances"])
    assert ran.exit_code == 0
    assert sum(int(row["marks"]) for row in rows) == total
    assert list(rows[0]) == ["urn", "school", "date", "session", "year_group", "code", "marks"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_csv_goes_to_standard_output(trial: Start) -> None:
    """With nothing beside it; but not together with the JSON document."""
    run = trial()
    run("preview", "--csv", "counts.csv")

    assert run("preview", "--csv", "-").out == (run.folder / "counts.csv").read_text()
    assert run("preview", "--csv", "-", "--json").exit_code == 2
    assert not (run.folder / "-").exists()


@pytest.mark.parametrize("name", ["attsync.db", "school.db", "config.toml", "client-secret", "ca.pem"])
def test_csv_replaces_nothing_that_attsync_needs(trial: Start, name: str) -> None:
    """By rename, without a word, it would have been the log with every consent."""
    run = trial()
    before = (run.folder / name).read_bytes()

    ran = run("preview", "--csv", name)

    assert (ran.exit_code, ran.out) == (2, "")
    assert "[OUTPUT-FILE]" in ran.err
    assert (run.folder / name).read_bytes() == before


def test_csv_that_cannot_be_written_is_told(trial: Start) -> None:
    """A folder that is not there, and nothing is left behind."""
    ran = trial()("preview", "--csv", "/dev/null/counts.csv")

    assert ran.exit_code == 2
    assert "/dev/null/counts.csv cannot be written: not a directory." in ran.err


def test_date_outside_the_window_is_told(trial: Start) -> None:
    """With the window that there is."""
    ran = trial()("preview", "--date", "2026-11-01")

    assert ran.exit_code == 2
    assert "from 2026-11-12 to 2026-11-23" in ran.err


def test_date_of_a_longer_window_is_shown(trial: Start) -> None:
    """Messages name such commands; anyone who pastes one need not know with which window its send ran."""
    run = trial()
    run.config.write_text(run.config.read_text().replace("[window]", "[window]\ndays = 1"))
    assert "Also in this send" not in run("preview").out

    ran = run("preview", "--date", "2026-11-20")

    assert (ran.exit_code, "Friday 20 November 2026, AM" in ran.out) == (0, True)


def test_unknown_school_is_told(trial: Start) -> None:
    """Nothing at all would look like a school without marks."""
    ran = trial()("preview", "--school", "900999")

    assert ran.exit_code == 2
    assert "The settings file has no school with the URN 900999." in ran.err


def test_days_without_marks_are_told(trial: Start) -> None:
    """Perhaps the SELECT looks at last year."""
    run = trial()
    run.school("DELETE FROM roll_call_marks")

    ran = run("preview")

    assert ran.exit_code == 0
    assert "no marks on these days: nothing to send" in ran.out


def test_refused_day_lists_every_place_to_correct(trial: Start) -> None:
    """The message names the worst place only; and nothing has been sent or not sent by looking."""
    run = trial()
    for session in ("Morning", "Afternoon"):
        mark(run, "2026-11-17", "ZZ", session=session, pupils=2)
    mark(run, "2026-11-17", "ZZ", year="Reception", pupils=1)

    ran = run("preview", "--date", "2026-11-17", columns=80)

    assert ran.exit_code == 1
    assert ran.screen == snapshot("""\
Oakfield Primary School  URN 900023  Tuesday 17 November 2026
✗ This day would not be sent.  2 marks in Year 4 on Tue 17 Nov PM have the code
  "ZZ", which is not a DfE attendance code for this date and session. 3 more
  marks cannot be counted. Correct these marks in the MIS, or map the code under
  [database.codes] in the settings file. The next send will then include the
  day.

Session  Year group  Marks  Value found
─────────────────────────────────────────
AM       Reception       1  the code "ZZ"
AM       Year 4          2  the code "ZZ"
PM       Year 4          2  the code "ZZ"

Also in this send: 7 other days, Thu 12 Nov to Mon 23 Nov.
To see one of them: attsync preview --date 2026-11-12 --config config.toml
All rows of these days: 6,289 = 5,449 to send + 838 refused + 2 without a mark.

Counts only: no names, no pupil numbers, no dates of birth. Small counts could
identify a child: keep them within the school. Full message:
attsync preview --json --config config.toml
""")


def test_requests_hold_both_sessions(trial: Start) -> None:
    """Byte for byte there is no half of one: it is told instead of left unheard."""
    ran = trial(consent=False)("preview", "--json", "--session", "AM")

    assert (ran.exit_code, ran.out) == (2, "")
    assert "--session and --json do not go together" in ran.err


def test_session_may_be_written_small(trial: Start) -> None:
    """As people type it."""
    run = trial(consent=False)

    assert run("preview", "--session", "am").out == run("preview", "--session", "AM").out != ""


def test_database_that_is_away_and_lists_its_schools_is_told(trial: Start) -> None:
    """No one knows which schools are missing then: nothing shown is no sign that nothing is to be sent."""
    run = trial()
    text = run.config.read_text()
    text = text[: text.index("[[database.schools]]")]
    text = text.replace(
        "[database.select]", '[database.select]\nschools = "SELECT 1 AS school, 900023 AS urn, 1 AS name"'
    )
    run.config.write_text(text.replace("sqlite:///school.db", "sqlite:///gone.db"))

    for words in (["preview"], ["preview", "--json"], ["preview", "--school", "900023"]):
        ran = run(*words)
        assert (ran.exit_code, ran.out) == (3, "")
        assert "[DB-NONE]" in ran.err


def test_every_school_that_cannot_be_read_is_told(trial: Start) -> None:
    """With two databases away, correcting one is half of it."""
    run = trial()
    text = run.config.read_text()
    first = text.index("[[database]]")
    second = text[first:].replace("900023", "900024").replace("[[database]]", '[[database]]\nname = "Second"', 1)
    run.config.write_text(f"{text}\n{second}".replace("sqlite:///school.db", "sqlite:///gone.db"))

    ran = run("preview")
    assert ran.exit_code == 3
    assert ran.err.count("[DB-NONE]") == 2
    assert "sent" not in ran.err, "a preview never sends"
    assert "Oakfield Primary School (900023): " in ran.err
    schools = run("preview", "--json").json["schools"]
    assert [(school["urn"], school["problem"]["code"], school["days"]) for school in schools] == [
        (900023, "DB-NONE", []),
        (900024, "DB-NONE", []),
    ]
