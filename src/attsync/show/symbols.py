"""The small parts of every screen: signs and colours, names, shares and times in plain words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rich.text import Text

from attsync.log import ConsentRow
from attsync.model import DayStatus, School, Session, Sign
from attsync.status.day import SIGN_WORDS
from attsync.window import LONDON

GOOD: Final = "green"
BAD: Final = "bold red"
CHECK: Final = "yellow"
DUE: Final = "bright_blue"
DIM: Final = "dim"
HIDDEN: Final = "hidden"
_TENTHS: Final = 9.95
"""Seconds from which tenths are not shown."""


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs that the output's encoding can show."""

    good: str
    bad: str
    due: str
    none: str
    closed: str
    without: str
    check: str
    arrow: str
    line: str
    """Below the head of a table."""

    has_words: bool = False
    """Each sign of a session is followed by its word, which is hidden: for a page that is read aloud."""

    def of(self, day: DayStatus, session: Session, *, is_past: bool = False) -> Text:
        """Return the sign of a session, coloured; `is_past`: consent was removed since."""
        match day.signs[session]:
            case _ if day.is_closed:
                sign, style = self.closed, DIM
            case Sign.RECEIVED:
                sign, style = self.good, GOOD
            case Sign.NOT_DUE:
                sign, style = self.due, DUE
            case Sign.NO_REGISTER:
                sign, style = self.none, DIM
            case _:
                sign, style = self.bad, BAD
        text = Text.assemble((sign, DIM if is_past else style))
        return text.append(f" {session} {word_of(day, session)} ", HIDDEN) if self.has_words else text


def word_of(day: DayStatus, session: Session) -> str:
    """Return what the sign of a session is called."""
    return "closed" if day.is_closed else SIGN_WORDS[day.signs[session]]


UNICODE: Final = Signs("✓", "✗", "…", "–", "·", "○", "!", "→", "─")
ASCII: Final = Signs("ok", "FAIL", "..", "-", ".", "o", "!", "->", "-")
_ASCII_STRIP: Final = Signs("+", "X", "~", "-", ".", "o", "!", "->", "-")


def signs_for(encoding: str | None) -> Signs:
    """Return the signs that `encoding` can show."""
    try:
        "✓✗…–·○→─".encode(encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return ASCII
    return UNICODE


def strip_of(signs: Signs) -> Signs:
    """Return the signs for strips of dates, where each session has one column."""
    return _ASCII_STRIP if signs is ASCII else signs


def title(school: School, more: str = "") -> Text:
    """Return a school's name and URN as the head of a screen."""
    return Text.assemble((school.name, "bold"), (f"  URN {school.urn}  {more}".rstrip(), DIM))


def number_of(number: int | None) -> str:
    """Return a number with its commas; nothing for None."""
    return "" if number is None else f"{number:,}"


def share(share: float | None) -> str:
    """Return a share as a percentage; nothing for None."""
    return "" if share is None else f"{share:.1%}"


def short(name: str) -> str:
    """Return the description of a year group as a column has room for it."""
    return name.split(" (", maxsplit=1)[0].replace("National Curriculum not followed", "NC not followed")


def when(at: datetime | None, now: datetime, *, seconds: bool = False) -> str:
    """Return a time as "today 10:15" or "Mon 23 Nov 10:15", in London; nothing for None."""
    if at is None:
        return ""
    local = at.astimezone(LONDON)
    clock = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    is_today = local.date() == now.astimezone(LONDON).date()
    return f"{'today' if is_today else f'{local:%a %-d %b}'} {clock}"


def took(seconds: float) -> str:
    """Return how long something took, as "0.1 s" or "38 s"."""
    return f"{max(seconds, 0.1):.1f} s" if seconds < _TENTHS else f"{seconds:,.0f} s"


def by(row: ConsentRow) -> str:
    """Return who gave consent, and when."""
    return f"{who(row)} on {row.at.astimezone(LONDON):%-d %B %Y}"


def who(row: ConsentRow) -> str:
    """Return the account, with its user name in the MIS if that is another, and the role that was given."""
    more = [said for said in (row.username, row.role) if said and said != row.person]
    return f"{row.person} ({', '.join(more)})" if more else row.person
