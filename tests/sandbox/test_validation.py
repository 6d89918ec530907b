"""validation.py: each fault that the DfE found is found, and nothing that it let pass."""

import json
from typing import Any

import pytest

from attsync.sandbox.validation import Judged, Rejected, first_code_error, judge
from tests.sandbox.pretend import URN, item, message


def judged(body: object) -> Judged:
    """Judge `body` where one school is known."""
    return judge(body if isinstance(body, bytes) else json.dumps(body).encode(), is_school=lambda urn: urn == URN)


def errors_of(body: dict[str, Any]) -> list[dict[str, str]]:
    """Judge a message that is stored and return its errors."""
    return list(judged(body).errors)


def test_message_without_fault_is_stored() -> None:
    """The green tick must be possible."""
    assert judged(message()) == Judged(URN, ())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "Empty request body"),
        (b"{", "Request body is not JSON"),
        (b"\xff", "Request body is not JSON"),
        (b'{"urn": NaN}', "Request body is not JSON"),
        (b"[" * 100_000, "Request body is not JSON"),
        ([], "Request body is not a JSON object"),
        (message(submissionData=None), "$.submissionData is not a list"),
        (message(submissionData=[1]), "$.submissionData[0] is not an object"),
        (message(item() | {"date": "23/11/2026"}), "$.submissionData[0].date is not a date"),
        (message(item() | {"date": "2026-02-30"}), "$.submissionData[0].date is not a date"),
        (message(item("R", "Morning")), "$.submissionData[0].schoolSession is neither AM nor PM"),
        (message(item() | {"attendances": {}}), "$.submissionData[0].attendances is not a list"),
    ],
)
def test_body_that_cannot_be_read_is_rejected_with_a_description(body: object, words: str) -> None:
    """A client must cope with a 400 that is not about the URN and has another shape."""
    with pytest.raises(Rejected) as raised:
        judged(body)

    assert raised.value.answer == {"statusCode": 400, "message": words}


@pytest.mark.parametrize(
    ("urn", "code", "detail"),
    [
        (None, "VAL100", ""),
        (12, "VAL101", "12"),
        ("900023", "VAL101", "900023"),
        (True, "VAL101", "true"),
        (1234567, "VAL101", "1234567"),
        (900024, "VAL102", "900024"),
    ],
)
def test_urn_trouble_is_rejected_by_its_number(urn: object, code: str, detail: str) -> None:
    """A wrong URN happens to real schools; all three kinds share one id."""
    with pytest.raises(Rejected) as raised:
        judged(message(urn=urn))

    assert set(raised.value.answer) == {"id", "code", "status", "title", "detail"}
    assert [raised.value.answer[name] for name in ("id", "code", "detail")] == ["ERROR_INVALID_URN", code, detail]


@pytest.mark.parametrize(
    ("body", "identifier", "code", "detail", "path"),
    [
        (
            message(item("15", L=1)),
            "FAILURE_INVALID_NCYEARGROUP_CODE",
            "VAL103",
            "15",
            "$.submissionData[0].ncYearGroup",
        ),
        (
            message(yearGroups=[{"ncYearGroup": "T", "noOfPupils": 1}]),
            "FAILURE_INVALID_NCYEARGROUP_CODE",
            "VAL103",
            "T",
            "$.yearGroups[0].ncYearGroup",
        ),
        (
            message(item(L=1), item(L=1, ZZ=2)),
            "FAILURE_INVALID_ATTENDANCE_CODE",
            "VAL104",
            "ZZ",
            "$.submissionData[1].attendances[1].attendanceCode",
        ),
        (
            message(item(L=-1)),
            "FAILURE_INVALID_ATTENDANCE_VALUE",
            "VAL105",
            "-1",
            "$.submissionData[0].attendances[0].value",
        ),
        (message(totalNoOfPupils=1.5), "FAILURE_INVALID_ATTENDANCE_VALUE", "VAL105", "1.5", "$.totalNoOfPupils"),
        (
            message(yearGroups=[{"ncYearGroup": "R"}]),
            "FAILURE_INVALID_ATTENDANCE_VALUE",
            "VAL105",
            "null",
            "$.yearGroups[0].noOfPupils",
        ),
    ],
)
def test_fault_is_named_with_its_value_and_place(
    body: dict[str, Any], identifier: str, code: str, detail: str, path: str
) -> None:
    """Anyone who reads a faulty answer must find the cell by it; `status` is an empty string, as the DfE had it."""
    (error,) = errors_of(body)

    assert list(error) == ["id", "code", "status", "title", "detail", "path"]
    assert (error["id"], error["code"], error["status"], error["detail"], error["path"]) == (
        identifier,
        code,
        "",
        detail,
        path,
    )


def test_all_faults_are_named_at_once() -> None:
    """A message is stored as a whole with all its faults, not refused at the first."""
    faulty = message(item("15", K9=-1, I=True))

    codes = [error["code"] for error in errors_of(faulty)]

    assert codes == ["VAL103", "VAL104", "VAL105", "VAL105"]


@pytest.mark.parametrize(
    ("day", "code", "is_fault"),
    [("2024-08-18", "J", False), ("2024-08-19", "J", True), ("2024-08-18", "K", True), ("2024-08-19", "K", False)],
)
def test_code_is_judged_by_the_date_of_the_mark(day: str, code: str, *, is_fault: bool) -> None:
    """A window across 19 August 2024 holds marks of both lists (docs/design/domain.md 3)."""
    assert bool(errors_of(message(item("R", "AM", day, **{code: 1})))) is is_fault


def test_what_the_dfe_let_pass_passes() -> None:
    r"""The DfE did not check that / is AM; 0 is a value, dates came without a time, M is in its list of year groups."""
    lenient = item("M", "AM", **{"/": 1, "\\": 1, "I": 0}) | {"date": "2026-11-23"}

    assert errors_of(message(lenient)) == []


def test_the_2020_message_without_year_groups_passes() -> None:
    """The API of 2020 had no such member, and `send_year_groups = false` leaves it out."""
    body = message()
    del body["yearGroups"]

    assert errors_of(body) == []


def test_message_without_a_count_has_no_first_code() -> None:
    """The script of faults must not break the sandbox."""
    assert first_code_error(json.dumps(message(item())).encode()) == ()
