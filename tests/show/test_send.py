"""The lines of a send: whose days, one line per school with its time, and a summary."""

from dataclasses import replace
from datetime import date

import pytest
from inline_snapshot import snapshot

from attsync.model import DayStatus, School, Sign, State
from attsync.problems import Problem
from attsync.run.report import Report, SchoolResult
from attsync.show.send import send_heading, send_line, send_summary, span
from attsync.show.symbols import UNICODE
from tests.show.screens import (
    BUSY,
    CLOSED,
    DAYS,
    FRIDAY,
    MONDAY,
    NO_CONSENT,
    NOW,
    SCHOOLS,
    WINDOW,
    a_day,
    faults,
    named,
    text_of,
)


def test_schools_that_only_the_database_knows_are_not_counted() -> None:
    """At the first run no one has asked it yet."""
    assert text_of(send_heading(WINDOW, "8 working days", 0, dry_run=False), 100) == snapshot("""\
Sending Thu 12 to Mon 23 November 2026 (8 working days) for the schools that the database lists
""")


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


def result(school: School, *days: DayStatus, seconds: float = 0.0) -> SchoolResult:
    """Return the result of a school that was read."""
    made = SchoolResult(school=school, outcome="read", seconds=seconds)
    for day in days:
        made.add(day)
    return made


def report() -> Report:
    """Return a run in which one school is fine, one has faults, six were stopped by the service, one has no consent."""
    bad = a_day(MONDAY, Sign.FAULTY, Sign.FAULTY, state=State.FAULTY, problem=faults())
    schools = [
        result(SCHOOLS[0], *map(a_day, DAYS), seconds=3.14),
        result(SCHOOLS[3], a_day(FRIDAY), bad, seconds=4.0),
        *(SchoolResult(school=each, outcome="failed", seconds=14.0, problem=CLOSED) for each in SCHOOLS[4:10]),
        SchoolResult(school=named("Parkside PRU"), outcome="skipped", problem=NO_CONSENT),
    ]
    return Report(window=WINDOW, now=NOW, times=(), number=214, schools=schools)


@pytest.mark.parametrize(
    ("columns", "screen"),
    [
        (
            40,
            snapshot("""\
✓  Abbey Lane Primary   3.1 s  16 sessions
                               received
✗  Birchwood High       4.0 s  2 of 4 sessions
                               faulty: unknown
                               attendance code
                               "ZZ" (Mon 23
                               Nov)
✗  Bluebell Infants      14 s  nothing read:
                               DfE service
                               closed
○  Parkside PRU                no consent: not
                               read, not sent
"""),
        ),
        (
            80,
            snapshot("""\
✓  Abbey Lane Primary   3.1 s  16 sessions received
✗  Birchwood High       4.0 s  2 of 4 sessions faulty: unknown attendance code
                               "ZZ" (Mon 23 Nov)
✗  Bluebell Infants      14 s  nothing read: DfE service closed
○  Parkside PRU                no consent: not read, not sent
"""),
        ),
        (
            132,
            snapshot("""\
✓  Abbey Lane Primary   3.1 s  16 sessions received
✗  Birchwood High       4.0 s  2 of 4 sessions faulty: unknown attendance code "ZZ" (Mon 23 Nov)
✗  Bluebell Infants      14 s  nothing read: DfE service closed
○  Parkside PRU                no consent: not read, not sent
"""),
        ),
    ],
)
def test_schools_and_times_are_below_each_other(columns: int, screen: str) -> None:
    """The lines are printed one at a time, and read as a table."""
    results = [report().schools[n] for n in (0, 1, 2, -1)]

    lines = [text_of(send_line(result, UNICODE, name_width=18, dry_run=False), columns) for result in results]

    assert "".join(lines) == screen


def test_summary_says_each_cause_once_apart_from_the_foot() -> None:
    """What a person has to do is not lost between counts and the next command."""
    assert text_of(send_summary(report(), UNICODE, [], dry_run=False), 80) == snapshot("""\

Finished with 2 problems. 20 sessions received, 2 faulty, 1 school without
consent. Recorded as run 214.

✗ Birchwood High (900004)  Mon 23 Nov: The DfE stored this day and found 3
  faults in it: unknown attendance code (VAL104), in Year 9, AM. Correct these
  marks in the MIS, or their map in the settings file. The next send will then
  include the corrections.  [DFE-FAULTS]
✗ Bluebell Infants (900005) and 5 more schools  The DfE's service at
  api.example.gov.uk says that it is closed (status 410). Nothing more was sent.
  The next send will try once more. Ask IT to find out where attendance has to
  be sent now.  [DFE-CLOSED]

Next: attsync status --problems
""")


def test_summary_of_a_good_run_is_two_lines() -> None:
    """Nothing to read, nothing to do."""
    good = replace(report(), schools=report().schools[:1])

    assert text_of(send_summary(good, UNICODE, [], dry_run=False), 80) == snapshot("""\
Finished. 16 sessions received. Recorded as run 214.
Next: attsync status
""")
    assert text_of(send_summary(replace(good, number=0), UNICODE, [], dry_run=True), 80) == snapshot("""\
Finished. 16 sessions would be sent. Nothing was sent.
Next: attsync send
""")


def test_summary_of_a_run_without_consent_says_how_to_give_it() -> None:
    """For one school with its number, for several with --all."""
    undecided = Problem("CONSENT-NONE")
    removed, *skipped = (
        SchoolResult(school=each, outcome="skipped", problem=problem)
        for each, problem in zip(SCHOOLS, (NO_CONSENT, undecided, undecided), strict=False)
    )
    one, two, none = (replace(report(), schools=[*some, removed]) for some in (skipped[:1], skipped, []))

    assert "Next: attsync consent grant --school 900002" in text_of(send_summary(one, UNICODE, [], dry_run=False))
    assert "Next: attsync consent grant --all" in text_of(send_summary(two, UNICODE, [], dry_run=False))
    assert "consent grant" not in text_of(send_summary(none, UNICODE, [], dry_run=False))  # it has decided


def test_only_the_first_causes_are_written_out() -> None:
    """`status` has the others."""
    results = [result(each, a_day(problem=faults(), state=State.FAULTY)) for each in SCHOOLS]
    results.append(SchoolResult(school=SCHOOLS[0], outcome="failed", problem=BUSY))

    said = text_of(send_summary(replace(report(), schools=results), UNICODE, [], dry_run=False))

    assert said.count("[DFE-FAULTS]") == 5
    assert "and 26 more problems." in said
