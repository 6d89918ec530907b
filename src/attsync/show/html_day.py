"""`attsync status --date --save day.html`: one day in its four parts as a page.

Knows HTML; the words are those of the screen.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import groupby

from rich.text import Text

from attsync.model import Session
from attsync.overview import DayView, SchoolView
from attsync.show.day import Content, History, day_parts
from attsync.show.html import about, page, sign_of, table
from attsync.show.parts import BAD, CHECK, DIM, DUE, GOOD, UNICODE
from attsync.show.preview import CellsTable
from attsync.show.sheet import Prose, Sheet

_CLASSES = {GOOD: "good", BAD: "bad", CHECK: "check", DUE: "due", DIM: "quiet"}
_LATER = datetime(9000, 1, 1, tzinfo=UTC)
"""Never "today": the page is read later."""


def day_page(school: SchoolView, day: DayView, history: History, changes: Sequence[str], now: datetime) -> str:
    """Write the whole page."""
    name, date = escape(school.school.name), f"{day.date:%A %-d %B %Y}"
    signs = ((session, *sign_of(day, session)) for session in Session)
    said = [f'{session} <span class="{style}">{sign} {words}</span>' for session, style, sign, words in signs]
    parts = [f"<h1>{name}, {date}</h1>", f'<p class="quiet">URN {school.school.urn}. {about(now)}</p>']
    parts.append(f"<p>{' &emsp; '.join(said)}</p>")
    for heading, content in day_parts(school, day, history, changes, UNICODE, _LATER):
        parts += [f"<h2>{heading}</h2>", *_written(heading, content)]
    return page(f"Attendance sent: {school.school.name}, {date}", parts)


def _written(heading: str, content: Iterable[Content]) -> Iterable[str]:
    for item in content:
        if isinstance(item, Prose):
            yield f"<p>{_markup(item.text)}</p>"
        elif isinstance(item, Text):
            heading = item.plain or heading
            yield from [f"<h3>{escape(item.plain)}</h3>"] if item else []
        else:
            caption = "Marks of each code" if isinstance(item, CellsTable) else "Every request, oldest first"
            yield _table(heading, caption, item.sheet())


def _markup(text: Text) -> str:
    edges = {edge for span in text.spans for edge in (span.start, span.end)} - {0, len(text)}
    return "".join(_styled(part, text) for part in text.divide(sorted(edges)))


def _styled(part: Text, whole: Text) -> str:
    style = str(part.spans[0].style if part.spans else whole.style)
    inside = escape(part.plain)
    if style == "bold":
        return f"<strong>{inside}</strong>"
    return f'<span class="{_CLASSES[style]}">{inside}</span>' if style in _CLASSES else inside


def _table(what: str, caption: str, sheet: Sheet) -> str:
    head = [(">" if name.startswith(">") else "") + escape(name.lstrip(">")) for name in sheet.columns]
    bodies = [list(rows) for has_cells, rows in groupby(sheet.rows, key=bool) if has_cells]
    return table(what, caption, head, [[_row(row, sheet.columns) for row in rows] for rows in bodies])


def _row(row: Sequence[Text], columns: Sequence[str]) -> str:
    first, *others = row
    cells = [f'<th scope="row">{_markup(first)}</th>' if first else "<td></td>"]
    for cell, column in zip(others, columns[1:], strict=True):
        right = ' class="number"' if column.startswith(">") else ""
        cells.append(f"<td{right}>{_markup(cell)}</td>")
    return f"<tr>{''.join(cells)}</tr>"
