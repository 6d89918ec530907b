"""databases.py and finding.py: every line that is not a tick says what to do; nothing in it may be a name."""

import sqlite3
import tomllib
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from attsync.checks.database import database_findings, missing, to_paste
from attsync.checks.finding import Finding, exit_code_of, placed, told
from attsync.codes import all_codes
from attsync.database.inspect import DatabaseFacts, SelectFacts, look
from attsync.model import Cell, Day, School, SchoolDays, Session, Unmapped
from attsync.problems import Problem
from attsync.settings import origins
from attsync.show.check import check
from attsync.show.symbols import UNICODE
from attsync.window import Window
from tests.settings_file import loaded, settings_text
from tests.show.screens import text_of

OAKFIELD = School(900023, "Oakfield Primary School")
MONDAY = date(2026, 11, 23)
REFUSED = Problem("MARK-UNKNOWN", '3 marks have the code "ZZ".', "Correct it.", not_done="This day was not sent.")
AT = ("database", 0)
COLUMNS = (("date", "date"), ("session", ""), ("pupil", "int4"))


def day(number: int = 23, *, problem: Problem | None = None, unmarked: int = 0, pm: bool = False) -> Day:
    """Make a day of November."""
    session = Session.PM if pm else Session.AM
    cells: dict[Cell, dict[str, int]] = {} if problem else {Cell("7", session): {"I": 30}}
    return Day(date=date(2026, 11, number), cells=cells, roll={"7": 31}, problem=problem, unmarked=unmarked)


def facts(*schools: SchoolDays, **changes: Any) -> DatabaseFacts:  # noqa: ANN401  any fact
    """Make the facts of a database that is as it should be."""
    select = SelectFacts(name="marks", columns=COLUMNS, rows=12_588, has_index=True, seconds=0.12)
    usual = {"name": "SIMS", "kind": "postgresql", "writes": (), "selects": (select,), "schools": schools}
    return DatabaseFacts(**(usual | {"seconds": 0.21} | changes))


def select(**changes: Any) -> DatabaseFacts:  # noqa: ANN401  any fact
    """Make a database with one SELECT, and no school."""
    usual: dict[str, Any] = {"name": "marks", "columns": COLUMNS, "rows": 100, "has_index": True}
    return facts(selects=(SelectFacts(**(usual | changes)),))


def lines(found: DatabaseFacts) -> list[str]:
    """Write each finding in one line."""
    return [f"{f.sign} {f.what}: {f.text}" for f in database_findings(found, AT)]


def only(found: DatabaseFacts) -> Finding:
    """Give the one finding that is not good."""
    (finding,) = (f for f in database_findings(found, AT) if f.sign != "good")
    assert finding.next
    return finding


def test_a_database_as_it_should_be_has_ticks_only() -> None:
    """What was found, in the order in which things are set right."""
    school = SchoolDays(school=OAKFIELD, days=(day(20, pm=True), day(unmarked=2)))

    assert lines(facts(school)) == [
        "good School database: SIMS: opens, read-only",
        "good SELECT marks: SIMS: 12,588 rows in 0.1 s; date (date), session, pupil (int4)",
        "good SELECT marks: SIMS: an index serves the filter on the date",
        (
            "good Oakfield Primary School: 31 pupils on roll, 60 marks on 2 days and 2 rows without a mark,"
            " up to Mon 23 Nov AM"
        ),
        "good School database: SIMS: 1 school read in 0.2 s, as a send does",
    ]
    assert exit_code_of(database_findings(facts(school), AT)) == 0


def test_the_last_session_with_marks_is_named() -> None:
    """As far as the database has got."""
    school = SchoolDays(school=OAKFIELD, days=(day(pm=True),))

    assert "up to Mon 23 Nov PM" in lines(facts(school))[-2]


def test_a_school_in_its_holidays_has_no_marks() -> None:
    """Lawful: oddities tell whether it is odd."""
    school = SchoolDays(school=OAKFIELD, days=(Day(date=MONDAY, cells={}, roll={"7": 1}),))

    assert "good Oakfield Primary School: 1 pupil on roll, no marks in these days" in lines(facts(school))


