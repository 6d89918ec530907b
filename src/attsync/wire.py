"""The DfE's messages as strict Pydantic models, in the DfE's own field names (docs/design/domain.md 2); no I/O.

No model of what is sent has free text that attsync fills in, so a name cannot be sent. Members of the JSON are in
alphabetical order: equal counts are equal bytes.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, model_validator
from pydantic_core import to_json

from attsync.codes import all_codes, attendance_rate, codes_on, year_groups
from attsync.model import URNS, Body, Cell, Cells, Day, Fault, School, Session
from attsync.problems import Problem

_MOST = 10_000  # docs/design/reliability.md 6: no count of one school's pupils is larger

Number = Annotated[int, Field(ge=0, le=_MOST)]
if TYPE_CHECKING:
    AttendanceCode = str
    YearGroupCode = str
else:  # the lists are data, which no type checker reads
    AttendanceCode = Literal[tuple(sorted(all_codes()))]
    YearGroupCode = Literal[tuple(year_groups())]
DateTime = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T00:00:00$")]


class _Sent(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class Attendance(_Sent):
    """How many marks one code has."""

    attendanceCode: AttendanceCode
    value: Number


class Item(_Sent):
    """One year group in one session of one date. Codes must count on that date and in that session."""

    attendances: Annotated[tuple[Attendance, ...], Field(min_length=1)]
    date: DateTime
    ncYearGroup: YearGroupCode
    schoolSession: Literal["AM", "PM"]

    @model_validator(mode="after")
    def _codes_count(self) -> Self:
        if not _sendable(self.date, self.schoolSession).issuperset([each.attendanceCode for each in self.attendances]):
            msg = "an attendance code does not count on this date and in this session"
            raise ValueError(msg)
        return self


class YearGroup(_Sent):
    """How many pupils one year group has on roll on the date of the message."""

    ncYearGroup: YearGroupCode
    noOfPupils: Number


class Submission(_Sent):
    """The body of `POST /attendances`: one school, one date."""

    submissionData: Annotated[tuple[Item, ...], Field(min_length=1)]
    totalNoOfPupils: Number
    urn: Annotated[int, Field(ge=URNS[0], le=URNS[-1])]
    yearGroups: tuple[YearGroup, ...] | None = None

    @model_validator(mode="after")
    def _sums_agree(self) -> Self:
        parts = sum(group.noOfPupils for group in self.yearGroups or ())
        # A pupil in two year groups counts once in the total.
        if self.yearGroups is not None and parts < self.totalNoOfPupils:
            msg = "the year groups do not add up to the number of pupils"
            raise ValueError(msg)
        if len({item.date for item in self.submissionData}) != 1:
            msg = "a message contains one date"
            raise ValueError(msg)
        return self


class _Received(BaseModel):
    # Answers may have unknown members; the members that attsync needs are checked strictly.
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)


class ReceiptError(_Received):
    """One fault that the DfE found in a message that it stored."""

    code: str
    detail: Any = None
    id: str | None = None
    path: str | None = None
    title: str | None = None


class Receipt(_Received):
    """The DfE's confirmation of a message. If `errors` is empty, it was received in full."""

    errors: list[ReceiptError]
    submissionRef: Annotated[str, StringConstraints(pattern=r"\S", max_length=100)]


class Rejection(_Received):
    """The DfE's rejection of a whole message."""

    code: str | None = None
    detail: str | None = None
    id: str | None = None
    title: str | None = None


_receipts: TypeAdapter[list[Receipt]] = TypeAdapter(Annotated[list[Receipt], Field(min_length=1)])


@dataclass(frozen=True, slots=True)
class Parsed:
    """The content of a message."""

    cells: Cells
    roll: dict[str, int]


def parse(content: bytes) -> Parsed:
    """Return the content of a message that `build` made. It was validated before it was sent."""
    message = json.loads(content)
    return Parsed(
        cells={
            Cell(item["ncYearGroup"], Session(item["schoolSession"])): {
                count["attendanceCode"]: count["value"] for count in item["attendances"]
            }
            for item in message["submissionData"]
        },
        roll={group["ncYearGroup"]: group["noOfPupils"] for group in message.get("yearGroups", ())},
    )


def build(school: School, day: Day, sent_before: Cells, *, send_year_groups: bool = True) -> Body | Problem | None:
    """Return the request for one school and date, or the problem that its counts are impossible; None: nothing to send.

    Codes and cells of `sent_before` that have no marks now are sent as 0: the last message must be complete.
    """
    cells = _with_zeros(day.cells, sent_before)
    if not cells:
        return None
    content = to_json(_message(school, day, cells, send_year_groups=send_year_groups))
    try:
        Submission.__pydantic_validator__.validate_json(content)  # the very bytes that are sent
    except ValidationError:
        return Problem("COUNT-WRONG", urn=school.urn, day=day.date, most=_MOST)
    sha256 = hashlib.sha256(content).hexdigest()
    return Body(day.date, content, sha256, cells, day.total_on_roll, attendance_rate(cells, day.date))


