"""The small parts: tables that never cut, prose that wraps, signs that an encoding holds."""

from datetime import UTC, date, datetime

import pytest
from inline_snapshot import snapshot

from attsync.show.send import span
from attsync.show.symbols import ASCII, UNICODE, short, signs_for, when
from attsync.show.table import Sheet, prose
from tests.show.screens import text_of

NOW = datetime(2026, 11, 23, 10, 20, tzinfo=UTC)


def sheet(gap: int = 2) -> Sheet:
    """Make a small table."""
    made = Sheet(UNICODE, ("School", ">Marks", "Result"), gap=gap)
    made.add("Ysgol Gŵyr", "1,204", "refused: unknown mark code in a long sentence that has to wrap somewhere")
    made.space()
    made.add("学校", "7", "✓")
    return made


def test_only_the_last_column_wraps() -> None:
    """Dates, ticks and names stay whole; wide letters count double."""
    assert text_of(sheet(), 50) == snapshot("""\
School      Marks  Result
──────────────────────────────────────────────────
Ysgol Gŵyr  1,204  refused: unknown mark code in a
                   long sentence that has to wrap
                   somewhere

学校            7  ✓
""")


def test_only_names_that_are_too_long_are_shortened() -> None:
    """The last word stays: schools of one saint are told apart by it."""
    made = Sheet(UNICODE, ("School", "Result"), gap=1, names=0)
    made.add("Elm Grove", "up to date")
    made.add("St Mary Magdalene and St John Church of England Primary", "refused: unknown mark code")

    assert text_of(made, 50) == snapshot("""\
School                  Result
──────────────────────────────────────────────────
Elm Grove               up to date
St Mary Magdale…Primary refused: unknown mark code
""")


def test_table_that_is_too_wide_runs_over_and_cuts_nothing() -> None:
    """Half a number is a wrong number."""
    assert text_of(sheet(), 20) == snapshot("""\
School      Marks  Result
───────────────────────────────────
Ysgol Gŵyr  1,204  refused: unknown
                   mark code in a
                   long sentence
                   that has to wrap
                   somewhere

学校            7  ✓
""")


def test_table_takes_no_more_room_than_it_needs() -> None:
    """A line across an empty screen says nothing."""
    assert max(map(len, text_of(sheet(), 200).splitlines())) == sheet().width


def test_prose_wraps_at_words_with_an_indent() -> None:
    """Also on a wide screen: long lines are hard to read."""
    words = "word " * 60
    text = text_of(prose(("✗ ", "red"), words.strip(), indent=2), 200)

    assert all(len(line) <= 100 for line in text.splitlines())
    assert [line[:2] for line in text.splitlines()] == ["✗ ", "  ", "  ", "  "]
    assert " ".join(text.split()) == f"✗ {words.strip()}"


def test_prose_does_not_read_markup() -> None:
    """A name in [brackets] is no instruction."""
    assert text_of(prose("[red]St [/] Mary's[/red]"), 80) == "[red]St [/] Mary's[/red]\n"


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "utf-16"])
def test_unicode_has_ticks(encoding: str) -> None:
    """Nearly everybody."""
    assert signs_for(encoding) is UNICODE


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "cp850", "no-such-encoding", None])
def test_other_encodings_have_words(encoding: str | None) -> None:
    """Cron, old terminals, Windows."""
    assert signs_for(encoding) is ASCII


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (date(2026, 11, 16), date(2026, 11, 23), "Mon 16 to Mon 23 November 2026"),
        (date(2026, 10, 29), date(2026, 11, 9), "Thu 29 October to Mon 9 November 2026"),
        (date(2026, 12, 30), date(2027, 1, 8), "Wed 30 December 2026 to Fri 8 January 2027"),
        (date(2025, 11, 24), date(2026, 11, 24), "Mon 24 November 2025 to Tue 24 November 2026"),
        (date(2026, 11, 23), date(2026, 11, 23), "Mon 23 November 2026"),
    ],
)
def test_span_says_no_more_than_it_must(first: date, last: date, words: str) -> None:
    """As people say it."""
    assert span(first, last) == words


def test_times_are_those_of_london() -> None:
    """10:15 in summer is 09:15 in UTC."""
    assert when(NOW, NOW) == "today 10:20"
    assert when(datetime(2026, 7, 1, 9, 15, tzinfo=UTC), NOW) == "Wed 1 Jul 10:15"
    assert when(None, NOW) == ""


def test_year_groups_are_short() -> None:
    """They stand in a column."""
    assert short("National Curriculum not followed (special schools)") == "NC not followed"


@pytest.mark.parametrize("columns", [40, 60, 80, 100])
@pytest.mark.parametrize(
    "command", ["attsync preview --school 900041 --date 2026-11-17", "chmod 600 '/etc/att sync/x'"]
)
def test_command_is_never_broken(command: str, columns: int) -> None:
    """Pasted as two lines it does something else."""
    words = f"{'Somebody has to look at this day first. ' * 2}To see it: {command}. Then correct it in the MIS."
    table = Sheet(UNICODE, ("", "School"))
    table.add("✗", words)

    for screen in (text_of(prose(words, indent=2), columns), text_of(table, columns)):
        assert sum(command in line for line in screen.splitlines()) == 1
        assert " ".join(screen.removeprefix("✗").split()).endswith(" ".join(words.split()))
        assert all(len(line) <= columns or line.lstrip().startswith(command) for line in screen.splitlines()[2:])
