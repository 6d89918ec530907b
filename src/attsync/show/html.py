"""`attsync status --save report.html`: the same status as a page to mail to a head, to read aloud, and to print.

One file without any outside address. A real table with headings, not a picture of a terminal; each sign has its word.
Knows HTML; the words are those of the screen, from `words`.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from typing import Final

from rich.text import Text

from attsync.model import DayStatus, Session
from attsync.show import words
from attsync.show.symbols import BAD, CHECK, DIM, DUE, GOOD, UNICODE
from attsync.status.overview import Overview
from attsync.window import LONDON

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1a1a1a; --quiet: #595959; --line: #e2e2e2; --rule: #767676;
  --good: #00662b; --bad: #b00020; --check: #7a4b00; --due: #1d4f91; }
@media screen and (prefers-color-scheme: dark) { :root { --paper: #16181d; --ink: #ececec; --quiet: #a9a9a9;
  --line: #33363d; --rule: #8a8a8a; --good: #5fd38d; --bad: #ff8a8a; --check: #f2bd5a; --due: #8ab4f8; } }
body { margin: 2rem auto; max-width: 78rem; padding: 0 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.45 system-ui, "Segoe UI", "DejaVu Sans", Arial, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 1.8rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.1rem 0 .3rem; } p { margin: .5rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .4rem; color: var(--quiet); }
th, td { padding: .18rem .55rem; text-align: left; vertical-align: top; white-space: nowrap; }
td.words { white-space: normal; min-width: 11rem; }
thead th { border-bottom: 2px solid var(--ink); vertical-align: bottom; }
tbody th { font-weight: 400; }
[aria-label="Schools"] tbody th { white-space: normal; min-width: 9rem; }
@media screen and (max-width: 72rem) { th, td { padding: .18rem .25rem; } td.words { min-width: 8.5rem; } }
tbody tr + tr > * { border-top: 1px solid var(--line); }
tbody + tbody tr:first-child > * { border-top: 1px solid var(--rule); }
.number { text-align: right; } .signs { text-align: center; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; } .check { color: var(--check); }
.due { color: var(--due); } .quiet, .code, footer { color: var(--quiet); }
.code { font-size: .85em; }
ul { padding-left: 1.2rem; } li { margin: .35rem 0; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
footer { margin-top: 2rem; font-size: .9rem; }
@media print { :root { color-scheme: light; } body { margin: 0; max-width: none; font-size: 9.5pt; }
  .wide { overflow: visible; } thead { display: table-header-group; }
  h2 { margin-top: 1rem; } footer { margin-top: .6rem; font-size: 8.5pt; break-before: avoid; }
  tr, li { break-inside: avoid; } h2, h3 { break-after: avoid; } }
@page { size: A4 landscape; margin: 14mm; }
"""

