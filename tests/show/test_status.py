"""The screens of `status`: one school, and a trust, whose thirty schools fit on one screen with problems first."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from inline_snapshot import snapshot

from attsync.log import SchoolRun
from attsync.model import School, Session, Sign, State
from attsync.problems import Problem
from attsync.show.status import last_and_next, legend, result, status
from attsync.show.symbols import ASCII, DIM, UNICODE
from attsync.show.table import Prose
from attsync.status.overview import Overview, SchoolStatus
from attsync.window import Window
from tests.show.screens import (
    BUSY,
    CLOSED,
    FRIDAY,
    MONDAY,
    RECEIVER,
    SCHOOLS,
    a_day,
    a_run,
    a_school,
    an_overview,
    closed_day,
    failing,
    faults,
    no_consent,
    oakfield,
    one_line,
    text_of,
    trust,
)

FEW = ("Birchwood High", "Riverside Academy", "Elm Grove Primary", "Parkside PRU", "Abbey Lane Primary")


def few() -> Overview:
    """Return five schools of the trust: all that differ."""
    return replace(trust(), schools=tuple(each for each in trust().schools if each.school.name in FEW))


@pytest.mark.parametrize(
    ("columns", "screen"),
    [
        (
            80,
            snapshot("""\
Example Learning Trust  5 schools
✓ 1 up to date   ! 1 to check   ✗ 2 failed   ○ 1 without consent
Last send today 10:15, took 38 s.   Next send today 14:45.

                   Thu Fri  Mon Tue Wed Thu Fri  Mon
School             12  13   16  17  18  19  20   23  Result
────────────────────────────────────────────────────────────────────────────────
Birchwood High     ✓✓  ✓✓   ✓✓  ✓✓  ✓✓  ✓✓  ✓✓   ✗✗  ✗ 2 faulty: unknown
                                                     attendance code "ZZ"
Riverside Academy  ✓✓  ✓✓   ✓✓  ✓✓  ✓✓  ✗✗  ✗✗   ✓…  ✗ 4 not received: DfE busy
Elm Grove Primary  ✓✓  ✓✓   ✓✓  ✓–  ✓✓  ✓✓  ✓✓   ✓…  ! no register: Tue PM
Parkside PRU                                         ○ no consent: nothing sent

Abbey Lane Primary ✓✓  ✓✓   ✓✓  ✓✓  ✓✓  ✓✓  ✓✓   ✓…  ✓ up to date

✓ received by DfE   ✗ not received, or with faults   … not due yet
– no register taken   · closed

What to do next
✗ Birchwood High (900004)  Mon 23 Nov: The DfE stored this day and found 3
  faults in it: unknown attendance code (VAL104), in Year 9, AM. Correct these
  marks in the MIS, or their map in the settings file. The next send will then
  include the corrections.  [DFE-FAULTS]
✗ Riverside Academy (900027)  Thu 19 Nov and 1 more day: The DfE service at
  api.example.gov.uk was busy (status 503, 4 tries). No action needed: the next
  send will include this.  [DFE-BUSY]
! Elm Grove Primary (900012)  Tue 17 Nov: no afternoon register in the database.
  Check in the MIS that the register was taken. If it was, ask the person who
  wrote the marks SELECT.  [SESSION-NONE]
To send now: attsync send --school 900004
"""),
        ),
        (
            100,
            snapshot("""\
Example Learning Trust  5 schools
✓ 1 up to date   ! 1 to check   ✗ 2 failed   ○ 1 without consent
Last send today 10:15, took 38 s.   Next send today 14:45.

                    Thu  Fri    Mon  Tue  Wed  Thu  Fri    Mon
School              12   13     16   17   18   19   20     23   Result
────────────────────────────────────────────────────────────────────────────────────────────────────
Birchwood High      ✓✓   ✓✓     ✓✓   ✓✓   ✓✓   ✓✓   ✓✓     ✗✗   ✗ 2 faulty: unknown attendance code
                                                                "ZZ"
