"""reader.py: the counts of many schools come exactly, whatever types a database holds, and nothing else comes."""

import re
import tracemalloc
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as tries
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from attsync.database import holds_permission, read, reader, schools_by_database, schools_of
from attsync.deadline import Deadline
from attsync.model import Cell, SchoolDays, Session, Unlisted
from attsync.problems import Problem, SchoolError, SettingsError
from attsync.settings import DatabaseSettings, SchoolSettings
from attsync.window import Window
from tests.database.small import (
    AM_7,
    ELM,
    FRIDAY,
    MARKS,
    MONDAY,
    OAKFIELD,
    PM_7,
    ROLL,
    WINDOW,
    day_of,
    days_of,
    enrolment,
    fill,
    looking,
    mark,
    read_all,
    settings,
)
from tests.engines import EngineDatabase

NAME = "Gawain Fotheringay"


def open_files() -> int:
    """Count the files and connections that this process holds open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def statements() -> Iterator[list[str]]:
    """Write down every statement that goes to a database."""
    seen: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def problem_of(database: DatabaseSettings, window: Window = WINDOW) -> Problem:
    """Read, and return why that fails."""
    with pytest.raises(SchoolError) as raised:
        read_all(database, window)
    return raised.value.problem


def test_marks_and_roll_of_a_school_are_counted_exactly(any_database: EngineDatabase) -> None:
    """The plain case, on every engine."""
    fill(
        any_database,
        [
            *(mark("/", pupil=n) for n in range(28)),
            *(mark("I", pupil=n) for n in range(28, 30)),
            *(mark("\\", pupil=n, session="PM") for n in range(29)),
            mark(None, pupil=29, session="PM"),
            mark("L", pupil=1, day="2026-11-20"),
            mark("/", pupil=1, day="2026-11-19"),
            mark("/", pupil=1, day="2026-11-24"),
        ],
        [
            *(enrolment(pupil=n) for n in range(28)),
            enrolment("2026-11-23", pupil=28),
            enrolment(None, "2026-11-20", pupil=29),
        ],
    )
    found = days_of(settings(any_database.url))

    assert found.problem is None
    assert [day.date for day in found.days] == list(WINDOW)
    assert found.days[-1].cells == {AM_7: {"/": 28, "I": 2}, PM_7: {"\\": 29}}
    assert found.days[-1].unmarked == 1
    assert found.days[0].cells == {AM_7: {"L": 1}}
    assert [day.roll for day in found.days] == [{"7": 29}, {"7": 28}, {"7": 28}, {"7": 29}]


def test_many_schools_are_told_apart_in_three_statements(any_database: EngineDatabase) -> None:
    """Marks, roll, and one that finds nothing to prove: no more for more schools (docs/design/sending.md 9)."""
    numbers = range(1, 61)
    schools: list[dict[str, Any]] = [{"urn": 900000 + n, "name": f"School {n}", "school": str(n)} for n in numbers]
    fill(
        any_database,
        [mark("/", pupil=f"{n}-{k}", school=str(n)) for n in numbers for k in range(n % 7)]
        + [mark("L", pupil="1-0", session=session, day="2026-11-20") for session in ("AM", "PM")],
        [enrolment(pupil=f"{n}-{k}", school=str(n)) for n in numbers for k in range(n % 7)],
    )
    counts = []
    for some in (schools[:1], schools):
        with statements() as seen:
            found = read_all(settings(any_database.url, schools=some))
        counts.append((len([s for s in seen if "GROUP BY" in s]), len(seen)))
        totals = {d.school.urn: (d.days[-1].marks, d.days[-1].on_roll) for d in found if isinstance(d, SchoolDays)}
        assert totals == {s["urn"]: ((s["urn"] - 900000) % 7,) * 2 for s in some}

    assert counts[0] == counts[1]
    assert counts[0][0] == 3


def test_schools_that_are_not_asked_for_are_not_read(any_database: EngineDatabase) -> None:
    """Without consent not even counts leave the database; rows of no one are counted and never sent."""
    fill(
        any_database,
        [
            mark(school="1"),
            mark(school="2"),
            mark(school="3"),
            mark(None, school="3"),
            mark("-", school="3"),
            mark(school=None),
            mark(school="O'Brien 50%\\"),
            mark(),
        ],
        [enrolment(school="1"), enrolment(school="2")],
    )
    brien = {"urn": 900025, "name": "O'Brien", "school": "O'Brien 50%\\"}
    found = read_all(settings(any_database.url, schools=[OAKFIELD, ELM, brien]), only=[900023])

    assert [each.school.urn for each in found if isinstance(each, SchoolDays)] == [900023]
    assert found[0].days[-1].marks == 2  # type: ignore[attr-defined]
    assert found[-1] == Unlisted("SIMS", 2)


@pytest.mark.parametrize("column", ["school", "session", "year_group", "code"])
def test_names_in_a_wrong_column_appear_nowhere(
    any_database: EngineDatabase, column: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The column may be mistaken; what stands in it must stay where it is."""
    caplog.set_level("DEBUG", logger="attsync")
    usual = [mark(pupil=n) for n in range(400)]
    odd = [mark(pupil=400 + n, **{column: f"{NAME} {n}"}) for n in range(9)]
    fill(any_database, usual + odd, [enrolment(year_group=f"{NAME} {n}", pupil=n) for n in range(300)])

    found = read_all(settings(any_database.url))

    assert NAME not in repr(found) + caplog.text
    assert len(repr(found)) < 20_000


def test_a_letter_is_never_another(any_database: EngineDatabase) -> None:
    """Collations fold case, accents and spaces: L is never l, O never Ö."""
    codes = ["L", "l", "O", "Ö", "o", "I ", " I", "I"]
    fill(any_database, [mark(code, pupil=n) for n, code in enumerate(codes)])
    day = day_of(settings(any_database.url))

    assert day.cells == {AM_7: {"L": 1, "O": 1, "I": 3}}
    assert day.refused == 3


