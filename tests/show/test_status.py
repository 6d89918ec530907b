"""The table of a trust: thirty schools on one screen, problems first."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from attsync.log import Log
from attsync.model import Outcome, School, Session, State
from attsync.problems import Problem
from attsync.show.html import status_page
from attsync.show.status import status
from attsync.show.symbols import ASCII, UNICODE
from attsync.show.words import result
from attsync.status import Overview, look
from attsync.window import Window
from tests.show.screens import (
    BUSY,
    MONDAY,
    NOW,
    SCHOOLS,
    UNKNOWN,
    WINDOW,
    body,
    give_consent,
    one_school_log,
    received,
    text_of,
    trust_log,
    trust_settings,
)

FRIDAY = date(2026, 11, 20)
ODD = ("Birchwood High", "Riverside Academy", "Elm Grove Primary", "Parkside PRU")


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Overview]:
    """Look at a trust, through its log."""
    settings = trust_settings(tmp_path_factory.mktemp("trust"))
    with trust_log(settings) as log:
        yield look(settings, log, SCHOOLS, WINDOW, NOW)


@pytest.mark.parametrize(
    ("columns", "screen"),
    [
        (
            80,
            snapshot("""\
Example Learning Trust  30 schools
✓ 26 up to date   ! 1 to check   ✗ 2 failed   ○ 1 without consent
Last send today 10:15, took 38 s.  Next send today 14:45.

                      Thu Fri Mon Tue Wed Thu Fri Mon
School                12  13  16  17  18  19  20  23  Result
────────────────────────────────────────────────────────────────────────────────
Birchwood High        ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✗…  ✗ refused: unknown mark
                                                      code "ZZ"
Riverside Academy     ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✗✗  ✗✗  ✓…  ✗ 4 not received: DfE busy

Elm Grove Primary     ✓✓  ✓✓  ✓✓  ✓–  ✓✓  ✓✓  ✓✓  ✓…  ! no register: Tue PM

Parkside PRU                                          ○ no consent: nothing sent

Abbey Lane Primary    ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Ashdown Academy       ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Beacon Hill Primary   ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Bluebell Infants      ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Brookside Junior      ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Castle View Academy   ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Cedar Park Primary    ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Chapel Street Primary ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Dale Valley High      ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Eastgate Academy      ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Fairfield Infants     ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Greenway Primary      ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Hawthorn Special      ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Heathland Academy     ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Highcliff Primary     ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Kingsmead High        ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Larkspur Primary      ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Meadowbank Primary    ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Millbrook Academy     ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Northfield Primary    ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Oakfield Primary      ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Priory Primary        ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Ridgeway High         ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
St Aidan's CE Primary ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Westbury Junior       ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date
Woodlands Primary     ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓✓  ✓…  ✓ up to date

✓ received by DfE   ✗ not received, or with faults   … not due yet
– no register taken   · school closed

What to do next
✗ Birchwood High (900004)  3 marks in Year 9 on Mon 23 Nov AM have the code
  "ZZ", which is not a DfE attendance code. This day was not sent. Correct it in
  the MIS; it then goes with the next send.  [MARK-UNKNOWN]
✗ Riverside Academy (900027)  Thu 19 Nov and 1 more day: The DfE service was
  busy (503) on 4 tries. Nothing to do: the next send covers this.  [DFE-BUSY]
! Elm Grove Primary (900012)  Tue 17 Nov: no afternoon register in the database.
  Check in the MIS that it was taken.  [SESSION-NONE]
"""),
        ),
        (
            100,
            snapshot("""\
Example Learning Trust  30 schools
✓ 26 up to date   ! 1 to check   ✗ 2 failed   ○ 1 without consent
Last send today 10:15, took 38 s.  Next send today 14:45.

                       Thu  Fri  Mon  Tue  Wed  Thu  Fri  Mon
School                 12   13   16   17   18   19   20   23   Result
────────────────────────────────────────────────────────────────────────────────────────────────
Birchwood High         ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✗…   ✗ refused: unknown mark code "ZZ"
Riverside Academy      ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✗✗   ✗✗   ✓…   ✗ 4 not received: DfE busy