Riverside Academy   ✓✓   ✓✓     ✓✓   ✓✓   ✓✓   ✗✗   ✗✗     ✓…   ✗ 4 not received: DfE busy
Elm Grove Primary   ✓✓   ✓✓     ✓✓   ✓–   ✓✓   ✓✓   ✓✓     ✓…   ! no register: Tue PM
Parkside PRU                                                    ○ no consent: nothing sent

Abbey Lane Primary  ✓✓   ✓✓     ✓✓   ✓✓   ✓✓   ✓✓   ✓✓     ✓…   ✓ up to date

✓ received by DfE   ✗ not received, or with faults   … not due yet   – no register taken   · closed

What to do next
✗ Birchwood High (900004)  Mon 23 Nov: The DfE stored this day and found 3 faults in it: unknown
  attendance code (VAL104), in Year 9, AM. Correct these marks in the MIS, or their map in the
  settings file. The next send will then include the corrections.  [DFE-FAULTS]
✗ Riverside Academy (900027)  Thu 19 Nov and 1 more day: The DfE service at api.example.gov.uk was
  busy (status 503, 4 tries). No action needed: the next send will include this.  [DFE-BUSY]
! Elm Grove Primary (900012)  Tue 17 Nov: no afternoon register in the database. Check in the MIS
  that the register was taken. If it was, ask the person who wrote the marks SELECT.  [SESSION-NONE]
To send now: attsync send --school 900004
"""),
        ),
        (
            132,
            snapshot("""\
Example Learning Trust  5 schools
✓ 1 up to date   ! 1 to check   ✗ 2 failed   ○ 1 without consent
Last send today 10:15, took 38 s.   Next send today 14:45.

                            Thu  Fri    Mon  Tue  Wed  Thu  Fri    Mon
School              URN     12   13     16   17   18   19   20     23   Attendance  Last sent    Result
────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
Birchwood High      900004  ✓✓   ✓✓     ✓✓   ✓✓   ✓✓   ✓✓   ✓✓     ✗✗        95.1%  today 10:15  ✗ 2 faulty: unknown attendance code
                                                                                                 "ZZ"
Riverside Academy   900027  ✓✓   ✓✓     ✓✓   ✓✓   ✓✓   ✗✗   ✗✗     ✓…        95.1%  today 10:15  ✗ 4 not received: DfE busy
Elm Grove Primary   900012  ✓✓   ✓✓     ✓✓   ✓–   ✓✓   ✓✓   ✓✓     ✓…        95.1%  today 10:15  ! no register: Tue PM
Parkside PRU        900024                                                          never        ○ no consent: nothing sent

Abbey Lane Primary  900001  ✓✓   ✓✓     ✓✓   ✓✓   ✓✓   ✓✓   ✓✓     ✓…        95.1%  today 10:15  ✓ up to date

✓ received by DfE   ✗ not received, or with faults   … not due yet   – no register taken   · closed

What to do next
✗ Birchwood High (900004)  Mon 23 Nov: The DfE stored this day and found 3 faults in it: unknown
  attendance code (VAL104), in Year 9, AM. Correct these marks in the MIS, or their map in the
  settings file. The next send will then include the corrections.  [DFE-FAULTS]
✗ Riverside Academy (900027)  Thu 19 Nov and 1 more day: The DfE service at api.example.gov.uk was
  busy (status 503, 4 tries). No action needed: the next send will include this.  [DFE-BUSY]
! Elm Grove Primary (900012)  Tue 17 Nov: no afternoon register in the database. Check in the MIS
  that the register was taken. If it was, ask the person who wrote the marks SELECT.  [SESSION-NONE]
To send now: attsync send --school 900004
"""),  # noqa: E501
        ),
    ],
)
def test_trust(columns: int, screen: str) -> None:
    """Problems first, a strip of dates with a gap between weeks, and what to do next for each cause."""
    text = text_of(status(few(), UNICODE, heading="Example Learning Trust"), columns)

    assert text == screen
    assert max(map(len, text.splitlines())) <= columns


def test_pipe_gets_everything() -> None:
    """It has no width, so nothing is left out or wrapped for one."""
    view = status(few(), UNICODE, heading="Example Learning Trust")

    assert text_of(view, None) == text_of(view, 160)


@pytest.mark.parametrize(
    ("columns", "screen"),
    [
        (
            80,
            snapshot("""\
