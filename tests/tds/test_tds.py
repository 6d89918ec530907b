"""The SQL Server of the tests itself: what Microsoft's driver reads of it, and what it refuses as SQL Server does."""

import ssl
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import trustme

from tests.tds.server import Fault, SqlServer

VALUES = {
    "VARCHAR": "Lóxley €",
    "SMALLINT": -3,
    "INTEGER": 70_000,
    "BIGINT": 2**40,
    "BOOLEAN": True,
    "DOUBLE": 2.5,
    "DECIMAL(10,2)": Decimal("-1.5"),
    "DATE": date(2026, 11, 23),
    "TIMESTAMP": datetime(2026, 11, 23, 8, 45, 30),  # noqa: DTZ001  as T-SQL's
    "TIMESTAMP WITH TIME ZONE": datetime(2026, 7, 23, 8, 45, tzinfo=UTC),
    "UUID": UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff"),
}


def connect(server: SqlServer, **changes: str) -> Any:  # noqa: ANN401  a driver without types of its own
    """Sign in with the bare driver."""
    import mssql_python  # noqa: PLC0415  needs system libraries, which the fixture has looked for

    mssql_python.pooling(enabled=False)
    words = {
        "Server": f"localhost,{server.port}",
        "Database": server.name,
        "UID": server.user,
        "PWD": "{" + server.password.replace("}", "}}") + "}",
        "TrustServerCertificate": "yes",
    } | changes
    return mssql_python.connect(";".join(f"{key}={value}" for key, value in words.items()), timeout=5)


def refused(server: SqlServer, sql: str) -> str:
    """Return what the driver says of a statement that is refused."""
    connection = connect(server)
    with pytest.raises(Exception, match="Driver Error") as caught:
        connection.execute(sql).fetchall()
    with suppress(connection.Error):  # it rolls back first, and the server may have gone
        connection.close()
    return str(caught.value)


def test_every_kind_of_value_comes_through_the_driver(sql_server: SqlServer) -> None:
    """And NULL of each."""
    columns = ", ".join(f"c{n} {kind}" for n, kind in enumerate(VALUES))
    sql_server.execute(f"CREATE TABLE t ({columns})")
    sql_server.execute(f"INSERT INTO t VALUES ({', '.join(['%s'] * len(VALUES))})", [tuple(VALUES.values())])
    sql_server.execute("INSERT INTO t (c0) VALUES (NULL)")

    with connect(sql_server) as connection:
        first, second = connection.execute("SELECT * FROM [SIMS].[dbo].[t] WITH (NOLOCK)").fetchall()
    assert list(first) == list(VALUES.values())
    assert list(second) == [None] * len(VALUES)


def test_parameters_arrive_as_they_were_bound(sql_server: SqlServer) -> None:
    """Dates, numbers, flags, long and short text: by a prepared call."""
    given = [date(2026, 11, 23), 7, True, "L", "é" * 3000]
    sql_server.execute("CREATE TABLE t (d DATE, n INTEGER, b BOOLEAN, s VARCHAR, l VARCHAR)")
    sql = "SELECT count(*) AS n FROM t WHERE d = ? AND n = ? AND b = ? AND s = ? AND l = ?"
    sql_server.execute("INSERT INTO t VALUES (%s, %s, %s, %s, %s)", [given])

    with connect(sql_server) as connection:
        assert connection.execute(sql, given).fetchall()[0][0] == 1


