"""checks/database.py: every line that is not good says what to do; nothing in it can be a name."""

import tomllib
from dataclasses import replace
from datetime import date
from typing import Any, Literal

import pytest

from attsync import messages
from attsync.checks import Finding
from attsync.checks.database import database_findings
from attsync.checks.runner import exit_code_of
from attsync.database.inspect import DatabaseFacts, SelectFacts, Way
from attsync.model import Cell, Day, School, SchoolDays, Session, Unmapped
from attsync.problems import Problem
from attsync.settings import DatabaseSettings
from tests.settings_file import loaded, settings_text

OAKFIELD = School(900023, "Oakfield Primary School")
MONDAY = date(2026, 11, 23)
AT = ("database", 0)
OTHER = Problem("DB-SELECT", "no_rows", select="roll")
COLUMNS = (("date", "date"), ("session", ""), ("pupil", "int4"))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> DatabaseSettings:
    """Make settings that map sessions, and nothing else."""
    text = settings_text(maps='[database.sessions]\n"Morning" = "AM"')
    return loaded(text, tmp_path_factory.mktemp("settings")).database[0]


def day(number: int = 23, *, problem: str = "", unmarked: int = 0, pm: bool = False) -> Day:
    """Make a day of November."""
    session = Session.PM if pm else Session.AM
    cells: dict[Cell, dict[str, int]] = {} if problem else {Cell("7", session): {"I": 30}}
    case = {"COLUMN-WRONG": "columns"}.get(problem, "to_map")
    why = Problem(problem, case, selects="marks", select="marks", columns="date") if problem else None
    return Day(date=date(2026, 11, number), cells=cells, roll={"7": 31}, problem=why, unmarked=unmarked)


def facts(*schools: SchoolDays, **changes: Any) -> DatabaseFacts:  # noqa: ANN401  any fact
    """Make the facts of a database that is as it should be."""
    select = SelectFacts(name="marks", columns=COLUMNS, rows=12_588, has_index=True, seconds=0.12)
    usual = {"name": "SIMS", "kind": "postgresql", "writes": (), "selects": (select,), "schools": schools}
    return DatabaseFacts(**(usual | {"seconds": 0.21} | changes))


def select(**changes: Any) -> DatabaseFacts:  # noqa: ANN401  any fact
    """Make a database with one SELECT, and no school."""
    usual: dict[str, Any] = {"name": "marks", "columns": COLUMNS, "rows": 100, "has_index": True}
    return facts(selects=(SelectFacts(**(usual | changes)),))


def findings(found: DatabaseFacts, settings: DatabaseSettings) -> list[Finding]:
    """Return the findings that are not good; each says what to do."""
    bad = [finding for finding in database_findings(found, settings, AT) if finding.sign != "good"]
    assert all(finding.next for finding in bad)
    return bad


def only(found: DatabaseFacts, settings: DatabaseSettings) -> tuple[str, Problem]:
    """Return sign and problem of the one finding that is not good."""
    (finding,) = findings(found, settings)
    assert isinstance(finding.found, Problem)
    return finding.sign, finding.found


def test_database_as_it_should_be_is_two_lines(settings: DatabaseSettings) -> None:
    """Three schools have to fit on one screen."""
    school = SchoolDays(school=OAKFIELD, days=(day(20, pm=True), day(unmarked=2)))
    found = list(database_findings(facts(school), settings, AT))

    assert [(f.sign, f.what, f.text) for f in found] == [
        ("good", "SIMS", "opens read-only; marks 12,588 rows; 1 school read in 0.2 s"),
        (
            "good",
            "Oakfield Primary School",
            "31 on roll, 60 marks and 2 rows without a mark, 2 days to Mon 23 Nov AM",
        ),
    ]
    assert exit_code_of(found) == 0


def test_school_is_one_line_at_80_columns(settings: DatabaseSettings) -> None:
    """Beside a name of 24 letters: three schools have to fit on one screen."""
    days = tuple(replace(day(each, pm=True), roll={"7": 1_120}) for each in (18, 19, 20, 23))
    *_, last = database_findings(facts(SchoolDays(school=OAKFIELD, days=days)), settings, AT)

    assert last.text == "1,120 on roll, 120 marks, 4 days to Mon 23 Nov PM"
    assert len(last.text) <= 80 - len("✓  Elm Grove Primary School  ")


