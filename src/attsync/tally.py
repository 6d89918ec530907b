"""From the grouped rows of a school database to the days of a school: counted, refused, unmarked, and what is wrong.

Every mark of a row ends in exactly one place: a cell, the refused, the unmarked, or those without a date, for which the
school is refused. Imports nothing of SQL.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from attsync.codes import all_codes, codes_on, withdrawn, year_groups
from attsync.mapping import Maps, look_alike, usual_word
from attsync.model import Cell, Day, School, SchoolDays, Session, Uncounted, Unmapped
from attsync.plausibility import to_check
from attsync.problems import Problem
from attsync.window import Window


class MarkRow(NamedTuple):
    """One group of marks, as counted by the database; text is trimmed, None is NULL."""

    day: date | None
    """None: the column contains something other than a date."""
    session: str | None
    year_group: str | None
    code: str | None
    marks: int


class PupilRow(NamedTuple):
    """For one session: marks that name a pupil, and how many different pupils they name."""

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
    """On roll on the last day, and began longer ago than any pupil stays."""
    on_roll: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Proofs:
    """What can only be proven with the column pupil, for some days of a school."""

    days: Collection[date] = ()
    """The days that were checked."""
    doubled: dict[date | None, PupilRow] = field(default_factory=dict)
    """Of each, the session with the most marks too many; None: the column contains something other than a date."""
    not_on_roll: Counter[date | None] = field(default_factory=Counter)
    """Marks of pupils who are not on roll that day."""
    nameless: Counter[date | None] = field(default_factory=Counter)
    """Marks that do not name a pupil: nothing can be proven about these."""


class _Unknown(NamedTuple):
    """A value that is in no list, and the place of its marks."""

    code: str
    """Of the problem."""
    session: Session | None
    year_group: str | None
    value: str | None


_COLUMNS: Final = {
    "SESSION-UNKNOWN": ("session", "database.sessions"),
    "YEAR-UNKNOWN": ("year group", "database.year_groups"),
    "MARK-UNKNOWN": ("code", "database.codes"),
}
"""Problem -> what the column contains, and its map in the settings."""
_MOST_ROLL_GROUPS: Final = 100
"""Different values of year_group that one school's roll may have: more are a wrong column, perhaps of names."""
_SHOWN_SHARE: Final = 0.95
_RECOGNISED_SHARE: Final = 0.5
"""If less than this share of a column is known, it is probably the wrong column."""
_LOOKS_LIKE_A_CODE: Final = re.compile(r"[A-Z/\\#*+-][0-9]{0,2}|[A-Z]{2}")


@dataclass(slots=True)
class _DayTally:
    """Running totals for one day while its rows are read."""

    cells: dict[Cell, dict[str, int]] = field(default_factory=dict)
    unmarked: int = 0
    refused: int = 0
    unknown: Counter[_Unknown] = field(default_factory=Counter)
    groups: int = 0