def test_text_has_no_case_unless_a_binary_collation_is_named(sql_server: SqlServer) -> None:
    """As under the usual collation of SQL Server; else a test could not see two codes merged."""
    sql_server.execute("CREATE TABLE t (code VARCHAR)")
    sql_server.execute("INSERT INTO t VALUES ('l'), ('L')")

    with connect(sql_server) as connection:
        merged = connection.execute("SELECT count(*) AS n FROM t GROUP BY code").fetchall()
        apart = connection.execute(
            "SELECT count(*) AS n FROM t GROUP BY code COLLATE Latin1_General_100_BIN2"
        ).fetchall()
    assert [list(row) for row in merged] == [[2]]
    assert [list(row) for row in apart] == [[1], [1]]


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("SELECT * FROM absent", "Base table or view not found"),
        ("SELECT absent FROM t", "Column not found"),
        ("SELECT FROM WHERE", "Syntax error or access violation"),
        ("SELECT CASE WHEN 0 THEN 1 END AS n FROM t", "non-boolean type"),
        ("SELECT * FROM (SELECT code FROM t ORDER BY code) AS q", "ORDER BY clause is invalid"),
        ("SELECT * FROM (WITH a AS (SELECT code FROM t) SELECT code FROM a) AS q", "near the keyword 'WITH'"),
        ("SELECT * FROM (SELECT code FROM t OPTION (MAXDOP 1)) AS q", "near the keyword 'OPTION'"),
        ("SELECT * FROM (SELECT count(*) FROM t) AS q", "No column name was specified"),
        ("SELECT * FROM (SELECT code, code FROM t) AS q", "specified multiple times"),
        ("SELECT count(*) AS n FROM t GROUP BY CAST(NULL AS NVARCHAR(9))", "at least one column"),
        ("SELECT TRIM(code) AS c FROM t", "'TRIM' is not a recognized"),
        ("SELECT absent(code) AS c FROM t", "'absent' is not a recognized"),
        ("SELECT CONVERT(date, 'Gawain') AS d FROM t", "Invalid datetime format"),
    ],
)
def test_what_sql_server_refuses_is_refused(sql_server: SqlServer, sql: str, error: str) -> None:
    """With its own number, of which the driver makes its own words. TRIM came with SQL Server 2017."""
    sql_server.version = 13
    sql_server.execute("CREATE TABLE t AS SELECT 'L' AS code")

    assert error in refused(sql_server, sql)


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"PWD": "wrong"}, "Login failed"), ({"Database": "absent"}, "Cannot open database"), ({"UID": "x"}, "'x'")],
)
def test_a_sign_in_is_refused(sql_server: SqlServer, changes: dict[str, str], error: str) -> None:
    """Wrong password, wrong database, wrong account."""
    with pytest.raises(Exception, match=error):
        connect(sql_server, **changes)


def test_a_certificate_is_checked_unless_the_client_trusts_any(sql_server: SqlServer) -> None:
    """The driver's own checks are those that a school meets."""
    with pytest.raises(Exception, match="certificate verify failed"):
        connect(sql_server, TrustServerCertificate="no")


def test_a_snapshot_sees_one_moment_and_has_to_be_allowed(sql_server: SqlServer) -> None:
    """Else a test of two SELECTs that disagree would prove nothing."""
    sql_server.execute("CREATE TABLE t (code VARCHAR)")
    with connect(sql_server) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL SNAPSHOT").close()
        with pytest.raises(Exception, match="Snapshot isolation transaction failed"):
            connection.execute("SELECT count(*) AS n FROM t")
        sql_server.allow_snapshots()
        before = connection.execute("SELECT count(*) AS n FROM t").fetchall()[0][0]
        sql_server.execute("INSERT INTO t VALUES ('L')")
        assert connection.execute("SELECT count(*) AS n FROM t").fetchall()[0][0] == before == 0
        connection.rollback()
        assert connection.execute("SELECT count(*) AS n FROM t").fetchall()[0][0] == 1


def test_faults_come_where_they_are_wanted(sql_server: SqlServer) -> None:
    """An error, a change by another program, an answer that breaks off, none at all."""
    sql_server.execute("CREATE TABLE t AS SELECT 'L' AS code FROM range(20000)")
    sql_server.faults += [
        Fault(pattern="min", number=1205, text="Transaction was deadlocked."),
        Fault(pattern="max", first_runs="DELETE FROM t"),
    ]
    assert "deadlocked" in refused(sql_server, "SELECT min(code) AS c FROM t")
    sql_server.faults += [Fault(pattern=r"\*", cuts=9000)]
    assert "Communication link failure" in refused(sql_server, "SELECT * FROM t")
    with connect(sql_server) as connection:
        assert connection.execute("SELECT max(code) AS c FROM t").fetchall()[0][0] is None
    sql_server.faults[:] = [Fault(pattern="min", hangs=True)]
    with connect(sql_server) as connection:
        connection.timeout = 1
        with pytest.raises(Exception, match="Timeout expired"):
            connection.execute("SELECT min(code) AS c FROM t")
        assert connection.execute("SELECT max(code) AS c FROM t").fetchall()[0][0] is None


def test_another_certificate_can_be_chosen() -> None:
    """Such as one of a name that is not the server's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("other.example").configure_cert(context)

    with SqlServer(context) as server:
        assert "@localhost:" in server.url()
