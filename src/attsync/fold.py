"""From the grouped rows of a school database to the days of a school: values mapped, marks added up, oddities named.

Pure: knows the school's maps and the DfE's lists, nothing of SQL. Every mark of a row ends in exactly one of three
places: a cell, the refused, or the unmarked (SPEC.md 4). A value that is in no list is never kept longer than a run and
shown only if it cannot be a name (RELIABILITY.md 6).
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from attsync.codes import PRESENT, UNMARKED, codes_on, year_groups
from attsync.model import Cell, Day, School, SchoolDays, Session
from attsync.problems import Problem
from attsync.window import Window


class MarkRow(NamedTuple):
    """One group of marks, as counted by the database; text is trimmed, None is NULL."""

    day: date
    session: str | None
    year_group: str | None
    code: str | None
    marks: int


class PupilRow(NamedTuple):
    """For one session: rows that name a pupil, and how many different pupils they name."""

    day: date
    session: str | None
    rows: int
    pupils: int


class RollRow(NamedTuple):
    """One year group: how many pupils were on roll on each day of the window, in order of date."""

    year_group: str | None
    not_dates: int
    """Enrolments whose entry or leaving date is a text that is not a date."""
    on_roll: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Maps:
    """What a school's own values mean in the DfE's. Values that are the DfE's already need no map."""

    codes: Mapping[str, str]
    sessions: Mapping[str, str]
    year_groups: Mapping[str, str]

    def session(self, value: str | None) -> Session | None:
        """Find the session that `value` stands for."""
        name = self.sessions.get(value or "", value)
        return Session(name) if name in ("AM", "PM") else None

    def year_group(self, value: str | None) -> str | None:
        """Find the year group that `value` stands for."""
        name = self.year_groups.get(value or "", value)
        return name if name in year_groups() else None

    def is_unmarked(self, value: str | None) -> bool:
        """Tell whether `value` says that no mark was made: NULL, nothing, - (DOMAIN.md 6), or mapped so."""
        return self.codes.get(value or "", UNMARKED if value in (None, "", "-") else "") == UNMARKED

    def code(self, value: str, session: Session, day: date) -> str | None:
        """Find the attendance code that `value` stands for in that session on that day."""
        name = self.codes.get(value, value)
        if name == PRESENT:
            name = "/" if session is Session.AM else "\\"
        code = codes_on(day).get(name)
        return name if code and session in code.sessions else None


@dataclass(slots=True)
class _Tally:
    """What is known of one day while its rows go by."""

    cells: dict[Cell, dict[str, int]] = field(default_factory=dict)
    unmarked: int = 0
    refused: int = 0
    unknown: Counter["_Unknown"] = field(default_factory=Counter)
    doubled: list[PupilRow] = field(default_factory=list)
    groups: int = 0


class _Unknown(NamedTuple):
    """A value that is in no list, and where its marks stand."""

    code: str
    session: Session | None
    year_group: str | None
    value: str | None


_SHOWN_SHARE: Final = 0.95
_LOOKS_LIKE_A_CODE: Final = re.compile(r"[A-Z/\\#*+-][0-9]{0,2}|[A-Z]{2}")


