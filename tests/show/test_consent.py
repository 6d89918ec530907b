"""The screens of `consent`: what people read before they agree, afterwards, and years later."""

from dataclasses import replace

import pytest
from inline_snapshot import snapshot

from attsync.consent import Terms, notice
from attsync.problems import Problem
from attsync.show.consent import consent_given, consent_history, consent_notice, consent_table, receipt_text
from attsync.show.symbols import UNICODE
from tests.show.screens import NO_CONSENT, RECEIVER, SCHOOLS, consent, text_of

ROW = consent(SCHOOLS[0]).row
NOTICE = notice(Terms(RECEIVER, "working", year_groups=True))


def test_notice_is_shown_once_for_many_schools() -> None:
    """Thirty times the same text is read by no one."""
    one, many = (text_of(consent_notice(SCHOOLS[:n], NOTICE), 80) for n in (1, 30))

    assert one.startswith("Abbey Lane Primary  URN 900001\n")
    assert many.startswith("For 30 schools\n")
    assert one.count("What is never sent") == many.count("What is never sent") == 1


def test_confirmation_names_the_school_where_there_are_several() -> None:
    """Otherwise its name is right above."""
    assert "Consent given by sam" in text_of(consent_given(ROW, UNICODE, is_alone=True))
    assert "Consent given for Abbey Lane Primary (900001) by sam" in text_of(
        consent_given(ROW, UNICODE, is_alone=False)
    )


@pytest.mark.parametrize("columns", [80, 132, None])
def test_consent_of_each_school_says_how_to_give_it(columns: int | None) -> None:
    """A command in a table can be copied."""
    given, undecided = (SCHOOLS[0], consent(SCHOOLS[0])), (SCHOOLS[1], Problem("CONSENT-NONE", urn=900002))
    removed = (SCHOOLS[2], NO_CONSENT.but(urn=900003))
    shown = text_of(consent_table((given, undecided, removed), UNICODE), columns)

    assert "900001  given by sam (School business manager)" in shown
    assert any("attsync consent grant --school 900002" in line for line in shown.splitlines())
    assert "900003  Consent was removed by sam" in shown
    assert shown.count("consent grant") == 1  # not to one that has decided


def test_history_fits_into_80_columns() -> None:
    """Every grant and removal: when, by whom, for which receiver, to which notice, and why."""
    removed = replace(ROW, action="removed", reason="The governors asked for it", notice_sha256=None)
    shown = text_of(consent_history(SCHOOLS[0], [removed, ROW], UNICODE), 80)

    assert shown == snapshot("""\
Abbey Lane Primary  URN 900001
When               What     By whom, and for what
────────────────────────────────────────────────────────────────────────────────
 3 Sep 2026 09:12  removed  sam (School business manager), for
                            api.example.gov.uk, receipt b1acf9fb. Reason: The
                            governors asked for it
 3 Sep 2026 09:12  given    sam (School business manager), for
                            api.example.gov.uk, notice 2 (3fa9c1d23fa9), receipt
                            6fb32ef4
""")
    assert "No one has ever decided" in text_of(consent_history(SCHOOLS[0], [], UNICODE), 80)


def test_receipt_can_be_kept_and_printed() -> None:
    """On its own, without this computer."""
    text = receipt_text(ROW, NOTICE.full)

    assert max(map(len, text.splitlines())) <= 80
    assert text == snapshot("""\
Consent 6fb32ef4

School:    Abbey Lane Primary (900001)
Given by:  sam (School business manager)
Right:     Data Returns: Administer, checked when consent was given
On:        3 September 2026 at 09:12 (UK time)
To send:   data set 1, to https://api.example.gov.uk
Notice 2 (3fa9c1d23fa9c1d23fa9c1d23fa9c1d23fa9c1d23fa9c1d23fa9c1d23fa9c1d2):

1. What is sent. Only numbers, for each school day and session (AM, PM):
   - how many roll-call marks each year group has for each attendance code
   - the number of pupils on roll, in total and in each year group
2. When. Twice a day, for today and the earlier days in the window (the
   last 8 working days), so that late corrections are included.
3. Who receives it. The Department for Education (DfE), over an encrypted
   connection, at the address in the settings file:
   api.example.gov.uk
   The DfE has closed the service that attsync was made for. Ask the person who
   runs attsync who answers there now.
4. What is never sent. Names, pupil numbers, dates of birth, addresses, reasons
   or comments. No row about a pupil leaves the school's database.
   Small counts are not rounded. A single mark with a rare code could identify
   a child to someone who knows the school. Treat what is sent, and attsync's
   log, as confidential.
5. What is kept. A log on this computer of what was sent, when, and the answer.
   Only its owner can read it.
6. How to stop. Run attsync consent revoke. It stops the next request, even
   during a send. What was already sent stays with the DfE.
7. Changes. If anything more is ever sent, or sent to anyone else, or for more
   days, this consent no longer counts and the school is asked again.

To remove this consent: attsync consent revoke --school 900001
""")
