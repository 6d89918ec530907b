"""docs/auditors.md: its four questions to the log run as they stand there, and would show what they are to show."""

import re
import sqlite3
import zlib
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from shutil import copytree

import pytest

from attsync.codes import codes_on, year_groups
from tests.commands.trial import MONDAY, URN, Trial, mark, trial_in

PAGE = Path(__file__).parents[2] / "docs" / "auditors.md"
CONSENTS, WITHOUT_CONSENT, TEXTS, WORDS = re.findall(
    r"^```sql\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
)
CONSENT = (
    "INSERT INTO consent (urn, action, window_count, year_groups, receiver, data_set, notice, at, name, person,"
    " username, role, reason)"
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """Consent, send, correct, send; then remove consent and try to send once more."""
    with trial_in(tmp_path_factory.mktemp("auditors")) as started:
        assert started("send").exit_code == 0
        mark(started, "2026-11-20", "HOSP")
        started.move_to(MONDAY + timedelta(hours=4))
        assert started("send").exit_code == 0
        assert started("consent", "revoke", "--yes").exit_code == 0
        started.move_to(MONDAY + timedelta(hours=5))
        assert started("send").exit_code == 0
    return started


@pytest.fixture
def sent(told: Trial, tmp_path: Path) -> Trial:
    """Return what was left, in a folder of the test's own."""
    return replace(told, folder=copytree(told.folder, tmp_path / "sent"))


def test_who_agreed_to_what_and_when(sent: Trial) -> None:
    """A grant, and then a removal; and every column of what was recorded."""
    rows = sent.logged(CONSENTS)

    assert [(urn, action) for _, urn, _, action, *_ in rows] == [(URN, "given"), (URN, "removed")]
    columns = {name for _, name, *_ in sent.logged("PRAGMA table_info(consent)")} - {"id"}
    assert {column for column in columns if re.search(rf"\b{column}\b", CONSENTS)} == columns


def test_nothing_was_sent_without_consent(sent: Trial) -> None:
    """What was sent before a removal was sent with consent."""
    assert sent.logged("SELECT count(*) FROM submission WHERE tries IS NOT NULL") != [(0,)]
    assert sent.logged(WITHOUT_CONSENT) == []


@pytest.mark.parametrize("urn", [URN, 900099])
def test_a_request_without_consent_would_be_shown(sent: Trial, urn: int) -> None:
    """After a removal, and for a school that never gave any."""
    with closing(sqlite3.connect(sent.log)) as log, log:
        log.execute(
            "INSERT INTO submission (run_id, receiver, urn, day, state, recorded_at, tries)"
            " VALUES (1, 'https://x', ?, '2026-11-23', 'failed', '2026-11-23T15:59:59.000+00:00',"
            ' \'[["2026-11-23T16:00:00.000+00:00", 0.1, "503"]]\')',
            (urn,),
        )

    assert sent.logged(WITHOUT_CONSENT) == [("2026-11-23T16:00:00.000+00:00", urn, "https://x", "2026-11-23", "503")]


@pytest.mark.parametrize("state", ["sending", "unknown"])
def test_a_request_without_consent_that_was_cut_off_would_be_shown(sent: Trial, state: str) -> None:
    """The run was killed before it could write down a try."""
    at = "2026-11-23T16:00:00.000+00:00"
    with closing(sqlite3.connect(sent.log)) as log, log:
        log.execute(
            "INSERT INTO submission (run_id, receiver, urn, day, state, recorded_at)"
            " VALUES (1, 'https://x', ?, '2026-11-23', ?, ?)",
            (URN, state, at),
        )

    assert sent.logged(WITHOUT_CONSENT) == [(at, URN, "https://x", "2026-11-23", state)]


def test_every_text_that_was_sent_is_a_code(sent: Trial) -> None:
    """Attendance codes, year groups, AM and PM: nothing in which a name could stand."""
    known = {("attendanceCode", code) for code in codes_on(MONDAY.date())}
    known |= {("ncYearGroup", group) for group in year_groups()} | {("schoolSession", "AM"), ("schoolSession", "PM")}

    found = set(sent.logged(TEXTS))
    texts = {(field, text) for field, text in found if text is not None}

    assert {field for field, _ in texts} == {"attendanceCode", "ncYearGroup", "schoolSession"}
    assert texts <= known
    assert {field for field, text in found if text is None} == {
        None,  # the message itself, and what stands in a list
        "attendances",
        "noOfPupils",
        "submissionData",
        "totalNoOfPupils",
        "urn",
        "value",
        "yearGroups",
    }


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('{"urn": 900023, "more": [{"note": "Ada Lovelace"}]}', ("note", "Ada Lovelace")),
        ('{"more": ["Ada Lovelace"]}', (None, "Ada Lovelace")),
        ('{"date": "Ada Lovelace"}', ("date", "Ada Lovelace")),
        ('{"Ada Lovelace": 1}', ("Ada Lovelace", None)),
    ],
)
def test_a_name_that_was_sent_would_be_shown(sent: Trial, body: str, shown: tuple[str | None, str | None]) -> None:
    """Wherever in a message it stood."""
    with closing(sqlite3.connect(sent.log)) as log, log:
        log.execute("INSERT INTO body VALUES (999, '0', ?, ?)", (len(body), zlib.compress(body.encode())))

    assert shown in sent.logged(TEXTS)