Elm Grove Primary      ✓✓   ✓✓   ✓✓   ✓–   ✓✓   ✓✓   ✓✓   ✓…   ! no register: Tue PM

Parkside PRU                                                   ○ no consent: nothing sent

Abbey Lane Primary     ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Ashdown Academy        ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Beacon Hill Primary    ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Bluebell Infants       ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Brookside Junior       ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Castle View Academy    ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Cedar Park Primary     ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Chapel Street Primary  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Dale Valley High       ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Eastgate Academy       ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Fairfield Infants      ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Greenway Primary       ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Hawthorn Special       ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Heathland Academy      ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Highcliff Primary      ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Kingsmead High         ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Larkspur Primary       ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Meadowbank Primary     ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Millbrook Academy      ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Northfield Primary     ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Oakfield Primary       ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Priory Primary         ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Ridgeway High          ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
St Aidan's CE Primary  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Westbury Junior        ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date
Woodlands Primary      ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…   ✓ up to date

✓ received by DfE   ✗ not received, or with faults   … not due yet
– no register taken   · school closed

What to do next
✗ Birchwood High (900004)  3 marks in Year 9 on Mon 23 Nov AM have the code "ZZ", which is not a DfE
  attendance code. This day was not sent. Correct it in the MIS; it then goes with the next send.
  [MARK-UNKNOWN]
✗ Riverside Academy (900027)  Thu 19 Nov and 1 more day: The DfE service was busy (503) on 4 tries.
  Nothing to do: the next send covers this.  [DFE-BUSY]
! Elm Grove Primary (900012)  Tue 17 Nov: no afternoon register in the database. Check in the MIS
  that it was taken.  [SESSION-NONE]
"""),
        ),
        (
            132,
            snapshot("""\
Example Learning Trust  30 schools
✓ 26 up to date   ! 1 to check   ✗ 2 failed   ○ 1 without consent
Last send today 10:15, took 38 s.  Next send today 14:45.

                               Thu  Fri  Mon  Tue  Wed  Thu  Fri  Mon
School                 URN     12   13   16   17   18   19   20   23   Attendance  Last sent    Result
─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
Birchwood High         900004  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✗…        97.1%  today 10:15  ✗ refused: unknown mark code "ZZ"
Riverside Academy      900027  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✗✗   ✗✗   ✓…        91.7%  today 10:15  ✗ 4 not received: DfE busy

Elm Grove Primary      900012  ✓✓   ✓✓   ✓✓   ✓–   ✓✓   ✓✓   ✓✓   ✓…        95.2%  today 10:15  ! no register: Tue PM

Parkside PRU           900024                                                      never        ○ no consent: nothing sent

Abbey Lane Primary     900001  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        97.9%  today 10:15  ✓ up to date
Ashdown Academy        900002  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        97.6%  today 10:15  ✓ up to date
Beacon Hill Primary    900003  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        97.4%  today 10:15  ✓ up to date
Bluebell Infants       900005  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        96.9%  today 10:15  ✓ up to date
Brookside Junior       900006  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        96.7%  today 10:15  ✓ up to date
Castle View Academy    900007  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        96.4%  today 10:15  ✓ up to date
Cedar Park Primary     900008  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        96.2%  today 10:15  ✓ up to date
Chapel Street Primary  900009  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        96.0%  today 10:15  ✓ up to date
Dale Valley High       900010  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        95.7%  today 10:15  ✓ up to date
Eastgate Academy       900011  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        95.5%  today 10:15  ✓ up to date
Fairfield Infants      900013  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        95.0%  today 10:15  ✓ up to date
Greenway Primary       900014  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        94.8%  today 10:15  ✓ up to date
Hawthorn Special       900015  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        94.5%  today 10:15  ✓ up to date
Heathland Academy      900016  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        94.3%  today 10:15  ✓ up to date
Highcliff Primary      900017  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        94.0%  today 10:15  ✓ up to date
Kingsmead High         900018  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        93.8%  today 10:15  ✓ up to date
Larkspur Primary       900019  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        93.6%  today 10:15  ✓ up to date
Meadowbank Primary     900020  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        93.3%  today 10:15  ✓ up to date
Millbrook Academy      900021  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        93.1%  today 10:15  ✓ up to date
Northfield Primary     900022  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        92.9%  today 10:15  ✓ up to date
Oakfield Primary       900023  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        92.6%  today 10:15  ✓ up to date
Priory Primary         900025  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        92.1%  today 10:15  ✓ up to date
Ridgeway High          900026  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        91.9%  today 10:15  ✓ up to date
St Aidan's CE Primary  900028  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        91.4%  today 10:15  ✓ up to date
Westbury Junior        900029  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        91.2%  today 10:15  ✓ up to date
Woodlands Primary      900030  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓…        98.1%  today 10:15  ✓ up to date

