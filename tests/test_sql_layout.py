"""sql_layout.py: only blanks change, and never inside of quotation marks; texts can be left out."""

import pytest
from inline_snapshot import snapshot

from attsync.sql_guard import tokens
from attsync.sql_layout import laid_out, without_texts


def without_blanks(text: str) -> list[str]:
    """Give the words of a statement."""
    return [part for _, part in tokens(text, "postgresql") if not part.isspace()]


def test_clauses_columns_and_queries_in_brackets_get_lines_of_their_own() -> None:
    """So that a data protection lead can see what is counted, of what, and since when."""
    sql = (
        "SELECT a.day, count(DISTINCT b) AS n FROM (SELECT d AS day, coalesce(x, y) AS b FROM t"
        " WHERE d IN (SELECT d FROM u)) AS a WHERE a.day >= '2026-11-16' GROUP BY a.day, a.n"
        " UNION ALL SELECT NULL, 1 ORDER BY day"
    )

    assert laid_out(sql, "postgresql") == snapshot("""\
SELECT a.day,
  count(DISTINCT b) AS n
FROM (
  SELECT d AS day,
    coalesce(x, y) AS b
  FROM t
  WHERE d IN (
    SELECT d
    FROM u
  )
) AS a
WHERE a.day >= '2026-11-16'
GROUP BY a.day, a.n
UNION ALL
SELECT NULL,
  1
ORDER BY day\
""")


def test_nothing_but_blanks_changes() -> None:
    """Else it would not be the text that was sent."""
    sql = (
        "SELECT 'from,  (select' AS \"a  b\", $$x  from$$ -- where, from\n, c /* , */ FROM t"
        " WHERE extract(day from d) = 1"
        " AND f(a, (b)) OR row_number() OVER (ORDER BY a) > 1"
    )

    shown = laid_out(sql, "postgresql")

    assert without_blanks(shown) == without_blanks(sql)
    assert "'from,  (select'" in shown
    assert "-- where, from\n" in shown
    assert "extract(day from d)" in shown


def test_long_lines_are_broken_between_words() -> None:
    """A terminal would break them anywhere."""
    shown = laid_out("SELECT " + " + ".join(f"column_{n}" for n in range(40)), "sqlite")

    assert max(map(len, shown.splitlines())) <= 100
    assert shown.splitlines()[1].startswith("    ")


def test_brackets_that_do_not_match_are_borne() -> None:
    """It is shown, not judged."""
    assert laid_out("SELECT 1)) FROM (SELECT", "sqlite").split() == ["SELECT", "1))", "FROM", "(", "SELECT"]


@pytest.mark.parametrize(
    ("dialect", "text", "shown"),
    [
        ("sqlite", "a = 'Loxley'", "a = '...'"),
        ("sqlite", 'a <> "Loxley" AND b = "ZZ"', "a <> '...' AND b = \"ZZ\""),
        ("sqlite", 'm."date" = [a] COLLATE "BINARY"', 'm."date" = [a] COLLATE "BINARY"'),
        ("postgresql", '"name" = $$Loxley$$', "\"name\" = '...'"),
        ("postgresql", "a = E'it\\'s Loxley' /* Loxley */", "a = '...' /* ... */"),
        ("mysql", '`name` = "Loxley"', "`name` = '...'"),
        ("mssql", "[name] = N'Loxley'", "[name] = N'...'"),
        ("oracle", "d >= '2026-11-23' -- Loxley", "d >= '2026-11-23' -- ..."),
        ("sqlite", "a = 'Loxley", "a = ..."),
        ("sqlite", "a = 1 /* Loxley", "a = 1 ..."),
    ],
)
def test_texts_are_left_out(dialect: str, text: str, shown: str) -> None:
    """They may be names or secrets; what SQLite takes for a text where no such column is may be one too."""
    assert without_texts(f"SELECT 1 WHERE {text}", dialect) == f"SELECT 1 WHERE {shown}"
