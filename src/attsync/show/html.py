"""`attsync status --save FILE.html`: the status, or one day, as a page to email, to read aloud and to print.

One file with no links to other sites. Its words and tables are those of the screens; each sign has its word.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, replace
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from itertools import groupby
from string import Template
from typing import Final, NamedTuple

from rich.text import Text

from attsync.model import DayStatus, Session
from attsync.show import status as words
from attsync.show.day import Detail, day_parts
from attsync.show.preview import CellsTable
from attsync.show.symbols import BAD, CHECK, DIM, DUE, GOOD, UNICODE, Signs
from attsync.show.table import Prose, Sheet, plain
from attsync.status.day import SIGN_WORDS
from attsync.status.overview import Overview
from attsync.window import LONDON

_LATER: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""The time at which a page is read. With it no time is ever written as "today"."""
_HIDDEN: Final = "hidden"
"""Style of the words that only a screen reader reads."""
_CLASSES: Final = {GOOD: "good", BAD: "bad", CHECK: "check", DUE: "due", DIM: "quiet", _HIDDEN: "hidden"}
_CAPTION: Final = "Attendance is shown to help spot mistakes. It is not an official figure."


class _Worded(Signs):
    """Signs that have their word beside them."""

    def of(self, day: DayStatus, session: Session, *, is_past: bool = False) -> Text:
        """Return the sign of a session, and what it is called."""
        word = "closed" if day.is_closed else SIGN_WORDS[day.signs[session]]
        return Text.assemble(super().of(day, session, is_past=is_past), (f" {session} {word} ", _HIDDEN))


_SIGNS: Final = _Worded(*astuple(UNICODE))


def status_page(overview: Overview, *, heading: str | None = None) -> str:
    """Return the page of one school, or of several."""
    name, beside = words.title_of(overview, heading)
    return _page(name, beside, overview.now, _status(replace(overview, now=_LATER)))


def _status(overview: Overview) -> Iterator[str]:
    last_and_next = words.last_and_next(overview)
    if words.is_one_school(overview):
        (school,) = overview.schools
        yield _paragraph([words.consent(school, UNICODE)])
        beside = [each for each in (words.verdict(school, overview, UNICODE), last_and_next) if each]
        sheet = words.days_table(school, overview, _SIGNS) if school.days else None
        heading, caption = "Days, newest first", _CAPTION
    else:
        yield _paragraph(words.counts(overview, UNICODE))
        beside = [last_and_next]
        sheet = words.schools_table(overview, _SIGNS) if overview.schools else None
        heading = "Schools, problems first"
        caption = f"Each date has a sign for the morning and one for the afternoon. {_CAPTION}"
    yield _paragraph(beside)
    if moved := words.receiver(overview):
        yield _paragraph([Text(f"{UNICODE.check} {moved}", CHECK)])
    if steps := [*words.steps(overview, UNICODE)]:
        items = "\n".join(f"<li>{_markup(step.text)}</li>" for step in steps)
        yield f"<h2>What to do next</h2>\n<ul>\n{items}\n</ul>"
    if sheet:
        yield f"<h2>{heading}</h2>"
        yield _table(heading, caption, sheet)
    if any(school.days for school in overview.schools):
        yield _paragraph(Text(meaning, DIM) for meaning in words.legend(UNICODE))


def day_page(detail: Detail, now: datetime) -> str:
    """Return the page of one day in its four parts."""
    school, day = detail.school, detail.day
    name = f"{school.school.name}, {day.date:%A %-d %B %Y}"
    return _page(name, f"URN {school.school.urn}", now, _day(detail))


def _day(detail: Detail) -> Iterator[str]:
    is_past = detail.school.consent is None
    signs = [(session, _SIGNS.of(detail.day, session, is_past=is_past)) for session in Session]
    yield _paragraph(
        Text(f"{session} {sign.plain.replace(f' {session} ', ' ')}", sign.spans[0].style) for session, sign in signs
    )
    for heading, content in day_parts(detail, UNICODE, _LATER):
        yield f"<h2>{heading}</h2>"
        for item in content:
            if isinstance(item, Prose):
                yield f"<p>{_markup(item.text)}</p>"
            elif isinstance(item, Text):
                heading = item.plain or heading  # noqa: PLW2901  the table below it has its name
                yield f"<h3>{escape(item.plain)}</h3>" if item else ""
            elif isinstance(item, CellsTable):
                yield _table(heading, "Marks per code", item.sheet())
            else:
                yield _table(heading, "Every request, oldest first", item)