@pytest.mark.parametrize(
    ("found", "text", "code"),
    [
        (facts(writes=("may change 2 tables", "may make roles")), "may change 2 tables and may make", "DB-WRITE"),
        (facts(writes=None, kind="mssql"), "not looked up on this kind of database (mssql)", None),
        (facts(knows_london=False), "does not know Europe/London", None),
        (facts(unlisted=1234), "1,234 marks of the window that belong to no school", "SCHOOL-UNLISTED"),
        (select(rows=0), "it gives no row at all", None),
        (select(columns=()), "no second mark of a pupil can be proven", None),
        (select(name="roll", columns=(), has_index=None), "a pupil enrolled twice counts twice", None),
        (select(no_date=1), "of 100 marks, 1 has no date: it is never sent", "DATE-NONE"),
        (select(no_date=2, not_dates=1), "2 have no date and 1 has a text that is not a date", "DATE-NONE"),
        (select(in_utc=5), "5 dates are texts in UTC", None),
        (select(name="roll", overlaps=1, has_index=None), "1 pupil is on roll in more than one year group", None),
        (select(name="roll", overlaps=2, has_index=None), "2 pupils are on roll", None),
        (select(has_index=False, rows=1_000_000), "each send reads all 1,000,000 rows", None),
    ],
)  # fmt: skip
def test_what_is_odd_about_a_database_says_what_to_do(found: DatabaseFacts, text: str, code: str | None) -> None:
    """To know, and no reason to fail."""
    finding = only(found)

    assert finding.sign == "check"
    assert text in finding.text
    assert finding.code == code
    assert exit_code_of([finding]) == 0


def test_a_small_table_needs_no_index() -> None:
    """Nobody would feel it."""
    assert not any("index" in line for line in lines(select(has_index=False)))
    assert not any("index" in line for line in lines(select(has_index=None)))


def test_a_database_that_fails_is_one_line() -> None:
    """And leads to exit code 3."""
    problem = Problem("DB-SIGNIN", "SIMS: the database refused the sign-in.", "Ask.", not_done="Nothing was sent.")
    found = list(database_findings(DatabaseFacts(name="SIMS", problem=problem), AT))

    text = "SIMS: the database refused the sign-in."
    assert found == [Finding("bad", "School database", text, "Ask.", "DB-SIGNIN", (*AT, "url"))]
    assert exit_code_of(found) == 3


def test_a_select_that_fails_is_named() -> None:
    """The others are looked at all the same."""
    problem = Problem("DB-SELECT", "SIMS: the roll SELECT cannot be used.", "Mend it.", not_done="Nothing was sent.")
    found = facts(selects=(SelectFacts(name="roll", problem=problem),))

    assert only(found) == Finding(
        "bad", "SELECT roll", "SIMS: the roll SELECT cannot be used.", "Mend it.", "DB-SELECT", (*AT, "select", "roll")
    )


def test_a_fault_of_the_whole_is_told_after_the_selects() -> None:
    """Such as a school column that only one of them has."""
    problem = Problem("DB-SCHOOLS", "SIMS: no school column.", "Add it.", not_done="Nothing was sent.")

    assert only(facts(problem=problem)).code == "DB-SCHOOLS"


HIDDEN = (
    "It is not shown, because it may be a name: values are shown only where 95% of the marks are known, and only those"
    " that look like a code."
)