@pytest.mark.parametrize(
    ("engine", "collation"),
    [
        ("sqlite", "NOCASE"),
        ("mariadb", "utf8mb4_general_ci"),
        ("mariadb", "latin1_swedish_ci"),
        ("postgresql", '"folding"'),
    ],
)
def test_a_collation_that_folds_is_overruled(
    database: Callable[[str], EngineDatabase], engine: str, collation: str
) -> None:
    """For codes, and for what tells pupils apart: aB is another than ab."""
    made = database(engine)
    if engine == "postgresql":
        made.execute("CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level1', deterministic = false)")
    character_set = "CHARACTER SET latin1 " if "latin1" in collation else ""
    text = f"VARCHAR(20) {character_set}COLLATE {collation}"
    made.execute(f"CREATE TABLE m (s {text}, d DATE, se {text}, y {text}, c {text}, p {text})")
    made.execute(
        "INSERT INTO m VALUES (%s, '2026-11-23', %s, %s, %s, %s)",
        [
            ("a", "AM", "7", "L", "aB"),
            ("a", "AM", "7", "l", "ab"),
            ("A", "AM", "7", "O", "x"),
            ("a", "am", "7", "I", "y"),
        ],
    )
    fill(made)
    select = "SELECT s AS school, d AS date, se AS session, y AS year_group, c AS code, p AS pupil FROM m"
    found = read_all(settings(made.url, marks=select, schools=[OAKFIELD | {"school": "a"}]))

    day = found[0].days[-1]  # type: ignore[attr-defined]
    assert (day.cells, day.refused) == ({AM_7: {"L": 1}}, 2)
    assert found[-1] == Unlisted("SIMS", 1)


TYPES = {
    "sqlite": [
        ("TEXT", "'2026-11-23'", "TEXT", "7"),
        ("TEXT", "'2026-11-23T08:55:00'", "INTEGER", "7"),
        ("TIMESTAMP", "'2026-11-23 08:55:00.123'", "REAL", "7"),
        ("DATE", "'2026-11-23'", "NUMERIC", "7"),
        ("BLOB", "'2026-11-23'", "BLOB", "CAST('7' AS BLOB)"),
    ],
    "postgresql": [
        ("DATE", "'2026-11-23'", "INTEGER", "7"),
        ("TIMESTAMP", "'2026-11-23 08:55'", "NUMERIC(4,0)", "7"),
        ("TIMESTAMPTZ", "'2026-11-23 08:55+00'", "CHAR(4)", "'7'"),
        ("VARCHAR(30)", "'2026-11-23T08:55:00'", "NUMERIC(4,2)", "7"),
        ("TEXT", "'2026-11-23'", "BYTEA", "'7'"),
        ("CHAR(20)", "'2026-11-23'", "SMALLINT", "7"),
    ],
    "mariadb": [
        ("DATE", "'2026-11-23'", "INT", "7"),
        ("DATETIME", "'2026-11-23 08:55'", "INT(3) ZEROFILL", "7"),
        ("TIMESTAMP NULL", "'2026-11-23 08:55'", "DECIMAL(4,2)", "7"),
        ("VARCHAR(30)", "'2026-11-23T08:55:00'", "CHAR(4)", "'7'"),
        ("CHAR(20)", "'2026-11-23'", "VARBINARY(4)", "'7'"),
        ("DATETIME(6)", "'2026-11-23 23:59:59.9'", "ENUM('6', '7')", "'7'"),
    ],
}


@pytest.mark.parametrize(
    ("engine", "date_type", "at", "year_type", "year"),
    [(engine, *types) for engine, rows in TYPES.items() for types in rows],
)
def test_values_are_read_as_databases_give_them(
    database: Callable[[str], EngineDatabase], engine: str, date_type: str, at: str, year_type: str, year: str
) -> None:
    """Dates with times, texts, numbers with zeros and fractions, padding, bytes: the count is the same."""
    made = database(engine)
    made.execute(f"CREATE TABLE m (d {date_type}, y {year_type}, c CHAR(5))")
    made.execute(f"INSERT INTO m VALUES ({at}, {year}, 'L'), ({at}, {year}, '/'), ({at}, {year}, 'L')")
    made.execute(f"CREATE TABLE r (y {year_type}, entered {date_type}, left_on {date_type})")
    made.execute(f"INSERT INTO r VALUES ({year}, {at}, NULL), ({year}, NULL, {at}), ({year}, {at}, {at})")
    found = days_of(
        settings(
            made.url,
            marks="SELECT d AS date, 'AM' AS session, y AS year_group, c AS code FROM m",
            roll="SELECT y AS year_group, entered AS entry_date, left_on AS leaving_date FROM r",
        )
    )

    assert found.problem is None
    assert found.days[-1].cells == {AM_7: {"L": 2, "/": 1}}
    assert [day.roll.get("7", 0) for day in found.days] == [1, 1, 1, 3]


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_an_instant_is_of_the_day_that_it_is_in_london(database: Callable[[str], EngineDatabase], engine: str) -> None:
    """Midnight of a June day in London is still the day before in UTC."""
    made = database(engine)
    made.execute(f"CREATE TABLE m (d {'TIMESTAMPTZ' if engine == 'postgresql' else 'TIMESTAMP NULL'})")
    if engine == "mariadb":
        made.execute("SET time_zone = '+00:00'")
        made.execute("INSERT INTO m VALUES ('2026-06-14 23:00:00')")
    else:
        made.execute("INSERT INTO m VALUES ('2026-06-14 23:00:00+00')")
    fill(made)
    select = "SELECT d AS date, 'AM' AS session, '7' AS year_group, '/' AS code FROM m"
    window = Window(date(2026, 6, 12), date(2026, 6, 15))

    assert [day.marks for day in days_of(settings(made.url, marks=select), window).days] == [0, 0, 0, 1]


