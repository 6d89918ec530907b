"""The small parts of every screen: signs, tables that never cut a cell, numbers and times in a school's words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from attsync.log import ConsentRow
from attsync.model import School, Sign
from attsync.window import LONDON


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

    def of(self, sign: Sign, *, is_closed: bool = False) -> Text:
        """Give the sign of a session, coloured."""
        if is_closed:
            return Text(self.closed, style="dim")
        match sign:
            case Sign.RECEIVED:
                return Text(self.good, style="green")
            case Sign.NOT_DUE:
                return Text(self.due, style="blue")
            case Sign.NO_REGISTER:
                return Text(self.none, style="dim")
            case _:
                return Text(self.bad, style="bold red")


UNICODE: Final = Signs("✓", "✗", "…", "–", "·", "○", "!", "→")
ASCII: Final = Signs("ok", "FAIL", "..", "-", ".", "o", "!", "->")
ASCII_STRIP: Final = Signs("+", "X", ".", "-", " ", "o", "!", "->")


def signs_for(encoding: str | None) -> Signs:
    """Choose the signs that `encoding` can hold."""
    try:
        "".join((*_fields(UNICODE), "─")).encode(encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return ASCII
    return UNICODE


def title(school: School) -> Text:
    """Head a screen with a school's name and URN."""
    return Text.assemble((school.name, "bold"), (f"  URN {school.urn}", "dim"))


def table_of(*columns: str) -> Table:
    """Make a table; a column whose name begins with > is set to the right. Only the last column wraps."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, name in enumerate(columns):
        last = number == len(columns) - 1
        table.add_column(
            name.removeprefix(">"),
            justify="right" if name.startswith(">") else "left",
            no_wrap=not last,
            overflow="fold" if last else "crop",
        )
    return table


def number_of(number: int | None) -> str:
    """Write a number as people do; nothing for None."""
    return "" if number is None else f"{number:,}"


def count(number: int) -> Text:
    """Write a count; a dim dot for none."""
    return Text(f"{number:,}") if number else Text(".", style="dim")


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


def _fields(signs: Signs) -> tuple[str, ...]:
    return (signs.good, signs.bad, signs.due, signs.none, signs.closed, signs.without, signs.check, signs.arrow)


def by(row: ConsentRow) -> str:
    """Say who gave consent, and when."""
    role = f" ({row.role})" if row.role else ""
    return f"{row.person}{role} on {row.at.astimezone(LONDON):%-d %B %Y}"
