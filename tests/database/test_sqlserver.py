"""SQL Server: addresses, errors in our words, limits, isolation and rights, with Microsoft's own driver.

Microsoft's server is not here: the driver speaks to tests/tds, which sends its numbers and texts.
"""

import logging
import ssl
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import trustme

from attsync.database import engine, read, sqlserver
from attsync.database.engine import address, snapshot
from attsync.database.inspect import look
from attsync.deadline import Deadline
from attsync.model import Day, SchoolDays
from attsync.problems import Problem, SchoolError
from attsync.settings import DatabaseSettings
from attsync.sql_guard import NotOneSelect, prepare
from tests.database import small
from tests.tds.server import Fault, SqlServer

MARKS = "SELECT school, mark_date AS date, session, year_group, code, pupil FROM dbo.marks"


@pytest.fixture
def deadline() -> Iterator[Deadline]:
    """Return a deadline that is far away."""
    with Deadline() as far_away:
        yield far_away


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connect for a second only: the driver goes on trying where nothing listens."""
    monkeypatch.setattr(engine, "CONNECT_SECONDS", 1)


@pytest.fixture
def filled(sql_server: SqlServer) -> SqlServer:
    """Put one pupil's marks into the server."""
    small.fill(sql_server, [small.mark("/", pupil=1), small.mark("L", pupil=2)], [small.enrolment(pupil=1)])  # type: ignore[arg-type]
    return sql_server


def opened(url: str, deadline: Deadline) -> Problem:
    """Return the problem of an address that does not open."""
    with pytest.raises(SchoolError) as caught, snapshot(small.settings(url), None, deadline):
        pass
    return caught.value.problem


def days_of(settings: DatabaseSettings, deadline: Deadline) -> dict[date, Day]:
    """Read the one school of `settings`."""
    (found,) = read(settings, settings.schools, [900023], small.WINDOW, deadline)
    assert isinstance(found, SchoolDays)
    return {day.date: day for day in found.days}


def asked(server: SqlServer, deadline: Deadline, **changes: Any) -> Problem:  # noqa: ANN401  whatever settings take
    """Return the problem of a database that cannot be read."""
    settings = small.settings(server.url(), **changes)
    with pytest.raises(SchoolError) as caught:
        list(read(settings, settings.schools, [900023], small.WINDOW, deadline))
    return caught.value.problem


@pytest.mark.parametrize(
    ("changes", "code", "case"),
    [
        ({"password": "wrong"}, "DB-SIGNIN", ""),
        ({"user": "someone"}, "DB-SIGNIN", ""),
        ({"user": r"SCHOOL\attsync"}, "DB-SIGNIN", "windows"),
        ({"database": "absent"}, "DB-NONE", "not_opened"),
        ({"trust": False}, "DB-NONE", "certificate"),
        ({"host": "localhost:1"}, "DB-NONE", "closed"),
        ({"driver": "ODBC Driver 18 for SQL Server"}, "SETTINGS", "address_word"),
        ({"LoginTimeout": "5"}, "SETTINGS", "address_word"),
        ({"Authentication": "ActiveDirectoryInteractive"}, "SETTINGS", "address_word"),
        ({"Encrypt": "no"}, "SETTINGS", "address_value"),
        ({"TrustServerCertificate": "True"}, "SETTINGS", "address_value"),
        ({"TrustServerCertificate": "yes;ApplicationIntent=ReadOnly"}, "SETTINGS", "address_value"),
        ({"PacketSize": "16384"}, "SETTINGS", "address_word"),
        ({"database": ""}, "SETTINGS", "address_database"),
        ({"Encrypt": "strict"}, "DB-NONE", "answers"),
    ],
)
def test_an_address_that_does_not_open_says_which_part(
    sql_server: SqlServer, deadline: Deadline, changes: dict[str, Any], code: str, case: str
) -> None:
    """Each its own sentence, with server and account, and never the password or a text of the server."""
    problem = opened(sql_server.url(**changes), deadline)

    assert (problem.code, problem.case) == (code, case)
    assert problem["name"] == "SIMS"
    assert problem.exit_code == (2 if code == "SETTINGS" else 3)
    assert sql_server.password not in str(problem)
    if case == "address_word":
        assert problem["word"] in changes


