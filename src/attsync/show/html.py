"""`attsync status --save FILE.html`: a view as a page to email, to read aloud and to print.

One file with no links to other sites. Its words and tables are those of the screen; each sign has its word.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from itertools import groupby
from string import Template
from typing import Final

from rich.text import Text

from attsync import data
from attsync.show.symbols import BAD, CHECK, DIM, DUE, GOOD, HIDDEN, UNICODE
from attsync.show.table import Prose, Sheet, View, plain
from attsync.window import LONDON

LATER: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""The time at which a page is read. With it no time is ever written as "today"."""
SIGNS: Final = replace(UNICODE, has_words=True)
"""The signs of a page."""
_CLASSES: Final = {GOOD: "good", BAD: "bad", CHECK: "check", DUE: "due", DIM: "quiet", HIDDEN: "hidden"}


def page(view: View, now: datetime) -> str:
    """Return a view as a page of `now`. What to do comes before the tables that have no heading: no one scrolls."""
    at = now.astimezone(LONDON)
    first, *others = view.sections
    parts: list[str] = []
    for contents, heading, level in (first, *sorted(others, key=lambda section: not section.heading)):
        parts += [f"<h{level}>{heading}</h{level}>"] if heading else []
        parts += [_table(heading or view.name, each) if isinstance(each, Sheet) else _prose(each) for each in contents]
    return Template(data.text("page.html")).substitute(
        heading=escape(view.name),
        beside=escape(view.beside),
        day=f"{at:%-d %B %Y}",
        at=f"{at:%A %-d %B %Y, %H:%M}",
        style=data.text("page.css"),
        parts="\n".join(parts),
    )


def _prose(prose: Prose) -> str:
    first, *others = texts = [_markup(text) for text in prose.texts]
    if others:
        return f"<p>{' '.join(f'<span class=part>{text}</span>' for text in texts)}</p>"
    return f'<p class="step">{first}</p>' if prose.indent else f"<p>{first}</p>"


def _table(what: str, sheet: Sheet) -> str:
    """Return a table; on a narrow screen each row becomes a block, and its cells name their column themselves.

    The roles say what it is where the layout would hide that. A column without a heading is a gap before the next.
    """
    headings = [escape(column.lstrip(">").strip()) for column in sheet.columns]
    columns = [
        (number, heading.replace("\n", " "), _classes(sheet, number))
        for number, heading in enumerate(headings)
        if heading
    ]
    head = "".join(
        f'<th role="columnheader" scope="col" class="{classes}">{headings[number].replace(chr(10), "<br>")}</th>'
        for number, _, classes in columns
    )

    def row_of(row: Sequence[Text]) -> str:
        first, *others = [
            f'<td role="cell" class="{classes}" data-name="{name}">{_markup(row[number])}</td>'
            for number, name, classes in columns
        ]
        if row[0]:
            first = f'<th role="rowheader" scope="row" data-name="{columns[0][1]}">{_markup(row[0])}</th>'
        return f'<tr role="row">{first}{"".join(others)}</tr>'

    groups = ["\n".join(map(row_of, rows)) for has_cells, rows in groupby(sheet.rows, key=bool) if has_cells]
    body = "\n".join(f'<tbody role="rowgroup">\n{rows}\n</tbody>' for rows in groups)
    names = "" if sheet.names is None else ' class="names"'
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(what)}">\n<table role="table"{names}>\n'
        f"<caption>{sheet.caption}</caption>\n"
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead>\n{body}\n</table>\n</div>'
    )


def _classes(sheet: Sheet, number: int) -> str:
    column, is_last = sheet.columns[number], number == len(sheet.columns) - 1
    found = {
        "number": column.startswith(">"),
        "signs": "\n" in column.strip("\n>") or column in {"AM", "PM"},
        "words": is_last and not column.startswith(">"),
        "less": column in sheet.less,
        "week": number > 0 and not sheet.columns[number - 1],
    }
    return " ".join(each for each, is_so in found.items() if is_so)


def _markup(text: Text) -> str:
    """Return a text with its styles, escaped; a sign that has its word beside it is not read aloud."""
    text = plain(text)
    edges = {edge for span in text.spans for edge in (span.start, span.end)} - {0, len(text)}
    has_words = any(span.style == HIDDEN for span in text.spans)
    said = []
    for part in text.divide(sorted(edges)):
        style = str(part.spans[0].style if part.spans else text.style)
        inside = escape(part.plain)
        aloud = ' aria-hidden="true"' if has_words and style != HIDDEN else ""
        if style == "bold":
            inside = f"<strong>{inside}</strong>"
        elif style in _CLASSES:
            inside = f'<span class="{_CLASSES[style]}"{aloud}>{inside}</span>'
        said.append(inside)
    return "".join(said)
