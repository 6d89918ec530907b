"""app.py: who may ask, how each question is answered, and what goes wrong on purpose."""

import hashlib
import json
from collections.abc import Callable
from datetime import date

import pytest

from attsync.sandbox.faults import SLOW_SECONDS, Fault
from attsync.sandbox.server import BODY_LIMIT
from tests.factories import believed
from tests.sandbox.pretend import MONDAY, URN, Dfe, item, message

Start = Callable[..., Dfe]

PATHS = ["/codes/attendance", "/codes/ncyeargroup", f"/provider/{URN}", "/no-such-path"]


@pytest.mark.parametrize("path", PATHS)
def test_nobody_asks_without_a_token(dfe: Start, path: str) -> None:
    """A missing token is 401 in JSON, everywhere."""
    answer = dfe(is_signed_in=False).get(path)

    assert (answer.status_code, answer.json()["statusCode"]) == (401, 401)
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer wrong", "Basic b2FrZmllbGQ6bWFkZS11cA==", "wrong"])
def test_nobody_posts_with_a_wrong_token(dfe: Start, authorization: str) -> None:
    """And nothing of such a post is kept."""
    running = dfe(is_signed_in=False)

    assert running.post(message(), authorization=authorization).status_code == 401
    assert running.store.received() == []


@pytest.mark.parametrize(
    ("key", "status", "words"),
    [("right", 200, ""), ("wrong", 401, "invalid subscription key"), (None, 401, "missing subscription key")],
)
def test_subscription_key_is_checked_if_the_sandbox_has_one(
    dfe: Start, key: str | None, status: int, words: str
) -> None:
    """The words are those of the gateway, so that attsync can tell a wrong key from a wrong token."""
    running = dfe(subscription_key="right")
    if key:
        running.headers["Ocp-Apim-Subscription-Key"] = key

    answer = running.get("/codes/attendance")

    assert answer.status_code == status
    assert words in answer.text


def test_message_is_confirmed_by_an_array_with_a_reference(dfe: Start) -> None:
    """201, one receipt, no errors: the green tick."""
    running = dfe()

    answer = running.post(message())

    (kept,) = running.store.received()
    assert answer.status_code == 201
    assert answer.json() == [{"submissionRef": kept.ref, "errors": []}]


def test_faulty_message_is_stored_and_its_faults_told(dfe: Start) -> None:
    """201 is not enough for a tick; this is the trap of the contract."""
    running = dfe()

    answer = running.post(message(item(I=2, ZZ=1)))

    (error,) = answer.json()[0]["errors"]
    assert answer.status_code == 201
    assert (error["code"], error["path"]) == ("VAL104", "$.submissionData[0].attendances[1].attendanceCode")
    assert believed(running.store) == {(URN, date(2026, 11, 23), "AM", "R", "I"): 2}


@pytest.mark.parametrize(("urn", "code"), [(None, "VAL100"), (12, "VAL101"), (123456, "VAL102")])
def test_urn_trouble_is_rejected(dfe: Start, urn: object, code: str) -> None:
    """400 with one object; nothing is believed, but the post can be listed."""
    running = dfe()

    answer = running.post(message(urn=urn))

    assert (answer.status_code, answer.json()["id"], answer.json()["code"]) == (400, "ERROR_INVALID_URN", code)
    assert believed(running.store) == {}
    assert [(post.status, post.ref) for post in running.store.received()] == [(400, None)]


@pytest.mark.parametrize(("body", "words"), [(b"", "Empty request body"), (b"urn=1", "Request body is not JSON")])
def test_body_that_is_not_json_is_rejected(dfe: Start, body: bytes, words: str) -> None:
    """400 with a description."""
    answer = dfe().post(body)

    assert (answer.status_code, answer.json()["message"]) == (400, words)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_wrong_content_type_is_500(dfe: Start, content_type: str) -> None:
    """A fault of the client, though it is 5xx: trying again is pointless."""
    answer = dfe().post(message(), content_type=content_type)

    assert (answer.status_code, answer.json()["message"]) == (500, "Incorrect content type")


def test_content_type_may_name_a_charset(dfe: Start) -> None:
    """As many clients do."""
    assert dfe().post(message(), content_type="application/json; charset=utf-8").status_code == 201


def test_body_above_the_limit_is_refused_in_words(dfe: Start) -> None:
    """The client sees 413, not a broken connection, and may go on."""
    running = dfe()

    assert running.post(b" " * (BODY_LIMIT + 1)).status_code == 413
    assert running.post(message()).status_code == 201


def test_repeat_with_the_same_key_gets_the_first_answer(dfe: Start) -> None:
    """The answer may have been lost on its way; nothing is stored twice."""
    running = dfe()

    first, again = (running.post(message(item(ZZ=1)), idempotency_key="one") for _ in range(2))

    assert first.json()[0]["errors"]
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert len(running.store.received()) == 1


def test_repeat_gets_the_first_answer_whatever_is_thought_of_it_now(dfe: Start) -> None:
    """A school that has left the register since does not undo what was stored."""
    running = dfe(Fault.NONE, Fault.REJECT)

    first, again = (running.post(message(), idempotency_key="one") for _ in range(2))

    assert (again.status_code, again.json()) == (201, first.json())


def test_key_with_another_body_is_refused(dfe: Start) -> None:
    """422 and a problem in JSON: the sender has mixed up two messages."""
    running = dfe()
    running.post(message(item(I=1)), idempotency_key="one")

    answer = running.post(message(item(I=2)), idempotency_key="one")

    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")
    assert set(answer.json()) == {"title", "status", "detail"}
    assert list(believed(running.store).values()) == [1]


