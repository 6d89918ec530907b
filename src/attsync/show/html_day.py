"""`attsync status --date --save day.html`: one day in its four parts as a page, in the words of the screen."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from itertools import groupby

from rich.text import Text

from attsync.model import Session
from attsync.show.day import Content, Detail, day_parts
from attsync.show.html import LATER, SPACE, about, markup, page, sign_of, table
from attsync.show.preview import CellsTable
from attsync.show.symbols import UNICODE
from attsync.show.table import Prose, Sheet


def day_page(detail: Detail, now: datetime) -> str:
    """Return the whole page."""
    school, day = detail.school, detail.day
    name, date = escape(school.school.name), f"{day.date:%A %-d %B %Y}"
    said = []
    for session in Session:
        sign, word = sign_of(day, session)
        said.append(f"{session} {markup(sign.append(f' {word}'))}")
    parts = [f"<h1>{name}, {date}</h1>", f'<p class="quiet">URN {school.school.urn}. {about(now)}</p>']
    parts.append(f"<p>{SPACE.join(said)}</p>")
    for heading, content in day_parts(detail, UNICODE, LATER):
        parts += [f"<h2>{heading}</h2>", *_written(heading, content)]
    return page(f"Attendance sent: {school.school.name}, {date}", parts)


def _written(heading: str, content: Iterable[Content]) -> Iterable[str]:
    for item in content:
        if isinstance(item, Prose):
            yield f"<p>{markup(item.text)}</p>"
        elif isinstance(item, Text):
            heading = item.plain or heading
            yield from [f"<h3>{escape(item.plain)}</h3>"] if item else []
        else:
            caption = "Marks of each code" if isinstance(item, CellsTable) else "Every request, oldest first"
            yield _table(heading, caption, item.sheet())


def _table(what: str, caption: str, sheet: Sheet) -> str:
    head = [(">" if name.startswith(">") else "") + escape(name.lstrip(">")) for name in sheet.columns]
    bodies = [list(rows) for has_cells, rows in groupby(sheet.rows, key=bool) if has_cells]
    return table(what, caption, head, [[_row(row, sheet.columns) for row in rows] for rows in bodies])


def _row(row: Sequence[Text], columns: Sequence[str]) -> str:
    first, *others = row
    cells = [f'<th scope="row">{markup(first)}</th>' if first else "<td></td>"]
    for cell, column in zip(others, columns[1:], strict=True):
        right = ' class="number"' if column.startswith(">") else ""
        cells.append(f"<td{right}>{markup(cell)}</td>")
    return f"<tr>{''.join(cells)}</tr>"
