"""A school on SQL Server, from check to status: the profile of examples/, Microsoft's driver, a server of the tests."""

import json
import os
import re
import textwrap
from collections.abc import Callable

import pytest

from attsync.accounts import who
from tests.commands.trial import Trial
from tests.database import test_tsql as parser
from tests.engines import EngineDatabase, SqlServerDatabase
from tests.tds import tsql
from tests.tds.server import Fault, SqlServer
from tests.test_profiles import PROFILES, TODAY, WINDOW, expected, marks, session_marks

Start = Callable[..., Trial]


@pytest.fixture
def school(trial: Start, database: Callable[[str], EngineDatabase]) -> tuple[Trial, SqlServer]:
    """Put the profile's school into the server, and the profile into the settings in place of the sandbox's school."""
    made = database("sqlserver")
    assert isinstance(made, SqlServerDatabase)
    session_marks(made)
    made.execute("INSERT INTO system_user VALUES (9, %s)", [(who(os.environ).account,)])
    made.execute("INSERT INTO user_permission VALUES (9, 'Data Returns: Administer')")
    made.server.allow_snapshots()
    started = trial(consent=False)
    settings = started.config.read_text().partition("[[database]]")[0]
    started.config.write_text(settings + (PROFILES / "session-marks.sqlserver.toml").read_text())
    address = started.folder / "sims-address"
    address.touch(0o600)
    address.write_text(made.url + "\n")
    made.server.statements.clear()
    return started, made.server


def bodies(trial: Trial) -> list[bytes]:
    """Return what the pretend DfE received, in order of dates."""
    found = sorted(
        (item.body for item in trial.received), key=lambda body: json.loads(body)["submissionData"][0]["date"]
    )
    return [body if isinstance(body, bytes) else str(body).encode() for body in found]


def test_from_check_to_a_tick_exact_to_the_last_count(school: tuple[Trial, SqlServer]) -> None:
    """As docs/sql-server.md has it; every body the same as one counted in plain Python."""
    started, server = school

    checked = started("check")
    assert checked.exit_code in (0, 7), checked.out
    assert "Oakfield School" in checked.out
    previewed = started("preview", "--json")
    assert previewed.exit_code == 0, previewed.err
    assert started("consent", "grant", "--yes").exit_code == 0
    sent = started("send")
    assert sent.exit_code == 0, sent.out + sent.err
    assert started("status").exit_code == 0

    assert bodies(started) == expected()
    assert len(started.received) == len([day for day in WINDOW if any(mark.day == day for mark in marks())])
    assert server.password not in checked.out + sent.out + sent.err
    assert "SET TRANSACTION ISOLATION LEVEL SNAPSHOT" in server.statements
    assert not any(
        word in statement.upper() for statement in server.statements for word in ("INSERT ", "UPDATE ", "DELETE ")
    )


def test_the_page_alone_leads_to_a_tick(school: tuple[Trial, SqlServer]) -> None:
    """Its views, in T-SQL, and its settings, with nothing but an address and the one who gives consent."""
    started, server = school
    page = (PROFILES.parent.parent / "docs" / "sql-server.md").read_text(encoding="utf-8")
    for view in re.findall(r"(?ms)^    (CREATE VIEW .*?;)$", page):
        (made,) = tsql.translate(view, {}, server.version)
        server.execute(made.sql)
    (own,) = re.findall(r"(?ms)^    \[\[database\]\].*?^$", page)
    head = started.config.read_text().partition("[[database]]")[0]
    head = head.replace("\n[consent]", f'\n[consent]\nadministrators = ["{who(os.environ).account}"]')
    started.config.write_text(head + textwrap.dedent(own).replace("database-url", "sims-address"))

    checked = started("check")
    assert checked.exit_code == 0, checked.out
    assert started("consent", "grant", "--yes").exit_code == 0
    assert started("send").exit_code == 0
    assert bodies(started) == expected()
    (set_up,) = re.findall(r"(?ms)^    USE .*?ON;$", page)
    assert parser.refused([textwrap.dedent(set_up)], "2016") == ""


def test_a_correction_is_sent_again_and_nothing_else_changes(school: tuple[Trial, SqlServer]) -> None:
    """The second send says what changed since."""
    started, server = school
    assert started("consent", "grant", "--yes").exit_code == 0
    assert started("send").exit_code == 0
    server.execute(
        "UPDATE session_mark SET mark = 'M' WHERE session_id = (SELECT max(session_id) FROM school_session)"
        " AND person_id = (SELECT min(person_id) FROM session_mark WHERE mark = '/')"
    )

    assert started("send").exit_code == 0
    assert f"{TODAY:%-d %b}" in started("status", "--date", f"{TODAY}").out


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(pattern="from .*session_mark", number=229, text="The SELECT permission was denied."), "DB-RIGHTS"),
        (Fault(pattern="from .*session_mark", number=1222, text="Lock request time out period exceeded."), "DB-SLOW"),
        (Fault(pattern="from .*session_mark.*group by.*counted", cuts=300), "DB-NONE"),
        (Fault(pattern="from .*session_mark.*group by.*counted", cuts_rows=20), "DB-NONE"),
    ],
)
def test_a_database_that_fails_ends_a_send_with_3_and_no_tick(
    school: tuple[Trial, SqlServer], fault: Fault, code: str
) -> None:
    """And the next send includes everything."""
    started, server = school
    assert started("consent", "grant", "--yes").exit_code == 0
    server.faults.append(fault)

    ran = started("send", "--json")

    assert ran.exit_code == 3
    assert code in ran.out
    assert started.received == []
    server.faults.clear()
    assert started("send").exit_code == 0
    assert bodies(started) == expected()


def test_marks_and_roll_that_disagree_without_snapshots_are_told_once_and_corrected(
    school: tuple[Trial, SqlServer],
) -> None:
    """A pupil who comes between the two SELECTs has a mark, and is not yet on roll: to check, and no mail."""
    started, server = school
    assert started("consent", "grant", "--yes").exit_code == 0
    server.execute("UPDATE sys.databases SET snapshot_isolation_state = 0")
    server.execute("UPDATE session_mark SET mark = 'N' WHERE mark = '-'")
    comes = (
        f"INSERT INTO year_membership VALUES (5000, 'Year  7', '{TODAY}', NULL);"
        " INSERT INTO session_mark SELECT max(session_id), 5000, 'N' FROM school_session"
    )
    server.faults.append(Fault(pattern="from .*session_mark.*group by.*counted", first_runs=comes))

    told = started("send", "--quiet")
    assert (told.exit_code, told.out, told.err) == (0, "", "")
    assert "MARKS-HIGH" in started("status", "--json").out

    server.faults.clear()
    assert started("send").exit_code == 0
    assert "MARKS-HIGH" not in started("status", "--json").out


def test_a_word_of_a_tutorial_in_the_address_is_named_with_2(school: tuple[Trial, SqlServer]) -> None:
    """Never an error in attsync itself, and never the address."""
    started, server = school
    (started.folder / "sims-address").write_text(server.url(driver="ODBC Driver 18 for SQL Server") + "\n")

    ran = started("check")

    assert ran.exit_code == 2
    assert "driver" in ran.out
    assert server.password not in ran.out + ran.err
