"""answers.py: every answer has one meaning, and a stranger's words are shown only cleaned."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from attsync.dfe.connection import Answer
from attsync.dfe.replies import clean, http_date, judge, retry_after, words_of
from attsync.model import Fault, State
from attsync.settings import DfeSettings
from tests.dfe.conftest import a_body
from tests.factories import NOON

SETTINGS = DfeSettings.model_construct(base_url="https://dfe.example/v1", client_id="oakfield")
RECEIPT = json.dumps([{"submissionRef": "r", "errors": []}]).encode()


def judged(status: int, content: bytes = b"{}", **headers: str) -> tuple[State, str, int]:
    """Judge an answer: the state, the problem's code and its exit code."""
    found = judge(SETTINGS, a_body().content, Answer(status, _Headers(headers), content), str)
    return found.state, found.problem.code if found.problem else "", found.problem.exit_code if found.problem else 0


class _Headers(dict[str, str]):
    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__({name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("status", "state", "code", "exit_code"),
    [
        (200, State.UNKNOWN, "DFE-ANSWER", 8),
        (202, State.UNKNOWN, "DFE-ANSWER", 8),
        (204, State.UNKNOWN, "DFE-ANSWER", 8),
        (301, State.UNKNOWN, "DFE-ANSWER", 8),
        (307, State.UNKNOWN, "DFE-ANSWER", 8),
        (400, State.REJECTED, "DFE-REJECTED", 1),
        (401, State.FAILED, "SIGNIN-REFUSED", 4),
        (403, State.FAILED, "SIGNIN-REFUSED", 4),
        (404, State.REJECTED, "DFE-ANSWER", 8),
        (408, State.UNKNOWN, "DFE-BUSY", 5),
        (409, State.UNKNOWN, "DFE-BUSY", 5),
        (410, State.REJECTED, "DFE-CLOSED", 4),
        (413, State.REJECTED, "DFE-REJECTED", 1),
        (422, State.REJECTED, "DFE-REJECTED", 1),
        (425, State.UNKNOWN, "DFE-BUSY", 5),
        (429, State.FAILED, "DFE-BUSY", 5),
        (500, State.UNKNOWN, "DFE-BUSY", 5),
        (501, State.UNKNOWN, "DFE-ANSWER", 8),
        (502, State.UNKNOWN, "DFE-BUSY", 5),
        (503, State.UNKNOWN, "DFE-BUSY", 5),
        (504, State.UNKNOWN, "DFE-BUSY", 5),
        (599, State.UNKNOWN, "DFE-ANSWER", 8),
    ],
)
def test_status_has_its_meaning(status: int, state: State, code: str, exit_code: int) -> None:
    """Only 201 with a receipt is success; the exit codes are those of RELIABILITY.md 2."""
    assert judged(status) == (state, code, exit_code)


@pytest.mark.parametrize("status", [201, 200, 401, 403, 400, 404, 410])
def test_page_of_html_is_a_web_filter(status: int) -> None:
    """A filter that blocks with 403, or with 410, says nothing about our secret or the service."""
    page = b"<html>Blocked</html>"

    assert judged(status, page, Content_Type="text/html; charset=utf-8")[1:] == ("DFE-ANSWER", 8)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"[null]",
        b"201",
        b'[{"submissionRef": "r"}]',
        b'[{"submissionRef": null, "errors": []}]',
        b'[{"submissionRef": 1, "errors": []}]',
        b'[{"submissionRef": "", "errors": []}]',
        b'[{"submissionRef": "r", "errors": null}]',
        b'[{"submissionRef": "r", "errors": {}}]',
        b'[{"submissionRef": "r", "errors": [1]}]',
        b'[{"submissionRef": "r", "errors": []}',
        b'[{"submissionRef": "r", "errors": NaN}]',
        b'[{"submissionRef": "\xff", "errors": []}]',
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"\x00" * 100,
        b"<html></html>",
    ],
    ids=lambda content: repr(content[:40]),
)
def test_201_without_a_receipt_confirms_nothing(content: bytes) -> None:
    """Wrong types, NaN, deep nesting, bad UTF-8: `unknown`, exit 8, and never a crash."""
    assert judged(201, content) == (State.UNKNOWN, "DFE-ANSWER", 8)


@given(some.binary(max_size=200))
def test_no_answer_is_a_crash(content: bytes) -> None:
    """Whatever bytes come, there is a judgement."""
    for status in (200, 201, 400, 401, 500):
        assert judged(status, content)[0] is not State.ACCEPTED