def test_instants_are_refused_where_the_clocks_change_and_nobody_knows_london(
    database: Callable[[str], EngineDatabase],
) -> None:
    """One hour less would put midnight on the wrong day, in silence."""
    made = database("mariadb")
    if made.execute("SELECT count(*) FROM mysql.time_zone_name WHERE Name = 'Europe/London'")[0][0]:
        pytest.skip("this server knows Europe/London")
    made.execute("CREATE TABLE m (d TIMESTAMP NULL)")
    fill(made)
    select = "SELECT d AS date, 'AM' AS session, '7' AS year_group, '/' AS code FROM m"

    problem = problem_of(settings(made.url, marks=select), Window(date(2026, 10, 20), date(2026, 10, 27)))

    assert (problem.code, problem.case, problem["columns"]) == ("DB-SELECT", "instants", ("date",))


@pytest.mark.parametrize("stand_in", ["0001-01-01", "1753-01-01", "1899-12-30", "1900-01-01", "0000-00-00"])
def test_a_date_that_stands_for_none_is_none(any_database: EngineDatabase, stand_in: str) -> None:
    """Else everyone with such a leaving date would be gone."""
    if stand_in == "0000-00-00":
        if any_database.engine == "postgresql":
            return  # it has no such date
        if any_database.engine == "mariadb":
            any_database.execute("SET sql_mode = ''")
    fill(any_database, [mark()], [enrolment(stand_in, stand_in), enrolment(None, None)])

    assert day_of(settings(any_database.url)).on_roll == 2


def test_a_leaving_date_is_the_last_day_or_the_first_day_off(any_database: EngineDatabase) -> None:
    """No one but the school knows which: the same rows, one pupil more or less."""
    fill(any_database, [mark()], [enrolment(leaving="2026-11-21"), enrolment(entry="2026-11-22")])

    last = days_of(settings(any_database.url, leaving_date_is="last_day"))
    off = days_of(settings(any_database.url, leaving_date_is="first_day_off"))

    assert [day.on_roll for day in last.days] == [1, 1, 1, 1]
    assert [day.on_roll for day in off.days] == [1, 0, 1, 1]


def test_a_pupil_with_several_enrolments_counts_once(any_database: EngineDatabase) -> None:
    """Left and came back, or entered twice; leavers before their entry never were there."""
    fill(
        any_database,
        [mark()],
        [
            enrolment("2024-09-01", "2026-11-20", pupil=1),
            enrolment("2026-11-20", pupil=1),
            enrolment("2026-11-20", pupil=2),
            enrolment("2026-11-20", pupil=2),
            enrolment("2026-12-01", "2026-11-01", pupil=3),
        ],
    )

    assert [day.on_roll for day in days_of(settings(any_database.url)).days] == [2, 2, 2, 2]


def test_an_enrolment_that_names_no_pupil_counts_all_the_same(any_database: EngineDatabase) -> None:
    """COUNT(DISTINCT pupil) alone would leave it out, in silence."""
    fill(any_database, [mark()], [enrolment(), enrolment(), enrolment(pupil=1), enrolment(pupil=1)])

    assert day_of(settings(any_database.url)).on_roll == 3


def test_enrolments_that_never_ended_are_noticed(any_database: EngineDatabase) -> None:
    """No one is on roll for more than 16 years; an entry that is not known proves nothing."""
    fill(any_database, [mark()], [enrolment("2009-09-01"), enrolment("1900-01-01"), enrolment("2011-09-01")])
    assert "ROLL-ENDLESS" in [problem.code for problem in days_of(settings(any_database.url)).to_check]


def test_a_second_row_of_a_pupil_refuses_the_day(any_database: EngineDatabase) -> None:
    """A join that doubles; the other day goes."""
    fill(
        any_database,
        [
            mark(pupil="a"),
            mark(pupil="a"),
            mark(pupil="b"),
            mark(pupil="a", day="2026-11-20"),
            mark("\\", session="PM"),
        ],
        [enrolment(pupil="a"), enrolment(pupil="b")],
    )
    found = days_of(settings(any_database.url))

    assert found.days[-1].problem
    assert found.days[-1].problem.code == "MARK-DOUBLE"
    assert found.days[0].problem is None


def test_each_day_of_the_longest_window_is_proven(any_database: EngineDatabase) -> None:
    """17 days with their sessions are more than 32 bits, and no two of them are taken for one."""
    window = Window(date(2026, 12, 24), date(2027, 1, 9))
    fill(
        any_database,
        [mark("L", pupil="a", day=f"{day}", session=session) for day in window for session in ("AM", "PM")],
    )
    made = settings(any_database.url, roll=ROLL.replace(", pupil", ""))

    with statements() as seen:
        assert [day.problem for day in days_of(made, window).days] == [None] * 17
    assert len([statement for statement in seen if "GROUP BY" in statement]) == 3

    any_database.execute("INSERT INTO marks VALUES (%s, %s, %s, %s, %s, %s)", [mark(pupil="a", day="2027-01-09")])
    assert [day.date for day in days_of(made, window).days if day.problem] == [window.last]


def test_two_names_of_one_session_prove_a_second_mark(any_database: EngineDatabase) -> None:
    """'Morning' and 'AM' are the same session, also for the proof."""
    fill(any_database, [mark(pupil="a"), mark("L", pupil="a", session="Morning"), mark(pupil="b", session=None)])
    day = day_of(settings(any_database.url, sessions={"Morning": "AM", "": "AM"}))

    assert day.problem
    assert day.problem.code == "MARK-DOUBLE"


def test_a_session_that_is_a_number_proves_a_second_mark_too(any_database: EngineDatabase) -> None:
    """A column of numbers, and a map that knows them as texts."""
    fill(any_database, [mark(pupil="a", session="1"), mark("L", pupil="a", session="1")])
    marks = MARKS.replace("session", "CAST(session AS DECIMAL(3)) AS session")
    day = day_of(settings(any_database.url, marks=marks, sessions={"1": "AM"}))

    assert day.problem
    assert (day.problem.code, day.problem["session"]) == ("MARK-DOUBLE", "AM")


def test_a_row_without_a_mark_is_no_second_mark(any_database: EngineDatabase) -> None:
    """A LEFT JOIN, or a lesson not yet marked, gives rows that hold none."""
    fill(any_database, [mark(pupil="a"), mark("-", pupil="a"), mark(None, pupil="a"), mark("?", pupil="a")])
    day = day_of(settings(any_database.url, codes={"?": "unmarked"}))

    assert (day.problem, day.marks, day.unmarked) == (None, 1, 3)


