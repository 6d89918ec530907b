"""Plausible ways to write, or to mis-write, the SELECTs: the right bytes, or a no, or "to check".

The danger is not failure but silently wrong numbers. Each case names what is said; `outcome` proves that whatever is
not exact is said. What attsync does with one of these may change, but never to silence.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

import pytest

from attsync.database import read
from attsync.deadline import Deadline
from attsync.model import SchoolDays
from attsync.problems import Problem, SchoolError
from attsync.settings import DatabaseSettings
from tests.conftest import ENGINES
from tests.engines import NAMES, EngineDatabase, EngineMissingError
from tests.test_profiles import OAKFIELD, WINDOW, bodies_of, create, expected, profile, pupils, row_a_mark

MARKS = (
    "SELECT m.mark_date AS date, m.session, p.year_group, m.mark AS code, m.pupil_id AS pupil"
    " FROM roll_call_marks m JOIN pupils p ON p.pupil_id = m.pupil_id"
)
ROLL = (
    "SELECT p.year_group, e.entry_date, e.leaving_date, e.pupil_id AS pupil"
    " FROM enrolments e JOIN pupils p ON p.pupil_id = e.pupil_id"
)
NO_PUPIL = MARKS.replace(", m.pupil_id AS pupil", "")
ROLL_NO_PUPIL = ROLL.replace(", e.pupil_id AS pupil", "")


@pytest.fixture(scope="module", params=NAMES)
def held(
    request: pytest.FixtureRequest, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EngineDatabase]:
    """Hold the school of the profiles, with leavers of former years, once for all cases of an engine."""
    engines = pytestconfig.stash[ENGINES]
    try:
        database = engines.database(request.param, tmp_path_factory.mktemp("held"))
    except EngineMissingError as error:
        (pytest.fail if engines.is_required(request.param) else pytest.skip)(str(error))
    with database as made:
        row_a_mark(made)
        made.execute("INSERT INTO pupils VALUES (%s, %s, %s)", [(n, f"Left {n}", "Year 8") for n in range(60)])
        made.execute(
            "INSERT INTO enrolments VALUES (%s, %s, %s, %s)", [(n, "8", "2019-09-01", "2024-07-20") for n in range(60)]
        )
        create(
            made,
            "tutors",
            "year_group VARCHAR(9), tutor VARCHAR(40)",
            [("Year 7", "Delphine Entwistle"), ("Year 7", "Osric Vavasour"), ("Year 8", "Isolde Loxley")],
        )
        create(
            made, "visits", "pupil_id INTEGER, mark_date DATE", [(p.number, "2026-11-18") for p in pupils()[50:55]] * 2
        )
        yield made


class Case(NamedTuple):
    """One way to write the SELECTs, and what comes of it."""

    name: str
    outcome: str
    """"exact", or the codes and cases of what is said."""
    marks: str = MARKS
    roll: str = ROLL
    changes: dict[str, Any] = {}  # noqa: RUF012  never changed
    sqlite: str = ""
    """What is said there, where it differs: its columns have no types."""


CASES = [
    Case("as it should be", "exact"),
    Case("a semicolon at the end", "exact", MARKS + " ;\n"),
    Case("comments at the end and inside", "exact", MARKS.replace("FROM", "/* a; :b */ FROM") + " -- c: d;"),
    Case(
        "colons and percent signs in texts",
        "exact",
        MARKS + " WHERE m.mark NOT IN (':start', '100%', '%s', '::', 'a;b', '?') AND m.mark NOT LIKE '50%'",
    ),
    Case("a UNION ALL", "exact", f"{MARKS} UNION ALL {MARKS} WHERE 1 = 0"),
    Case("an ORDER BY", "exact", MARKS + " ORDER BY m.pupil_id"),
    Case("a WITH", "exact", "WITH x AS (" + MARKS + ") SELECT * FROM x"),
    Case("brackets around it", "exact", "(" + MARKS + ")"),
    Case("extra columns, names among them", "exact", MARKS.replace("m.session", "p.name, m.session")),
    Case("names in capitals", "exact", MARKS.replace("AS code", "AS CODE").replace("AS date", "AS DATE")),
    Case("padded values", "exact", MARKS.replace("m.mark AS", "CAST(m.mark AS CHAR(9)) AS")),
    Case("the window as :start and :end", "exact", MARKS + " WHERE m.mark_date >= :start AND m.mark_date < :end"),
    Case("no pupil column", "MARKS-UNPROVEN", NO_PUPIL, ROLL + " WHERE e.entry_date > '2025-03-01'"),
    Case("enrolments of a pupil twice, by a join", "exact", roll=ROLL.replace("JOIN", "JOIN tutors t ON 1 = 1 JOIN")),
    Case("a second statement", "DB-SELECT.two_statements", MARKS + "; DELETE FROM roll_call_marks"),
    Case("a second statement behind a comment", "DB-SELECT.two_statements", MARKS + "; /* x */ DROP TABLE pupils"),
    Case("LIMIT", "DB-SELECT.leaves_out", MARKS + " LIMIT 1000"),
    Case(
        "DISTINCT without a pupil",
        "DB-SELECT.merges",
        NO_PUPIL.replace("SELECT", "SELECT DISTINCT"),
    ),
    Case("UNION without ALL", "DB-SELECT.merges", f"{NO_PUPIL} UNION {NO_PUPIL}"),
    Case(
        "counts instead of marks",
        "DB-SELECT.merges",
        NO_PUPIL.replace("m.mark AS", "COUNT(*) AS marks, m.mark AS")
        + " GROUP BY m.mark_date, m.session, p.year_group, m.mark",
    ),
    Case(
        "DISTINCT hidden in a subquery",
        "ROLL-HIGH MARKS-UNMADE REASON-LATE MARKS-UNPROVEN",
        f"SELECT * FROM (SELECT DISTINCT x.* FROM ({NO_PUPIL}) x) y",
    ),
    Case(
        "a join that doubles",
        "MARK-DOUBLE",
        MARKS + " JOIN tutors t ON t.year_group = p.year_group",
    ),
    Case(
        "a join that doubles, no pupil",
        "MARKS-HIGH MARKS-UNPROVEN",
        NO_PUPIL + " JOIN tutors t ON t.year_group = p.year_group",
    ),
    Case(
        "a join that doubles one day of a few",
        "MARK-DOUBLE",
        MARKS + " LEFT JOIN visits v ON v.pupil_id = m.pupil_id AND v.mark_date = m.mark_date",
    ),
    Case(
        "a join without its condition",
        "MARK-DOUBLE",
        MARKS.replace("ON p.pupil_id = m.pupil_id", "ON 1 = 1"),
    ),
    Case(
        "a join that loses a year group",
        "YEAR-NONE.several PRESENT-LOW",
        MARKS + " JOIN tutors t ON t.year_group = p.year_group AND t.tutor LIKE 'Osric%'",
    ),
    Case("a join that loses every eighth pupil", "ROLL-HIGH", MARKS + " AND p.pupil_id % 8 > 0"),
    Case("two mornings", "MARK-DOUBLE", MARKS.replace("m.session,", "'AM' AS session,")),
    Case(
        "two mornings, no pupil",
        "MARKS-HIGH SESSION-NONE.all MARKS-UNPROVEN",
        NO_PUPIL.replace("m.session,", "'AM' AS session,"),
    ),
    Case(
        "the morning alone",
        "SESSION-NONE.all",
        MARKS + " WHERE m.session = 'Morning'",
    ),
    Case("today alone", "DAYS-NONE", MARKS + " WHERE m.mark_date = '2026-11-23'"),
    Case("those present alone", "ROLL-HIGH ABSENCE-NONE", MARKS + " WHERE m.mark IN ('PRES', 'L')"),
    Case("those absent alone", "ROLL-HIGH MARKS-UNMADE REASON-LATE", MARKS + " WHERE m.mark <> 'PRES'"),
    Case(
        "a NOT IN that meets a NULL",
        "MARKS-NONE",
        MARKS + " WHERE m.mark NOT IN (SELECT NULL FROM tutors)",
    ),
    Case("dates as 23/11/2026", "COLUMN-WRONG.no_dates", MARKS.replace("m.mark_date AS", "'23/11/2026' AS")),
    Case(
        "dates as numbers",
        "DB-SELECT.numbers",
        MARKS.replace("m.mark_date AS", "20261123 AS"),
        sqlite="COLUMN-WRONG.no_dates",
    ),
    Case("no dates at all", "COLUMN-WRONG.no_dates", MARKS.replace("m.mark_date AS", "CAST(NULL AS DATE) AS")),
    Case(
        "half of the dates missing",
        "ROLL-HIGH",
        MARKS.replace("m.mark_date AS", "CASE WHEN p.pupil_id % 2 = 0 THEN m.mark_date END AS"),
    ),
    Case("a name as the code", "MARK-UNKNOWN.column", MARKS.replace("m.mark AS", "p.name AS")),
    Case(
        "a name as the session", "MARK-DOUBLE SESSION-UNKNOWN.column", MARKS.replace("m.session", "p.name AS session")
    ),
    Case("a name as the year group", "YEAR-UNKNOWN.column", MARKS.replace("p.year_group", "p.name AS year_group")),
    Case(
        "code and year group exchanged",
        "YEAR-UNKNOWN.column",
        MARKS.replace("p.year_group", "m.mark AS year_group").replace("m.mark AS code", "p.year_group AS code"),
    ),
    Case("codes in small letters", "MARK-UNKNOWN.column", MARKS.replace("m.mark AS", "LOWER(m.mark) AS")),
    Case("a code that the map lacks", "MARK-UNKNOWN.column", changes={"codes": {"-": "unmarked"}}),
    Case("a session that the map lacks", "SESSION-UNKNOWN", changes={"sessions": {"Morning": "AM"}}),
    Case("no mark taken for an absence", "exact", changes={"codes": {"PRES": "present"}}),
    Case("a column left out", "DB-SELECT.no_column", MARKS.replace("m.session, ", "")),
    Case("a table that is not there", "DB-SELECT.table", MARKS.replace("pupils p", "children p")),
    Case(
        "a column that is not there",
        "DB-SELECT.column",
        MARKS.replace("p.year_group", "p.nc_year AS year_group"),
    ),
    Case("a comma too many", "DB-SELECT.syntax", MARKS.replace(" FROM", ", FROM")),
    Case("two columns of one name", "DB-SELECT", MARKS.replace("m.session", "m.session, p.name AS code")),
    Case("no SELECT", "DB-SELECT.no_select", "EXPLAIN " + MARKS),
    Case("a quotation mark too many", "DB-SELECT.not_closed", MARKS + " WHERE m.mark <> 'it's'"),
    Case(
        "a roll without leaving dates",
        "ROLL-HIGH",
        roll=ROLL.replace("e.leaving_date", "CAST(NULL AS DATE) AS leaving_date"),
    ),
    Case(
        "entry and leaving exchanged",
        "MARKS-HIGH MARKS-HIGH.not_on_roll ROLL-FEW",
        roll=ROLL.replace("e.entry_date, e.leaving_date", "e.leaving_date AS entry_date, e.entry_date AS leaving_date"),
    ),
    Case(
        "a roll join that doubles, no pupil",
        "ROLL-HIGH",
        roll=ROLL_NO_PUPIL.replace("JOIN", "JOIN tutors t ON 1 = 1 JOIN"),
    ),
    Case(
        "a roll of different rows",
        "DB-SELECT.merges",
        roll=ROLL_NO_PUPIL.replace("SELECT", "SELECT DISTINCT"),
    ),
    Case(
        "entry dates as 01/09/2025",
        "COLUMN-WRONG.roll_dates",
        roll=ROLL.replace("e.entry_date", "'01/09/2025' AS entry_date"),
    ),
    Case(
        "a roll of other year groups",
        "COLUMN-WRONG.roll_groups",
        roll=ROLL.replace("p.year_group", "p.name AS year_group"),
    ),
    Case("a roll of one year group", "MARKS-HIGH MARKS-HIGH.not_on_roll", roll=ROLL + " WHERE p.year_group = 'Year 7'"),
    Case("an empty roll", "MARKS-HIGH.no_roll MARKS-HIGH.not_on_roll", roll=ROLL + " WHERE 1 = 0"),
    Case("a school that nobody lists", "MARKS-NONE Unlisted", MARKS.replace("SELECT", "SELECT 'Oakfield' AS school,")),
    Case("a day off", "DAYS-WEEKEND MARKS-HIGH.not_on_roll", MARKS.replace("m.mark_date AS", "{tomorrow} AS")),
]
TOMORROW = {
    "sqlite": "date(m.mark_date, '+1 day')",
    "postgresql": "m.mark_date + 1",
    "mariadb": "DATE_ADD(m.mark_date, INTERVAL 1 DAY)",
}


def outcome(database: EngineDatabase, case: Case) -> str:
    """Return "exact", or the codes and cases of all problems."""
    fragment = profile("row-a-mark", database.engine) | case.changes
    select = {"marks": case.marks.replace("{tomorrow}", TOMORROW[database.engine]), "roll": case.roll}
    settings = DatabaseSettings.model_validate(fragment | {"url": database.url, "select": select})
    try:
        with Deadline(600) as deadline:
            found, *others = read(settings, settings.schools, [OAKFIELD.urn], WINDOW, deadline)
    except SchoolError as error:
        failed = repr(error.problem)
        named = _name(error.problem)
    else:
        failed = named = ""
    assert "Gawain" not in failed
    if named:
        return named
    assert isinstance(found, SchoolDays)
    assert "Left" not in repr(found)
    assert "Gawain" not in repr(found)
    problems = [found.problem, *(day.problem for day in found.days)]
    said = {_name(problem): None for problem in (*problems, *found.to_check) if problem}
    if not said and bodies_of(found) == expected():
        return "exact"
    return " ".join([*said, *(type(other).__name__ for other in others)]) or "WRONG IN SILENCE"


def _name(problem: Problem) -> str:
    return f"{problem.code}.{problem.case}" if problem.case else problem.code


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_select_is_right_or_something_is_said(held: EngineDatabase, case: Case) -> None:
    """None is wrong in silence, and what is said leads to the cause."""
    said = outcome(held, case)

    assert (case.sqlite if held.engine == "sqlite" and case.sqlite else case.outcome) in said
    assert (case.outcome == "exact") == (said == "exact")


def test_nothing_was_changed(held: EngineDatabase) -> None:
    """After all those statements that were to delete something."""
    assert held.execute("SELECT COUNT(*) FROM pupils")[0][0] == len(pupils()) + 60
    assert WINDOW.last == date(2026, 11, 23)