def test_many_good_schools_share_a_line(settings: DatabaseSettings) -> None:
    """Thirty lines of ticks hide the one that matters."""
    schools = [SchoolDays(school=School(900001 + n, f"School {n}"), days=(day(pm=n == 3),)) for n in range(30)]
    *_, last = database_findings(facts(*schools), settings, AT)

    assert last.text == "30 schools: 930 on roll, 900 marks, 1 day to Mon 23 Nov PM"


def test_school_in_its_holidays_has_no_marks(settings: DatabaseSettings) -> None:
    """That is allowed: whether it is unusual is not decided here."""
    school = SchoolDays(school=OAKFIELD, days=(Day(date=MONDAY, cells={}, roll={"7": 1}),))

    assert list(database_findings(facts(school), settings, AT))[-1].text == "1 on roll, no marks on these days"


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (facts(writes=("may change 2 tables", "is a superuser")),
         Problem("DB-WRITE", rights=("may change 2 tables", "is a superuser"))),
        (facts(writes=None, kind="firebird"), Problem("DB-WRITE", "untested", kind="firebird")),
        (facts(kind="mssql", is_frozen=False), Problem("DB-SELECT", "apart")),
        (select(is_stale=True, newest_file=date(2026, 11, 19)),
         Problem("DB-SELECT", "old_file", select="marks", at=date(2026, 11, 19))),
        (facts(knows_london=False), Problem("DATE-NONE", "time_zone")),
        (select(rows=0), Problem("DB-SELECT", "no_rows", select="marks")),
        (select(no_date=1), Problem("DATE-NONE", "no_date", marks=1, rows=100)),
        (select(not_dates=2), Problem("DATE-NONE", "not_dates", marks=2, rows=100)),
        (select(in_utc=5), Problem("DATE-NONE", "utc", marks=5)),
        (select(name="roll", overlaps=2, has_index=None), Problem("ROLL-HIGH", "overlaps", pupils=2)),
        (select(has_index=False, rows=1_000_000), Problem("DB-SLOW", "no_index", select="marks", rows=1_000_000)),
    ],
)  # fmt: skip
def test_what_is_to_check_about_a_database(settings: DatabaseSettings, found: DatabaseFacts, problem: Problem) -> None:
    """It is told, and is no reason to fail."""
    assert only(found, settings) == ("check", problem)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"hides": ("sql_select_limit = 100",)}, Problem("DB-SELECT", "hides", hides=["sql_select_limit = 100"])),
        ({"way": "plain"}, Problem("DB-SIGNIN", "way_plain")),
        ({"way": "encrypted"}, Problem("DB-SIGNIN", "way_encrypted")),
    ],
)
def test_what_is_to_check_about_a_server(settings: DatabaseSettings, changes: Any, problem: Problem) -> None:  # noqa: ANN401
    """Rows that are missing without a word (CASES B7), and a connection that others can read (C7)."""
    assert only(DatabaseFacts(name="SIMS", kind="mysql", writes=(), **changes), settings) == ("check", problem)


@pytest.mark.parametrize(
    ("way", "said"), [("local", "opens read-only; "), ("verified", "opens read-only over a verified connection; ")]
)
def test_safe_way_to_the_server_is_good(settings: DatabaseSettings, way: Way, said: str) -> None:
    """A file, this computer, or TLS with its certificate checked."""
    (found,) = database_findings(DatabaseFacts(name="SIMS", kind="mysql", writes=(), way=way), settings, AT)

    assert found.text == said


def test_marks_of_schools_that_are_not_listed_are_told(settings: DatabaseSettings) -> None:
    """They are never sent."""
    (finding,) = findings(facts(unlisted=1234), settings)

    assert (finding.sign, finding.code, finding.setting) == ("check", "SCHOOL-UNLISTED", (*AT, "schools"))


@pytest.mark.parametrize("has_index", [False, None])
def test_small_table_needs_no_index(settings: DatabaseSettings, *, has_index: bool | None) -> None:
    """No one would notice."""
    assert not findings(select(has_index=has_index), settings)


