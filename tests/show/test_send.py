"""The lines of a send: whose days, one line a school with its time at the right, at any width."""

import pytest
from inline_snapshot import snapshot

from attsync.report import SchoolResult
from attsync.show.send import send_heading, send_line
from attsync.show.symbols import UNICODE
from tests.show.screens import BUSY, SCHOOLS, WINDOW, text_of


def test_schools_that_only_the_database_knows_are_not_counted() -> None:
    """At the first run nobody has asked it yet."""
    assert text_of(send_heading(WINDOW, "8 working days", 0, dry_run=False), 100) == snapshot("""\
Sending Thu 12 to Mon 23 November 2026 (8 working days) for the schools that the database lists
""")


@pytest.mark.parametrize(
    ("columns", "screen"),
    [
        (
            40,
            snapshot("""\
✓  Abbey Lane Primary  no marks in these
                       days: nothing to
                       send; 1 to check
✗  Birchwood High      nothing read: DfE
                       busy
○  Parkside PRU        no consent: not
                       read, not sent
"""),
        ),
        (
            80,
            snapshot("""\
✓  Abbey Lane Primary  no marks in these days: nothing to send; 1 to check
✗  Birchwood High      nothing read: DfE busy                             14.0 s
○  Parkside PRU        no consent: not read, not sent
"""),
        ),
        (
            132,
            snapshot("""\
✓  Abbey Lane Primary  no marks in these days: nothing to send; 1 to check                     3.1 s
✗  Birchwood High      nothing read: DfE busy                                                 14.0 s
○  Parkside PRU        no consent: not read, not sent
"""),
        ),
    ],
)
def test_time_stands_at_the_right_or_not_at_all(columns: int, screen: str) -> None:
    """Never alone on a second line."""
    results = [
        SchoolResult(school=SCHOOLS[0], outcome="read", seconds=3.14, to_check=(BUSY,)),
        SchoolResult(school=SCHOOLS[3], outcome="failed", seconds=14.0, problem=BUSY),
        SchoolResult(school=SCHOOLS[23], outcome="skipped"),
    ]

    lines = [text_of(send_line(result, UNICODE, name_width=18, dry_run=False), columns) for result in results]

    assert "".join(lines) == screen