LATER: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""The time at which a page is read. With it no time is ever written as "today"."""
SPACE: Final = " &emsp; "
_CLASSES: Final = {GOOD: "good", BAD: "bad", CHECK: "check", DUE: "due", DIM: "quiet"}
_CAPTION: Final = "Attendance is there to spot nonsense; it is not an official figure."


def status_page(overview: Overview, *, heading: str | None = None) -> str:
    """Write the whole page."""
    at = overview.now.astimezone(LONDON)
    name, beside = words.heading(overview, heading)
    parts = [
        f"<h1>{escape(name)}</h1>",
        f'<p class="quiet">{beside}. {about(overview.now)}</p>',
        *(_one_school(overview) if words.is_one_school(overview) else _schools(overview)),
        *_next_steps(overview),
    ]
    return page(f"Attendance sent: {name}, {at:%-d %B %Y}", parts)


def about(now: datetime) -> str:
    """Say what a page is, and as at when."""
    as_at = f"as at {now.astimezone(LONDON):%A %-d %B %Y, %H:%M} (UK time)"
    return f"Attendance counts sent to the Department for Education, {as_at}."


def page(title: str, parts: Iterable[str]) -> str:
    """Write a whole page around its parts."""
    foot = "Made by attsync from its log. Counts of marks only: no names, no pupil numbers."
    return (
        '<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="generator" content="attsync">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{chr(10).join(parts)}\n</main>\n<footer><p>{foot}</p></footer>\n</body>\n</html>\n"
    )


def _one_school(overview: Overview) -> Iterable[str]:
    (school,) = overview.schools
    verdict = words.verdict(school, overview, UNICODE)
    yield f"<p>{markup(words.consent(school, UNICODE))}</p>"
    yield f"<p>{markup(verdict)}{SPACE if verdict else ''}{_last_and_next(overview)}</p>"
    if not school.days:
        return
    head = ("Date", "Morning", "Afternoon", ">Marks", ">On roll", ">Attendance", "Last sent", "Note")
    rows = []
    for day in school.days:
        row = words.day_row(day, LATER)
        rows.append(
            _row(
                f"{day.date:%a %-d %b %Y}",
                *(f'<td class="signs">{_sign(day, session)}</td>' for session in Session),
                *(f'<td class="number">{text}</td>' for text in (row.marks, row.on_roll, row.attendance)),
                f"<td>{row.sent_at}</td>",
                f'<td class="words">{markup(row.note)}</td>',
            )
        )
    yield "<h2>Days, newest first</h2>"
    yield table("Days", _CAPTION, head, [rows])
    yield _legend()


def _schools(overview: Overview) -> Iterable[str]:
    yield f"<p>{SPACE.join(map(markup, words.counts(overview, UNICODE)))}</p>"
    yield f"<p>{_last_and_next(overview)}</p>"
    if not overview.schools:
        return
    dates = words.dates(overview)
    head = ("School", "URN", *(f"{day:%a}<br>{day.day}" for day in dates), ">Attendance", "Last sent", "Result")
    bodies = []
    for schools in words.ranked(overview):
        rows = []
        for school in schools:
            days = {day.date: day for day in school.days}
            row = words.school_row(school, UNICODE, LATER)
            rows.append(
                _row(
                    escape(school.school.name),
                    f"<td>{school.school.urn}</td>",
                    *(f'<td class="signs">{_two_signs(days.get(day))}</td>' for day in dates),
                    f'<td class="number">{row.attendance}</td>',
                    f"<td>{row.sent_at}</td>",
                    f'<td class="words">{markup(row.result)}</td>',
                )
            )
        bodies.append(rows)
    yield "<h2>Schools, problems first</h2>"
    caption = f"Each date has a sign for the morning and one for the afternoon. {_CAPTION}"
    yield table("Schools", caption, head, bodies)
    yield _legend()


def table(what: str, caption: str, head: Iterable[str], bodies: Iterable[Iterable[str]]) -> str:
    """Write a table of rows in bodies; > before a heading sets its column to the right.

    `what` is its name for who cannot see it.
    """
    cells = "".join(f'<th scope="col"{_class(name)}>{name.lstrip(">")}</th>' for name in head)
    rows = "\n".join(f"<tbody>\n{chr(10).join(rows)}\n</tbody>" for rows in bodies)
    inside = f"<caption>{caption}</caption>\n<thead><tr>{cells}</tr></thead>\n{rows}"
    return f'<div class="wide" tabindex="0" role="region" aria-label="{what}">\n<table>\n{inside}\n</table>\n</div>'


def _class(name: str) -> str:
    if name.startswith(">"):
        return ' class="number"'
    return ' class="signs"' if name in {"Morning", "Afternoon"} or "<br>" in name else ""


def _row(first: str, *cells: str) -> str:
    return f'<tr><th scope="row">{first}</th>{"".join(cells)}</tr>'


def sign_of(day: DayStatus, session: Session) -> tuple[Text, str]:
    """Give the sign of a session, and its word."""
    sign = UNICODE.of(day.signs[session], is_closed=day.is_closed)
    return sign, "closed" if day.is_closed else words.WORDS[day.signs[session]]


def markup(text: Text) -> str:
    """Write a text with its styles, escaped."""
    edges = {edge for span in text.spans for edge in (span.start, span.end)} - {0, len(text)}
    return "".join(_styled(part, text) for part in text.divide(sorted(edges)))


def _styled(part: Text, whole: Text) -> str:
    style = str(part.spans[0].style if part.spans else whole.style)
    inside = escape(part.plain)
    if style == "bold":
        return f"<strong>{inside}</strong>"
    return f'<span class="{_CLASSES[style]}">{inside}</span>' if style in _CLASSES else inside


def _sign(day: DayStatus, session: Session) -> str:
    sign, word = sign_of(day, session)
    inside = f'<span aria-hidden="true">{sign.plain}</span><span class="hidden">{word}</span>'
    return f'<span class="{_CLASSES[str(sign.style)]}">{inside}</span>'


def _two_signs(day: DayStatus | None) -> str:
    halves = {Session.AM: "morning ", Session.PM: ", afternoon "}
    return "".join(f'<span class="hidden">{halves[s]}</span>{_sign(day, s)}' for s in Session) if day else ""


def _last_and_next(overview: Overview) -> str:
    return escape(" ".join(words.last_and_next(overview, LATER)))


def _legend() -> str:
    return f"<p>{SPACE.join(map(markup, words.legend(UNICODE)))}</p>"


def _next_steps(overview: Overview) -> Iterable[str]:
    items = [f"<li>{_step(step)}</li>" for step in words.steps(overview, UNICODE)]
    if items:
        yield "<h2>What to do next</h2>"
        yield f"<ul>\n{chr(10).join(items)}\n</ul>"


def _step(step: words.Step) -> str:
    why = f"{step.who}: {step.why}" if step.who else str(step.why)
    style = f' class="{_CLASSES[step.style]}"' if step.style else ""
    said = f"<strong{style}>{step.sign} {escape(why)}</strong> " if why else ""  # no sign without a word
    code = f' <span class="code">[{step.code}]</span>' if step.code else ""
    return f"{said}{escape(str(step.next))}{code}"
