"""From the grouped rows of a school database to the days of a school: values mapped, marks added up, oddities named.

Pure: knows the school's maps and the DfE's lists, nothing of SQL. Every mark of a row ends in exactly one of four
places: a cell, the refused, the unmarked, or those without a date, for which the school is refused (SPEC.md 4). A value
that is in no list is shown, and kept in the text of a problem, only if it looks like a code in a column of codes
(RELIABILITY.md 6); else it is gone with the run.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from attsync.codes import all_codes, year_groups
from attsync.mapping import Maps
from attsync.model import Cell, Day, School, SchoolDays, Session, Uncounted, Unmapped
from attsync.plausibility import oddities
from attsync.plural import plural
from attsync.problems import DAY_NOT_SENT, Problem
from attsync.window import Window


class MarkRow(NamedTuple):
    """One group of marks, as counted by the database; text is trimmed, None is NULL."""

    day: date | None
    """None: what stands in the column is not a date."""
    session: str | None
    year_group: str | None
    code: str | None
    marks: int


class PupilRow(NamedTuple):
    """For one session: marks that name a pupil, and how many different pupils they name."""

    day: date | None
    session: str | None
    """Already mapped."""
    rows: int
    pupils: int


class RollRow(NamedTuple):
    """One year group: how many pupils were on roll on each day of the window, in order of date."""

    year_group: str | None
    not_dates: int
    """Enrolments whose entry or leaving date is a text that is not a date."""
    endless: int
    """On roll on the last day, and came longer ago than anybody stays."""
    on_roll: tuple[int, ...]


class ProofRow(NamedTuple):
    """What only the column pupil can prove of one day."""

    day: date
    pupils_on_roll: int | None
    """Each counted once; None: the roll SELECT has no pupil column."""
    in_two_groups: int
    not_on_roll: int
    proven: bool = False
    """Doubled marks and marks of pupils not on roll were looked for on this day."""


@dataclass(slots=True)
class _DayTally:
    """What is known of one day while its rows go by."""

    cells: dict[Cell, dict[str, int]] = field(default_factory=dict)
    unmarked: int = 0
    refused: int = 0
    unknown: Counter["_Unknown"] = field(default_factory=Counter)
    doubled: list[PupilRow] = field(default_factory=list)
    groups: int = 0
    proof: ProofRow | None = None


class _Unknown(NamedTuple):
    """A value that is in no list, and where its marks stand."""

    code: str
    session: Session | None
    year_group: str | None
    value: str | None


_SHOWN_SHARE: Final = 0.95
_MOST_SHARE: Final = 0.5
_LOOKS_LIKE_A_CODE: Final = re.compile(r"[A-Z/\\#*+-][0-9]{0,2}|[A-Z]{2}")


class Tally:
    """Takes the rows of one school and gives its days."""

    def __init__(self, school: School, maps: Maps, window: Window, *, provable: bool = True) -> None:
        self._school = school
        self._provable = provable
        self._maps = maps
        self._window = window
        self._days = {day: _DayTally() for day in window}
        self._roll: list[RollRow] = []
        self._not_dates = 0
        self._seen = 0
        self._not_known: Counter[str] = Counter()
        self._most_groups = (
            (len(all_codes()) + len(maps.codes))
            * (len(year_groups()) + len(maps.year_groups))
            * (len(Session) + len(maps.sessions))
        )

    def add(self, row: MarkRow) -> None:
        """Put the marks of `row` where they belong."""
        at, session, year_group, code, marks = row
        tally = self._days.get(at) if at else None
        if at is None or tally is None:
            self._not_dates += marks
            return
        tally.groups += 1
        if tally.groups > self._most_groups:
            # More kinds of values than there can be: a wrong column, perhaps of names. Keep nothing of it.
            tally.unknown.clear()
            tally.refused += marks
        elif place := self._maps.place((at, session, year_group, code)):
            self._seen += marks
            counts = tally.cells.setdefault(place.cell, {})
            counts[place.code] = counts.get(place.code, 0) + marks
        elif self._maps.is_unmarked(code or ""):
            tally.unmarked += marks
        else:
            tally.refused += marks
            tally.unknown[self._count_unknown(row, at)] += marks

    def add_pupils(self, row: PupilRow) -> None:
        """Compare the rows of a session with its pupils: more rows than pupils prove a doubling join."""
        if row.rows > row.pupils and row.day in self._days:
            self._days[row.day].doubled.append(row)

    def add_proof(self, row: ProofRow) -> None:
        """Take what the column pupil proves of one day."""
        self._days[row.day].proof = row

    def add_roll(self, row: RollRow) -> None:
        """Take the pupils on roll in one year group."""
        self._roll.append(row)

    def days(self) -> SchoolDays:
        """Give every day of the window, with counts, roll and what is wrong with it."""
        if self._not_dates:
            return SchoolDays(school=self._school, problem=_not_dates("marks", self._not_dates, "date", "date"))
        if number := sum(row.not_dates for row in self._roll):
            columns = "entry_date and leaving_date"
            return SchoolDays(school=self._school, problem=_not_dates("roll", number, "entry or leaving date", columns))
        days = tuple(self._day(number, day, tally) for number, (day, tally) in enumerate(self._days.items()))
        return SchoolDays(
            school=self._school,
            days=days,
            to_check=oddities(self._school, days, self._window, sum(row.endless for row in self._roll)),
            unmapped=tuple(self._unmapped()),
            provable=self._provable,
        )

    def _unmapped(self) -> Iterator[Unmapped]:
        numbers: Counter[tuple[str, str | None]] = Counter()
        for tally in self._days.values():
            for unknown, marks in tally.unknown.items():
                shown = "" if unknown.value is None else unknown.value if self._may_show(unknown) else None
                numbers[unknown.code, shown] += marks
        for (code, shown), marks in numbers.most_common():
            what, table, _ = _WORDS[code]
            yield Unmapped(what, f"database.{table}", shown, marks)
        not_placed: Counter[str | None] = Counter()
        for row in self._roll:
            if not self._maps.year_group(row.year_group):
                not_placed[None if row.year_group else ""] += max(row.on_roll)
        for shown, pupils in sorted(not_placed.items(), key=lambda each: each[0] is None):
            if pupils:
                yield Unmapped("year group", "database.year_groups", shown, pupils, pupils=True)

    def _count_unknown(self, row: MarkRow, at: date) -> _Unknown:
        session = self._maps.session(row.session)
        year_group = self._maps.year_group(row.year_group)
        code = self._maps.code(row.code or "", session, at) if session else None
        self._seen += row.marks
        for what, found in (("SESSION-UNKNOWN", session), ("YEAR-UNKNOWN", year_group), ("MARK-UNKNOWN", code)):
            self._not_known[what] += 0 if found else row.marks
        if session is None:
            return _Unknown("SESSION-UNKNOWN", None, None, row.session)
        if year_group is None:
            return _Unknown("YEAR-UNKNOWN", session, None, row.year_group)
        return _Unknown("MARK-UNKNOWN", session, year_group, row.code)

    def _day(self, number: int, day: date, tally: _DayTally) -> Day:
        roll: Counter[str] = Counter()
        not_placed = 0
        for row in self._roll:
            if row.on_roll[number]:
                year_group = self._maps.year_group(row.year_group)
                roll[year_group or ""] += row.on_roll[number]
                not_placed += 0 if year_group else row.on_roll[number]
        del roll[""]
        has_marks = tally.cells or tally.refused
        proof = tally.proof or ProofRow(day, None, 0, 0)
        return Day(
            date=day,
            cells=tally.cells,
            roll=dict(roll),
            unmarked=tally.unmarked,
            refused=tally.refused,
            uncounted=self._uncounted(tally.unknown),
            pupils_on_roll=proof.pupils_on_roll,
            not_on_roll=proof.not_on_roll,
            in_two_groups=proof.in_two_groups,
            proven=proof.proven,
            problem=self._problem(day, tally, not_placed) if has_marks else None,
        )

    def _problem(self, day: date, tally: _DayTally, not_placed: int) -> Problem | None:
        if tally.groups > self._most_groups:
            return Problem(
                "COLUMN-WRONG",
                f"The marks SELECT gives far more different values for {day:%a %-d %b} than there are codes, year"
                " groups and sessions: one of its columns is the wrong one.",
                "Ask whoever wrote the marks SELECT to check its columns code, year_group and session.",
                not_done=DAY_NOT_SENT,
            )
        if tally.doubled:
            row = max(tally.doubled, key=lambda row: row.rows - row.pupils)
            session = row.session if row.session in ("AM", "PM") else "one session"
            return Problem(
                "MARK-DOUBLE",
                f"{day:%a %-d %b} {session} has {plural(row.rows, 'mark')} of {plural(row.pupils, 'pupil')}: 2 rows for"
                " one pupil in the same session, from a join that doubles or an older mark not removed.",
                "Ask whoever wrote the marks SELECT to make it give one row for each pupil and session.",
                not_done=DAY_NOT_SENT,
            )
        if tally.unknown:
            return self._unknown(day, tally.unknown)
        if not_placed:
            return Problem(
                "ROLL-UNKNOWN",
                f"The roll SELECT has {plural(not_placed, 'pupil')} in no year group of the DfE's.",
                "Give them one in the MIS, leave these enrolments out, or map their year group under"
                " [database.year_groups] in the settings file. To see which: attsync check",
                not_done=DAY_NOT_SENT,
            )
        return None

    def _unknown(self, day: date, unknown: "Counter[_Unknown]") -> Problem:
        ((first, number),) = unknown.most_common(1)
        what, table, belongs = _WORDS[first.code]
        where = f" in {year_groups()[first.year_group]}" if first.year_group else ""
        at = f"{day:%a %-d %b} {first.session}" if first.session else f"{day:%a %-d %b}"
        then = (
            f"Correct it in the MIS, or map it under [database.{table}] in the settings file;"
            " the day then goes with the next send."
        )
        if self._known_share(first.code) < _MOST_SHARE:
            column = table.removesuffix("s")
            then = (
                f"Hardly any {what} is known: map them under [database.{table}] in the settings file. If {column} is"
                " the wrong column, ask whoever wrote the marks SELECT."
            )
        is_named = first.value is None or self._may_show(first)
        # RELIABILITY.md 6: what is not shown could be a name.
        belongs_not = f", which is not {belongs}" if is_named else f" that is not {belongs} (not shown here)"
        others = unknown.total() - number
        more = f" {plural(others, 'more mark')} cannot be counted." if others else ""
        to_see = f"To see every place: attsync preview --school {self._school.urn} --date {day}"
        return Problem(
            first.code,
            f"{plural(number, 'mark')}{where} on {at} {'has' if number == 1 else 'have'} {self._value(first)}"
            f"{belongs_not}.{more}",
            then,
            not_done=DAY_NOT_SENT,
            to_see=to_see if len(unknown) > 1 else "",
            words=f'{Problem(first.code).brief} "{first.value}"' if first.value and self._may_show(first) else "",
        )

    def _uncounted(self, unknown: "Counter[_Unknown]") -> Counter[Uncounted]:
        places: Counter[Uncounted] = Counter()
        for each, marks in unknown.items():
            is_hidden = each.value is not None and not self._may_show(each)
            value = self._value(each) + (" (not shown)" if is_hidden else "")
            places[Uncounted(each.session, each.year_group, value)] += marks
        return places

    def _value(self, unknown: _Unknown) -> str:
        what, *_ = _WORDS[unknown.code]
        if unknown.value is None:
            return f"no {what} (NULL)"
        return f'the {what} "{unknown.value}"' if self._may_show(unknown) else f"a {what}"

    def _may_show(self, unknown: _Unknown) -> bool:
        # RELIABILITY.md 6: a column of names is never shown. Of a stray value two capitals are, which may be initials.
        is_code = bool(_LOOKS_LIKE_A_CODE.fullmatch(unknown.value or ""))
        return is_code and self._known_share(unknown.code) >= _SHOWN_SHARE

    def _known_share(self, code: str) -> float:
        return (self._seen - self._not_known[code]) / self._seen


_WORDS: Final = {
    "SESSION-UNKNOWN": ("session", "sessions", "AM or PM"),
    "YEAR-UNKNOWN": ("year group", "year_groups", "a DfE year group"),
    "MARK-UNKNOWN": ("code", "codes", "a DfE attendance code of this date and session"),
}
"""Problem code -> what the column holds, its map in the settings, what its values should be."""


def _not_dates(select: str, number: int, what: str, columns: str) -> Problem:
    dates = plural(number, f"{what} that is not a date", f"{what}s that are not dates")
    return Problem(
        "COLUMN-WRONG",
        f"The {select} SELECT gives {dates} (YYYY-MM-DD).",
        f"Ask whoever wrote the {select} SELECT to give {columns} as dates.",
        not_done="Nothing was sent for this school.",
    )