def test_a_row_without_a_mark_is_a_mark_where_the_map_says_so(any_database: EngineDatabase) -> None:
    """Then a second one is a second mark."""
    fill(any_database, [mark(pupil="a"), mark(None, pupil="a"), mark("-", pupil="b")])
    day = day_of(settings(any_database.url, codes={"": "N", "-": "N"}))

    assert day.problem
    assert day.problem.code == "MARK-DOUBLE"


def test_codes_of_one_school_go_before_those_of_the_database(any_database: EngineDatabase) -> None:
    """E is an exclusion here and an educational visit there."""
    fill(any_database, [mark("E", school="1"), mark("E", school="2"), mark("#1", school="2")])
    elm = ELM | {"codes": {"E": "V", "#1": "unmarked"}}
    found = read_all(settings(any_database.url, schools=[OAKFIELD, elm], codes={"#1": "I"}))

    cells = {each.school.urn: each.days[-1].cells for each in found if isinstance(each, SchoolDays)}
    assert cells == {900023: {AM_7: {"E": 1}}, 900024: {AM_7: {"V": 1}}}


def test_one_school_needs_no_school_column(any_database: EngineDatabase) -> None:
    """Most school databases hold one school and no URN."""
    fill(any_database, [mark()], [enrolment()])
    made = settings(any_database.url, marks=MARKS.replace("school, ", ""), roll=ROLL.replace("school, ", ""))

    assert (day_of(made).marks, day_of(made).on_roll) == (1, 1)


@pytest.mark.parametrize("name", ["marks", "roll"])
def test_several_schools_do(any_database: EngineDatabase, name: str) -> None:
    """Else each would get the marks of all."""
    fill(any_database)
    select = {"marks": MARKS, "roll": ROLL}
    select[name] = select[name].replace("school, ", "")

    made = settings(any_database.url, schools=[OAKFIELD, ELM], marks=select["marks"], roll=select["roll"])
    problem = problem_of(made)

    assert (problem.code, problem["select"], problem["schools"]) == ("DB-SCHOOLS", name, 2)


@pytest.mark.parametrize("written", ["23/11/2026", "2026/11/23", "23.11.2026"])
def test_marks_of_which_none_has_a_date_that_can_be_read_are_not_taken_for_none(
    any_database: EngineDatabase, written: str
) -> None:
    """They are outside of every window: what was sent before would be replaced by zeros."""
    fill(any_database, [mark(day=written)], date_type="VARCHAR(20)")
    any_database.execute("INSERT INTO roll VALUES ('1', '7', '2025-09-01', NULL, '1')")
    problem = problem_of(settings(any_database.url))

    assert (problem.code, problem.case) == ("COLUMN-WRONG", "no_dates")
    any_database.execute("INSERT INTO marks (school, mark_date) VALUES ('1', '2020-01-01')")
    assert [each.code for each in days_of(settings(any_database.url)).to_check] == ["MARKS-NONE"]


@pytest.mark.parametrize("written", ["2026-11-2", "2026-11-22x", "2026-11-2 08:55"])
def test_texts_in_the_window_that_are_no_dates_refuse_the_school(any_database: EngineDatabase, written: str) -> None:
    """`2026-11-2` sorts into the window, and is the second or the twenty-somethingth."""
    fill(any_database, [mark(day=written)], date_type="VARCHAR(20)")
    found = days_of(settings(any_database.url), Window(date(2026, 11, 16), MONDAY))

    if written == "2026-11-22x":
        assert found.days[-2].marks == 1, "the first ten characters are a date"
    else:
        assert found.problem
        assert found.problem.code == "COLUMN-WRONG"


@pytest.mark.parametrize("written", ["01/09/2020", "never", "20200901", "-"])
def test_enrolment_dates_that_are_no_dates_refuse_the_school(any_database: EngineDatabase, written: str) -> None:
    """Else a leaver would stay, or everyone go."""
    fill(
        any_database,
        [mark()],
        [enrolment(written), enrolment("", " "), enrolment("2026-09-01", "")],
        date_type="VARCHAR(20)",
    )
    found = days_of(settings(any_database.url))

    assert found.problem
    assert found.problem.code == "COLUMN-WRONG"


def test_start_and_end_are_the_window(any_database: EngineDatabase) -> None:
    """For those who write the filter themselves, inside a subquery."""
    fill(any_database, [mark(), mark(day="2026-11-20"), mark(day="2026-11-19"), mark(day="2026-11-24")], [enrolment()])
    inner = f"SELECT * FROM ({MARKS} WHERE mark_date >= :start AND mark_date < :end) x -- :start"
    found = days_of(settings(any_database.url, marks=inner, roll=ROLL + " WHERE entry_date < :end"))

    assert [day.marks for day in found.days] == [1, 0, 0, 1]
    assert found.days[0].on_roll == 1


@pytest.mark.parametrize(
    ("where", "dates"),
    [
        ("mark_date = :start", [FRIDAY]),
        ("mark_date > :start", [date(2026, 11, 22), MONDAY]),
        ("mark_date < :end", [FRIDAY, date(2026, 11, 22), MONDAY]),
        ("'2026-11-24' = :end", [FRIDAY, date(2026, 11, 22), MONDAY]),
    ],
)
def test_start_is_the_first_day_and_end_the_day_after_the_last(
    any_database: EngineDatabase, where: str, dates: list[date]
) -> None:
    """Our own filter would hide a start that is too early, and an end that is too late."""
    fill(any_database, [mark(day=f"2026-11-{number}") for number in (19, 20, 22, 23, 24)])
    found = days_of(settings(any_database.url, marks=f"{MARKS} WHERE {where}"))

    assert [day.date for day in found.days if day.marks] == dates


