"""`attsync status --save report.html`: the same status as a page to mail to a head, to read aloud, and to print.

One file without any outside address. A real table with headings, not a picture of a terminal; each sign has its word.
Knows HTML; the words are those of the screens.
"""

from collections.abc import Iterable
from datetime import datetime
from html import escape
from itertools import groupby

from attsync.model import Session, Sign
from attsync.overview import BAD_SIGNS, DayView, Overview, SchoolView
from attsync.plural import plural
from attsync.show.parts import UNICODE, by, number_of, share
from attsync.show.status import counts, order, result, to_tell
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

_WORDS = {
    Sign.RECEIVED: ("good", UNICODE.good, "received"),
    Sign.NOT_DUE: ("due", UNICODE.due, "not due yet"),
    Sign.NO_REGISTER: ("quiet", UNICODE.none, "no register taken"),
    **{sign: ("bad", UNICODE.bad, words) for sign, words in BAD_SIGNS.items()},
}
_PROBLEM, _CHECK = ("bad", UNICODE.bad), ("check", UNICODE.check)
_SPACE = " &emsp; "
_STYLES = {UNICODE.good: "good", UNICODE.bad: "bad", UNICODE.check: "check", UNICODE.due: "due"}


def status_page(overview: Overview, *, heading: str | None = None) -> str:
    """Write the whole page."""
    at = overview.now.astimezone(LONDON)
    is_one = len(overview.schools) == 1 and not overview.left_out
    every = (*overview.schools, *overview.left_out)
    name = every[0].school.name if len(every) == 1 else heading or "All schools"
    below = f"URN {every[0].school.urn}" if len(every) == 1 else plural(len(every), "school")
    parts = [
        f"<h1>{escape(name)}</h1>",
        f'<p class="quiet">{below}. {about(overview.now)}</p>',
        *(_one_school(overview.schools[0], overview) if is_one else _schools(overview)),
        *_next_steps(overview, several=not is_one),
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
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{chr(10).join(parts)}\n</main>\n<footer><p>{foot}</p></footer>\n</body>\n</html>\n"
    )


def _tone(day: DayView) -> str:
    return " bad" if day.needs_telling else " check" if day.to_check else ""


def _one_school(school: SchoolView, overview: Overview) -> Iterable[str]:
    yield f"<p>{_consent(school)}</p>"
    yield f"<p>{_last_and_next(overview)}</p>"
    if not school.days:
        return
    head = ("Date", "Morning", "Afternoon", ">Marks", ">On roll", ">Attendance", "Last sent", "Note")
    rows = [
        _row(
            f"{day.date:%a %-d %b %Y}",
            *(f'<td class="signs">{_sign(day, session)}</td>' for session in Session),
            *(
                f'<td class="number">{text}</td>'
                for text in (number_of(day.marks), number_of(day.on_roll), share(day.attendance))
            ),
            f"<td>{_when(day.sent_at)}</td>",
            f'<td class="words{_tone(day)}">{escape(day.note)}</td>',
        )
        for day in school.days
    ]
    yield "<h2>Days, newest first</h2>"
    yield table("Days", _CAPTION, head, [rows])
    yield _legend()


_CAPTION = "Attendance is there to spot nonsense; it is not an official figure."


def _schools(overview: Overview) -> Iterable[str]:
    groups = groupby(sorted(overview.schools, key=order), key=lambda school: order(school)[0])
    dates = sorted({day.date for school in overview.schools for day in school.days})
    said = [f'<span class="{_STYLES.get(text[0], "quiet")}">{text}</span>' for text, _ in counts(overview, UNICODE)]
    yield f"<p>{_SPACE.join(said)}</p>"
    yield f"<p>{_last_and_next(overview)}</p>"
    if not overview.schools:
        return
    head = ("School", "URN", *(f"{day:%a}<br>{day.day}" for day in dates), ">Attendance", "Last sent", "Result")
    bodies = []
    for _, schools in groups:
        rows = []
        for school in schools:
            days = {day.date: day for day in school.days}
            rows.append(
                _row(
                    escape(school.school.name),
                    f"<td>{school.school.urn}</td>",
                    *(f'<td class="signs">{_two_signs(days.get(day))}</td>' for day in dates),
                    f'<td class="number">{share(school.attendance)}</td>',
                    f"<td>{_when(school.sent_at) or 'never'}</td>",
                    _result(school),
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


def sign_of(day: DayView, session: Session) -> tuple[str, str, str]:
    """Give the style of a session's sign, the sign, and its words."""
    return ("quiet", UNICODE.closed, "closed") if day.is_closed else _WORDS[day.signs[session]]


def _sign(day: DayView, session: Session) -> str:
    style, sign, words = sign_of(day, session)
    return f'<span class="{style}"><span aria-hidden="true">{sign}</span><span class="hidden">{words}</span></span>'


def _two_signs(day: DayView | None) -> str:
    halves = {Session.AM: "morning ", Session.PM: ", afternoon "}
    return "".join(f'<span class="hidden">{halves[s]}</span>{_sign(day, s)}' for s in Session) if day else ""


def _result(school: SchoolView) -> str:
    text = result(school, UNICODE).plain
    return f'<td class="words {_STYLES.get(text[:1], "quiet")}">{escape(text)}</td>'


def _consent(school: SchoolView) -> str:
    if school.consent:
        return f'<span class="good">{UNICODE.good} Consent given</span> by {escape(by(school.consent.row))}'
    text = school.no_consent.text if school.no_consent else ""
    style, sign = ("check", UNICODE.check) if school.consent_needed_again else ("quiet", UNICODE.without)
    return f'<span class="{style}">{sign} {escape(text)}</span>'


def _last_and_next(overview: Overview) -> str:
    what = "A send is under way, since" if overview.under_way else "Last send"
    last = f"{what} {_when(overview.last_run.started_at)}." if overview.last_run else "Nothing has been sent yet."
    return f"{last} Next send {_when(overview.next_send)}." if overview.next_send else last


def _when(at: datetime | None) -> str:
    # Never "today": the page is read later.
    return f"{at.astimezone(LONDON):%a %-d %b %H:%M}" if at else ""


def _legend() -> str:
    signs = (
        _WORDS[Sign.RECEIVED],
        ("bad", UNICODE.bad, "not received, or with faults"),
        _WORDS[Sign.NOT_DUE],
        _WORDS[Sign.NO_REGISTER],
        ("quiet", UNICODE.closed, "school closed"),
    )
    return "<p>" + _SPACE.join(f'<span class="{style}">{sign} {words}</span>' for style, sign, words in signs) + "</p>"


def _next_steps(overview: Overview, *, several: bool) -> Iterable[str]:
    items = []
    for school in sorted(overview.schools, key=order):
        if school.no_consent and (not several or school.consent_needed_again):
            who = f"{school.school}: {school.no_consent.text} " if several else ""
            items.append(f"<li><strong>{escape(who)}</strong>{escape(school.no_consent.next)}</li>")
    for schools, problem, days, is_bad in to_tell(overview):
        style, sign = _PROBLEM if is_bad else _CHECK
        who = f"{schools}: " if several else ""
        code = f'<span class="code">[{problem.code}]</span>'
        told = f'<strong class="{style}">{sign} {escape(f"{who}{days}{problem.text}")}</strong>'
        items.append(f"<li>{told} {escape(problem.next)} {code}</li>")
    if items:
        yield "<h2>What to do next</h2>"
        yield f"<ul>\n{chr(10).join(items)}\n</ul>"