✓ received by DfE   ✗ not received, or with faults   … not due yet   – no register taken   · school closed

What to do next
✗ Birchwood High (900004)  3 marks in Year 9 on Mon 23 Nov AM have the code "ZZ", which is not a DfE
  attendance code. This day was not sent. Correct it in the MIS; it then goes with the next send.
  [MARK-UNKNOWN]
✗ Riverside Academy (900027)  Thu 19 Nov and 1 more day: The DfE service was busy (503) on 4 tries.
  Nothing to do: the next send covers this.  [DFE-BUSY]
! Elm Grove Primary (900012)  Tue 17 Nov: no afternoon register in the database. Check in the MIS
  that it was taken.  [SESSION-NONE]
"""),  # noqa: E501
        ),
    ],
)
def test_trust_of_thirty_schools(trust: Overview, columns: int, screen: str) -> None:
    """Problems first, a strip of dates, and what to do next for each problem."""
    text = text_of(status(trust, UNICODE, heading="Example Learning Trust"), columns)

    assert text == screen
    assert max(map(len, text.splitlines())) <= columns


def test_trust_in_ascii(trust: Overview) -> None:
    """One column a session, so that the strip stays a strip."""
    text = text_of(status(trust.only_problems(), ASCII, heading="Example Learning Trust"), 100)

    assert text.isascii()
    assert text == snapshot("""\
Example Learning Trust  30 schools
ok 26 up to date   ! 1 to check   FAIL 2 failed   o 1 without consent
Last send today 10:15, took 38 s.  Next send today 14:45.

                   Thu  Fri  Mon  Tue  Wed  Thu  Fri  Mon
School             12   13   16   17   18   19   20   23   Result
-----------------------------------------------------------------------------------------------
Birchwood High     ++   ++   ++   ++   ++   ++   ++   X~   FAIL refused: unknown mark code "ZZ"
Riverside Academy  ++   ++   ++   ++   ++   XX   XX   +~   FAIL 4 not received: DfE busy

Elm Grove Primary  ++   ++   ++   +-   ++   ++   ++   +~   ! no register: Tue PM

+ received by DfE   X not received, or with faults   ~ not due yet
- no register taken   . school closed

What to do next
FAIL Birchwood High (900004)  3 marks in Year 9 on Mon 23 Nov AM have the code "ZZ", which is not a
  DfE attendance code. This day was not sent. Correct it in the MIS; it then goes with the next
  send.  [MARK-UNKNOWN]
FAIL Riverside Academy (900027)  Thu 19 Nov and 1 more day: The DfE service was busy (503) on 4
  tries. Nothing to do: the next send covers this.  [DFE-BUSY]
! Elm Grove Primary (900012)  Tue 17 Nov: no afternoon register in the database. Check in the MIS
  that it was taken.  [SESSION-NONE]
""")


def test_only_problems_says_how_many_are_well(trust: Overview) -> None:
    """Nobody wonders where the others are."""
    assert text_of(status(trust.only_problems(), UNICODE, heading="Example Learning Trust"), 132) == snapshot("""\
