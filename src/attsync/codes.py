"""Attendance codes and year groups as the DfE lists them, with the dates between which each code is valid.

Reads the two tables of the package. Imports nothing of attsync but `model`.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final

from attsync import data
from attsync.model import Cells, Session

PRESENT: Final = "present"
"""Target of a school's map that means / in the morning and \\ in the afternoon."""
UNMARKED: Final = "unmarked"
"""Target of a school's map that means: no mark was made."""

YEARS_AT_SCHOOL: Final = 16
"""From the nursery to Year 14: no pupil is on roll at one school for longer."""

_LONGEST_CODE: Final = 2
# Sub-codes (X01, I02) were only used inside MIS software and were never in the API's list (docs/design/domain.md 3).

HERE: Final = "present"
"""Category of the codes for pupils who were in school when a register was taken: / \\ L."""
AWAY: Final = "approved_educational_activity"
"""Category of codes for pupils who are educated off site; they count as attending (docs/design/domain.md 3)."""
ATTENDED: Final = frozenset({HERE, AWAY})
"""Categories of codes that say that a pupil attended (docs/design/domain.md 3)."""
ABSENT: Final = frozenset({"authorised_absence", "unauthorised_absence"})
"""Categories of codes that say that a pupil could have attended, and did not."""
NOT_POSSIBLE: Final = frozenset({"unable_to_attend", "administrative"})
"""Categories of codes that say that there was no session for a pupil to attend."""


@dataclass(frozen=True, slots=True)
class Code:
    """One attendance code in one span of dates."""

    code: str
    description: str
    category: str
    sessions: frozenset[Session]
    valid_from: date
    valid_to: date
    replaced_by: str
    """What a school writes instead since the code was withdrawn; empty: it was not, or only its description changed."""


@cache
def every_code() -> tuple[Code, ...]:
    """Return all codes with their dates, newest list first, also the sub-codes that MIS software used."""
    return tuple(
        Code(
            code=row["code"],
            description=row["description"],
            category=row["category"],
            sessions=frozenset(s for s in Session if row[s.lower()] == "1"),
            valid_from=date.fromisoformat(row["valid_from"] or f"{date.min}"),
            valid_to=date.fromisoformat(row["valid_to"] or f"{date.max}"),
            replaced_by=row["replaced_by"],
        )
        for row in _rows("attendance_codes.csv")
    )


@cache
def codes_on(day: date) -> dict[str, Code]:
    """Return the codes that may be sent for `day`, by letter; its date decides (docs/design/domain.md 3)."""
    return {c.code: c for c in every_code() if c.valid_from <= day <= c.valid_to and len(c.code) <= _LONGEST_CODE}


def withdrawn(code: str, day: date) -> Code | None:
    """Return the code, or sub-code, that was withdrawn before `day`; None: it was not."""
    return next((c for c in every_code() if c.code == code and c.replaced_by and c.valid_to < day), None)


@cache
def year_groups() -> dict[str, str]:
    """Return year group -> description, in the DfE's order. M is a class (docs/design/domain.md 4)."""
    return {row["code"]: row["description"] for row in _rows("year_groups.csv") if row["code"] != "M"}


@cache
def all_codes() -> tuple[str, ...]:
    """Return every letter that was ever sendable, each once, in the order of the data file."""
    return tuple(dict.fromkeys(c.code for c in every_code() if len(c.code) <= _LONGEST_CODE))


def attendance_rate(cells: Cells, day: date) -> float | None:
    """Return the attendance rate (docs/design/domain.md 3), 0.0 to 1.0; None where no session was possible."""
    known = codes_on(day)
    attended = possible = 0
    for counts in cells.values():
        for code, number in counts.items():
            category = known[code].category
            attended += number * (category in ATTENDED)
            possible += number * (category not in NOT_POSSIBLE)
    return attended / possible if possible else None


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = data.text(name)
    return csv.DictReader(text.splitlines())
