"""sql_guard.py: a SELECT from the settings is one statement, whatever its author or their tools put into it."""

import re
import sqlite3
from contextlib import closing, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from attsync.sql_guard import NotOneSelect, prepare, without_texts

MYSQL = ("mysql", "mysql+ansi_quotes", "mysql+no_backslash_escapes")
DIALECTS = ("sqlite", "postgresql", *MYSQL, "mssql", "duckdb", "firebird")


def as_run(select: str, dialect: str = "sqlite") -> str:
    """Return the text that the database would see, its parameters in SQLAlchemy's own form."""
    return str(text(prepare(select, dialect).text)).rstrip("\n")


def refusal(select: str, dialect: str = "sqlite") -> tuple[str, str]:
    """Return the case for which a SELECT is refused, and the word that is wrong."""
    with pytest.raises(NotOneSelect) as refused:
        prepare(select, dialect)
    return refused.value.case, refused.value.word


@pytest.mark.parametrize(
    "select",
    [
        "SELECT 1 AS code FROM marks",
        "select 'it''s :not a parameter; nor the end' AS code",
        'SELECT "a;b:c" FROM marks',
        "SELECT 1 -- see :start; or ask\n",
        "SELECT /* :end ; */ 1",
        "SELECT code LIKE '50%' FROM marks",
        "(SELECT 1)",
        "SELECT a FROM (SELECT 1 AS a) AS x WHERE a IN (1, (2))",
    ],
)
def test_what_a_person_writes_arrives_as_it_is(select: str) -> None:
    """A colon in a note or a text is not a parameter of ours, a semicolon in it not an end."""
    assert {each: as_run(select, each) for each in DIALECTS} == dict.fromkeys(DIALECTS, select.rstrip("\n"))
    assert {prepare(select, each).parameters for each in DIALECTS} == {frozenset()}


def test_a_postgresql_cast_is_not_a_parameter() -> None:
    """`::date` is how PostgreSQL casts, and `[1:2]` a slice."""
    select = "SELECT taken_at::date AS date, marks[1:2] FROM marks"

    assert as_run(select, "postgresql") == select


def test_start_and_end_are_parameters_where_they_stand_alone() -> None:
    """`:started` is another word, which the database may know."""
    prepared = prepare("SELECT 1 WHERE d >= :start AND d < :end AND x = :started AND ':start' <> ''", "sqlite")

    assert prepared.parameters == {"start", "end"}
    assert set(text(prepared.text)._bindparams) == {"start", "end"}  # noqa: SLF001  no public way to ask


@pytest.mark.parametrize("ending", [";", " ; ", ";\n-- done\n", "; /* done */", ";;", "\n;\n"])
def test_a_semicolon_at_the_end_is_dropped(ending: str) -> None:
    """Anyone who tried the SELECT in a database tool copies it with its end."""
    assert ";" not in prepare("SELECT 1" + ending, "sqlite").text


def test_a_comment_at_the_end_does_not_swallow_the_closing_bracket() -> None:
    """The line break after it ends it."""
    with closing(sqlite3.connect(":memory:")) as connection:
        assert connection.execute(f"SELECT * FROM ({prepare('SELECT 7 -- seven', 'sqlite').text})").fetchone() == (7,)


@pytest.mark.parametrize(
    "select",
    [
        "SELECT 1; DELETE FROM marks",
        "SELECT 1; SELECT 2",
        "SELECT 1;; DROP TABLE marks;",
        "SELECT 1 /* x */ ; -- y\n DELETE FROM marks",
        "SELECT 1 -- x\r; DELETE FROM marks",
    ],
)
def test_a_second_statement_is_refused(select: str) -> None:
    """Some drivers would run it, and a read-only transaction alone did not stop it."""
    assert {each: refusal(select, each) for each in DIALECTS} == dict.fromkeys(DIALECTS, ("two_statements", ""))


@pytest.mark.parametrize(
    ("dialect", "select"),
    [
        ("postgresql", r"SELECT E'\'') AS m; DELETE FROM x; SELECT * FROM (SELECT '1 --'"),
        ("postgresql", "SELECT 1 /* /* */ ' */ ) AS m; DELETE FROM x; SELECT * FROM (SELECT /* ' */ 1"),
        ("postgresql", "SELECT $a$ ' $a$ ) AS m; DELETE FROM x; SELECT * FROM (SELECT $a$ ' $a$"),
        ("mssql", "SELECT [']) AS m; DELETE FROM x; SELECT * FROM (SELECT [']"),
        ("mysql", r"SELECT '\\') AS m; DELETE FROM x; SELECT * FROM (SELECT '1 -- '"),
        ("mysql+no_backslash_escapes", r"SELECT '\') AS m; DELETE FROM x; SELECT * FROM (SELECT '\'"),
        ("mysql+ansi_quotes", r'SELECT "\") AS m; DELETE FROM x; SELECT * FROM (SELECT "\"'),
    ],
)
def test_a_second_statement_cannot_hide_behind_a_databases_own_quoting(dialect: str, select: str) -> None:
    """What looks like a text to one kind of database is code to another."""
    with pytest.raises(NotOneSelect):
        prepare(select, dialect)