Oakfield Primary  URN 900023
✓ Consent given by sam (School business manager) on 3 September 2026
! 1 thing to check   Last send today 10:15, took 38 s.   Next send today 14:45.

Date        AM  PM  Marks  On roll  Last sent    Note
────────────────────────────────────────────────────────────────────────────────
Mon 23 Nov  ✓   …     418      418  today 10:15  afternoon is sent at 14:45
Fri 20 Nov  ✓   ✓     836      418  today 10:15  2 marks changed since Friday
Thu 19 Nov  ✓   ✓     836      418  today 10:15
Wed 18 Nov  ✓   ✓     836      418  today 10:15
Tue 17 Nov  ✓   –     418      418  today 10:15  no afternoon register in the
                                                 database
Mon 16 Nov  ✓   ✓     836      418  today 10:15
Fri 13 Nov  ✓   ✓     836      418  today 10:15
Thu 12 Nov  ✓   ✓     836      418  today 10:15

✓ received by DfE   ✗ not received, or with faults   … not due yet
– no register taken   · closed

What to do next
! Tue 17 Nov: no afternoon register in the database. Check in the MIS that the
  register was taken. If it was, ask the person who wrote the marks SELECT.
  [SESSION-NONE]
"""),
        ),
        (
            132,
            snapshot("""\
Oakfield Primary  URN 900023
✓ Consent given by sam (School business manager) on 3 September 2026
! 1 thing to check   Last send today 10:15, took 38 s.   Next send today 14:45.

Date        AM  PM  Marks  On roll  Attendance  Last sent    Note
──────────────────────────────────────────────────────────────────────────────────────────────────
Mon 23 Nov  ✓   …     418      418       95.1%  today 10:15  afternoon is sent at 14:45
Fri 20 Nov  ✓   ✓     836      418       95.1%  today 10:15  2 marks changed since Friday
Thu 19 Nov  ✓   ✓     836      418       95.1%  today 10:15
Wed 18 Nov  ✓   ✓     836      418       95.1%  today 10:15
Tue 17 Nov  ✓   –     418      418       95.1%  today 10:15  no afternoon register in the database
Mon 16 Nov  ✓   ✓     836      418       95.1%  today 10:15
Fri 13 Nov  ✓   ✓     836      418       95.1%  today 10:15
Thu 12 Nov  ✓   ✓     836      418       95.1%  today 10:15

✓ received by DfE   ✗ not received, or with faults   … not due yet   – no register taken   · closed

What to do next
! Tue 17 Nov: no afternoon register in the database. Check in the MIS that the register was taken.
  If it was, ask the person who wrote the marks SELECT.  [SESSION-NONE]
"""),
        ),
    ],
)
def test_one_school(columns: int, screen: str) -> None:
    """A row per day, newest first."""
    assert text_of(status(oakfield(), UNICODE), columns) == screen


def test_trust_in_ascii() -> None:
    """One column per session, so that the strip stays a strip."""
    text = text_of(status(few().only_problems(), ASCII, heading="Example Learning Trust"), 100)

    assert text.isascii()
    assert text == snapshot("""\
Example Learning Trust  5 schools
ok 1 up to date   ! 1 to check   FAIL 2 failed   o 1 without consent
Last send today 10:15, took 38 s.   Next send today 14:45.

                   Thu  Fri    Mon  Tue  Wed  Thu  Fri    Mon
School             12   13     16   17   18   19   20     23   Result
----------------------------------------------------------------------------------------------------
Birchwood High     ++   ++     ++   ++   ++   ++   ++     XX   FAIL 2 faulty: unknown attendance
                                                               code "ZZ"
