"""What a school's own values mean in the DfE's, by the maps of its settings. Pure; nothing is guessed."""

import re
import unicodedata
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from attsync.codes import PRESENT, UNMARKED, codes_on, year_groups
from attsync.model import Cell, Session

_NUMBER: Final = re.compile(r"0*([0-9]+?)(?:\.0+)?")
"""Columns that pad numbers with zeros return 07, and those without whole numbers return 7.0."""

_INVISIBLE: Final = (
    *(0x00AD, 0x061C, 0x180E, 0xFEFF),
    *(*range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070)),
)
_BLANK: Final = (*range(0x21), *range(0x7F, 0xA1), 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)
_TRIMMED: Final = "".join(map(chr, (*_BLANK, *_INVISIBLE)))
"""Trimmed from both ends of a value: blanks (U+00A0 and TAB too), control and invisible characters."""

_LOOKS_LIKE: Final = (
    str.maketrans(
        "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0405\u0406\u0408"  # Cyrillic
        "\u0430\u0435\u043e\u0440\u0441\u0443\u0445"  # and small letters
        "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"  # Greek
        "\u2010\u2011\u2012\u2013\u2014\u2212\u2044\u2215\u29f8\u2216\u29f5",  # dashes and slashes
        "ABEKMHOPCTYXSIJaeopcyxABEZHIKMNOPTYX------///\\\\",
    )
    | dict.fromkeys(_INVISIBLE, "")
    | dict.fromkeys(_BLANK, " ")
)
"""Cyrillic and Greek letters, dashes, slashes and blanks that look the same as those of a code."""

_USUAL: Final = re.compile(
    r"(?:nc )?y(?:ea)?r?[ .-]*0?(?P<year>[0-9]{1,2})|(?P<R>reception|rec)|nursery(?: ?[12])?"
    r"|(?P<AM>am|a\.m\.|morning)|(?P<PM>pm|p\.m\.|afternoon)",
    re.IGNORECASE,
)

Values = tuple[date, str | None, str | None, str | None]
"""Of one row: date, session, year group and code as the school writes them; None is NULL."""


class Place(NamedTuple):
    """Where the marks of a row belong."""

    cell: Cell
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Maps:
    """What a school's own values mean in the DfE's. Values that already match the DfE's need no map."""

    codes: Mapping[str, str]
    sessions: Mapping[str, str]
    year_groups: Mapping[str, str]
    _places: dict[Values, Place] = field(default_factory=dict, init=False, compare=False, repr=False)
    """A cache: the same few values occur in every school."""

    def place(self, values: Values) -> Place | None:
        """Return the cell and the attendance code that the values of one row mean; None if one is in no list."""
        if values not in self._places:
            day, session, year_group, code = values
            at, group = self.session(session), self.year_group(year_group)
            letter = self.code(code or "", at, day) if at else None
            if not (at and group and letter):
                return None
            self._places[values] = Place(Cell(group, at), letter)
        return self._places[values]

    def session(self, value: str | None) -> Session | None:
        """Return the session that `value` means."""
        name = _meaning(self.sessions, value or "", Session.__members__)
        return Session.__members__.get(name)

    def year_group(self, value: str | None) -> str | None:
        """Return the year group that `value` means."""
        name = _meaning(self.year_groups, value or "", year_groups())
        return name if name in year_groups() else None

    def code(self, value: str, session: Session, day: date) -> str | None:
        """Return the attendance code that `value` means in that session on that day."""
        name = _meaning(self.codes, value, codes_on(day))
        if name == PRESENT:
            name = "/" if session is Session.AM else "\\"
        code = codes_on(day).get(name)
        return name if code and session in code.sessions else None

    def target(self, value: str) -> str | None:
        """Return the entry for `value` in the map of codes, on any day; None: it is not in the map."""
        return self.codes.get(_as_in(self.codes, value))

    def unmarked(self) -> frozenset[str]:
        """Return the values that mean no mark: NULL and nothing (as ""), - (docs/design/domain.md 6), or mapped so."""
        return frozenset(value for value in ("", "-", *self.codes) if self.codes.get(value, UNMARKED) == UNMARKED)

    def is_unmarked(self, value: str) -> bool:
        """Whether `value` means that no mark was made, however a number in it is written."""
        unmarked = self.unmarked()
        return _as_in(unmarked, value) in unmarked


def usual_word(value: str) -> str | None:
    """Return the DfE's value for a usual word of schools: "7" for "Year  7", "AM" for "Morning".

    Empty: the DfE has several names for it, such as for "Nursery". None: it is not such a word, and may be a name.
    """
    found = _USUAL.fullmatch(" ".join(value.split()))
    return found and (found["year"] or found.lastgroup or "")


def look_alike(value: str) -> tuple[str, str] | None:
    """Return what `value` looks like, and its first character that only looks so, as "U+00A0"; None: it has none."""
    value = value.strip(_TRIMMED)
    odd = next((character for character in value if _seen_as(character) != character), None)
    return (_seen_as(value), f"U+{ord(odd):04X}") if odd else None


def _seen_as(text: str) -> str:
    return unicodedata.normalize("NFKC", text.translate(_LOOKS_LIKE))


def _meaning(own: Mapping[str, str], value: str, known: Container[str]) -> str:
    """Look `value` up in a school's own map and in a list of the DfE's."""
    name = value if value in known else _as_in(own, value)
    return own.get(name, name)


def _as_in(known: Container[str], value: str) -> str:
    """Return `value` as `known` has it: trimmed, or the same number written shorter, if it is not in it as it is."""
    if value in known:
        return value
    value = value.strip(_TRIMMED)
    number = None if value in known else _NUMBER.fullmatch(value)
    return number[1] if number else value
