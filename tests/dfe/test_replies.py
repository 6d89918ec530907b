"""replies.py and sanitise.py: every answer has one meaning, and a stranger's words are shown only cleaned."""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as some

from attsync.dfe.connection import Answer
from attsync.dfe.replies import Judgement, http_date, judge, retry_after, words_of
from attsync.dfe.sanitise import clean
from attsync.model import Fault, State
from attsync.problems import Problem
from attsync.settings import DfeSettings
from tests.dfe.conftest import a_body
from tests.factories import NOON

SETTINGS = DfeSettings.model_construct(base_url="https://dfe.example/v1", client_id="oakfield")
RECEIPT = json.dumps([{"submissionRef": "r", "errors": []}]).encode()


def judged(status: int, content: bytes = b"{}", **headers: str) -> tuple[State, str, int]:
    """Judge an answer: the state, the problem's code and its exit code."""
    found = _judge(status, content, _Headers(headers))
    return found.state, found.problem.code if found.problem else "", found.problem.exit_code if found.problem else 0


def _judge(
    status: int, content: object, headers: dict[str, str] | None = None, secrets: tuple[str, ...] = ()
) -> Judgement:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return judge(SETTINGS, a_body().content, Answer(status, headers or {}, body), partial(clean, secrets=secrets))


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
    """Only 201 with a receipt is success; the exit codes are those of docs/design/reliability.md 2."""
    assert judged(status) == (state, code, exit_code)


@pytest.mark.parametrize("content", [b"", b"gone", b"[]", b"null", b'{"a": 1, "a": 2}'])
def test_410_that_is_not_the_dfes_closes_nothing(content: bytes) -> None:
    """Any server says so of an address that it no longer has; the DfE answers in JSON."""
    assert judged(410, content)[1:] == ("DFE-ANSWER", 8)


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
        b'[{"submissionRef": " \\n", "errors": []}]',
        b'[{"submissionRef": "r", "errors": null}]',
        b'[{"submissionRef": "r", "errors": {}}]',
        b'[{"submissionRef": "r", "errors": [1]}]',
        b'[{"submissionRef": "r", "errors": []}',
        b'[{"submissionRef": "r", "errors": NaN}]',
        b'[{"submissionRef": "\xff", "errors": []}]',
        b'[{"submissionRef": "r", "errors": [{"code": "VAL104"}], "errors": []}]',
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
    ("error", "case", "parameters"),
    [
        (
            {"code": "VAL104", "path": "submissionData[0].attendances[0]", "title": "No"},
            "attendance-code",
            {"value": "/", "places": ['Year 1 AM "/"']},
        ),
        ({"code": "VAL103", "path": "submissionData[0]"}, "year-group", {"places": ["Year 1 AM"]}),
        ({"code": "VAL105", "path": "$.submissionData[9].x"}, "count", {}),
        ({"code": "VAL105", "path": "[[[["}, "count", {}),
        ({"code": "VAL999", "title": "Odd (very)"}, "said", {"said": "Odd (very)"}),
        ({"code": "VAL999"}, "", {}),
        ({"code": "VAL999", "title": "x" * 80}, "", {"said": "x" * 80}),
    ],
)
def test_fault_is_named_by_kind_and_place(error: dict[str, str], case: str, parameters: dict[str, object]) -> None:
    """A path that leads nowhere is the stranger's mistake: then the fault is one of the whole day."""
    found = _judge(201, [{"submissionRef": "x", "errors": [error]}])

    assert found.state is State.FAULTY
    assert found.problem == Problem("DFE-FAULTS", case, faults=1, kind=error["code"], more=0, **parameters)


def test_several_faults_are_told_by_the_first_kind_and_its_first_places() -> None:
    """All of them are in the log."""
    errors = [{"code": "VAL104", "path": f"submissionData[0].attendances[{at}]"} for at in (0, 1, 2, 3, 4, 0)]
    other = {"code": "VAL105", "path": "submissionData[0]"}
    content = json.dumps([{"submissionRef": "x", "errors": [*errors, other]}]).encode()
    body = a_body(PRESENT=1, I=1, L=1, M=1, N=1).content

    found = judge(SETTINGS, body, Answer(201, {}, content), clean)

    assert found.problem
    assert (found.problem["faults"], len(found.faults), found.problem["more"]) == (7, 7, 2)
    assert found.problem["places"] == ('Year 1 AM "/"', 'Year 1 AM "I"', 'Year 1 AM "L"')