Riverside Academy  ++   ++     ++   ++   ++   XX   XX     +~   FAIL 4 not received: DfE busy
Elm Grove Primary  ++   ++     ++   +-   ++   ++   ++     +~   ! no register: Tue PM

+ received by DfE   X not received, or with faults   ~ not due yet   - no register taken   . closed

What to do next
FAIL Birchwood High (900004)  Mon 23 Nov: The DfE stored this day and found 3 faults in it: unknown
  attendance code (VAL104), in Year 9, AM. Correct these marks in the MIS, or their map in the
  settings file. The next send will then include the corrections.  [DFE-FAULTS]
FAIL Riverside Academy (900027)  Thu 19 Nov and 1 more day: The DfE service at api.example.gov.uk
  was busy (status 503, 4 tries). No action needed: the next send will include this.  [DFE-BUSY]
! Elm Grove Primary (900012)  Tue 17 Nov: no afternoon register in the database. Check in the MIS
  that the register was taken. If it was, ask the person who wrote the marks SELECT.  [SESSION-NONE]
To send now: attsync send --school 900004
""")


@pytest.mark.parametrize("columns", [80, 100, 132])
def test_thirty_schools_fit_on_one_screen(columns: int) -> None:
    """With the legend within 45 lines; a healthy trust altogether."""
    problems, _, _ = text_of(status(trust(), UNICODE), columns).partition("\nWhat to do next")
    healthy = text_of(status(an_overview(*map(a_school, SCHOOLS)), UNICODE), columns)

    assert len(problems.splitlines()) <= 45
    assert len(healthy.splitlines()) <= 40
    assert "What to do next" not in healthy


@pytest.mark.parametrize("columns", [10, 40, 60, 79])
def test_no_cell_is_cut_on_a_narrow_screen(columns: int) -> None:
    """A tick that is cut off would be a lie; lines run over instead."""
    text = text_of(status(an_overview(*map(a_school, SCHOOLS)), UNICODE), columns)

    rows = [line for line in text.splitlines() if "✓✓" in line]
    assert [row.split(" ✓✓")[0].rstrip() for row in rows] == [school.name for school in SCHOOLS]
    assert all(row.count("✓✓") == 7 for row in rows)


@pytest.mark.parametrize("view", [oakfield(), trust()])
def test_legend_is_quiet(view: Overview) -> None:
    """The loudest thing on a healthy screen is not a red cross."""
    contents = [each for section in status(view, UNICODE).sections for each in section.contents]
    texts = [text for each in contents if isinstance(each, Prose) for text in each.texts]

    assert {text.plain.replace("\ue000", " ") for text in texts if text.style == DIM} >= {*legend(UNICODE)}


def test_ticks_of_a_school_without_consent_are_dim() -> None:
    """What was sent before consent was removed is the past."""
    signs = [UNICODE.of(day, session, is_past=True) for day in a_school().days for session in Session]
    assert {span.style for sign in [*signs, UNICODE.of(closed_day(FRIDAY), Session.AM)] for span in sign.spans} == {DIM}


def test_what_several_schools_have_in_common_is_said_once() -> None:
    """Sixteen equal paragraphs are none that anyone reads. The days of all of them are named."""
    schools = [
        failing(school, BUSY, day) for school, day in zip(SCHOOLS, (MONDAY, FRIDAY, FRIDAY, FRIDAY), strict=False)
    ]

    two, four = (one_line(status(an_overview(*schools[:n]), UNICODE)) for n in (2, 4))

    assert two.count("DFE-BUSY") == four.count("DFE-BUSY") == 1
    assert "✗ Abbey Lane Primary (900001) and Ashdown Academy (900002) Fri 20 Nov and 1 more day: The DfE" in two
    assert "✗ Abbey Lane Primary (900001) and 3 more schools Fri 20 Nov and 1 more day: The DfE" in four


def test_marks_to_correct_are_said_for_each_school() -> None:
    """Each is corrected on its own."""
    said = one_line(status(an_overview(*(failing(each, faults(), FRIDAY) for each in SCHOOLS[:3])), UNICODE))

    assert said.count("[DFE-FAULTS]") == 3


def test_closed_service_is_said_once() -> None:
    """What one request was answered, and what was known before, are one cause; and nothing can be sent now."""
    since = SchoolRun(
        school=SCHOOLS[0],
        run=a_run(),
        outcome="failed",
        problem=Problem("DFE-CLOSED", "since", since=FRIDAY),
        to_check=(),
    )
    schools = [replace(failing(school, CLOSED, MONDAY), last=since) for school in SCHOOLS[:5]]

    closed: dict[str, Any] = {"next_send": None, "can_send": False}
    for view in (an_overview(*schools, **closed), an_overview(schools[0], **closed)):
        said = one_line(status(view, UNICODE))
        assert said.count("[DFE-CLOSED]") == 1
        assert "To send now" not in said
    assert "✗ 1 problem" in said


@pytest.mark.parametrize(
    ("changed", "command"),
    [
        ({}, "To send now: attsync send --school 900001"),
        ({"can_send": False}, ""),
        ({"sends": Window(MONDAY, MONDAY)}, ""),
    ],
    ids=["as usual", "closed, or a send is under way", "outside the window"],
)
def test_send_now_is_advised_where_it_helps(changed: dict[str, Any], command: str) -> None:
    """Never for a day that a send would not take: that day is said to have left the window."""
    view = an_overview(failing(SCHOOLS[0], faults(), FRIDAY), a_school(SCHOOLS[1]), **changed)
    said = one_line(status(view, UNICODE))

    assert said.partition("[DFE-FAULTS]")[2].strip() == command
    assert ("left the window" in said) == ("sends" in changed)
    assert "To send now" not in one_line(status(replace(an_overview(failing(SCHOOLS[0], BUSY, FRIDAY))), UNICODE))


def test_consent_is_asked_for_once() -> None:
    """At a new address, thirty schools have one question to answer; in a running trust, who declined is no news."""
    again = Problem("CONSENT-CHANGED", "receiver", person="sam", at=FRIDAY, was="https://a", now="https://b")
    asked = one_line(status(an_overview(*(no_consent(each, again) for each in SCHOOLS[:5])), UNICODE))
    new = one_line(status(an_overview(*(no_consent(each, Problem("CONSENT-NONE")) for each in SCHOOLS[:5])), UNICODE))
    one_declined = one_line(status(an_overview(a_school(), no_consent(SCHOOLS[1])), UNICODE))
    alone = one_line(status(an_overview(no_consent(SCHOOLS[0], Problem("CONSENT-NONE"))), UNICODE))
    declined = one_line(status(an_overview(no_consent(SCHOOLS[0])), UNICODE))

    assert asked.count("[CONSENT-CHANGED]") == 1
    assert asked.count("attsync consent grant --all") == new.count("attsync consent grant --all") == 1
    assert "consent grant" not in one_declined
    assert "○ To give consent: attsync consent grant --school 900001" in alone
    assert declined.endswith("○ Consent was removed by sam on 20 November 2026. Nothing is read or sent.")


def test_receiver_that_got_nothing_yet_is_said() -> None:
    """Green ticks for another receiver would be a lie."""
    for schools in ((a_school(days=()),), (a_school(days=()), a_school(SCHOOLS[1], days=()))):
        view = an_overview(*schools, receiver_before="https://old.example.gov.uk", last_run=None)
        said = one_line(status(view, UNICODE))
        assert (
            f"! Nothing has been sent to {RECEIVER[8:]} yet. What was sent before went to old.example.gov.uk." in said
        )


def test_marks_of_no_school_in_the_settings_are_to_check() -> None:
    """Cron is silent about them, so no one would hear of a school that is missing in the settings."""
    stray = Problem("SCHOOL-UNLISTED", database="SIMS", marks=7, urn="900099")
    several, one = (an_overview(*map(a_school, SCHOOLS[:n]), to_check=(stray,)) for n in (2, 1))

    assert "! The last send " in text_of(status(several, UNICODE), 132)
    assert "! 1 thing to check   Last send" in text_of(status(one, UNICODE), 100)
    assert "[SCHOOL-UNLISTED]" in text_of(status(one, UNICODE), 100)


def test_days_that_left_the_window_are_said_if_problems_are_asked_for() -> None:
    """Otherwise every status of a term would begin with them."""
    view = an_overview(a_school(left=(date(2026, 11, 2), date(2026, 11, 3))), a_school(SCHOOLS[1]))

    assert "[DAY-LEFT]" in one_line(status(view.only_problems(), UNICODE))
    assert "[DAY-LEFT]" not in one_line(status(view, UNICODE))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "Last send today 10:15, took 38 s.   Next send today 14:45."),
        ({"under_way": True}, "A send is under way (started today 10:15).   Next send today 14:45."),
        (
            {"last_run": replace(a_run(), ended_at=None)},
            "Last send today 10:15, did not finish.   Next send today 14:45.",
        ),
        ({"last_run": replace(a_run(), exit_code=143)}, "Last send today 10:15, was stopped.   Next send today 14:45."),
        (
            {"next_send": None},
            "Last send today 10:15, took 38 s.   No schedule found. To make one: attsync crontab",
        ),
        ({"last_run": None, "next_send": None, "can_send": False}, "Nothing has been sent yet."),
    ],
)
def test_last_send_is_said_with_how_it_ended(changed: dict[str, Any], words: str) -> None:
    """At 10:16 a run has not failed to finish."""
    assert "   ".join(text.plain for text in last_and_next(an_overview(a_school(), **changed))) == words


@pytest.mark.parametrize("columns", [80, 132])
def test_ordinary_names_leave_room_for_the_result(columns: int) -> None:
    """No row runs over, and the schools are told apart."""
    long = [
        School(900001 + n, f"St Mary's Church of England {kind} School") for n, kind in enumerate(("Primary", "Junior"))
    ]
    screen = text_of(status(an_overview(*(failing(each, BUSY, FRIDAY) for each in long)), UNICODE), columns)

    assert max(map(len, screen.splitlines())) <= columns
    rows = [line for line in screen.splitlines() if line.startswith("St Mary")]
    assert ["…Junior " in rows[0], "…Primary " in rows[1]] == [True, True]


@pytest.mark.parametrize(
    ("school", "words"),
    [
        (a_school(days=()), "… nothing sent yet"),
        (no_consent(SCHOOLS[0]), "○ no consent: nothing sent"),
        (failing(SCHOOLS[0], BUSY, FRIDAY, MONDAY), "✗ 4 not received: DfE busy"),
        (a_school(SCHOOLS[0], a_day(FRIDAY, problem=BUSY, not_again=True)), "✗ not sent again: DfE busy"),
        (
            a_school(
                SCHOOLS[0],
                a_day(MONDAY, pm=Sign.NOT_RECEIVED, problem=BUSY, note="PM not received: x"),
                a_day(FRIDAY, Sign.NOT_RECEIVED, Sign.NOT_RECEIVED, state=State.FAILED, problem=BUSY),
            ),
            "✗ PM not received: x",
        ),
    ],
    ids=["first send", "no consent", "days", "not again", "a session by name: no number before it"],
)
def test_result_of_a_school_in_a_few_words(school: SchoolStatus, words: str) -> None:
    """What is worst comes first."""
    assert result(school, UNICODE).plain == words


def test_dates_have_a_gap_between_weeks_in_any_year() -> None:
    """Fridays and Mondays are not neighbours, nor are the two of New Year."""
    days = [date(2026, 12, 31) + timedelta(days=n) for n in (0, 1, 4, 5)]
    school = a_school(days=tuple(a_day(day) for day in reversed(days)))
    head = text_of(status(an_overview(school, a_school(SCHOOLS[1], days=())), UNICODE), 100).splitlines()[4]

    assert head.split() == ["Thu", "Fri", "Mon", "Tue"]
    assert head.index("Mon") - head.index("Fri") > head.index("Tue") - head.index("Mon")