def test_receipt_may_hold_more_than_we_know() -> None:
    """The service may grow; null where it has nothing to say is no stranger's sign."""
    error = {"code": "VAL104", "path": None, "title": None, "id": None, "new": 1}
    content = json.dumps([{"submissionRef": "r", "errors": [error], "new": {}}]).encode()

    assert judged(201, RECEIPT) == (State.ACCEPTED, "", 0)
    assert judged(201, content) == (State.FAULTY, "DFE-FAULTS", 1)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"code": "VAL104", "path": "submissionData[0].attendances[0]"}, '"/" attendance code not known'),
        ({"code": "VAL103", "path": "submissionData[0]"}, "year group not known"),
        ({"code": "VAL999", "title": "Odd (very)"}, "Odd (very)"),
        ({"code": "VAL999"}, "no reason given"),
        ({"code": "VAL999", "title": "x" * 80}, "faults found by the DfE"),
    ],
)
def test_first_fault_is_named_in_a_few_words(error: dict[str, str], words: str) -> None:
    """For a cell of a table: "faults found by the DfE" says nothing that its sign has not said."""
    content = json.dumps([{"submissionRef": "x", "errors": [error]}]).encode()

    problem = judge(SETTINGS, a_body().content, Answer(201, {}, content), str).problem

    assert problem
    assert problem.brief == words


@pytest.mark.parametrize(
    ("rejection", "words"),
    [
        ({"title": "Odd", "detail": "date"}, "400: Odd date"),
        ({}, "400"),
        ({"title": "x" * 80}, "not accepted by the DfE"),
        ({"code": "VAL100"}, "the DfE does not know this school's URN"),
    ],
)
def test_rejection_is_named_in_a_few_words(rejection: dict[str, str], words: str) -> None:
    """What the DfE says, if it is short."""
    problem = judge(SETTINGS, a_body().content, Answer(400, {}, json.dumps(rejection).encode()), str).problem

    assert problem
    assert problem.brief == words


@pytest.mark.parametrize("path", ["$.submissionData[9].x", "$.submissionData[0].attendances[99]", "$", "", "[[[["])
def test_fault_in_no_place_stands_for_the_day(path: str) -> None:
    """A path that leads nowhere is the stranger's mistake."""
    error = {"code": "VAL105", "path": path, "title": "Odd"}
    content = json.dumps([{"submissionRef": "r", "errors": [error]}]).encode()

    found = judge(SETTINGS, a_body().content, Answer(201, {}, content), str)

    assert found.state is State.FAULTY
    assert found.faults[0].attendance_code is None
    assert found.problem
    assert "count not accepted (VAL105)" in found.problem.text


def test_wrong_content_type_is_our_fault_though_it_is_500() -> None:
    """DOMAIN.md 2: the DfE answers so; another try would fare the same."""
    assert judged(500, b'{"message": "Incorrect content type"}') == (State.REJECTED, "DFE-REJECTED", 1)


def test_strangers_words_are_cleaned_and_cut() -> None:
    """No escape sequence, no bidirectional trick, no line break, no 301st character."""
    odd = "\x1b[31mred\x1b[0m \u202eback\u2069 a\nb\r\tc \x9b1m \x00 \ud800 [bold]x[/bold]"

    assert clean(odd) == "[31mred [0m back a b c 1m [bold]x[/bold]"
    assert len(clean("x" * 999)) == 300


def test_rejection_hides_our_secrets() -> None:
    """A server may repeat the token in its text."""
    said = json.dumps({"title": "Bad token abc", "detail": "abc\x1b[2J"}).encode()

    found = judge(SETTINGS, b"", Answer(400, {}, said), lambda text: text.replace("abc", "***"))

    assert found.problem
    assert "(400: Bad token *** *** [2J)" in found.problem.text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("999999999", 999_999_999),
        (format_datetime(NOON + timedelta(seconds=90), usegmt=True), 90),
        ("", 0),
        ("-5", 0),
        ("1.5", 0),
        ("9999999999", 0),
        ("٣", 0),
        (" 5", 0),
        ("soon", 0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Mon, 23 Nov 2026 13:00:00", 0),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 0),
        ("Mon, 99 Nov 2026 13:00:00 GMT", 0),
    ],
)
def test_retry_after_is_read_in_both_forms(text: str, seconds: float) -> None:
    """Digits or a date; anything else is as if it were not there."""
    assert retry_after(text, NOON) == seconds


@given(
    some.text(max_size=60)
    | some.from_regex(r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{1,5} [0-9:]{8} [-+0-9]{1,12}")
)
def test_no_date_of_a_stranger_is_a_crash(text: str) -> None:
    """Years without end, zones without sense."""
    found = http_date(text)

    assert found is None or found.tzinfo is UTC
    assert retry_after(text, datetime.now(UTC)) >= 0


@pytest.mark.parametrize(
    ("status", "words"), [(201, "received"), (418, "rejected"), (302, "redirected"), (299, "odd answer"), (999, "odd")]
)
def test_status_is_said_in_words(status: int, words: str) -> None:
    """For the table of tries."""
    assert words_of(status).startswith(f"{status} {words}")


def test_fault_keeps_no_text_but_the_cleaned() -> None:
    """It goes into the log and onto the screen."""
    error = {"code": "VAL999\x1b", "path": "", "title": "\u202eodd\n"}
    content = json.dumps([{"submissionRef": "\x07r", "errors": [error]}]).encode()

    found = judge(SETTINGS, b"{}", Answer(201, {}, content), str)

    assert found.faults == (Fault("VAL999", None, None, "odd"),)
    assert found.reference == "r"