class Tally:
    """Takes the rows of one school, then returns its days.

    `provable` says that the marks SELECT has the column pupil.
    """

    def __init__(self, school: School, maps: Maps, window: Window, *, provable: bool = True) -> None:
        self._school = school
        self._maps = maps
        self._provable = provable
        self._window = window
        self._days: defaultdict[date, _DayTally] = defaultdict(_DayTally)
        self._roll: list[RollRow] = []
        self._pupils: Sequence[int] | None = None
        self._roll_groups = self._not_dates = 0
        self._seen = 0
        self._not_known: Counter[str] = Counter()
        self._most_groups = (
            (len(all_codes()) + len(maps.codes))
            * (len(year_groups()) + len(maps.year_groups))
            * (len(Session) + len(maps.sessions))
        )

    def add(self, row: MarkRow) -> None:
        """Add the marks of `row` to the counted, refused or unmarked ones."""
        at, session, year_group, code, marks = row
        if at is None or at not in self._window:
            self._not_dates += marks
            return
        tally = self._days[at]
        tally.groups += 1
        if tally.groups > self._most_groups:
            # More kinds of values than are possible: a wrong column, perhaps of names. Keep none of it.
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
            tally.unknown[self._unknown(row, at)] += marks

    def add_roll(self, row: RollRow) -> None:
        """Take the pupils on roll in one year group; of more than are possible nothing is kept."""
        self._roll_groups += 1
        self._roll.append(row)
        if self._roll_groups > _MOST_ROLL_GROUPS:
            self._roll.clear()

    def add_pupils(self, on_roll: Sequence[int] | None) -> None:
        """Take the pupils on roll on each day, each counted once; None: each is in one year group only."""
        self._pupils = on_roll or [
            sum(row.on_roll[number] for row in self._roll) for number, _ in enumerate(self._window)
        ]

    def days(self) -> SchoolDays:
        """Return every day of the window, with counts, roll and what is wrong with it; `prove` adds the rest."""
        if rows := self._not_dates:
            return SchoolDays(school=self._school, problem=Problem("COLUMN-WRONG", "dates", rows=rows))
        if rows := sum(row.not_dates for row in self._roll):
            return SchoolDays(school=self._school, problem=Problem("COLUMN-WRONG", "roll_dates", rows=rows))
        if self._roll_groups > _MOST_ROLL_GROUPS:
            problem = Problem("COLUMN-WRONG", "roll_groups", most=_MOST_ROLL_GROUPS)
            return SchoolDays(school=self._school, problem=problem)
        days = tuple(self._day(number, day, self._days[day]) for number, day in enumerate(self._window))
        return SchoolDays(
            school=self._school,
            days=days,
            unmapped=tuple(self._unmapped()),
            provable=self._provable,
            endless=sum(row.endless for row in self._roll),
        )

    def _unknown(self, row: MarkRow, at: date) -> _Unknown:
        session = self._maps.session(row.session)
        year_group = self._maps.year_group(row.year_group)
        code = self._maps.code(row.code or "", session, at) if session else None
        self._seen += row.marks
        for what, found in zip(_COLUMNS, (session, year_group, code), strict=True):
            self._not_known[what] += 0 if found else row.marks
        if session is None:
            return _Unknown("SESSION-UNKNOWN", None, None, row.session)
        if year_group is None:
            return _Unknown("YEAR-UNKNOWN", session, None, row.year_group)
        return _Unknown("MARK-UNKNOWN", session, year_group, row.code)

    def _unmapped(self) -> Iterator[Unmapped]:
        numbers: Counter[tuple[str, str | None]] = Counter()
        for tally in self._days.values():
            for unknown, marks in tally.unknown.items():
                numbers[unknown.code, self._shown(unknown)] += marks
        for (code, shown), marks in numbers.most_common():
            yield Unmapped(*_COLUMNS[code], shown, marks)
        not_placed: Counter[str | None] = Counter()
        for row in self._roll:
            if not self._maps.year_group(row.year_group):
                value = row.year_group or ""
                not_placed[value if not value or usual_word(value) is not None else None] += max(row.on_roll)
        for shown, pupils in not_placed.items():
            if pupils:
                yield Unmapped(*_COLUMNS["YEAR-UNKNOWN"], shown, pupils, pupils=True)

    def _day(self, number: int, day: date, tally: _DayTally) -> Day:
        roll: Counter[str] = Counter()
        for row in self._roll:
            roll[self._maps.year_group(row.year_group) or ""] += row.on_roll[number]
        not_placed = roll.pop("", 0)
        on_roll = sum(roll.values()) + not_placed
        pupils = None if self._pupils is None else self._pupils[number]
        return Day(
            date=day,
            cells=tally.cells,
            roll={group: pupils for group, pupils in roll.items() if pupils},
            unmarked=tally.unmarked,
            refused=tally.refused,
            uncounted=self._uncounted(tally.unknown),
            pupils_on_roll=pupils,
            in_two_groups=0 if pupils is None else on_roll - pupils,
            problem=self._problem(day, tally, not_placed) if tally.cells or tally.refused else None,
        )

    def _problem(self, day: date, tally: _DayTally, not_placed: int) -> Problem | None:
        if tally.groups > self._most_groups:
            return Problem("COLUMN-WRONG", day=day)
        if tally.unknown:
            return self._of_unknown(day, tally.unknown)
        return Problem("ROLL-UNKNOWN", pupils=not_placed, urn=self._school.urn) if not_placed else None

    def _of_unknown(self, day: date, unknown: Counter[_Unknown]) -> Problem:
        """Return the problem of the value with most marks; how many marks have others is a parameter of it."""
        ((worst, marks),) = unknown.most_common(1)
        case, parameters = self._case(worst, day)
        return Problem(
            worst.code,
            case,
            marks=marks,
            day=day,
            session=worst.session,
            year_group=worst.year_group,
            more_marks=unknown.total() - marks,
            urn=self._school.urn,
            character=self._odd_character(worst, day),
            **parameters,
        )

    def _case(self, unknown: _Unknown, day: date) -> tuple[str, Mapping[str, Any]]:
        """Return which case of its problem an unknown value is, and the parameters that only this case has."""
        value, is_code = unknown.value, unknown.code == "MARK-UNKNOWN"
        if not value:
            return "empty", {}
        if not self._shown(unknown) and self._known_share(unknown.code) < _RECOGNISED_SHARE:
            return "column", {}
        if is_code and (target := self._maps.target(value)):
            return "mapped", {"target": target} | _withdrawal(target, day)
        if not self._shown(unknown):
            return "hidden", {}
        since = _withdrawal(value, day) if is_code else {}
        return "withdrawn" if since else "", {"value": value} | since

    def _uncounted(self, unknown: Counter[_Unknown]) -> Counter[Uncounted]:
        places: Counter[Uncounted] = Counter()
        for each, marks in unknown.items():
            name, shown = _COLUMNS[each.code][0], self._shown(each)
            words = {None: f"a {name} (not shown)", "": f"no {name} (NULL)"}
            places[Uncounted(each.session, each.year_group, words.get(shown, f'the {name} "{shown}"'))] += marks
        return places

    def _odd_character(self, unknown: _Unknown, day: date) -> str:
        """Return the character that only looks like one in a known value; empty if the value could be a name."""
        seen, character = look_alike(unknown.value or "") or ("", "")
        match unknown.code:
            case "SESSION-UNKNOWN":
                is_known = bool(self._maps.session(seen))
            case "YEAR-UNKNOWN":
                is_known = bool(self._maps.year_group(seen))
            case _:
                is_known = seen in codes_on(day) or bool(self._maps.target(seen)) or self._maps.is_unmarked(seen)
        return character if is_known or self._shown(unknown._replace(value=seen)) else ""

    def _shown(self, unknown: _Unknown) -> str | None:
        """Return the value if it cannot be a name (docs/design/reliability.md 6); "" for NULL; None: not shown.

        A column of names is never shown. Two capitals are shown, although they may be initials.
        """
        if not unknown.value:
            return ""
        if unknown.code != "MARK-UNKNOWN" and usual_word(unknown.value) is not None:
            return unknown.value
        is_code = _LOOKS_LIKE_A_CODE.fullmatch(unknown.value)
        return unknown.value if is_code and self._known_share(unknown.code) >= _SHOWN_SHARE else None

    def _known_share(self, code: str) -> float:
        return (self._seen - self._not_known[code]) / self._seen


def prove(found: SchoolDays, window: Window, proofs: Proofs) -> SchoolDays:
    """Return a school with what is proven of its days, and with what is unusual in it."""
    days = tuple(_proven(day, proofs) if day.date in proofs.days else day for day in found.days)
    found = replace(found, days=days)
    return replace(found, to_check=to_check(found, window)) if days else found


def _proven(day: Day, proofs: Proofs) -> Day:
    problem = day.problem
    row = proofs.doubled.get(day.date)
    if row and (problem is None or problem.code != "COLUMN-WRONG"):
        session = row.session if row.session in tuple(Session) else None
        problem = Problem("MARK-DOUBLE", day=day.date, session=session, marks=row.rows, pupils=row.pupils)
    not_on_roll, nameless = proofs.not_on_roll[day.date], proofs.nameless[day.date]
    return replace(day, problem=problem, not_on_roll=not_on_roll, nameless=nameless, proven=True)


def _withdrawal(code: str, day: date) -> dict[str, date | str]:
    """Return the date on which `code` was withdrawn and what replaced it; nothing if it was not."""
    gone = withdrawn(code, day)
    return {"since": gone.valid_to + timedelta(days=1), "instead": gone.replaced_by} if gone else {}