@pytest.mark.parametrize(
    ("place", "statement"),
    [
        ("problem", "UPDATE submission SET problem = ?"),
        ("problem", "UPDATE school_run SET problem = ?"),
        ("problem", "UPDATE run SET problems = ?"),
        ("to check", "UPDATE school_run SET to_check = ?"),
        ("school", "UPDATE school_run SET name = ?"),
        ("answer", "UPDATE submission SET tries = ?"),
        ("fault", "UPDATE submission SET faults = ?"),
        ("reference", "UPDATE submission SET reference = ?"),
        ("receiver", "UPDATE submission SET receiver = ?"),
        ("receiver", "UPDATE run SET receiver = ?"),
        ("receiver", "INSERT INTO closed VALUES (?, '', 1)"),
        ("notice", "INSERT INTO notice VALUES ('0', 2, ?)"),
        ("receiver", f"{CONSENT} VALUES (1, 'given', '', 1, ?, 1, 1, '', '', '', '', '', '')"),
        ("school", f"{CONSENT} VALUES (1, 'given', '', 1, '', 1, 1, '', ?, '', '', '', '')"),
        ("person", f"{CONSENT} VALUES (1, 'given', '', 1, '', 1, 1, '', '', ?, '', '', '')"),
        ("user name", f"{CONSENT} VALUES (1, 'given', '', 1, '', 1, 1, '', '', '', ?, '', '')"),
        ("role", f"{CONSENT} VALUES (1, 'given', '', 1, '', 1, 1, '', '', '', '', ?, '')"),
        ("reason", f"{CONSENT} VALUES (1, 'given', '', 1, '', 1, 1, '', '', '', '', '', ?)"),
    ],
)
def test_a_name_in_the_words_of_the_log_would_be_shown(sent: Trial, place: str, statement: str) -> None:
    """Anyone who wrote it."""
    with closing(sqlite3.connect(sent.log)) as log, log:
        log.execute(statement, ("Ada Lovelace",))

    assert any(where == place and "Ada Lovelace" in words for where, words in sent.logged(WORDS))


def test_every_column_of_words_is_asked(sent: Trial) -> None:
    """A column that a release adds to the log is none that this page forgets."""
    others = {"at", "started_at", "ended_at", "first_day", "last_day", "version", "outcome", "sha256", "notice_sha256"}
    others |= {"day", "state", "key", "recorded_at", "answered_at", "changed_from", "action", "window_count"}
    columns = {
        column
        for (table,) in sent.logged("SELECT name FROM sqlite_schema WHERE type = 'table'")
        for _, column, kind, *_ in sent.logged(f"PRAGMA table_info({table})")
        if kind == "TEXT"
    }

    assert columns - others == {column for column in columns if re.search(rf"\b{column}\b", WORDS)} - others
