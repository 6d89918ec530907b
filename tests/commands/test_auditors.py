"""docs/auditors.md: its three questions to the log run as they stand there, and would show what they are to show."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from attsync.codes import codes_on, year_groups
from tests.commands.trial import MONDAY, URN, Trial, mark

PAGE = Path(__file__).parents[2] / "docs" / "auditors.md"
CONSENTS, WITHOUT_CONSENT, TEXTS = re.findall(r"^```sql\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def sent(trial: Callable[..., Trial]) -> Trial:
    """Give consent, send, correct, send; then remove consent and try to send once more."""
    started = trial()
    assert started("send").exit_code == 0
    mark(started, "2026-11-20", "HOSP")
    started.move_to(MONDAY + timedelta(hours=4))
    assert started("send").exit_code == 0
    assert started("consent", "revoke", "--yes").exit_code == 0
    started.move_to(MONDAY + timedelta(hours=5))
    assert started("send").exit_code == 0
    return started


def test_who_agreed_to_what_and_when(sent: Trial) -> None:
    """A grant, and then a removal."""
    rows = sent.logged(CONSENTS)

    assert [(urn, given) for _, urn, _, given, *_ in rows] == [(URN, 1), (URN, 0)]


def test_nothing_was_sent_without_consent(sent: Trial) -> None:
    """What was sent before a removal was sent with consent."""
    assert sent.logged("SELECT count(*) FROM try") != [(0,)]
    assert sent.logged(WITHOUT_CONSENT) == []


@pytest.mark.parametrize("urn", [URN, 900099])
def test_a_request_without_consent_would_be_shown(sent: Trial, urn: int) -> None:
    """After a removal, and for a school that never gave any."""
    with closing(sqlite3.connect(sent.log)) as log, log:
        log.execute(
            "INSERT INTO submission (id, run_id, urn, day, state, recorded_at)"
            " VALUES (999, 1, ?, '2026-11-23', 'accepted', '')",
            (urn,),
        )
        log.execute("INSERT INTO try VALUES (999, '2026-11-23T16:00:00.000+00:00', 0.1, '201 received')")

    assert sent.logged(WITHOUT_CONSENT) == [("2026-11-23T16:00:00.000+00:00", urn, "2026-11-23", "201 received")]


def test_every_text_that_was_sent_is_a_code(sent: Trial) -> None:
    """Attendance codes, year groups, AM and PM: nothing in which a name could stand."""
    known = {("attendanceCode", code) for code in codes_on(MONDAY.date())}
    known |= {("ncYearGroup", group) for group in year_groups()} | {("schoolSession", "AM"), ("schoolSession", "PM")}

    texts = set(sent.logged(TEXTS))

    assert {key for key, _ in texts} == {"attendanceCode", "ncYearGroup", "schoolSession"}
    assert texts <= known


def test_a_name_that_was_sent_would_be_shown(sent: Trial) -> None:
    """Wherever in a message it stood."""
    with closing(sqlite3.connect(sent.log)) as log, log:
        log.execute("""INSERT INTO body VALUES ('0', '{"urn": 900023, "more": [{"note": "Ada Lovelace"}]}')""")

    assert ("note", "Ada Lovelace") in sent.logged(TEXTS)