def test_refused_days_are_told_once_for_each_kind() -> None:
    """Eight days with the same unknown code are one thing to do."""
    other = Problem("ROLL-UNKNOWN", "2 pupils.", "Map it.", not_done="This day was not sent.")
    school = SchoolDays(
        school=OAKFIELD,
        days=(day(18, problem=REFUSED), day(19, problem=REFUSED), day(20, problem=REFUSED), day(23, problem=other)),
        unmapped=(
            Unmapped("code", "database.codes", "ZZ", 9),
            Unmapped("code", "database.codes", None, 4),
            Unmapped("year group", "database.year_groups", None, 2, pupils=True),
            Unmapped("year group", "database.year_groups", "", 1, pupils=True),
        ),
    )
    found = [f for f in database_findings(facts(school), AT) if f.what == OAKFIELD.name]

    assert [(f.sign, f.text) for f in found] == [
        ("bad", '3 marks have the code "ZZ". This day would not be sent. The like on 2 more days.'),
        ("bad", "2 pupils. This day would not be sent."),
        ("check", '9 marks have the code "ZZ", which no map knows.'),
        ("check", f"4 marks have a code that no map knows. {HIDDEN}"),
        ("check", f"2 pupils on roll have a year group that no map knows. {HIDDEN}"),
        ("check", "1 pupil on roll has no year group (NULL)."),
    ]
    assert found[-1].next.endswith('or add to [database.year_groups]:  "" = "..."')
    assert found[2].next == 'Correct it in the MIS, or say what it means in [database.codes]:  "ZZ" = "..."'
    assert exit_code_of(found) == 1


@pytest.mark.parametrize(
    ("shown", "meaning"), [("\\", "present"), ("/", "present"), ("ZZ", "..."), ("F", "..."), ("#", "...")]
)
def test_line_to_add_to_a_map_can_be_pasted(shown: str, meaning: str) -> None:
    """A backslash in a TOML string begins an escape; and what the DfE knows is not called unknown."""
    school = SchoolDays(school=OAKFIELD, days=(day(),), unmapped=(Unmapped("code", "database.codes", shown, 1),))

    found = only(facts(school))

    _, _, line = found.next.rpartition(":  ")
    assert tomllib.loads(line) == {shown: meaning}
    assert f'1 mark has the code "{shown}", which ' in found.text
    assert ("no map knows" in found.text) == (shown not in all_codes())


def test_hidden_values_can_be_listed_in_the_databases_own_tool(tmp_path: Path) -> None:
    """What may be a name is not shown: whoever may see it gets the line that lists it."""
    database = tmp_path / "school.db"
    with closing(sqlite3.connect(database)) as made, made:
        made.execute("CREATE TABLE m (date, session, year_group, code)")
        made.executemany("INSERT INTO m VALUES ('2026-11-23', 'AM', '4', ?)", [("LATE",), ("ILL",), ("ILL",), ("ZZ",)])
        made.execute("CREATE TABLE r (year_group, entry_date, leaving_date)")
    marks = "SELECT * FROM m -- of one: year\n  WHERE date >= :start AND date < :end AND code <> ': '"
    text = settings_text(select=f'marks = """{marks}"""\nroll = "SELECT * FROM r"')
    settings = loaded(text, tmp_path)

    window = Window(date(2026, 11, 12), date(2026, 11, 23))
    found = look(settings.database[0], (), window)
    pasted = to_paste(settings.database[0], window, found.kind)

    (hidden,) = (f for f in database_findings(found, AT, pasted) if HIDDEN in f.text)
    shown = text_of(check([hidden], UNICODE, 1), 80)
    (line,) = (line.strip() for line in shown.splitlines() if "GROUP BY" in line)
    with closing(sqlite3.connect(database)) as made:
        assert dict(made.execute(line).fetchall()) == {"ILL": 2, "LATE": 1, "ZZ": 1}


@pytest.mark.parametrize(
    ("marks", "is_left_out"),
    [
        ("SELECT * FROM m WHERE pupil <> 9911223344", True),
        ("SELECT * FROM m WHERE code <> 'Ada Oakes'", True),
        ("SELECT * FROM m WHERE urn = 900023", False),
    ],
)
def test_no_select_is_shown_to_paste_that_may_name_a_pupil(tmp_path: Path, *, marks: str, is_left_out: bool) -> None:
    """By name or by number."""
    settings = loaded(settings_text(select=f'marks = "{marks}"\nroll = "SELECT 1"'), tmp_path)

    pasted = to_paste(settings.database[0], Window(date(2026, 11, 12), date(2026, 11, 23)), "sqlite")

    assert ("marks" not in pasted) is is_left_out


