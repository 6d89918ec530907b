r"""The DfE's validation of a message: it is rejected as a whole, or stored with its faulty parts named.

Bytes and codes only: no HTTP, no sign-in, nothing that was received before. Does not check that / belongs to the
morning and \ to the afternoon, because the DfE did not.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, Final, NamedTuple

from attsync.codes import codes_on, year_groups
from attsync.model import Session

DFE_YEAR_GROUPS: Final = year_groups() | {"M": "Mixed year class"}
"""The DfE's list has M, which attsync never sends: it names a class, not a pupil's year (docs/design/domain.md 4)."""

_URN: Final = re.compile(r"[1-9]\d{5}", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(T00:00:00)?", re.ASCII)

_TITLES: Final = {
    "VAL100": ("ERROR_INVALID_URN", "URN is missing"),
    "VAL101": ("ERROR_INVALID_URN", "URN is malformed"),
    "VAL102": ("ERROR_INVALID_URN", "URN was not found"),
    "VAL103": ("FAILURE_INVALID_NCYEARGROUP_CODE", "Year group is not in the list"),
    "VAL104": ("FAILURE_INVALID_ATTENDANCE_CODE", "Attendance code is not in the list"),
    "VAL105": ("FAILURE_INVALID_ATTENDANCE_VALUE", "Value is not a whole number of 0 or more"),
}

Error = dict[str, str]
"""One entry of the DfE's `errors`: id, code, status (always empty), title, detail (the faulty value), path."""


class Rejected(Exception):
    """An answer of 400: nothing of the message is stored."""

    def __init__(self, answer: dict[str, Any], urn: int | None = None) -> None:
        self.answer = answer
        self.urn = urn
        super().__init__()


class Judged(NamedTuple):
    """An answer of 201: the message is stored, faulty or not."""

    urn: int
    errors: tuple[Error, ...]


def judge(content: bytes, *, is_school: Callable[[int], bool]) -> Judged:
    """Validate the body of one post; `is_school` says whether the DfE's register has a URN. Raise Rejected."""
    if not content:
        raise _rejected("Empty request body")
    try:
        message = json.loads(content.decode(), parse_constant=_not_a_number)
    except (ValueError, RecursionError):
        raise _rejected("Request body is not JSON") from None
    if not isinstance(message, dict):
        raise _rejected("Request body is not a JSON object")
    urn = message.get("urn")
    if urn is None:
        raise _rejected_urn("VAL100", "")
    if not (isinstance(urn, int) and _URN.fullmatch(str(urn))):
        raise _rejected_urn("VAL101", urn)
    if not is_school(urn):
        raise _rejected_urn("VAL102", urn, urn)
    return Judged(urn, tuple(_errors(message)))


def first_code_error(content: bytes) -> tuple[Error, ...]:
    """Return an error for the first code of a message, even a correct one; for the script of faults."""
    for i, item in enumerate(json.loads(content)["submissionData"]):
        for j, count in enumerate(item["attendances"]):
            path = f"$.submissionData[{i}].attendances[{j}].attendanceCode"
            return (_error("VAL104", count.get("attendanceCode"), path),)
    return ()


def _errors(message: dict[str, Any]) -> Iterator[Error]:
    yield from _check_number(message.get("totalNoOfPupils"), "$.totalNoOfPupils")
    for path, group in _objects(message.get("yearGroups", []), "$.yearGroups"):
        yield from _check_code(group.get("ncYearGroup"), DFE_YEAR_GROUPS, "VAL103", f"{path}.ncYearGroup")
        yield from _check_number(group.get("noOfPupils"), f"{path}.noOfPupils")
    for path, item in _objects(message.get("submissionData"), "$.submissionData"):
        yield from _check_code(item.get("ncYearGroup"), DFE_YEAR_GROUPS, "VAL103", f"{path}.ncYearGroup")
        codes = codes_on(_date_of(item, path))
        if item.get("schoolSession") not in tuple(Session):
            raise _rejected(f"{path}.schoolSession is neither AM nor PM")
        for here, count in _objects(item.get("attendances"), f"{path}.attendances"):
            yield from _check_code(count.get("attendanceCode"), codes, "VAL104", f"{here}.attendanceCode")
            yield from _check_number(count.get("value"), f"{here}.value")


def _check_code(value: object, known: dict[str, Any], code: str, path: str) -> Iterator[Error]:
    if not (isinstance(value, str) and value in known):
        yield _error(code, value, path)


def _check_number(value: object, path: str) -> Iterator[Error]:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        yield _error("VAL105", value, path)


def _date_of(item: dict[str, Any], path: str) -> date:
    # Both 2020-10-20T00:00:00 and 2020-10-10 were accepted.
    text = item.get("date")
    if isinstance(text, str) and _DATE.fullmatch(text):
        try:
            return date.fromisoformat(text[:10])
        except ValueError:
            pass  # such as 30 February
    raise _rejected(f"{path}.date is not a date")


def _objects(parts: object, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(parts, list):
        raise _rejected(f"{path} is not a list")
    for number, part in enumerate(parts):
        if not isinstance(part, dict):
            raise _rejected(f"{path}[{number}] is not an object")
        yield f"{path}[{number}]", part


def _error(code: str, value: object, path: str) -> Error:
    return _described(code, value, status="") | {"path": path}


def _described(code: str, value: object, status: str) -> Error:
    identifier, title = _TITLES[code]
    detail = value if isinstance(value, str) else json.dumps(value)
    return {"id": identifier, "code": code, "status": status, "title": title, "detail": detail}


def _rejected(message: str) -> Rejected:
    return Rejected({"statusCode": 400, "message": message})


def _rejected_urn(code: str, value: object, urn: int | None = None) -> Rejected:
    return Rejected(_described(code, value, status="400"), urn)


def _not_a_number(name: str) -> float:
    raise ValueError(name)  # NaN and Infinity are Python's, not JSON's