def test_quoted_names_keep_their_case_and_their_signs(any_database: EngineDatabase) -> None:
    """A column may be called anything, if it is renamed; extra ones are no one's business."""
    fill(any_database, [mark()])
    q = "`" if any_database.engine == "mariadb" else '"'
    select = (
        f"SELECT school AS {q}School{q}, mark_date AS {q}DATE{q}, session AS {q}Session{q},"
        f" year_group AS {q}Year_Group{q}, code AS {q}code{q}, 1 AS {q}100% a:b;c{q} FROM marks"
    )

    assert day_of(settings(any_database.url, marks=select)).cells == {AM_7: {"/": 1}}


def test_administrators_are_looked_up_exactly(any_database: EngineDatabase) -> None:
    """Sam is not sam, and a right for one school is none for another."""
    fill(any_database)
    any_database.execute("CREATE TABLE staff (username VARCHAR(20), school VARCHAR(20))")
    any_database.execute("INSERT INTO staff VALUES (%s, %s)", [("sam", "1"), ("lee", "2"), (None, "1")])
    everywhere = settings(any_database.url, select={"administrators": "SELECT username FROM staff"})
    by_school = settings(any_database.url, select={"administrators": "SELECT username, school FROM staff;"})
    (oakfield,) = everywhere.schools

    with Deadline() as deadline:
        assert holds_permission(everywhere, oakfield, "sam", deadline)
        assert holds_permission(everywhere, oakfield, "lee", deadline)
        assert holds_permission(by_school, oakfield, "sam", deadline)
        assert not holds_permission(by_school, oakfield, "lee", deadline)
        assert not holds_permission(everywhere, oakfield, "Sam", deadline)
        assert not holds_permission(everywhere, oakfield, "' OR 1 = 1 --", deadline)


def test_a_window_has_no_place_in_the_administrators_select(any_database: EngineDatabase) -> None:
    """There are no days when someone gives consent."""
    fill(any_database)
    made = settings(any_database.url, select={"administrators": "SELECT code AS username FROM marks WHERE 1 < :end"})

    with Deadline() as deadline, pytest.raises(SchoolError) as raised:
        holds_permission(made, made.schools[0], "sam", deadline)

    assert (raised.value.problem.code, raised.value.problem.case) == ("DB-SELECT", "no_window")


SCHOOLS = {"schools": "SELECT a AS school, b AS urn, c AS name FROM s"}


def schools_in(database: EngineDatabase, rows: list[tuple[Any, ...]]) -> DatabaseSettings:
    """Make the settings of a database that lists its schools itself: school, urn, name."""
    database.execute("CREATE TABLE s (a VARCHAR(40), b VARCHAR(20), c VARCHAR(20))")
    if rows:
        database.execute("INSERT INTO s VALUES (%s, %s, %s)", rows)
    return settings(database.url, schools=[], select=SCHOOLS)


def listed(database: DatabaseSettings) -> tuple[SchoolSettings, ...]:
    """List the schools of a database."""
    with Deadline() as deadline:
        return schools_of(database, deadline)


def test_schools_can_come_from_the_database(any_database: EngineDatabase) -> None:
    """Instead of the list in the settings; a URN may be a number that was stored with a fraction."""
    made = schools_in(any_database, [("1", "900023.0", "Oakfield"), ("2", 900024, "Elm"), ("2 ", 900024, "Elm ")])

    assert sorted((s.urn, s.name, s.school) for s in listed(made)) == [
        (900023, "Oakfield", "1"),
        (900024, "Elm", "2"),
    ]


@pytest.mark.parametrize(
    ("rows", "case", "school"),
    [
        ([("1", "90002", "Oakfield")], "urn_wrong", "1"),
        ([("OAK", "9000233", "Oakfield")], "urn_laestab", "OAK"),
        ([("OAK", "330/2024", "Oakfield")], "urn_laestab", "OAK"),
        ([("1", None, "Oakfield")], "urn_empty", "1"),
        ([("1", " ", "Oakfield")], "urn_empty", "1"),
        ([(NAME, " ", "Oakfield")], "urn_empty", ""),
        ([(None, 900023, "Oakfield")], "school_empty", ""),
        ([("1", 900023, None)], "name_empty", "1"),
        ([("1", 900023, "Oak\u202efield")], "name_wrong", "1"),
        ([("1", 900023, "Oakfield"), ("2", 900023, "Elm")], "urn_twice", ""),
        ([("1", 900023, "Oakfield"), ("1 ", 900024, "Elm")], "school_twice", "1"),
        ([], "no_schools", ""),
    ],
)
def test_a_wrong_row_of_the_schools_select_is_named(
    database: Callable[[str], EngineDatabase], rows: list[tuple[Any, ...]], case: str, school: str
) -> None:
    """By its value of school, unless that could be a name."""
    with pytest.raises(SchoolError) as raised:
        listed(schools_in(database("sqlite"), rows))

    problem = raised.value.problem
    assert (problem.code, problem.case, problem.get("school")) == ("DB-SELECT", case, school)
    assert NAME not in repr(problem)


def test_schools_of_the_settings_need_no_database() -> None:
    """A list of names must not cost a sign-in."""
    assert [school.urn for school in listed(settings("postgresql://u:p@127.0.0.1:1/d"))] == [900023]


MANY = {
    "sqlite": "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) SELECT i FROM n) AS n",
    "postgresql": "generate_series(1, 60000) AS n(i)",
    "mariadb": "(SELECT seq AS i FROM seq_1_to_60000) AS n",
}


