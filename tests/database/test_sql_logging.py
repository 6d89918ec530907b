"""sql_logging.py: under -v IT sees what is asked of a database, and never a secret, a name or a text of it."""

import logging
import re
from collections.abc import Callable

import pytest
from sqlalchemy import event

from attsync.database import holds_permission
from attsync.database.sql_logging import _begin, _end
from attsync.deadline import Deadline
from attsync.problems import SchoolError
from tests.database.small import ELM, OAKFIELD, WINDOW, enrolment, fill, looking, mark, read_all, settings
from tests.engines import EngineDatabase

NAME = "Gawain Fotheringay"
LISTENERS = {"before_cursor_execute": _begin, "after_cursor_execute": _end}
DATED = "SELECT school, mark_date AS date, session, year_group, code, pupil FROM marks WHERE mark_date >= :start"


def said(caplog: pytest.LogCaptureFixture, level: int) -> str:
    """Return what was said at `level` and above."""
    return "\n".join(record.getMessage() for record in caplog.records if record.levelno >= level)


def test_statements_are_shown_with_their_dates(any_database: EngineDatabase, caplog: pytest.LogCaptureFixture) -> None:
    """As sent, each value in its place; four a database."""
    fill(any_database, [mark(pupil=NAME), mark("I", pupil="2")], [enrolment(pupil=NAME)])
    database = settings(any_database.url, marks=DATED, schools=[OAKFIELD, ELM])

    with caplog.at_level(logging.DEBUG, logger="attsync"):
        read_all(database, WINDOW, [900023])
    shown = said(caplog, logging.INFO)

    assert shown.count("sent to the database:") == 4
    assert re.search(r"WHERE mark_date >= (CAST\()?'2026-11-20'", shown)
    assert re.search(r"marks\.\W?date\W? < (CAST\()?'2026-11-24'", shown)
    assert re.search(r"SIMS: marks: \d+ rows, fetched in \d\.\d\d s", shown)
    assert "SIMS: roll: 2 rows" in shown
    assert "%(" not in shown
    assert not re.search(r"%s", shown)
    assert NAME not in caplog.text
    assert "WHERE 1 = 0" in said(caplog, logging.DEBUG)
    assert "WHERE 1 = 0" not in shown


def test_texts_that_go_along_are_not_shown(any_database: EngineDatabase, caplog: pytest.LogCaptureFixture) -> None:
    """A user name is someone's; a value of the school column may be anything."""
    any_database.execute("CREATE TABLE staff (username VARCHAR(40))")
    database = settings(any_database.url, select={"administrators": "SELECT username FROM staff"})

    with caplog.at_level(logging.DEBUG, logger="attsync"), Deadline() as deadline:
        holds_permission(database, database.schools[0], NAME, deadline)

    assert "username" in said(caplog, logging.INFO)
    assert NAME not in caplog.text


def test_texts_of_a_select_are_not_shown(any_database: EngineDatabase, caplog: pytest.LogCaptureFixture) -> None:
    """Some join to another server by a password, or leave a pupil out by name; names of columns stay."""
    fill(any_database, [mark()], [enrolment()])
    written = f"SELECT school, mark_date AS date, session, year_group, code, pupil FROM marks -- but {NAME}\n"
    written += f" WHERE session <> '{NAME}' /* not {NAME} */ AND code <> 'ZZ'"

    with caplog.at_level(logging.DEBUG, logger="attsync"):
        read_all(settings(any_database.url, marks=written))

    assert NAME not in caplog.text
    shown = said(caplog, logging.INFO)
    assert "WHERE session <> '...' /* ... */ AND code <> 'ZZ'" in shown
    assert "FROM marks -- ...\n" in shown


def test_address_is_shown_without_its_password(caplog: pytest.LogCaptureFixture) -> None:
    """Nor what may stand behind the question mark."""
    url = "postgresql://attsync_ro:pa55word@127.0.0.1:1/school?application_name=s3cr3t"

    with caplog.at_level(logging.DEBUG, logger="attsync"), pytest.raises(SchoolError):
        read_all(settings(url))

    assert "SIMS: postgresql+psycopg://attsync_ro:***@127.0.0.1:1/school" in caplog.text
    assert "pa55word" not in caplog.text
    assert "s3cr3t" not in caplog.text


@pytest.mark.parametrize(("level", "is_followed"), [(logging.WARNING, False), (logging.INFO, True)])
def test_nothing_is_followed_unless_somebody_listens(
    database: Callable[[str], EngineDatabase], caplog: pytest.LogCaptureFixture, level: int, *, is_followed: bool
) -> None:
    """A send of thousands of schools does not pay for it: no statement is looked at."""
    with caplog.at_level(level, logger="attsync"), looking(settings(database("sqlite").url)) as look:
        heard = [event.contains(look.connection.engine, name, each) for name, each in LISTENERS.items()]

    assert heard == [is_followed] * 2


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mariadb", "sqlserver"])
def test_each_driver_s_way_to_mark_a_place_is_filled_in(
    database: Callable[[str], EngineDatabase], caplog: pytest.LogCaptureFixture, engine: str
) -> None:
    """Dates stand where they were sent, texts do not; a percent sign of the SELECT is shown once."""
    made = database(engine)
    fill(made, [mark(pupil="2")], [enrolment(pupil="2")])
    marks = DATED.replace(":start", ":start AND code NOT LIKE 'A%' AND code <> '?'")

    with caplog.at_level(logging.INFO, logger="attsync"):
        read_all(settings(made.url, marks=marks, schools=[OAKFIELD, ELM], sessions={NAME: "AM"}), WINDOW, [900023])
    shown = said(caplog, logging.INFO)

    assert re.search(
        r"mark_date >= (CAST\()?'2026-11-20'( AS DATE\))? AND code NOT LIKE '[.A%]+' AND code <> '\?'", shown
    )
    assert shown.count("'...'") >= 2
    assert not re.search(r"%%|%\(|%s|\? |:start|__\[|POSTCOMPILE", shown)
    assert "Fotheringay" not in shown
