"""Attendance codes and year groups as the DfE lists them, with the dates between which each code counts.

Knows the two tables of the package (DOMAIN.md 3 and 4) and nothing of schools or of what is sent.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

from attsync.model import Cells, Session

PRESENT = "present"
"""Target of a school's map that means / in the morning and \\ in the afternoon."""
UNMARKED = "unmarked"
"""Target of a school's map that means: no mark was made."""

YEARS_AT_SCHOOL = 16
"""From the nursery to Year 14: nobody is on the roll of one school for longer."""

_LONGEST_CODE = 2
# Sub-codes (X01, I02) were for school systems only and were never in the API's list (DOMAIN.md 3).

AWAY = "approved_educational_activity"
"""Category of codes for pupils who are taught elsewhere; they count as attending (DOMAIN.md 3)."""
ATTENDED = frozenset({"present", AWAY})
"""Categories of codes that say that a pupil attended (DOMAIN.md 3)."""
ABSENT = frozenset({"authorised_absence", "unauthorised_absence"})
"""Categories of codes that say that a pupil could have attended, and did not."""
NOT_POSSIBLE = frozenset({"unable_to_attend", "administrative"})
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


@cache
def attendance_codes() -> tuple[Code, ...]:
    """All codes that may be sent, newest list first, as in the data file."""
    return tuple(
        Code(
            code=row["code"],
            description=row["description"],
            category=row["category"],
            sessions=frozenset(s for s in Session if row[s.lower()] == "1"),
            valid_from=date.fromisoformat(row["valid_from"]) if row["valid_from"] else date.min,
            valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else date.max,
        )
        for row in _rows("attendance_codes.csv")
        if len(row["code"]) <= _LONGEST_CODE
    )


@cache
def codes_on(day: date) -> dict[str, Code]:
    """Give the codes that count on `day`, by letter; the date of the mark decides, not today (DOMAIN.md 3)."""
    return {c.code: c for c in attendance_codes() if c.valid_from <= day <= c.valid_to}


@cache
def year_groups() -> dict[str, str]:
    """Year group -> description, in the DfE's order. M is a class, not a pupil's year (DOMAIN.md 4)."""
    return {row["code"]: row["description"] for row in _rows("year_groups.csv") if row["code"] != "M"}


@cache
def all_codes() -> tuple[str, ...]:
    """Every letter that was ever sendable, each once, in the order of the data file."""
    return tuple(dict.fromkeys(c.code for c in attendance_codes()))


def attendance_rate(cells: Cells, day: date) -> float | None:
    """Attendance as the DfE calculates it (DOMAIN.md 3), 0.0 to 1.0; None where no session was possible."""
    known = codes_on(day)
    attended = possible = 0
    for counts in cells.values():
        for code, number in counts.items():
            category = known[code].category
            attended += number * (category in ATTENDED)
            possible += number * (category not in NOT_POSSIBLE)
    return attended / possible if possible else None


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files("attsync").joinpath("data", name).read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines())