def _page(heading: str, beside: str, now: datetime, parts: Iterable[str]) -> str:
    at = now.astimezone(LONDON)
    data = files("attsync").joinpath("data")
    return Template(data.joinpath("page.html").read_text(encoding="utf-8")).substitute(
        heading=escape(heading),
        beside=beside,
        day=f"{at:%-d %B %Y}",
        at=f"{at:%A %-d %B %Y, %H:%M}",
        style=data.joinpath("page.css").read_text(encoding="utf-8"),
        parts="\n".join(parts),
    )


def _paragraph(texts: Iterable[Text]) -> str:
    parts = (f'<span class="part">{_markup(text)}</span>' for text in texts)
    return f"<p>{' '.join(parts)}</p>"


def _table(what: str, caption: str, sheet: Sheet) -> str:
    """Return a table; on a narrow screen each row becomes a block, and its cells name their column themselves.

    The roles say what it is where the layout would hide that. A column without a heading is a gap before the next.
    """
    columns = [*_columns(sheet)]
    names = "" if sheet.names is None else ' class="names"'
    head = "".join(
        f'<th role="columnheader" scope="col" class="{each.classes}">{each.heading}</th>' for each in columns
    )
    bodies = [[_row(row, columns) for row in rows] for has_cells, rows in groupby(sheet.rows, key=bool) if has_cells]
    body = "\n".join(f'<tbody role="rowgroup">\n{chr(10).join(rows)}\n</tbody>' for rows in bodies)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{what}">\n<table role="table"{names}>\n'
        f"<caption>{caption}</caption>\n"
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead>\n{body}\n</table>\n</div>'
    )


class _Column(NamedTuple):
    number: int
    name: str
    heading: str
    classes: str


def _columns(sheet: Sheet) -> Iterator[_Column]:
    is_next_week = False
    for number, column in enumerate(sheet.columns):
        heading = escape(column.lstrip(">").strip())
        name = heading.replace("\n", " ")
        found = {
            "number": column.startswith(">"),
            "signs": "\n" in heading or name in {"AM", "PM"},
            "words": number > 0 and number == len(sheet.columns) - 1 and not column.startswith(">"),
            "less": column in sheet.less,
            "week": is_next_week,
        }
        is_next_week = not name
        if name:
            classes = " ".join(each for each, is_so in found.items() if is_so)
            yield _Column(number, name, heading.replace("\n", "<br>"), classes)


def _row(row: Sequence[Text], columns: Sequence[_Column]) -> str:
    first, *others = columns
    start = _markup(row[first.number])
    cells = [
        f'<th role="rowheader" scope="row" data-name="{first.name}">{start}</th>' if start else '<td role="cell"></td>'
    ]
    cells += [
        f'<td role="cell" class="{each.classes}" data-name="{each.name}">{_markup(row[each.number])}</td>'
        for each in others
    ]
    return f'<tr role="row">{"".join(cells)}</tr>'


def _markup(text: Text) -> str:
    """Return a text with its styles, escaped; a sign that has its word beside it is not read aloud."""
    text = plain(text)
    edges = {edge for span in text.spans for edge in (span.start, span.end)} - {0, len(text)}
    has_words = any(span.style == _HIDDEN for span in text.spans)
    said = []
    for part in text.divide(sorted(edges)):
        style = str(part.spans[0].style if part.spans else text.style)
        inside = escape(part.plain)
        aloud = ' aria-hidden="true"' if has_words and style != _HIDDEN else ""
        if style == "bold":
            inside = f"<strong>{inside}</strong>"
        elif style in _CLASSES:
            inside = f'<span class="{_CLASSES[style]}"{aloud}>{inside}</span>'
        said.append(inside)
    return "".join(said)