def test_dates_that_are_all_unreadable_are_no_tick() -> None:
    """A send would find no mark at all, and say 0 for every day that was sent before."""
    some, every = only(select(rows=100, not_dates=99)), only(select(rows=100, not_dates=100))

    assert (some.sign, some.code) == ("check", "DATE-NONE")
    assert (every.sign, every.code, exit_code_of([every])) == ("bad", "COLUMN-WRONG", 1)


def test_a_school_with_nobody_is_no_tick() -> None:
    """A slip in its school value: its rows count for nobody."""
    empty = Day(date=date(2026, 11, 23), cells={}, roll={})

    found = only(facts(SchoolDays(school=OAKFIELD, days=(empty,))))

    assert (found.sign, found.text) == ("check", "nobody on roll and no marks in these days")


def test_a_school_that_cannot_be_read_and_one_that_is_odd() -> None:
    """Their own words are told."""
    problem = Problem("COLUMN-WRONG", "12 dates are not dates.", "Ask.", not_done="Nothing was sent.")
    odd = Problem("SESSION-NONE", "No PM marks.", "Compare.")
    wrong = SchoolDays(school=OAKFIELD, problem=problem)
    school = SchoolDays(school=School(900024, "Elm Grove"), days=(day(),), to_check=(odd,))
    found = lines(facts(wrong, school))

    assert "bad Oakfield Primary School: 12 dates are not dates." in found
    assert "check Elm Grove: No PM marks." in found
    assert "2 schools read" in found[-1]


def test_a_school_that_is_nowhere_is_told() -> None:
    """A slip in the URN must not look like success."""
    (found,) = missing([900099])

    assert found.text == "The settings have no school with the URN 900099."
    assert exit_code_of([found]) == 2


def test_a_finding_can_be_read_by_programs() -> None:
    """`--json`."""
    assert Finding("good", "Settings", "fine").as_json() == {
        "sign": "good",
        "what": "Settings",
        "text": "fine",
        "next": "",
        "code": None,
        "where": None,
    }


def test_what_is_not_good_says_where_the_setting_stands(tmp_path: Path) -> None:
    """And a tick does not: there is nothing to change."""
    text = settings_text()
    loaded(text, tmp_path)
    sources = origins(tmp_path / "config.toml", {})
    problem = Problem("LOG-NEWER", "It is newer.", "Name another.", not_done="It was left.", setting=("log", "path"))
    bad = told("Log", problem)
    good = Finding("good", "Settings", "fine", setting=("dfe", "client_id"))
    other = Finding("check", "SELECT marks", "odd", "Ask.", setting=(*AT, "select", "marks"))

    assert bad.setting == ("log", "path")
    assert bad.text == "It is newer."
    line = text.splitlines().index('marks = "SELECT 1"') + 1
    assert [found.where for found in placed([good, bad, other], sources)] == [
        "",
        "config.toml",
        f"config.toml line {line}",
    ]


def test_a_database_whose_address_file_cannot_be_used_is_not_blamed_twice() -> None:
    """What is wrong with the file is told among the file rights."""
    problem = Problem("SECRET-FILE", "The file with the database address, /x, is open to others.", "Close it.")
    (found,) = database_findings(DatabaseFacts(name="SIMS", problem=problem, address="url_file"), AT)

    assert found.text == "SIMS: not opened, because the file with its address cannot be used."
    assert (found.sign, found.code) == ("bad", "SECRET-FILE")


@pytest.mark.parametrize(
    ("found", "setting"),
    [
        (facts(SchoolDays(school=OAKFIELD, days=(day(problem=REFUSED),))), (*AT, "codes")),
        (
            facts(
                SchoolDays(school=OAKFIELD, days=(day(),), unmapped=(Unmapped("session", "database.sessions", "x", 4),))
            ),
            (*AT, "sessions"),
        ),
        (facts(problem=REFUSED), (*AT, "select")),
        (facts(unlisted=1), (*AT, "schools")),
        (select(name="roll", columns=(), has_index=None), (*AT, "select", "roll")),
    ],
)
def test_the_setting_to_change_is_known(found: DatabaseFacts, setting: tuple[str | int, ...]) -> None:
    """Of several databases, that of this one."""
    assert {f.setting for f in database_findings(found, AT) if f.sign != "good"} == {setting}