Example Learning Trust  30 schools
✓ 26 up to date   ! 1 to check   ✗ 2 failed   ○ 1 without consent
Last send today 10:15, took 38 s.  Next send today 14:45.

                           Thu  Fri  Mon  Tue  Wed  Thu  Fri  Mon
School             URN     12   13   16   17   18   19   20   23   Attendance  Last sent    Result
─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
Birchwood High     900004  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✗…        97.1%  today 10:15  ✗ refused: unknown mark code "ZZ"
Riverside Academy  900027  ✓✓   ✓✓   ✓✓   ✓✓   ✓✓   ✗✗   ✗✗   ✓…        91.7%  today 10:15  ✗ 4 not received: DfE busy

Elm Grove Primary  900012  ✓✓   ✓✓   ✓✓   ✓–   ✓✓   ✓✓   ✓✓   ✓…        95.2%  today 10:15  ! no register: Tue PM

✓ received by DfE   ✗ not received, or with faults   … not due yet   – no register taken   · school closed

What to do next
✗ Birchwood High (900004)  3 marks in Year 9 on Mon 23 Nov AM have the code "ZZ", which is not a DfE
  attendance code. This day was not sent. Correct it in the MIS; it then goes with the next send.
  [MARK-UNKNOWN]
✗ Riverside Academy (900027)  Thu 19 Nov and 1 more day: The DfE service was busy (503) on 4 tries.
  Nothing to do: the next send covers this.  [DFE-BUSY]
! Elm Grove Primary (900012)  Tue 17 Nov: no afternoon register in the database. Check in the MIS
  that it was taken.  [SESSION-NONE]