@pytest.mark.parametrize(("bad", "sign", "code"), [(99, "check", "DATE-NONE"), (100, "bad", "COLUMN-WRONG")])
def test_dates_that_are_all_unreadable_are_bad(settings: DatabaseSettings, bad: int, sign: str, code: str) -> None:
    """A send would find no marks at all, and send 0 for every day that was sent before."""
    found = only(select(not_dates=bad), settings)

    assert (found[0], found[1].code) == (sign, code)


@pytest.mark.parametrize(
    ("problem", "address", "told"),
    [
        (OTHER, "url", OTHER),
        (Problem("SECRET-FILE", "not_tried"), "url_file", Problem("SECRET-FILE", "not_opened")),
    ],
)
def test_database_that_fails_is_one_line(
    settings: DatabaseSettings,
    problem: Problem,
    address: Literal["url", "url_file"],
    told: Problem,
) -> None:
    """What is wrong with a file is told with the other files."""
    (found,) = findings(DatabaseFacts(name="SIMS", problem=problem, address=address), settings)

    assert found == Finding("bad", "SIMS", told, (*AT, address))


def test_select_that_fails_is_named(settings: DatabaseSettings) -> None:
    """The others are tested all the same."""
    (found,) = findings(facts(selects=(SelectFacts(name="roll", problem=OTHER),)), settings)

    assert found == Finding("bad", "SIMS", OTHER, (*AT, "select", "roll"))


def test_fault_of_the_whole_is_told_after_the_selects(settings: DatabaseSettings) -> None:
    """Such as a school column that only one of them has."""
    assert only(facts(problem=OTHER), settings) == ("bad", OTHER)


def test_values_that_are_in_no_map_are_told_once_with_lines_to_paste(settings: DatabaseSettings) -> None:
    """Codes and year groups of all schools in the same round; a value that may be a name is not in it."""
    codes, groups = "database.codes", "database.year_groups"
    oakfield = SchoolDays(
        school=OAKFIELD,
        days=(day(18, problem="MARK-UNKNOWN"), day(19, problem="MARK-UNKNOWN"), day(20, problem="ROLL-UNKNOWN")),
        unmapped=(
            Unmapped("code", codes, "ZZ", 9),
            Unmapped("code", codes, None, 4),
            Unmapped("year group", groups, "Nursery", 2),
            Unmapped("year group", groups, "", 1, pupils=True),
            Unmapped("session", "database.sessions", "Brkfst", 1),
        ),
    )
    elm = SchoolDays(
        school=School(900024, "Elm Grove"),
        days=(day(23, problem="MARK-UNKNOWN"),),
        unmapped=(Unmapped("code", codes, "ZZ", 1), Unmapped("year group", groups, "Nursery", 3, pupils=True)),
    )
    (found,) = findings(facts(oakfield, elm), settings)

    schools = ["Oakfield Primary School", "Elm Grove"]
    assert found.found == Problem("MARK-UNKNOWN", "to_map", values=5, number=4, schools=schools)
    assert tomllib.loads("\n".join(found.paste)) == {
        "Brkfst": "...",  # its heading is there: written twice, it would be an error
        "database": {"codes": {"ZZ": "..."}, "year_groups": {"Nursery": "...", "": "..."}},
    }
    assert [line for line in found.paste if "#" in line] == [
        "# below [database.sessions]:",
        '"Brkfst" = "..."  # 1 mark',
        '"ZZ" = "..."  # 10 marks',
        '# "..." = "..."  # 4 marks: not shown, may be a name. See the column code of the marks SELECT.',
        '"Nursery" = "..."  # 2 marks and 3 pupils on roll',
        '"" = "..."  # 1 pupil on roll without a year group',
    ]
    assert (found.setting, exit_code_of([found])) == ((*AT, "codes"), 1)


