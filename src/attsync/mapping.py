"""What a school's own values mean in the DfE's, by the maps of its settings. Pure; guesses nothing."""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from attsync.codes import PRESENT, UNMARKED, codes_on, year_groups
from attsync.model import Cell, Session

_NUMBER: Final = re.compile(r"0*([0-9]+?)(?:\.0+)?")
"""Columns that fill numbers with zeros give 07, and those that know no whole numbers 7.0."""


Values = tuple[date, str | None, str | None, str | None]
"""Of one row: date, session, year group and code as the school writes them; None is NULL."""


class Place(NamedTuple):
    """Where the marks of a row belong."""

    cell: Cell
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Maps:
    """What a school's own values mean in the DfE's. Values that are the DfE's already need no map."""

    codes: Mapping[str, str]
    sessions: Mapping[str, str]
    year_groups: Mapping[str, str]
    _places: dict[Values, Place] = field(default_factory=dict, init=False, compare=False, repr=False)
    """What was found before: the same few values come again in every school."""

    def place(self, values: Values) -> Place | None:
        """Find the cell and the attendance code that the values of one row stand for; None if one is in no list."""
        known = self._places.get(values)
        if known is None:
            day, session, year_group, code = values
            cell = self._cell(session, year_group)
            letter = self.code(code or "", cell.session, day) if cell else None
            if cell and letter:
                known = self._places[values] = Place(cell, letter)
        return known

    def _cell(self, session: str | None, year_group: str | None) -> Cell | None:
        at, group = self.session(session), self.year_group(year_group)
        return Cell(group, at) if at and group else None

    def session(self, value: str | None) -> Session | None:
        """Find the session that `value` stands for."""
        name = _meaning(self.sessions, value or "", tuple(Session))
        return Session(name) if name in tuple(Session) else None

    def year_group(self, value: str | None) -> str | None:
        """Find the year group that `value` stands for."""
        name = _meaning(self.year_groups, value or "", year_groups())
        return name if name in year_groups() else None

    def unmarked(self) -> frozenset[str]:
        """Give the values that say that no mark was made: NULL and nothing (as ""), - (DOMAIN.md 6), or mapped so."""
        return frozenset(value for value in ("", "-", *self.codes) if self.codes.get(value, UNMARKED) == UNMARKED)

    def is_unmarked(self, value: str) -> bool:
        """Tell whether `value` says that no mark was made, however a number in it is written."""
        return _as_in(self.unmarked(), value) in self.unmarked()

    def code(self, value: str, session: Session, day: date) -> str | None:
        """Find the attendance code that `value` stands for in that session on that day."""
        name = _meaning(self.codes, value, codes_on(day))
        if name == PRESENT:
            name = "/" if session is Session.AM else "\\"
        code = codes_on(day).get(name)
        return name if code and session in code.sessions else None


def _meaning(own: Mapping[str, str], value: str, known: Container[str]) -> str:
    """Look `value` up in a school's own map and in a list of the DfE's."""
    name = value if value in known else _as_in(own, value)
    return own.get(name, name)


def _as_in(known: Container[str], value: str) -> str:
    """Give `value` as `known` has it: a number that is not in it may be the same number written shorter."""
    number = None if value in known else _NUMBER.fullmatch(value)
    return number[1] if number else value