""")  # noqa: E501


@pytest.mark.parametrize("columns", [10, 40, 60, 79])
def test_no_cell_is_cut_on_a_narrow_screen(trust: Overview, columns: int) -> None:
    """A tick that is cut off would be a lie; lines run over instead."""
    text = text_of(status(trust, UNICODE), columns)

    rows = [line for line in text.splitlines() if "✓✓" in line]
    assert [row.split(" ✓✓")[0].rstrip() for row in rows[3:]] == sorted(
        school.name for school in SCHOOLS if school.name not in ODD
    )
    assert all(row.count("✓✓") == 7 for row in rows[3:])


def test_what_several_schools_have_in_common_is_told_once(tmp_path: Path) -> None:
    """Sixteen equal paragraphs are none that anybody reads; the table names the schools."""
    settings = trust_settings(tmp_path, SCHOOLS[:3])
    stopped = Problem("STOPPED", "The run was stopped before this was received.", "Nothing to do.")
    with Log.open(settings.log.path) as log:
        number = log.begin_run(WINDOW, NOW)
        for school in SCHOOLS[:3]:
            give_consent(log, school, settings)
            with log.writing():
                log.record_school(number, school, "failed", problem=stopped)
        overview = look(settings, log, SCHOOLS[:3], WINDOW, NOW)

    told = text_of(status(overview, UNICODE), 100)

    assert told.count("before this was received") == 1
    assert "✗ Abbey Lane Primary (900001) and 2 more schools  Thu 12 Nov and 6 more days: The run" in told
    assert status_page(overview).count("before this was received") == 1


def test_marks_of_no_school_that_is_listed_are_to_check(trust: Overview, tmp_path: Path) -> None:
    """Cron is silent about them, so nobody would hear of a school that is missing in the settings."""
    stray = Problem("SCHOOL-UNLISTED", "SIMS holds 7 marks that belong to no school of the settings file.", "Add it.")
    of_trust = text_of(status(replace(trust, to_check=(stray,)), UNICODE), 132)
    (oakfield,) = [school for school in SCHOOLS if school.name == "Oakfield Primary"]
    settings = trust_settings(tmp_path, (oakfield,))
    with one_school_log(settings) as log:
        school = replace(look(settings, log, [oakfield], Window(MONDAY, MONDAY), NOW), to_check=(stray,))

    assert "! The last send  SIMS holds 7 marks that belong to no school of the settings file. Add it." in of_trust
    assert "! 1 thing to check   Last send" in text_of(status(school, UNICODE), 100)
    assert "! SIMS holds 7 marks" in text_of(status(school, UNICODE), 100)
    assert school.needs_a_look
    assert school.as_json()["to_check"] == [stray.as_json()]
    assert "! The last send: SIMS holds 7 marks" in status_page(replace(trust, to_check=(stray,)))


def test_send_that_is_under_way_is_said(tmp_path: Path) -> None:
    """At 10:16 it has not failed to finish."""
    settings = trust_settings(tmp_path, SCHOOLS[:2])
    with Log.open(settings.log.path) as log:
        log.begin_run(WINDOW, NOW)
        give_consent(log, SCHOOLS[0], settings)
        overview = look(settings, log, SCHOOLS[:2], WINDOW, NOW, under_way=True)

    assert "A send is under way, since today 10:20." in text_of(status(overview, UNICODE), 80)
    assert "A send is under way, since Mon 23 Nov 10:20." in status_page(overview)


LONG = (
    School(900001, "St Mary's Church of England Primary School"),
    School(900002, "St Mary's Church of England Junior School"),
)


@pytest.mark.parametrize("columns", [80, 132])
def test_ordinary_names_leave_room_for_the_result(tmp_path: Path, columns: int) -> None:
    """No row runs over, and the schools are told apart."""
    settings = trust_settings(tmp_path, LONG)
    with Log.open(settings.log.path) as log:
        number = log.begin_run(WINDOW, NOW)
        for school in LONG:
            give_consent(log, school, settings)
            with log.writing():
                log.record_school(number, school, "read")
                log.refuse(number, school, MONDAY, UNKNOWN, NOW)
        screen = text_of(status(look(settings, log, LONG, WINDOW, NOW), UNICODE), columns)

    assert max(map(len, screen.splitlines())) <= columns
    assert len([line for line in screen.splitlines() if line.startswith("St Mary")]) == 2
    rows = [line for line in screen.splitlines() if line.startswith("St Mary")]
    assert ["…Junior " in rows[0], "…Primary " in rows[1]] == [True, True]


def test_school_that_waits_for_its_first_send_and_one_whose_database_fails(tmp_path: Path) -> None:
    """One has done nothing wrong; of the other there is no day yet that could say what is."""
    settings = trust_settings(tmp_path, SCHOOLS[:2])
    broken = Problem("DB-NONE", "SIMS: cannot be opened.", "Ask IT.")
    at = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    with Log.open(settings.log.path) as log:
        for school in SCHOOLS[:2]:
            give_consent(log, school, settings)
        run = log.begin_run(WINDOW, at)
        with log.writing():
            log.record_school(run, SCHOOLS[1], "failed", problem=broken)
        log.end_run(run, 3, at)
        overview = look(settings, log, SCHOOLS[:2], Window(MONDAY, MONDAY), at)

    said = text_of(status(overview, UNICODE), 100)
    assert "… nothing sent yet" in said
    assert "✗ school database does not answer" in said


def test_result_whose_note_names_a_session_has_no_number(tmp_path: Path) -> None:
    """Nobody would understand "3 PM not received"."""
    settings = trust_settings(tmp_path, SCHOOLS[:1])
    failed = Outcome(state=State.FAILED, problem=BUSY)
    with Log.open(settings.log.path) as log:
        give_consent(log, SCHOOLS[0], settings)
        run = log.begin_run(WINDOW, NOW)
        with log.writing():
            log.record_school(run, SCHOOLS[0], "read")
            log.record(log.begin_sending(run, SCHOOLS[0], body(FRIDAY, *Session), None, NOW), failed, NOW)
            log.record(log.begin_sending(run, SCHOOLS[0], body(MONDAY, Session.AM), None, NOW), received(NOW), NOW)
        (school,) = look(settings, log, SCHOOLS[:1], Window(FRIDAY, MONDAY), NOW + timedelta(hours=6)).schools

    assert [len(day.bad_sessions) for day in school.days] == [1, 2]
    assert result(school, UNICODE).plain == "✗ PM not received: send missed"