@pytest.mark.parametrize(
    ("shown", "meaning", "is_dfe_code"),
    [("\\", "present", True), ("/", "present", True), ("ZZ", "...", False), ("F", "...", True), ("#", "...", True)],
)
def test_line_to_add_to_a_map_is_toml(
    settings: DatabaseSettings, shown: str, meaning: str, *, is_dfe_code: bool
) -> None:
    """A backslash begins an escape in a TOML string; a DfE code is not called unknown."""
    school = SchoolDays(
        school=OAKFIELD, days=(day(problem="MARK-UNKNOWN"),), unmapped=(Unmapped("code", "database.codes", shown, 1),)
    )
    (found,) = findings(facts(school), settings)

    assert tomllib.loads("\n".join(found.paste)) == {"database": {"codes": {shown: meaning}}}
    assert ("a DfE code, but not for that date and session" in found.paste[-1]) is is_dfe_code


def test_other_refused_days_are_told_once_for_each_kind(settings: DatabaseSettings) -> None:
    """Eight days with the same cause are one thing to do; a wrong column is told with the columns that there are."""
    school = SchoolDays(
        school=OAKFIELD,
        days=(day(18, problem="MARK-DOUBLE"), day(19, problem="MARK-DOUBLE"), day(20, problem="COLUMN-WRONG")),
    )
    double, wrong, columns = findings(facts(school), settings)

    assert isinstance(double.found, Problem)
    assert (double.found["undone"], double.found["number"]) == ("days_dry", 2)
    assert double.text.endswith(". 2 days would not be sent because of this.")
    assert (double.sign, double.code, wrong.code) == ("bad", "MARK-DOUBLE", "COLUMN-WRONG")
    assert columns.found == Problem(
        "COLUMN-WRONG", "columns", select="marks", columns=["date (date)", "session", "pupil (int4)"]
    )


def test_school_without_anything_is_to_check(settings: DatabaseSettings) -> None:
    """A mistake in its school value: its rows count for no school."""
    empty = SchoolDays(school=OAKFIELD, days=(Day(date=MONDAY, cells={}, roll={}),))

    assert only(facts(empty), settings) == ("check", Problem("MARKS-NONE", "nobody"))


def test_school_that_cannot_be_read_and_one_to_check(settings: DatabaseSettings) -> None:
    """Their own problems are told."""
    odd = Problem("MARKS-NONE", "nobody")
    wrong = SchoolDays(school=OAKFIELD, problem=OTHER)
    school = SchoolDays(school=School(900024, "Elm Grove"), days=(day(),), to_check=(odd,))

    assert [(f.sign, f.what, f.found) for f in findings(facts(wrong, school), settings)] == [
        ("bad", "Oakfield Primary School", OTHER),
        ("check", "Elm Grove", odd),
    ]


def test_finding_can_be_read_by_programs() -> None:
    """`--json`: the lines to paste are part of what to do."""
    problem = Problem("MARK-UNKNOWN", "to_map", values=1, number=1, schools=["x"])
    shown = Finding("bad", "SIMS", problem, paste=("[a]", "b = 1")).as_json()

    assert Finding("good", "Settings", "fine").as_json() == {
        "sign": "good",
        "what": "Settings",
        "text": "fine",
        "next": "",
        "code": None,
        "where": None,
    }
    assert shown["code"] == "MARK-UNKNOWN"
    assert str(shown["next"]).endswith(":\n[a]\nb = 1")


def test_unnamed_database_is_not_named_twice() -> None:
    """It was "School database  school database: no server is listening"."""
    problem = Problem("DB-NONE", "closed", name="school database", server="db:5432", where="url")
    assert Finding("bad", "School database", problem).text == "no database server is listening at db:5432."


def test_what_a_send_would_do_is_not_said_by_check() -> None:
    """A technician who sets up a wrong address has to act: no send follows that puts it right."""
    closed = Problem("DFE-UNREACHABLE", host="localhost:8444", tries=4)
    silent = Problem("DB-NONE", "silent", name="school database", server="db:5432", where="url")

    for problem in (closed, silent):
        finding = Finding("bad", "any", problem)
        assert str(finding.next).startswith("Ask IT ")
        assert "next send" in str(messages.next_step(problem))
        assert "sent" not in finding.text


def test_age_of_an_export_is_told(settings: DatabaseSettings) -> None:
    """A file that nothing writes any more looks like a school in its holidays."""
    found = select(newest_file=date(2026, 11, 23))
    assert "marks 100 rows (newest file written on Mon 23 Nov)" in list(database_findings(found, settings, AT))[-1].text