def test_message_without_a_key_is_stored_each_time(dfe: Start) -> None:
    """The API of 2020 had no keys: each post was its own submission."""
    running = dfe()

    references = {running.post(message()).json()[0]["submissionRef"] for _ in range(2)}

    assert len(references) == len(running.store.received()) == 2


def test_look_up_of_codes_lists_those_that_count_today(dfe: Start) -> None:
    """`check` compares the school's map with it."""
    codes = {row["AttendanceCode"]: row["AttendanceDescription"] for row in dfe().get("/codes/attendance").json()}

    assert len(codes) == 34
    assert {"/", "\\", "C1", "Y7"} <= set(codes)
    assert "J" not in codes


def test_look_up_of_year_groups_has_the_mixed_class(dfe: Start) -> None:
    """The DfE's list has M, though no pupil's mark may name it."""
    year_groups = dfe().get("/codes/ncyeargroup").json()

    assert {"YearGroupCode": "R", "YearGroup": "Reception"} in year_groups
    assert len(year_groups) == 21


def test_look_up_of_a_school_tells_whose_urn_it_is(dfe: Start) -> None:
    """A mistyped URN is someone else's school."""
    school = dfe().get(f"/provider/{URN}").json()

    assert list(school) == ["urn", "name", "address", "phaseOfEducation", "schoolType"]
    assert (school["urn"], school["name"]) == (URN, f"Sandbox School {URN}")


@pytest.mark.parametrize("path", ["/provider/123456", "/provider/oakfield", "/no-such-path"])
def test_what_is_not_there_is_404_in_json(dfe: Start, path: str) -> None:
    """Never a page of HTML."""
    answer = dfe().get(path)

    assert (answer.status_code, answer.json()["statusCode"]) == (404, 404)


def test_everything_received_can_be_listed_without_a_token(dfe: Start) -> None:
    """It is on this computer and made up; a person with a browser may look."""
    running = dfe()
    sent = json.dumps(message(item(ZZ=1))).encode()
    running.post(sent, idempotency_key="one")
    running.post(b"not JSON")

    first, second = running.http.get("/sandbox/received").json()

    assert first == {
        "ref": running.store.received()[0].ref,
        "key": "one",
        "urn": URN,
        "received_at": MONDAY.isoformat(),
        "status": 201,
        "sha256": hashlib.sha256(sent).hexdigest(),
        "body": json.loads(sent),
        "errors": first["errors"],
    }
    assert [error["code"] for error in first["errors"]] == ["VAL104"]
    assert (second["status"], second["body"]) == (400, "not JSON")


@pytest.mark.parametrize(
    ("fault", "status", "is_stored"),
    [
        (Fault.NONE, 201, True),
        (Fault.BUSY, 503, False),
        (Fault.BUSY_RETRY_AFTER, 429, False),
        (Fault.CLOSED, 410, False),
        (Fault.HTML, 200, False),
        (Fault.UNAUTHORISED_ONCE, 401, False),
        (Fault.REJECT, 400, False),
        (Fault.FAULTY, 201, True),
        (Fault.SLOW, 201, True),
    ],
)
def test_fault_is_for_one_post_and_the_next_is_well(dfe: Start, fault: Fault, status: int, *, is_stored: bool) -> None:
    """A fault between sender and service stores nothing: the same key counts when it is sent again."""
    running = dfe(fault)

    assert running.post(message(), idempotency_key="one").status_code == status
    assert any(post.ref for post in running.store.received()) is is_stored

    running.sign_in()
    assert running.post(message(), idempotency_key="one").status_code == 201


def test_faults_come_in_the_order_of_the_script(dfe: Start) -> None:
    """A test writes down a bad day and knows what happens when."""
    running = dfe(Fault.BUSY, Fault.NONE, Fault.CLOSED)
    running.faults.append(Fault.BUSY)

    assert [running.post(message()).status_code for _ in range(5)] == [503, 201, 410, 503, 201]


def test_busy_answer_says_when_to_come_back(dfe: Start) -> None:
    """Retry-After is what attsync must obey."""
    assert dfe(Fault.BUSY_RETRY_AFTER).post(message()).headers["Retry-After"] == "1"


def test_web_filter_answers_in_html(dfe: Start) -> None:
    """200 from a stranger must not become a tick."""
    assert dfe(Fault.HTML).post(message()).headers["Content-Type"].startswith("text/html")


def test_rejection_and_fault_of_the_script_look_like_real_ones(dfe: Start) -> None:
    """No one can tell them from those that a message deserves, and its words are tested with them."""
    running = dfe(Fault.REJECT, Fault.FAULTY)

    assert running.post(message()).json()["code"] == "VAL102"
    (error,) = running.post(message(item(L=57, I=3))).json()[0]["errors"]
    assert (error["code"], error["detail"], error["path"]) == (
        "VAL104",
        "L",
        "$.submissionData[0].attendances[0].attendanceCode",
    )
    assert [code for *_, code in believed(running.store)] == ["I"]


def test_token_that_was_refused_once_stays_refused(dfe: Start) -> None:
    """Sending again with the old token does not help; a new one does."""
    running = dfe(Fault.UNAUTHORISED_ONCE)

    assert [running.post(message()).status_code for _ in range(2)] == [401, 401]


def test_slow_answer_waits_and_is_right(dfe: Start) -> None:
    """The first call after a quiet time may be slow."""
    running = dfe(Fault.SLOW)

    assert running.post(message()).status_code == 201
    assert running.clock.pauses == [SLOW_SECONDS]