@pytest.mark.parametrize(
    ("rejection", "case", "parameters"),
    [
        ({"title": "Odd", "detail": "date"}, "said", {"said": "Odd date"}),
        ({}, "", {}),
        ({"title": "x" * 80}, "", {"said": "x" * 80}),
        ({"code": "VAL100"}, "urn", {"kind": "VAL100"}),
    ],
)
def test_rejection_is_told_in_the_dfes_words(
    rejection: dict[str, str], case: str, parameters: dict[str, object]
) -> None:
    """Those that are short fit into a cell of a table."""
    assert _judge(400, rejection).problem == Problem("DFE-REJECTED", case, status=400, **parameters)


def test_wrong_content_type_is_our_fault_though_it_is_500() -> None:
    """docs/design/domain.md 2: the DfE answers so; another try would fare the same."""
    assert judged(500, b'{"message": "Incorrect content type"}') == (State.REJECTED, "DFE-REJECTED", 1)


def test_strangers_words_are_cleaned_and_cut() -> None:
    """No escape sequence, no bidirectional trick, no line break, no 301st character."""
    odd = "\x1b[31mred\x1b[0m \u202eback\u2069 a\nb\r\tc \x9b1m \x00 \ud800 [bold]x[/bold] é"

    assert clean(odd, "x" * 999) == ("[31mred [0m back a b c 1m [bold]x[/bold] é", "x" * 299 + "…")


LINE = "q7+zR%w:&K=2 vT9s-Lm4!"
PEM = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49\nAwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    "said",
    [
        LINE,
        quote_plus(LINE),
        quote(LINE, safe=""),
        LINE.swapcase(),
        LINE[:9],
        LINE[6:],
        "\u200b".join(LINE),
        "\u3164".join(LINE),
        " ".join(LINE),
        "-".join(LINE),
        "".join(chr(ord(sign) + 0xFEE0) for sign in LINE if sign != " "),  # the same letters, as wide as Chinese ones
        LINE.encode().hex(),
        "".join(f"%{byte:02X}" for byte in LINE.encode()),
        b64encode(LINE.encode()).decode(),
        *(b64encode(f"{client}:{quote_plus(LINE)}".encode()).decode()[12:-4] for client in ("oak", "oakf", "oakfi")),
        urlsafe_b64encode(f"oakfield:{LINE}".encode()).decode()[16:-4],
        PEM.split("\n")[1],
        "tok",
    ],
)
def test_no_form_of_a_secret_is_shown(said: str) -> None:
    """Whole, cut, quoted, packed, in other letters, or interrupted."""
    (shown,) = clean(f"Bad {said} here", secrets=(LINE, PEM, "tok"))

    assert re.fullmatch(r"Bad \S{0,6}\*\*\*\S{0,6} here", shown)


def test_secret_spread_over_several_fields_is_not_shown() -> None:
    """Each holds too little of it to be known for what it is."""
    assert clean("Bad", LINE[:6], LINE[6:12], LINE[12:18] + " here", secrets=(LINE,)) == (
        "Bad",
        "***",
        "***",
        "*** here",
    )


def test_words_that_are_no_secret_are_shown() -> None:
    """Seven letters of one are in many a word; the frame of a key is in every key."""
    said = ("q7+zR%w is no private key: BEGIN PRIVATE KEY", "Oakfield Primary School")

    assert clean(*said, secrets=(LINE, PEM)) == said


@given(some.lists(some.text(max_size=80), min_size=1, max_size=4))
def test_as_many_texts_come_back(texts: list[str]) -> None:
    """None holds a control character, and each is whole or cut."""
    found = clean(*texts, secrets=(LINE, "ab"))

    assert len(found) == len(texts)
    assert not any(ord(sign) < 32 for text in found for sign in text)


def test_every_text_of_an_answer_hides_our_secrets() -> None:
    """A server may repeat the token in any of them."""
    rejected = _judge(400, {"title": f"Bad {LINE}", "detail": f"{LINE}\x1b[J"}, secrets=(LINE,))
    error = {"code": f"VAL{LINE}", "path": "", "title": f"{LINE[:6]}\u202e{LINE[6:]}\n"}
    faulty = _judge(201, [{"submissionRef": f"\x07r{LINE}", "errors": [error]}], secrets=(LINE,))

    assert rejected.problem == Problem("DFE-REJECTED", "said", status=400, said="Bad *** *** [J")
    assert faulty.faults == (Fault("VAL***", None, None, "***"),)
    assert faulty.reference == "r***"


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
    ("status", "words"),
    [(201, "received"), (418, "rejected"), (302, "redirected"), (299, "not recognised"), (999, "not recognised")],
)
def test_status_is_said_in_words(status: int, words: str) -> None:
    """For the table of tries."""
    assert words_of(status).startswith(f"{status} {words}")