def test_a_server_that_does_not_encrypt_gets_no_password(sql_server: SqlServer, deadline: Deadline) -> None:
    """The driver ends before the sign-in."""
    sql_server.encryption = "not supported"

    assert opened(sql_server.url(), deadline).case == "no_encryption"
    assert sql_server.logins == []


def test_a_server_that_forces_encryption_is_read(sql_server: SqlServer, deadline: Deadline) -> None:
    """As many schools have it set."""
    sql_server.encryption = "required"

    with snapshot(small.settings(sql_server.url()), None, deadline) as server:
        assert server.connection.exec_driver_sql("SELECT 1 AS n").scalar() == 1


@pytest.mark.parametrize(
    ("name", "case"), [("localhost", ""), ("other.example", "certificate_name"), ("127.0.0.1", "certificate_name")]
)
def test_a_certificate_of_a_trusted_authority_has_to_name_the_server(
    sql_server: SqlServer, deadline: Deadline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, case: str
) -> None:
    """The authority is that of the system, as a school installs its own."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)

    with SqlServer(context, name=sql_server.name) as server:
        if case:
            assert opened(server.url(trust=False), deadline).case == case
        else:
            with snapshot(small.settings(server.url(trust=False)), None, deadline):
                assert len(server.logins) == 1


def test_addresses_as_people_write_them(sql_server: SqlServer, deadline: Deadline) -> None:
    """A port behind a comma, with tcp: or blanks; a blank in the name of the database; words in any case."""
    with SqlServer(sql_server.context, name="SIMS Live") as server:
        port = server.port
        for url in (
            server.url(host=f"localhost,{port}").replace("%20", " "),
            server.url(host=f"tcp:localhost,{port}"),
            server.url(host=f"tcp:localhost:{port}"),
            server.url().replace(f":{port}", f" , {port}"),
            server.url(host=f"localhost\\\\SIMS,{port}"),
            server.url(applicationintent="ReadOnly", HOSTNAMEINCERTIFICATE="localhost"),
        ):
            with snapshot(small.settings(url), None, deadline):
                assert server.logins[-1].database == "SIMS Live"
                assert server.logins[-1].password == server.password
    assert [login.reads_only for login in server.logins] == [False] * 5 + [True]


def test_instances_are_found_by_the_browser_or_named_as_missing(sql_server: SqlServer, deadline: Deadline) -> None:
    r"""`HOST\SIMS` asks UDP port 1434; a wrong instance and a closed port are two different things to correct."""
    host = f"127.0.{sql_server.port >> 8 & 255 or 1}.{sql_server.port & 255 or 1}"
    with SqlServer(sql_server.context, host=host) as server:
        with server.browser("SIMS"):
            with snapshot(small.settings(server.url(host=rf"{host}\sims")), None, deadline):
                assert server.logins
            wrong = opened(server.url(host=rf"{host}\OTHER"), deadline)
        closed = opened(server.url(host=rf"{host}\NONE"), deadline)  # the driver remembers the port of the other

    assert (wrong.case, wrong["server"]) == ("instance", rf"{host}\OTHER")
    assert (closed.case, closed["server"]) == ("browser", rf"{host}\NONE")


ERRORS = [
    (208, "Invalid object name 'marks'.", "DB-SELECT", "table"),
    (207, "Invalid column name 'Gawain'.", "DB-SELECT", "column"),
    (4104, 'The multi-part identifier "m.x" could not be bound.', "DB-SELECT", "column"),
    (195, "'TRIM' is not a recognized built-in function name.", "DB-SELECT", "function"),
    (102, "Incorrect syntax near 'x'.", "DB-SELECT", "syntax"),
    (156, "Incorrect syntax near the keyword 'ORDER'.", "DB-SELECT", "syntax"),
    (8155, "No column name was specified for column 1 of 'marks'.", "DB-SELECT", "no_name"),
    (209, "Ambiguous column name 'code'.", "DB-SELECT", "ambiguous"),
    (241, "Conversion failed when converting date and/or time from character string.", "DB-SELECT", "value"),
    (242, "The conversion of a varchar data type to a datetime data type ...", "DB-SELECT", "value"),
    (245, "Conversion failed when converting the varchar value 'Gawain' to data type int.", "DB-SELECT", "value"),
    (8114, "Error converting data type varchar to numeric.", "DB-SELECT", "value"),
    (8115, "Arithmetic overflow error converting expression to data type int.", "DB-SELECT", "value"),
    (402, "The data types date and int are incompatible in the less than operator.", "DB-SELECT", "value"),
    (3952, "Snapshot isolation transaction failed accessing database 'X' because ...", "DB-SELECT", "snapshot"),
    (512, "Subquery returned more than 1 value.", "DB-SELECT", "other"),
    (468, "Cannot resolve the collation conflict between ...", "DB-SELECT", "other"),
    (229, "The SELECT permission was denied on the object 'marks', database 'SIMS', schema 'dbo'.", "DB-RIGHTS", ""),
    (230, "The SELECT permission was denied on the column 'code' of the object 'marks'.", "DB-RIGHTS", ""),
    (916, 'The server principal "x" is not able to access the database "y".', "DB-RIGHTS", "no_entry"),
    (1205, "Transaction (Process ID 51) was deadlocked on lock resources.", "DB-SLOW", "conflict"),
    (1222, "Lock request time out period exceeded.", "DB-SLOW", "locked"),
    (701, "There is insufficient system memory in resource pool 'default'.", "DB-SLOW", "full"),
    (9002, "The transaction log for database 'tempdb' is full.", "DB-SLOW", "full"),
    (976, "The target database, 'SIMS', is participating in an availability group.", "DB-NONE", "replica"),
    (596, "Cannot continue the execution because the session is in the kill state.", "DB-NONE", "lost"),
    (18488, "Login failed for user 'x'.  Reason: The password of the account must be changed.", "DB-SIGNIN", "expired"),
    (18470, "Login failed for user 'x'. Reason: The account is disabled.", "DB-SIGNIN", "disabled"),
]  # fmt: skip


@pytest.mark.parametrize(("number", "text", "code", "case"), ERRORS, ids=[number for number, *_ in ERRORS])
def test_an_error_of_the_server_is_said_in_our_words(
    filled: SqlServer, deadline: Deadline, number: int, text: str, code: str, case: str
) -> None:
    """The driver says neither number nor SQLSTATE; the server's text may quote a name, and is never shown."""
    filled.faults.append(Fault(pattern="from .*marks", number=number, text=text, ends=number == 596))

    problem = asked(filled, deadline)

    assert (problem.code, problem.case, problem["select"]) == (code, case, "marks")
    assert "Gawain" not in str(problem)