class Fold:
    """Takes the rows of one school and gives its days."""

    def __init__(self, school: School, maps: Maps, window: Window) -> None:
        self._school = school
        self._maps = maps
        self._days = {day: _Tally() for day in window}
        self._roll: list[RollRow] = []
        self._known: Counter[str] = Counter()
        self._seen: Counter[str] = Counter()
        self._most_groups = (
            (34 + len(maps.codes)) * (len(year_groups()) + len(maps.year_groups)) * (len(Session) + len(maps.sessions))
        )

    def add(self, row: MarkRow) -> None:
        """Put the marks of `row` where they belong."""
        day = self._days[row.day]
        day.groups += 1
        if day.groups > self._most_groups:
            # More kinds of values than there can be: a wrong column, perhaps of names. Keep nothing of it.
            day.unknown.clear()
            day.refused += row.marks
        elif self._maps.is_unmarked(row.code):
            day.unmarked += row.marks
        elif unknown := self._place(day, row):
            day.refused += row.marks
            day.unknown[unknown] += row.marks

    def add_pupils(self, row: PupilRow) -> None:
        """Compare the rows of a session with its pupils: more rows than pupils prove a doubling join."""
        if row.rows > row.pupils:
            self._days[row.day].doubled.append(row)

    def add_roll(self, row: RollRow) -> None:
        """Take the pupils on roll in one year group."""
        self._roll.append(row)

    def days(self) -> SchoolDays:
        """Give every day of the window, with counts, roll and what is wrong with it."""
        not_dates = sum(row.not_dates for row in self._roll)
        if not_dates:
            return SchoolDays(school=self._school, problem=_not_dates(not_dates))
        return SchoolDays(
            school=self._school,
            days=tuple(self._day(number, day, tally) for number, (day, tally) in enumerate(self._days.items())),
        )

    def _place(self, day: _Tally, row: MarkRow) -> _Unknown | None:
        session = self._maps.session(row.session)
        year_group = self._maps.year_group(row.year_group)
        code = self._maps.code(row.code or "", session, row.day) if session else None
        for what, found in (("SESSION-UNKNOWN", session), ("YEAR-UNKNOWN", year_group), ("MARK-UNKNOWN", code)):
            self._seen[what] += row.marks
            self._known[what] += row.marks if found else 0
        if session is None:
            return _Unknown("SESSION-UNKNOWN", None, None, row.session)
        if year_group is None:
            return _Unknown("YEAR-UNKNOWN", session, None, row.year_group)
        if code is None:
            return _Unknown("MARK-UNKNOWN", session, year_group, row.code)
        counts = day.cells.setdefault(Cell(year_group, session), {})
        counts[code] = counts.get(code, 0) + row.marks
        return None

    def _day(self, number: int, day: date, tally: _Tally) -> Day:
        roll: Counter[str] = Counter()
        not_placed = 0
        for row in self._roll:
            if row.on_roll[number]:
                year_group = self._maps.year_group(row.year_group)
                roll[year_group or ""] += row.on_roll[number]
                not_placed += 0 if year_group else row.on_roll[number]
        del roll[""]
        has_marks = tally.cells or tally.refused
        return Day(
            date=day,
            cells=tally.cells,
            roll=dict(roll),
            unmarked=tally.unmarked,
            refused=tally.refused,
            problem=self._problem(day, tally, not_placed) if has_marks else None,
        )

    def _problem(self, day: date, tally: _Tally, not_placed: int) -> Problem | None:
        if tally.groups > self._most_groups:
            return Problem(
                "COLUMN-WRONG",
                f"The marks SELECT gives far more different values for {day:%a %-d %b} than there are codes, year"
                " groups and sessions: one of its columns is the wrong one. This day was not sent.",
                "Ask whoever wrote the marks SELECT to check its columns code, year_group and session.",
            )
        if tally.doubled:
            row = max(tally.doubled, key=lambda row: row.rows - row.pupils)
            session = self._maps.session(row.session) or "one session"
            return Problem(
                "MARK-DOUBLE",
                f"{day:%a %-d %b} {session} has {_marks(row.rows)} of {_pupils(row.pupils)}: 2 rows for one pupil in"
                " the same session, from a join that doubles or an older mark not removed. This day was not sent.",
                "Ask whoever wrote the marks SELECT to make it give one row for each pupil and session.",
            )
        if tally.unknown:
            return self._unknown(day, tally.unknown)
        if not_placed:
            return Problem(
                "ROLL-UNKNOWN",
                f"The roll SELECT has {_pupils(not_placed)} on {day:%a %-d %b} in a year group that is not the DfE's."
                " This day was not sent.",
                "Map the year group under [database.year_groups] in the settings file, or leave these enrolments out.",
            )
        return None

    def _unknown(self, day: date, unknown: "Counter[_Unknown]") -> Problem:
        ((first, number),) = unknown.most_common(1)
        what, table, belongs = _WORDS[first.code]
        where = f" in {year_groups()[first.year_group]}" if first.year_group else ""
        at = f"{day:%a %-d %b} {first.session}" if first.session else f"{day:%a %-d %b}"
        if first.value is None:
            value = f"no {what} (NULL)"
        elif self._may_show(first):
            value = f'the {what} "{first.value}"'
        else:
            value = f"a {what}"
        others = unknown.total() - number
        more = f" {_marks(others)} more cannot be counted." if others else ""
        return Problem(
            first.code,
            f"{_marks(number)}{where} on {at} {'has' if number == 1 else 'have'} {value}, which is not {belongs}."
            f"{more} This day was not sent.",
            f"Correct it in the MIS, or map it under [database.{table}] in the settings file;"
            " the day then goes with the next send.",
        )

    def _may_show(self, unknown: _Unknown) -> bool:
        # RELIABILITY.md 6: a column of names is never shown, nor a name that strayed into a column of codes.
        share = self._known[unknown.code] / self._seen[unknown.code]
        return share >= _SHOWN_SHARE and bool(_LOOKS_LIKE_A_CODE.fullmatch(unknown.value or ""))


_WORDS: Final = {
    "SESSION-UNKNOWN": ("session", "sessions", "AM or PM"),
    "YEAR-UNKNOWN": ("year group", "year_groups", "a DfE year group"),
    "MARK-UNKNOWN": ("code", "codes", "a DfE attendance code of this date and session"),
}
"""Problem code -> what the column holds, its map in the settings, what its values should be."""


def _not_dates(number: int) -> Problem:
    return Problem(
        "COLUMN-WRONG",
        f"The roll SELECT gives {number:,} entry or leaving dates that are not dates (YYYY-MM-DD)."
        " Nothing was sent for this school.",
        "Ask whoever wrote the roll SELECT to give entry_date and leaving_date as dates.",
    )


def _marks(number: int) -> str:
    return f"{number:,} mark" if number == 1 else f"{number:,} marks"


def _pupils(number: int) -> str:
    return f"{number:,} pupil" if number == 1 else f"{number:,} pupils"
