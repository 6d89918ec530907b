"""look.py: each SELECT is tried on its own, and only counts, names and types of columns come out."""

from collections.abc import Callable

import pytest

from attsync.database.inspect import DatabaseFacts, SelectFacts, look
from tests.database.small import ELM, MARKS, OAKFIELD, ROLL, WINDOW, enrolment, fill, mark, settings
from tests.engines import EngineDatabase

NAME = "Gawain Fotheringay"


def by_name(facts: DatabaseFacts) -> dict[str, SelectFacts]:
    """Give the facts of each SELECT."""
    return {select.name: select for select in facts.selects}


def test_each_select_is_counted_with_its_columns(any_database: EngineDatabase) -> None:
    """What a technician wants to see first."""
    fill(any_database, [mark(pupil=1), mark(pupil=2), mark(school="9")], [enrolment(pupil=1), enrolment(pupil=2)])
    administrators = {"administrators": f"SELECT '{NAME}' AS username"}
    facts = look(settings(any_database.url, select=administrators), (), WINDOW)
    found = by_name(facts)

    assert facts.problem is None
    assert not facts.fails
    assert (found["marks"].rows, found["roll"].rows, found["administrators"].rows) == (3, 2, 1)
    assert [name for name, _ in found["marks"].columns] == ["date", "session", "year_group", "code", "school", "pupil"]
    assert dict(found["marks"].columns)["date"] == ("text" if any_database.engine == "sqlite" else "date")
    assert found["marks"].has_pupil
    assert facts.unlisted == 1
    assert [school.days[-1].marks for school in facts.schools] == [2]
    assert NAME not in repr(facts)


def test_sqlite_tells_what_its_values_are(database: Callable[[str], EngineDatabase]) -> None:
    """Its columns have no types: a number among the dates is seen here only."""
    made = database("sqlite")
    fill(made, [mark(day="2026-11-23"), mark(day=None)], date_type="BLOB")
    made.execute("INSERT INTO marks VALUES ('1', 1795420800, 'AM', '7', NULL, NULL)")
    columns = dict(by_name(look(settings(made.url), (), WINDOW))["marks"].columns)

    assert columns["date"] == "integer or text"
    assert columns["pupil"] == "only NULL"


def test_marks_without_a_date_are_counted(any_database: EngineDatabase) -> None:
    """They are in no window: no send would ever meet them."""
    days = [None, "", "1900-01-01", "23/11/2026", "2026-11-23", "2026-06-14T23:00:00Z"]
    fill(any_database, [mark(day=day) for day in days], date_type="VARCHAR(30)")
    marks = by_name(look(settings(any_database.url), (), WINDOW))["marks"]

    assert (marks.rows, marks.no_date, marks.not_dates, marks.in_utc) == (6, 3, 1, 1)


def test_marks_without_a_date_are_counted_in_a_column_of_dates(any_database: EngineDatabase) -> None:
    """There only NULL and the like can be."""
    fill(any_database, [mark(day=None), mark(day="1900-01-01"), mark()])
    marks = by_name(look(settings(any_database.url), (), WINDOW))["marks"]

    assert (marks.rows, marks.no_date, marks.not_dates, marks.in_utc) == (3, 2, 0, 0)


def test_pupils_in_two_year_groups_are_counted(any_database: EngineDatabase) -> None:
    """Moved up, and the older enrolment never ended: counted in both."""
    fill(
        any_database,
        [mark()],
        [
            enrolment(pupil=1, year_group="7"),
            enrolment(pupil=1, year_group="8"),
            enrolment(pupil=2, year_group="7"),
            enrolment(pupil=2, year_group="7"),
            enrolment(pupil=3, year_group="7", leaving="2026-07-20"),
            enrolment(pupil=3, year_group="8", entry="2026-09-01"),
            enrolment(year_group="7"),
            enrolment(year_group="8"),
        ],
    )

    assert by_name(look(settings(any_database.url), (), WINDOW))["roll"].overlaps == 1
    single = settings(any_database.url, roll=ROLL.replace("school, ", ""))
    assert by_name(look(single, (), WINDOW))["roll"].overlaps == 1


def test_one_select_that_fails_does_not_hide_the_others(any_database: EngineDatabase) -> None:
    """All faults at once."""
    fill(any_database, [mark()], [enrolment()])
    facts = look(settings(any_database.url, marks="SELECT 1 AS date", roll=ROLL), (), WINDOW)
    found = by_name(facts)

    assert found["marks"].problem
    assert "no column session" in found["marks"].problem.text
    assert found["roll"].rows == 1
    assert facts.schools == ()
    assert facts.fails


def test_a_fault_that_only_a_read_finds_is_told(any_database: EngineDatabase) -> None:
    """Each SELECT alone is right, and they do not fit the schools."""
    fill(any_database, [mark()], [enrolment()])
    made = settings(any_database.url, marks=MARKS.replace("school, ", ""), schools=[OAKFIELD, ELM])
    facts = look(made, (), WINDOW)

    assert facts.problem
    assert facts.problem.code == "DB-SCHOOLS"


def test_a_database_that_does_not_open_is_told_once() -> None:
    """Not once for each SELECT."""
    facts = look(settings("postgresql://u:hunter2@127.0.0.1:1/d"), (), WINDOW)

    assert facts.problem
    assert facts.problem.code == "DB-NONE"
    assert facts.selects == ()


@pytest.mark.parametrize(("only", "urns"), [((), [900023, 900024]), ((900024,), [900024]), ((900099,), [])])
def test_only_the_schools_that_were_asked_for_are_read(
    any_database: EngineDatabase, only: tuple[int, ...], urns: list[int]
) -> None:
    """`--school` of a trust with many."""
    fill(any_database, [mark()], [enrolment()])
    facts = look(settings(any_database.url, schools=[OAKFIELD, ELM]), only, WINDOW)

    assert sorted(school.school.urn for school in facts.schools) == urns