@pytest.mark.parametrize(
    ("state", "message", "code", "case"),
    [
        ("08001", "[Microsoft][ODBC Driver 18 for SQL Server]SSL Provider: unsupported protocol", "DB-NONE", "tls"),
        ("HY000", "[Microsoft][ODBC Driver]SSPI Provider: No Kerberos credentials available", "DB-SIGNIN", "kerberos"),
        ("08S01", "[Microsoft][ODBC Driver]TCP Provider: Error code 0x68", "DB-NONE", "lost"),
        ("HY000", "Failed to load the driver. Please read the documentation ...", "DB-DRIVER", "libraries"),
        ("HYT00", "[Microsoft][ODBC Driver]Query timeout expired", "DB-SLOW", ""),
        ("28000", "[Microsoft][ODBC Driver][SQL Server]Login failed for user 'x'.", "DB-SIGNIN", ""),
        ("21000", "[Microsoft][ODBC Driver][SQL Server]Subquery returned more than 1 value.", "DB-SELECT", "other"),
    ],
)
def test_the_drivers_own_exceptions_have_a_case(
    sql_server: SqlServer, state: str, message: str, code: str, case: str
) -> None:
    """Made by the driver itself, for what the server of the tests cannot bring about."""
    from mssql_python import exceptions  # noqa: PLC0415  needs system libraries, which the fixture has looked for

    del sql_server
    with pytest.raises(exceptions.Exception) as caught:
        exceptions.raise_exception(state, message)

    assert sqlserver.case_of(caught.value) == (code, case)


def test_an_error_of_no_known_kind_is_a_lost_connection() -> None:
    """One of another driver, or of a version to come."""
    assert sqlserver.case_of(Exception("anything")) == ("DB-NONE", "lost")


