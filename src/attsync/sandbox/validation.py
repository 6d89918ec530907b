r"""What the DfE finds wrong with a message: it rejects the whole, or stores it and names the faulty parts.

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
"""The DfE's list has M, which attsync never sends: it names a class, not a pupil's year (DOMAIN.md 4)."""

_URN = re.compile(r"[1-9]\d{5}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T00:00:00)?", re.ASCII)

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


class Figure(NamedTuple):
    """The place of one count: what the DfE would look it up by."""

    urn: int
    date: date
    session: Session
    year_group: str
    code: str


def judge(content: bytes, *, is_school: Callable[[int], bool]) -> Judged:
    """Judge the body of one post; `is_school` says whether the DfE's register has a URN. Raise Rejected."""
    if not content:
        raise _rejected("Empty request body")
    try:
        message = json.loads(content.decode(), parse_constant=_not_a_number)
    except (ValueError, RecursionError):
        raise _rejected("Request body is not JSON") from None
    if not isinstance(message, dict):
        raise _rejected("Request body is not a JSON object")
    return Judged(_urn_of(message, is_school), tuple(_errors(message)))


def figures(content: bytes, errors: tuple[Error, ...]) -> Iterator[tuple[Figure, int]]:
    """Return the counts of a message that was stored, without those that `errors` calls faulty."""
    faulty = {error["path"] for error in errors}
    message = json.loads(content)
    for i, item in enumerate(message["submissionData"]):
        path = f"$.submissionData[{i}]"
        day, session, year_group = item["date"][:10], item["schoolSession"], item.get("ncYearGroup")
        for j, count in enumerate(item["attendances"]):
            here = f"{path}.attendances[{j}]"
            if not faulty & {f"{path}.ncYearGroup", f"{here}.attendanceCode", f"{here}.value"}:
                place = (message["urn"], date.fromisoformat(day), Session(session), year_group, count["attendanceCode"])
                yield Figure(*place), count["value"]


def first_code_error(content: bytes) -> tuple[Error, ...]:
    """Return an error for the first code of a message that can be read, whatever it is; for the script of faults."""
    for i, item in enumerate(json.loads(content)["submissionData"]):
        for j, count in enumerate(item["attendances"]):
            return (_code_error(count.get("attendanceCode"), f"$.submissionData[{i}].attendances[{j}]"),)
    return ()


def _urn_of(message: dict[str, Any], is_school: Callable[[int], bool]) -> int:
    urn = message.get("urn")
    if urn is None:
        raise _rejected_urn("VAL100", "URN is missing", "")
    if not (isinstance(urn, int) and _URN.fullmatch(str(urn))):
        raise _rejected_urn("VAL101", "URN is malformed", _shown(urn))
    if not is_school(urn):
        raise _rejected_urn("VAL102", "URN was not found", str(urn), urn)
    return urn


def _errors(message: dict[str, Any]) -> Iterator[Error]:
    yield from _check_number(message.get("totalNoOfPupils"), "$.totalNoOfPupils")
    for path, group in _objects(message.get("yearGroups", []), "$.yearGroups"):
        yield from _check_year_group(group, path)
        yield from _check_number(group.get("noOfPupils"), f"{path}.noOfPupils")
    for path, item in _objects(message.get("submissionData"), "$.submissionData"):
        yield from _check_year_group(item, path)
        codes = codes_on(_date_of(item, path))
        if item.get("schoolSession") not in tuple(Session):
            raise _rejected(f"{path}.schoolSession is neither AM nor PM")
        for here, count in _objects(item.get("attendances"), f"{path}.attendances"):
            code = count.get("attendanceCode")
            if not (isinstance(code, str) and code in codes):
                yield _code_error(code, here)
            yield from _check_number(count.get("value"), f"{here}.value")


def _code_error(code: object, path: str) -> Error:
    title = "Attendance code is not in the list"
    return _error("FAILURE_INVALID_ATTENDANCE_CODE", "VAL104", title, code, f"{path}.attendanceCode")


def _check_year_group(part: dict[str, Any], path: str) -> Iterator[Error]:
    code = part.get("ncYearGroup")
    if not (isinstance(code, str) and code in DFE_YEAR_GROUPS):
        title = "Year group is not in the list"
        yield _error("FAILURE_INVALID_NCYEARGROUP_CODE", "VAL103", title, code, f"{path}.ncYearGroup")


def _check_number(value: object, path: str) -> Iterator[Error]:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        title = "Value is not a whole number of 0 or more"
        yield _error("FAILURE_INVALID_ATTENDANCE_VALUE", "VAL105", title, value, path)


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


def _error(identifier: str, code: str, title: str, value: object, path: str) -> Error:
    return {"id": identifier, "code": code, "status": "", "title": title, "detail": _shown(value), "path": path}


def _rejected(message: str) -> Rejected:
    return Rejected({"statusCode": 400, "message": message})


def _rejected_urn(code: str, title: str, detail: str, urn: int | None = None) -> Rejected:
    return Rejected({"id": "ERROR_INVALID_URN", "code": code, "status": "400", "title": title, "detail": detail}, urn)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _not_a_number(name: str) -> float:
    raise ValueError(name)  # NaN and Infinity are Python's, not JSON's