def test_more_schools_than_england_has_are_refused_while_they_are_read(
    any_database: EngineDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A schools SELECT that returns pupils must not fill the memory."""
    assert reader._MOST_SCHOOLS == 25_000  # noqa: SLF001  here fewer do
    monkeypatch.setattr(reader, "_MOST_SCHOOLS", 1_000)
    rows = f"SELECT i AS school, 100000 + i AS urn, 'x' AS name FROM {MANY[any_database.engine]}"

    with pytest.raises(SchoolError) as raised:
        listed(settings(any_database.url, schools=[], select={"schools": rows}))

    assert (raised.value.problem.code, raised.value.problem.case) == ("COLUMN-WRONG", "schools")


def test_more_year_groups_than_are_possible_are_refused_while_they_are_read(any_database: EngineDatabase) -> None:
    """Also where there are no marks; nothing of these values is kept."""
    fill(any_database)
    columns = "'1' AS school, i AS year_group, NULL AS entry_date, NULL AS leaving_date, i AS pupil"
    rows = f"SELECT {columns} FROM {MANY[any_database.engine]}"

    problem = days_of(settings(any_database.url, roll=rows)).problem

    assert problem
    assert (problem.code, problem.case) == ("COLUMN-WRONG", "roll_groups")


@pytest.mark.parametrize("by_select", [False, True])
def test_a_urn_in_two_databases_is_refused(database: Callable[[str], EngineDatabase], *, by_select: bool) -> None:
    """Each would send its own counts for the school, and the later one would win."""
    first, second = database("sqlite"), database("sqlite")
    one = schools_in(first, [("1", 900023, "Oakfield")]) if by_select else settings(first.url)
    two = schools_in(second, [("7", 900024, "Elm"), ("8", 900023, "Oakfield")])

    with Deadline() as deadline, pytest.raises(SettingsError) as raised:
        schools_by_database([one, two.model_copy(update={"name": "Annexe"})], deadline)

    problem = raised.value.problem
    assert (problem.code, problem.case, problem["urn"], problem["databases"]) == (
        "SCHOOL-NONE",
        "two_databases",
        "900023",
        ("SIMS", "Annexe"),
    )


def test_a_database_that_cannot_list_its_schools_does_not_hide_the_others(
    database: Callable[[str], EngineDatabase],
) -> None:
    """Its problem stands in the place of its schools."""
    broken = settings("postgresql://u:p@127.0.0.1:1/d", schools=[], select=SCHOOLS)

    with Deadline() as deadline:
        (_, problem), (_, schools) = schools_by_database([broken, settings(database("sqlite").url)], deadline)

    assert isinstance(problem, Problem)
    assert problem.code == "DB-NONE"
    assert isinstance(schools, tuple)
    assert [school.urn for school in schools] == [900023]


def test_marks_that_name_no_pupil_are_counted_where_nothing_is_proven(any_database: EngineDatabase) -> None:
    """A LEFT JOIN that loses the pupil would hide every doubled mark, and a column that is there looks like a proof."""
    fill(
        any_database,
        [
            *(mark(pupil=n) for n in range(4)),
            *(mark(pupil=None) for _ in range(3)),
            mark("-", pupil=None),
            mark(pupil=None, day="2026-11-20"),
            mark(pupil=5, school="2"),
        ],
        [enrolment(pupil=n) for n in range(8)],
    )
    found = read_all(settings(any_database.url, schools=[OAKFIELD, ELM]))
    oakfield, elm = (each for each in found if isinstance(each, SchoolDays))

    assert [day.nameless for day in oakfield.days] == [1, 0, 0, 3]
    assert [day.nameless for day in elm.days] == [0, 0, 0, 0]
    assert not any(day.problem for day in oakfield.days)
    told = [
        (problem.case, problem.days[-1], problem["marks"])
        for problem in oakfield.to_check
        if problem.code == "MARKS-UNPROVEN"
    ]
    assert told == [("nameless", MONDAY, 3)]


def test_marks_of_pupils_not_on_roll_are_counted(any_database: EngineDatabase) -> None:
    """Two left in October and still have marks: only the number leaves the database."""
    fill(
        any_database,
        [
            *(mark(pupil=n) for n in range(4)),
            *(mark("\\", pupil=n, session="PM") for n in range(3)),
            mark(pupil=0, day="2026-11-20"),
            mark(pupil="stranger"),
            mark("-", pupil="unmarked"),
            mark(pupil=5, school="2"),
            mark(pupil=None),
        ],
        [
            enrolment(leaving="2026-11-20", pupil=0),
            enrolment(leaving="2026-10-20", pupil=1),
            enrolment("2026-11-01", pupil=1),
            enrolment(pupil=2),
            enrolment(pupil=3, school="2"),
            enrolment(pupil=5, school="2"),
        ],
    )
    found = read_all(settings(any_database.url, schools=[OAKFIELD, ELM]))
    oakfield, elm = (each for each in found if isinstance(each, SchoolDays))

    assert [day.not_on_roll for day in oakfield.days] == [0, 0, 0, 4]
    assert [day.not_on_roll for day in elm.days] == [0, 0, 0, 0]
    assert [day.problem for day in oakfield.days] == [None] * 4
    assert all(day.proven for day in oakfield.days)


@pytest.mark.parametrize(
    ("kind", "other"), [("INTEGER", "VARCHAR(20)"), ("VARCHAR(20)", "INTEGER"), ("INTEGER", "INTEGER")]
)
def test_a_pupil_is_the_same_whatever_the_type(any_database: EngineDatabase, kind: str, other: str) -> None:
    """A number in one table is often a text in the other; padding is no other pupil."""
    any_database.execute(f"CREATE TABLE m (p {kind}, d DATE)")
    any_database.execute(f"CREATE TABLE r (p {other}, d DATE)")
    any_database.execute("INSERT INTO m VALUES (%s, '2026-11-23')", [("7",), ("8",)])
    any_database.execute("INSERT INTO r VALUES (%s, NULL)", [("7",), ("8 " if other != "INTEGER" else "8",)])
    day = day_of(
        settings(
            any_database.url,
            marks="SELECT d AS date, 'AM' AS session, 7 AS year_group, '/' AS code, p AS pupil FROM m",
            roll="SELECT 7 AS year_group, d AS entry_date, d AS leaving_date, p AS pupil FROM r",
        )
    )

    assert (day.marks, day.on_roll, day.not_on_roll) == (2, 2, 0)


def test_a_pupil_in_two_year_groups_counts_once_in_the_total(any_database: EngineDatabase) -> None:
    """Moved up, and the older enrolment never ended; the year groups keep their own figures."""
    fill(
        any_database,
        [mark(pupil=1), mark(pupil=2, day="2026-11-20")],
        [
            enrolment(pupil=1),
            enrolment(pupil=1, year_group="8", entry="2026-11-22"),
            enrolment(pupil=2),
            enrolment(pupil=2),
            enrolment(pupil=3, leaving="2026-11-21"),
            enrolment(pupil=3, year_group="8", entry="2026-11-22"),
            enrolment(),
            enrolment(year_group="8"),
            enrolment(pupil=1, school="2"),
        ],
    )
    days = days_of(settings(any_database.url)).days

    assert [day.roll for day in days] == [{"7": 4, "8": 1}, {"7": 4, "8": 1}, {"7": 3, "8": 3}, {"7": 3, "8": 3}]
    assert [day.pupils_on_roll for day in days] == [5, 5, 5, 5]
    assert [day.in_two_groups for day in days] == [0, 0, 1, 1]


def test_without_a_pupil_nothing_is_proven(any_database: EngineDatabase) -> None:
    """And that is said: the school, and each of its days."""
    fill(any_database, [mark(pupil=1), mark(pupil=1)], [enrolment(pupil=1), enrolment(pupil=1)])
    found = days_of(settings(any_database.url, marks=MARKS.replace(", pupil", ""), roll=ROLL.replace(", pupil", "")))
    day = found.days[-1]

    assert not found.provable
    assert (day.problem, day.marks, day.on_roll, day.pupils_on_roll, day.proven) == (None, 2, 2, None, False)


@pytest.mark.parametrize(
    ("unproven", "proven", "refused", "statements_asked"),
    [
        (None, [*WINDOW], [FRIDAY, MONDAY], 5),
        ([], [MONDAY], [MONDAY], 5),
        ([FRIDAY], [FRIDAY, MONDAY], [FRIDAY, MONDAY], 8),
    ],
)
def test_only_the_days_that_need_it_are_proven(
    any_database: EngineDatabase,
    unproven: list[date] | None,
    proven: list[date],
    refused: list[date],
    statements_asked: int,
) -> None:
    """The last day, and those that are asked for once the counts of a school are known; each says whether it was."""
    marks = [mark(pupil=1), mark(pupil=1, day="2026-11-20"), mark(pupil=2, day="2026-11-20", school="2")]
    fill(any_database, [*marks, mark(pupil=3, school="9")] * 2)
    asked: list[tuple[int, int]] = []

    def ask(found: SchoolDays) -> list[date]:
        asked.append((found.school.urn, found.days[0].marks))
        return unproven or [] if found.school.urn == 900023 else []

    with statements() as seen:
        both = settings(any_database.url, schools=[OAKFIELD, ELM])
        found = read_all(both, unproven=None if unproven is None else ask)
    oakfield, elm = sorted((each for each in found if isinstance(each, SchoolDays)), key=lambda each: each.school.urn)

    assert [day.date for day in oakfield.days if day.proven] == proven
    assert [day.date for day in oakfield.days if day.problem and day.problem.code == "MARK-DOUBLE"] == refused
    assert [day.not_on_roll for day in oakfield.days if day.proven and day.marks] == [2] * len(refused)
    assert [day.date for day in elm.days if day.proven] == ([*WINDOW] if unproven is None else [MONDAY])
    assert asked == ([] if unproven is None else [(900023, 2), (900024, 2)])
    assert len([s for s in seen if "GROUP BY" in s]) == statements_asked


def test_a_long_text_is_cut_in_the_database_and_never_becomes_a_code(any_database: EngineDatabase) -> None:
    """80 MB in a text column must not come here, and a slash with much behind it is no slash."""
    kind = "LONGTEXT" if any_database.engine == "mariadb" else "TEXT"
    any_database.execute(f"CREATE TABLE m (c {kind}, p {kind})")
    long = "x" * 3_000_000
    blanks = "/" + " " * (20 if any_database.engine == "mariadb" else 300)  # there a cut "/   " is the same as "/"
    rows = [(blanks + long, "1"), ("/" + " " * 150, long + "1"), ("/", long + "2"), (long, None)]
    any_database.execute("INSERT INTO m VALUES (%s, %s)", rows)
    fill(any_database)
    select = (
        "SELECT '1' AS school, '2026-11-23' AS date, 'AM' AS session, '7' AS year_group, c AS code, p AS pupil FROM m"
    )

    tracemalloc.start()
    day = day_of(settings(any_database.url, marks=select))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (day.cells, day.refused) == ({AM_7: {"/": 2}}, 2)
    assert most < 2_000_000


def test_each_expression_of_the_settings_stands_once(database: Callable[[str], EngineDatabase]) -> None:
    """A leaving date that is a subquery would be computed 64 times a row."""
    made = database("postgresql")
    fill(made, [mark(pupil="a"), mark(pupil="a")], [enrolment()])
    asked = "SELECT count(*) FROM roll x WHERE x.pupil = roll.pupil"
    roll = ROLL.replace("leaving_date", f"CASE WHEN ({asked}) > 5 THEN leaving_date END AS leaving_date")
    marks = MARKS
    for name in ("code", "session"):
        whose = asked.replace("roll.pupil", "marks.pupil")
        marks = marks.replace(name, f"CASE WHEN ({whose}) > 5 THEN 'x' ELSE {name} END AS {name}")
    asked_for: list[tuple[str, Any]] = []
    plans = []

    def note(_conn: object, _cursor: object, statement: str, values: object, *_: object) -> None:
        if "GROUP BY" in statement:
            asked_for.append((statement, values))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        read_all(settings(made.url, roll=roll, marks=marks))
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    with looking(settings(made.url)) as look:
        for statement, values in asked_for:
            rows = look.connection.exec_driver_sql(f"EXPLAIN (VERBOSE) {statement}", values)
            plans.append("\n".join(row[0] for row in rows))

    # Roll: for its year groups and its schools. Suspects: session and leaving date. Two marks: session and code. Not on
    # roll: code and leaving date. Marks: session and code.
    assert [len(re.findall(r"SubPlan \d+\n", plan)) for plan in plans] == [2, 2, 2, 2, 2]


VALUES = st.sampled_from([None, "", "-", "/", "\\", "I", "l", "L", "ZZ", "PRES", "AM", "PM", "am", "7", "07", "Year 7"])
ROWS = st.tuples(
    st.just("1"), st.sampled_from(["2026-11-20", "2026-11-23", "2026-11-25", None]), VALUES, VALUES, VALUES
)


@tries(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROWS, max_size=30), unmarked=st.booleans())
def test_marks_in_are_marks_counted_refused_or_unmarked(
    any_database: EngineDatabase, rows: list[tuple[str | None, ...]], *, unmarked: bool
) -> None:
    """For any rows and on every engine: nothing is dropped silently."""
    any_database.execute("DROP TABLE IF EXISTS marks")
    any_database.execute("DROP TABLE IF EXISTS roll")
    fill(any_database, [mark(day="2020-01-01"), *((*row, None) for row in rows)])  # one date at least can be read
    codes = {"PRES": "present", "l": "unmarked" if unmarked else "L"}
    found = days_of(settings(any_database.url, codes=codes, year_groups={"Year 7": "7"}))

    for day in found.days:
        marks_in = sum(row[1] == day.date.isoformat() for row in rows)
        assert day.marks + day.refused + day.unmarked == marks_in


DAYS = st.sampled_from([*WINDOW])
PUPILS = st.sampled_from(["a", " a", "b", "c", None])
SESSIONS = st.sampled_from(["AM", " AM", "Morning", "PM", "", None, "X"])
MARKED = st.tuples(DAYS, SESSIONS, st.sampled_from(["/", "L", "-", None]), PUPILS)
BOTH_DAYS = [(FRIDAY, "AM", "/", "a"), (MONDAY, "AM", "/", "a")]
ENROLLED = st.tuples(st.none() | DAYS, st.none() | DAYS, PUPILS)


@pytest.mark.parametrize(
    ("kind", "time", "of_marks"),
    [
        ("DATE", "", "mark_date"),
        ("VARCHAR(20)", "T08:55:00", "mark_date"),
        ("DATE", "", "CAST(mark_date AS CHAR(10))"),
    ],
)
@tries(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(marks=BOTH_DAYS, roll=[(None, FRIDAY, "a")], is_last=True)
@example(marks=BOTH_DAYS, roll=[(MONDAY, None, "a")], is_last=True)
@example(marks=BOTH_DAYS, roll=[(None, FRIDAY, "a"), (MONDAY, None, "a")], is_last=True)
@example(marks=BOTH_DAYS, roll=[(None, MONDAY, "a")], is_last=False)
@given(marks=st.lists(MARKED, max_size=12), roll=st.lists(ENROLLED, max_size=6), is_last=st.booleans())
def test_proofs_find_what_a_person_would_find(
    any_database: EngineDatabase,
    marks: list[tuple[date, str | None, str | None, str | None]],
    roll: list[tuple[date | None, date | None, str | None]],
    kind: str,
    time: str,
    of_marks: str,
    *,
    is_last: bool,
) -> None:
    """Second marks, and marks of pupils not on roll: the statement that rules schools out misses none."""
    any_database.execute("DROP TABLE IF EXISTS marks")
    any_database.execute("DROP TABLE IF EXISTS roll")
    fill(
        any_database,
        [mark(code, pupil=pupil, day=f"{day}{time}", session=session) for day, session, code, pupil in marks],
        [
            enrolment(*(f"{day}{time}" if day else None for day in (entry, left)), pupil=pupil)
            for entry, left, pupil in roll
        ],
        date_type=kind,
    )
    select = MARKS.replace("mark_date", of_marks)
    leaving = "last_day" if is_last else "first_day_off"
    sessions = {"Morning": "AM", "": "PM"}
    found = days_of(settings(any_database.url, marks=select, leaving_date_is=leaving, sessions=sessions))

    for day in found.days:
        here = [(s, pupil) for at, s, code, pupil in marks if at == day.date and code in ("/", "L") and pupil]
        named = Counter((sessions.get((s or "").strip(), (s or "").strip()), pupil) for s, pupil in here)
        there = {
            (pupil or "").strip()
            for entry, left, pupil in roll
            if (entry or FRIDAY) <= day.date and (left is None or left > day.date or (is_last and left == day.date))
        }
        assert (day.problem is not None and day.problem.code == "MARK-DOUBLE") == (max(named.values(), default=0) > 1)
        assert day.not_on_roll == sum(pupil.strip() not in there for _, pupil in here)


def test_the_wanted_school_without_any_row_still_has_its_days(any_database: EngineDatabase) -> None:
    """What was sent before has to be zeroed."""
    fill(any_database, [mark(school="2")])
    found = read_all(settings(any_database.url, schools=[OAKFIELD, ELM]))

    totals = {each.school.urn: sum(d.marks for d in each.days) for each in found if isinstance(each, SchoolDays)}
    assert totals == {900023: 0, 900024: 1}


def test_reading_can_be_stopped_between_two_schools(any_database: EngineDatabase) -> None:
    """Schools come one by one; anyone who stops fetching leaves no connection behind."""
    fill(any_database, [mark(school="1"), mark(school="2")])
    made = settings(any_database.url, schools=[OAKFIELD, ELM])
    with Deadline() as deadline:
        reading = read(made, made.schools, [900023, 900024], WINDOW, deadline)

        before = open_files()
        assert isinstance(next(reading), SchoolDays)
        assert open_files() > before
        assert isinstance(reading, Generator)
        reading.close()
        assert open_files() == before


def test_the_window_is_half_open(any_database: EngineDatabase) -> None:
    """The last second of today is in, the first of tomorrow is not."""
    kind = "DATETIME" if any_database.engine == "mariadb" else "TIMESTAMP"
    times = ["2026-11-19 23:59:59", "2026-11-20 00:00:00", "2026-11-23 23:59:59", "2026-11-24 00:00:00"]
    fill(any_database, [mark(day=at) for at in times], date_type=kind)
    found = days_of(settings(any_database.url))

    assert {day.date: day.marks for day in found.days if day.marks} == {FRIDAY: 1, MONDAY: 1}
    assert found.days[0].cells == {Cell("7", Session.AM): {"/": 1}}