@pytest.mark.parametrize(
    ("dialect", "select"),
    [
        ("postgresql", r"SELECT E'it\'s; :x', date'2026-11-23' FROM marks"),
        ("postgresql", "SELECT $tag$ it's; :x $tag$, price$1 FROM marks"),
        ("mysql", r"SELECT 'it\'s; :x', " + r'"\"; :y" FROM `a;b` # see; :z'),
        ("mysql", "SELECT 3--1 -- three; :x"),
        ("mssql", "SELECT [it's; :x] FROM marks"),
        ("sqlite", "SELECT [it's; :x], `a;b` FROM marks"),
    ],
)
def test_each_kind_of_database_quotes_in_its_own_way(dialect: str, select: str) -> None:
    """Anyone who writes the SELECT knows their database, not ours."""
    assert as_run(select, dialect) == select


@pytest.mark.parametrize(
    ("select", "case"),
    [
        ("SELECT 'open", "not_closed"),
        ('SELECT "open', "not_closed"),
        ("SELECT 1 /* open", "not_closed"),
        ("SELECT (1", "brackets"),
        ("SELECT 1) FROM (SELECT 2", "brackets"),
        ("DELETE FROM marks", "no_select"),
        ("SELECTED", "no_select"),
        ("-- SELECT 1", "no_select"),
        ("SELECT 1 /* /* */", "nested_comment"),
        ("SELECT 1 \x08", "control"),
        ("SELECT 1 /*! LIMIT 5 */", "run_comment"),
        ("SELECT 1 /*M!100100 LIMIT 5 */", "run_comment"),
        ("SELECT /*+ SET_VAR(sql_select_limit = 5) */ 1", "run_comment"),
    ],
)
def test_what_is_no_select_is_refused(select: str, case: str) -> None:
    """The case leads to the place without quoting it: a literal may be anything."""
    assert refusal(select) == (case, "")


@pytest.mark.parametrize(
    ("select", "word"),
    [
        ("SELECT * FROM marks LIMIT 1000", "LIMIT"),
        ("SELECT * FROM marks LIMIT (5)", "LIMIT"),
        ("SELECT * FROM marks LIMIT +5", "LIMIT"),
        ("SELECT * FROM marks LIMIT :start", "LIMIT"),
        ("SELECT * FROM marks LIMIT :x", "LIMIT"),
        ("SELECT * FROM marks LIMIT '5'", "LIMIT"),
        ("SELECT * FROM marks LIMIT (SELECT n FROM m)", "LIMIT"),
        ("SELECT * FROM marks LIMIT/* five */5", "LIMIT"),
        ("SELECT * FROM marks\nlimit\n5, 10", "LIMIT"),
        ("SELECT * FROM marks OFFSET 5", "OFFSET"),
        ("SELECT * FROM marks OFFSET (5) ROWS", "OFFSET"),
        ("SELECT * FROM marks FETCH FIRST 10 ROWS ONLY", "FETCH"),
        ("SELECT * FROM marks FETCH /* the */ NEXT ROW ONLY", "FETCH"),
        ("SELECT TOP 1000 * FROM marks", "TOP"),
        ("SELECT TOP(1000) * FROM marks", "TOP"),
        ("SELECT TOP (5) PERCENT * FROM marks", "TOP"),
        ("SELECT DISTINCT TOP 5 * FROM marks", "TOP"),
        ("SELECT * FROM marks WHERE ROWNUM <= 500", "ROWNUM"),
        ("(SELECT * FROM marks LIMIT 5)", "LIMIT"),
        ("((SELECT * FROM marks) UNION ALL (SELECT * FROM marks LIMIT 5))", "LIMIT"),
        ("SELECT * FROM marks TABLESAMPLE SYSTEM (10)", "TABLESAMPLE"),
        ("SELECT * FROM marks USING SAMPLE 10", "SAMPLE"),
    ],
)
def test_a_select_that_leaves_rows_out_is_refused(select: str, word: str) -> None:
    """Database tools add such an end by themselves; the numbers would be too small, without a word."""
    assert {each: refusal(select, each) for each in DIALECTS} == dict.fromkeys(DIALECTS, ("leaves_out", word))


