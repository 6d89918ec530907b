"""The small parts: tables that never cut, prose that wraps, signs that an encoding can show."""

from datetime import UTC, datetime

import pytest
from inline_snapshot import snapshot
from rich.text import Text

from attsync import messages
from attsync.show.symbols import ASCII, UNICODE, short, signs_for, when
from attsync.show.table import Sheet, prose, side_by_side
from tests.show.screens import NOW, text_of


def sheet() -> Sheet:
    """Return a small table."""
    made = Sheet(UNICODE, ("School", ">Marks", "Result"), gap=2)
    made.add("Ysgol Gŵyr", "1,204", "refused: unknown mark code in a long sentence that has to wrap somewhere")
    made.space()
    made.add("学校", "7", "✓")
    return made


@pytest.mark.parametrize(
    ("columns", "screen"),
    [
        (
            50,
            snapshot("""\
School      Marks  Result
──────────────────────────────────────────────────
Ysgol Gŵyr  1,204  refused: unknown mark code in a
                   long sentence that has to wrap
                   somewhere

学校            7  ✓
"""),
        ),
        (
            20,
            snapshot("""\
School      Marks  Result
───────────────────────────────────
Ysgol Gŵyr  1,204  refused: unknown
                   mark code in a
                   long sentence
                   that has to wrap
                   somewhere

学校            7  ✓
"""),
        ),
    ],
)
def test_only_the_last_column_wraps(columns: int, screen: str) -> None:
    """Dates, ticks and names stay whole; half a number is a wrong number. A screen too narrow is overrun."""
    assert text_of(sheet(), columns) == screen


@pytest.mark.parametrize("columns", [200, None])
def test_table_takes_no_more_room_than_it_needs(columns: int | None) -> None:
    """A line across an empty screen says nothing; in a pipe, sentences end where they can be read."""
    assert max(map(len, text_of(sheet(), columns).splitlines())) == 91


def test_only_names_that_are_too_long_are_shortened() -> None:
    """The last word stays: schools of one saint are told apart by it. A pipe has room for all of it."""
    made = Sheet(UNICODE, ("School", "Result"), gap=1, names=0)
    made.add("Elm Grove", "up to date")
    made.add("St Mary Magdalene and St John Church of England Primary", "refused: unknown mark code")

    assert text_of(made, 50) == snapshot("""\
School                  Result
──────────────────────────────────────────────────
Elm Grove               up to date
St Mary Magdale…Primary refused: unknown mark code
""")
    assert "St John Church of England Primary" in text_of(made, None)


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


@pytest.mark.parametrize("columns", [40, 60, 80, 100, None])
def test_command_is_never_broken(columns: int | None) -> None:
    """Pasted as two lines it does something else; what is around it is still broken."""
    command = messages.attsync("preview", "--school", "900041", "--date", "2026-11-17")
    said = messages.Text(("Someone has to look at this day first. " * 2, "To see it: ", command, ". Then correct it."))

    lines = text_of(prose(said, indent=2), columns).splitlines()

    assert sum(str(command) in line for line in lines) == 1
    assert " ".join(" ".join(lines).split()) == " ".join(str(said).split())
    assert all(len(line) <= (columns or 100) or line.lstrip().startswith(str(command)) for line in lines)


def test_parts_are_not_broken_in_two() -> None:
    """A sign without its meaning says nothing."""
    parts = side_by_side([Text("✓ received by DfE"), Text("✗ not received"), Text("… not due yet")])

    assert text_of(parts, 40).splitlines() == ["✓ received by DfE   ✗ not received", "… not due yet"]


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "utf-16"])
def test_unicode_has_ticks(encoding: str) -> None:
    """Nearly everyone."""
    assert signs_for(encoding) is UNICODE


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "cp850", "no-such-encoding", None])
def test_other_encodings_have_words(encoding: str | None) -> None:
    """Cron, old terminals, Windows."""
    assert signs_for(encoding) is ASCII


def test_times_are_those_of_london() -> None:
    """10:15 in summer is 09:15 in UTC."""
    assert when(NOW, NOW) == "today 10:20"
    assert when(datetime(2026, 7, 1, 9, 15, tzinfo=UTC), NOW) == "Wed 1 Jul 10:15"
    assert when(None, NOW) == ""


def test_year_groups_are_short() -> None:
    """They are in a column."""
    assert short("National Curriculum not followed (special schools)") == "NC not followed"
