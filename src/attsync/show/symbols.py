"""The small parts of every screen: signs and colours, names, shares and times in plain words.

Knows what an encoding can hold; refuses to know any one screen.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rich.text import Text

from attsync.log import ConsentRow
from attsync.model import School, Sign
from attsync.window import LONDON

GOOD: Final = "green"
BAD: Final = "bold red"
CHECK: Final = "yellow"
DUE: Final = "bright_blue"
DIM: Final = "dim"


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs that the output's encoding can hold."""

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

    def of(self, sign: Sign, *, is_closed: bool = False) -> Text:
        """Give the sign of a session, coloured."""
        if is_closed:
            return Text(self.closed, style=DIM)
        match sign:
            case Sign.RECEIVED:
                return Text(self.good, style=GOOD)
            case Sign.NOT_DUE:
                return Text(self.due, style=DUE)
            case Sign.NO_REGISTER:
                return Text(self.none, style=DIM)
            case _:
                return Text(self.bad, style=BAD)


UNICODE: Final = Signs("✓", "✗", "…", "–", "·", "○", "!", "→", "─")
ASCII: Final = Signs("ok", "FAIL", "..", "-", ".", "o", "!", "->", "-")
ASCII_STRIP: Final = Signs("+", "X", "~", "-", ".", "o", "!", "->", "-")
"""For strips of dates, where each session has one column."""


def signs_for(encoding: str | None) -> Signs:
    """Choose the signs that `encoding` can hold."""
    try:
        "✓✗…–·○→─".encode(encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return ASCII
    return UNICODE


def title(school: School) -> Text:
    """Head a screen with a school's name and URN."""
    return Text.assemble((school.name, "bold"), (f"  URN {school.urn}", DIM))


def number_of(number: int | None) -> str:
    """Write a number as people do; nothing for None."""
    return "" if number is None else f"{number:,}"


def share(share: float | None) -> str:
    """Write a share as a percentage."""
    return "" if share is None else f"{share:.1%}"


def short(name: str) -> str:
    """Shorten the description of a year group."""
    return name.split(" (", maxsplit=1)[0].replace("National Curriculum not followed", "NC not followed")


def when(at: datetime | None, now: datetime, *, seconds: bool = False) -> str:
    """Write a time as "today 10:15" or "Mon 23 Nov 10:15", in London."""
    if at is None:
        return ""
    local = at.astimezone(LONDON)
    clock = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    days = (local.date() - now.astimezone(LONDON).date()).days
    return f"{'today' if days == 0 else f'{local:%a %-d %b}'} {clock}"


def by(row: ConsentRow) -> str:
    """Say who gave consent, and when."""
    return f"{who(row)} on {row.at.astimezone(LONDON):%-d %B %Y}"


def who(row: ConsentRow) -> str:
    """Name the account, with its user name in the school system if that is another, and the role that was given."""
    more = [said for said in (row.username, row.role) if said and said != row.person]
    return f"{row.person} ({', '.join(more)})" if more else row.person