@pytest.mark.parametrize(
    "select",
    [
        "SELECT a.limit, top FROM marks a WHERE 'LIMIT 5' <> '' -- LIMIT 5",
        "SELECT * FROM (SELECT * FROM marks LIMIT 5) x",
        "SELECT TOP 100 PERCENT * FROM marks",
        "SELECT TOP (100) PERCENT * FROM marks",
        "SELECT offset, limit AS most FROM marks WHERE offset = 1",
    ],
)
def test_the_same_words_elsewhere_are_left_alone(select: str) -> None:
    """A subquery may pick the latest mark, a column may have such a name, and a text may say anything."""
    assert prepare(select, "sqlite").merges is None


@pytest.mark.parametrize(
    ("select", "merges"),
    [
        ("SELECT DISTINCT date, code FROM marks", "DISTINCT"),
        ("SELECT a FROM x UNION SELECT b FROM y", "UNION without ALL"),
        ("(SELECT a FROM x) UNION (SELECT b FROM y)", "UNION without ALL"),
        ("SELECT code, count(*) FROM marks GROUP BY code", "GROUP BY"),
        ("SELECT a FROM x UNION ALL SELECT b FROM y", None),
        ("SELECT DISTINCT ON (pupil) code FROM marks", None),
        ("SELECT count(DISTINCT code) AS code FROM marks", None),
        ("WITH latest AS (SELECT DISTINCT a FROM x) SELECT a FROM latest", None),
    ],
)
def test_words_that_make_one_row_of_several_are_noticed(select: str, merges: str | None) -> None:
    """Thirty marks / in one year group would be one."""
    assert prepare(select, "postgresql").merges == merges


def test_sql_server_takes_neither_with_nor_order_by_in_brackets() -> None:
    """Its own message would not say what to do."""
    assert refusal("WITH a AS (SELECT 1 AS b) SELECT b FROM a", "mssql") == ("mssql_with", "")
    assert refusal("SELECT b FROM a ORDER BY b", "mssql") == ("mssql_order", "")
    assert prepare("SELECT ROW_NUMBER() OVER (ORDER BY b) AS n FROM a", "mssql").merges is None


PIECES = [
    "SELECT ",
    "1",
    "'a'",
    '"b"',
    "`c`",
    "[d]",
    " -- e\n",
    "/* f */",
    ";",
    ":g",
    "::h",
    "(",
    ")",
    "\\",
    "$$",
    "#",
    "E'",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_sqlite_never_sees_a_second_statement(rest: str) -> None:
    """Whatever is accepted is one complete statement in brackets, or an error of the database's own."""
    try:
        prepared = prepare("SELECT 1 " + rest, "sqlite")
    except NotOneSelect:
        return
    run = re.sub(r"\\:", ":", prepared.text)
    with closing(sqlite3.connect(":memory:")) as connection, suppress(sqlite3.OperationalError):
        connection.execute(f"SELECT * FROM ({run}) AS x WHERE 1 = 0")  # a second statement is a ProgrammingError


@pytest.mark.parametrize(
    ("dialect", "written", "shown"),
    [
        ("sqlite", "a = 'Loxley'", "a = '...'"),
        ("sqlite", 'a <> "Loxley" AND b = "ZZ"', "a <> '...' AND b = \"ZZ\""),
        ("sqlite", 'm."date" = [a] COLLATE "BINARY"', 'm."date" = [a] COLLATE "BINARY"'),
        ("postgresql", '"name" = $$Loxley$$', "\"name\" = '...'"),
        ("postgresql", "a = E'it\\'s Loxley' /* Loxley */", "a = '...' /* ... */"),
        ("mysql", '`name` = "Loxley"', "`name` = '...'"),
        ("mssql", "[name] = N'Loxley'", "[name] = N'...'"),
        ("duckdb", "d >= '2026-11-23' -- Loxley", "d >= '2026-11-23' -- ..."),
        ("sqlite", "a = 'Loxley", "a = ..."),
        ("sqlite", "a = 1 /* Loxley", "a = 1 ..."),
    ],
)
def test_texts_are_left_out_of_what_is_shown(dialect: str, written: str, shown: str) -> None:
    """They may be names or secrets; what SQLite takes for a text where no such column is may be one too."""
    assert without_texts(f"SELECT 1 WHERE {written}", dialect) == f"SELECT 1 WHERE {shown}"