def parse_json(content: bytes) -> Any:  # noqa: ANN401  whatever JSON it is
    """Return the JSON of an answer. Raise ValueError if it is not JSON, or has a member twice."""

    def once(members: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found := dict(members)) < len(members):
            msg = "a member is there twice"
            raise ValueError(msg)
        return found

    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=once)
    except RecursionError:
        msg = "nested too deeply"
        raise ValueError(msg) from None


def read_receipt(content: bytes, body: bytes) -> tuple[str, tuple[Fault, ...]] | None:
    """Return the reference and the faults of the answer to a 201, each with its place in `body`. None: no receipt."""
    try:
        receipts = _receipts.validate_python(parse_json(content))
    except ValueError:
        return None
    faults = tuple(_fault(error, body) for receipt in receipts for error in receipt.errors)
    return receipts[0].submissionRef, faults


def read_rejection(content: bytes) -> Rejection:
    """Return what the DfE says with a 4xx; an empty rejection where it says nothing that can be read."""
    try:
        return Rejection.model_validate(parse_json(content))
    except ValueError:
        return Rejection()


def read_listed(content: bytes, member: str) -> frozenset[str]:
    """Return what `member` is in each item of a list that the DfE keeps. Raise ValueError if it is not such a list."""
    items = parse_json(content)
    if not isinstance(items, list) or not all(isinstance(i, dict) and isinstance(i.get(member), str) for i in items):
        raise ValueError(member)
    return frozenset(item[member] for item in items)


def read_provider(content: bytes) -> str:
    """Return the DfE's name of a school, or "" if it has none. Raise ValueError if it is not such an answer."""
    found = parse_json(content)
    name = found.get("name") if isinstance(found, dict) else 0
    if not isinstance(name, str | None):
        raise ValueError("name")  # noqa: TRY004  what the caller expects for an answer of another form
    return name or ""


def in_order(cells: Iterable[Cell]) -> list[Cell]:
    """Sort cells by the DfE's order of year groups, then AM before PM."""
    return sorted(cells, key=_place)


@cache
def _place(cell: Cell) -> tuple[int, Session]:
    return list(year_groups()).index(cell.year_group), cell.session


def _with_zeros(cells: Cells, sent_before: Cells) -> Cells:
    if sent_before:
        cells = {
            cell: dict.fromkeys(sent_before.get(cell, ()), 0) | dict(cells.get(cell, {}))
            for cell in cells.keys() | sent_before.keys()
        }
    return {cell: cells[cell] for cell in in_order(cells) if cells[cell]}


def _message(school: School, day: Day, cells: Cells, *, send_year_groups: bool) -> dict[str, Any]:
    # Plain values: making a model of each count first took twice as long as all the rest (benchmarks/README.md).
    at = f"{day.date.isoformat()}T00:00:00"
    message: dict[str, Any] = {
        "submissionData": [
            {
                "attendances": [{"attendanceCode": code, "value": counts[code]} for code in sorted(counts)],
                "date": at,
                "ncYearGroup": cell.year_group,
                "schoolSession": cell.session.value,
            }
            for cell, counts in cells.items()
        ],
        "totalNoOfPupils": day.total_on_roll,
        "urn": school.urn,
    }
    if send_year_groups:
        roll = [(group, day.roll.get(group)) for group in year_groups()]
        message["yearGroups"] = [{"ncYearGroup": group, "noOfPupils": number} for group, number in roll if number]
    return message


@cache
def _sendable(at: str, session: str) -> frozenset[str]:
    codes = codes_on(date.fromisoformat(at[:10]))
    return frozenset(letter for letter, code in codes.items() if session in code.sessions)


_PATH = re.compile(r"submissionData\[(\d{1,5})\](?:\.attendances\[(\d{1,5})\])?")


def _fault(error: ReceiptError, body: bytes) -> Fault:
    place = _PATH.search(error.path or "")
    cell = code = None
    try:
        if place:
            item = json.loads(body)["submissionData"][int(place[1])]
            cell = Cell(item["ncYearGroup"], Session(item["schoolSession"]))
            code = item["attendances"][int(place[2])]["attendanceCode"] if place[2] else None
    except IndexError:
        pass  # the path of the DfE leads nowhere; the fault is for the whole day
    return Fault(error.code, cell, code, error.title or "")
