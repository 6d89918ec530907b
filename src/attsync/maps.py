"""What a school's own values mean in the DfE's, by the maps of its settings. Pure; guesses nothing."""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from attsync.codes import PRESENT, UNMARKED, codes_on, year_groups
from attsync.model import Session

_NUMBER: Final = re.compile(r"0*([0-9]+?)(?:\.0+)?")
"""Columns that fill numbers with zeros give 07, and those that know no whole numbers 7.0."""


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
        name = _meaning(self.year_groups, value or "", year_groups())
        return name if name in year_groups() else None

    def unmarked(self) -> frozenset[str]:
        """Give the values that say that no mark was made: NULL and nothing (as ""), - (DOMAIN.md 6), or mapped so."""
        return frozenset(value for value in ("", "-", *self.codes) if self.codes.get(value, UNMARKED) == UNMARKED)

    def code(self, value: str, session: Session, day: date) -> str | None:
        """Find the attendance code that `value` stands for in that session on that day."""
        name = _meaning(self.codes, value, codes_on(day))
        if name == PRESENT:
            name = "/" if session is Session.AM else "\\"
        code = codes_on(day).get(name)
        return name if code and session in code.sessions else None


def _meaning(own: Mapping[str, str], value: str, known: Container[str]) -> str:
    """Look `value` up; a number that is neither in the map nor in the list may be the same number written shorter."""
    if value in own or value in known:
        return own.get(value, value)
    number = _NUMBER.fullmatch(value)
    return own.get(number[1], number[1]) if number else value