@pytest.mark.parametrize(
    "fault",
    [
        Fault(pattern="from .*marks.* group by", hangs=True),
        Fault(pattern="from .*marks.* group by", hangs=True, is_deaf=True),
        Fault(pattern="from .*marks.* group by", cuts=100, is_deaf=True),
    ],
    ids=["server ends it", "server is silent", "silent in the middle of the rows"],
)
def test_a_statement_has_an_end(
    filled: SqlServer, deadline: Deadline, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    """First the driver asks the server; a server that says nothing more is left by ending the connection."""
    monkeypatch.setattr(engine, "STATEMENT_SECONDS", 2)
    filled.faults.append(fault)

    problem = asked(filled, deadline)

    assert (problem.code, problem.case, problem["select"]) == ("DB-SLOW", "", "marks")


@pytest.mark.parametrize("signs_in", [True, False])
def test_the_deadline_of_the_run_ends_everything(filled: SqlServer, *, signs_in: bool) -> None:
    """Also a sign-in that no one answers."""
    filled.signs_in = signs_in
    filled.faults.append(Fault(pattern="from .*marks", hangs=True, is_deaf=True))

    with Deadline(1) as soon:
        assert asked(filled, soon).code == "RUN-TIME"


@pytest.mark.parametrize(("cuts", "cuts_rows"), [(300, 0), (4088, 0), (0, 2), (0, 300)])
def test_an_answer_that_breaks_off_is_never_taken_for_whole(
    sql_server: SqlServer, deadline: Deadline, cuts: int, cuts_rows: int
) -> None:
    """Wherever it breaks: mssql-python returns the rows that have come as if they were all."""
    years = [f"Year {n}" for n in range(90)] * 5
    marks = [small.mark(f"{n % 5}", pupil=n, year_group=year) for n, year in enumerate(years)]
    small.fill(sql_server, marks, [small.enrolment(pupil=n, year_group=year) for n, year in enumerate(years)])  # type: ignore[arg-type]
    sql_server.faults.append(Fault(pattern="from .*marks.* group by .*counted", cuts=cuts, cuts_rows=cuts_rows))

    problem = asked(sql_server, deadline)

    assert (problem.code, problem.case) == ("DB-NONE", "lost")


@pytest.mark.parametrize("allowed", [True, False])
def test_both_selects_see_one_moment_where_snapshots_are_allowed(
    filled: SqlServer, deadline: Deadline, *, allowed: bool
) -> None:
    """Without them no statement waits longer than ten seconds for a lock, and `check` is told."""
    if allowed:
        filled.allow_snapshots()
    filled.faults.append(Fault(pattern="from .*marks.* group by", first_runs="DELETE FROM marks"))
    settings = small.settings(filled.url(), marks=MARKS)

    found = days_of(settings, deadline)[small.MONDAY]

    assert found.marks == (2 if allowed else 0)
    assert "SET LOCK_TIMEOUT 10000" in filled.statements
    filled.faults.clear()
    assert look(settings, (), small.WINDOW, deadline).is_frozen is allowed


@pytest.mark.parametrize(
    ("rights", "says"),
    [
        ((), ()),
        ([("server", "sysadmin", "")], ("has sysadmin",)),
        ([("role", "db_owner", ""), ("role", "db_datawriter", "")], ("has db_owner, db_datawriter",)),
        ([("DATABASE", "SIMS", "CONTROL")], ("has CONTROL",)),
        ([("OBJECT", "[dbo].[marks]", "DELETE")], ("can change 1 table",)),
        ([("OBJECT", "[dbo].[marks]", "INSERT"), ("COLUMN", "[dbo].[roll].pupil", "UPDATE")], ("can change 2 tables",)),
    ],
)
def test_rights_that_the_account_does_not_need_are_found(
    filled: SqlServer, deadline: Deadline, rights: list[tuple[str, str, str]], says: tuple[str, ...]
) -> None:
    """Roles of the server and of the database, and rights on single tables and columns."""
    for right in rights:
        filled.grant(*right)

    found = look(small.settings(filled.url()), (), small.WINDOW, deadline)

    assert found.writes == says
    assert found.kind == "mssql"


@pytest.mark.parametrize(("words", "way"), [({}, "verified"), ({"TrustServerCertificate": "yes"}, "encrypted")])
def test_whether_somebody_checks_who_answers_is_a_fact(words: dict[str, str], way: str) -> None:
    """Self-signed certificates are the norm in schools, and trusting any of them is not safe."""
    query = "&".join(f"{key}={value}" for key, value in words.items())

    assert sqlserver.way(address(small.settings(f"mssql://u@h/d?{query}"))) == way


@pytest.mark.parametrize("date_type", ["DATE", "TIMESTAMP", "VARCHAR"])
def test_dates_of_every_kind_count_the_same(sql_server: SqlServer, deadline: Deadline, date_type: str) -> None:
    """datetime, date and ISO text: half-open on the raw column, midnight and the last second of a day included."""
    times = ("", "") if date_type == "DATE" else (" 00:00:00", " 23:59:59")
    days = [f"2026-11-{day}{time}" for day in (19, 20, 23, 24) for time in times]
    small.fill(sql_server, [small.mark("/", day=day, pupil=n) for n, day in enumerate(days)], date_type=date_type)  # type: ignore[arg-type]
    found = days_of(small.settings(sql_server.url()), deadline)

    assert {day.date: day.marks for day in found.values() if day.marks} == {
        date(2026, 11, 20): 2,
        date(2026, 11, 23): 2,
    }


def test_a_datetimeoffset_is_refused_with_what_to_write(sql_server: SqlServer, deadline: Deadline) -> None:
    """Compared in UTC, in summer a mark just after midnight would fall on the day before."""
    small.fill(sql_server, date_type="TIMESTAMP WITH TIME ZONE")  # type: ignore[arg-type]

    problem = asked(sql_server, deadline)
    assert (problem.code, problem.case) == ("DB-SELECT", "offset")
    assert not any("group by" in statement.lower() for statement in sql_server.statements)

    converted = MARKS.replace("mark_date AS date", "CONVERT(date, mark_date) AS date")
    dates = "CONVERT(date, entry_date) AS entry_date, CONVERT(date, leaving_date) AS leaving_date"
    roll = small.ROLL.replace("entry_date, leaving_date", dates)
    assert set(days_of(small.settings(sql_server.url(), marks=converted, roll=roll), deadline)) == set(small.WINDOW)


def test_codes_that_differ_in_case_are_not_one(sql_server: SqlServer, deadline: Deadline) -> None:
    """The collation of a school's SQL Server does not tell l from L."""
    small.fill(sql_server, [small.mark("l", pupil=1), small.mark(" L ", pupil=2), small.mark("L", pupil=3)])  # type: ignore[arg-type]

    day = days_of(small.settings(sql_server.url(), codes={"l": "M"}), deadline)[small.MONDAY]

    assert day.cells[small.AM_7] == {"M": 1, "L": 2}


@pytest.mark.parametrize(
    ("sql", "case"),
    [
        ("SELECT a FROM b OPTION (MAXDOP 1)", "mssql_option"),
        (";WITH x AS (SELECT 1 AS a) SELECT a FROM x", "mssql_with"),
        ("WITH x AS (SELECT 1 AS a) SELECT a FROM x", "mssql_with"),
        ("SELECT a FROM b ORDER BY a", "mssql_order"),
        ("SELECT TOP 5 a FROM b", "leaves_out"),
        ("EXEC dbo.marks", "no_select"),
        ("SET NOCOUNT ON; SELECT a FROM b", "two_statements"),
    ],
)
def test_what_sql_server_does_not_take_in_brackets_is_named(sql: str, case: str) -> None:
    """Before it is asked, with the word that is in the way."""
    with pytest.raises(NotOneSelect) as caught:
        prepare(sql, "mssql")

    assert caught.value.case == case


def test_a_column_without_a_name_is_refused_by_name(filled: SqlServer, deadline: Deadline) -> None:
    """As COUNT(*) or an ISNULL without AS."""
    problem = asked(filled, deadline, marks=MARKS.replace("code,", "ISNULL(code, '-'),"))

    assert (problem.code, problem.case) == ("DB-SELECT", "no_name")


def test_verbose_shows_dates_and_no_other_text(
    filled: SqlServer, deadline: Deadline, caplog: pytest.LogCaptureFixture
) -> None:
    """IT reads which days were asked for."""
    caplog.set_level(logging.INFO, "attsync")
    marks = f"{MARKS} WHERE mark_date >= :start AND session <> 'Gawain'"
    days_of(small.settings(filled.url(), marks=marks), deadline)

    assert "'2026-11-20'" in caplog.text
    assert "Gawain" not in caplog.text
