"""The screens of `attsync status`: one school, a trust, one day."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from attsync.codes import year_groups
from attsync.log import Entry
from attsync.model import Cells, Session, Try
from attsync.overview import DayView, Overview, SchoolView
from attsync.problems import Problem
from attsync.show.parts import ASCII, ASCII_STRIP, Signs, by, number_of, share, table_of, title, when

_WIDE: Final = 120
"""Columns from which a trust's table shows everything."""


def status(overview: Overview, signs: Signs, *, width: int, heading: str | None = None) -> RenderableType:
    """Show one school, or a row a school for several."""
    if len(overview.schools) == 1:
        return _one_school(overview.schools[0], overview, signs)
    return _schools(overview, signs, width=width, heading=heading)


def _one_school(school: SchoolView, overview: Overview, signs: Signs) -> RenderableType:
    lines: list[RenderableType] = [title(school.school), _consent_line(school, signs)]
    if not school.days:
        return Group(*lines, *_next_steps(overview, signs))
    lines += [_state_line(school, overview, signs), Text()]
    table = table_of("Date", "AM", "PM", ">Marks", ">On roll", ">Attendance", "Last sent", "Note")
    for day in school.days:
        table.add_row(
            f"{day.date:%a %-d %b}",
            signs.of(day.signs[Session.AM], is_closed=day.is_closed),
            signs.of(day.signs[Session.PM], is_closed=day.is_closed),
            number_of(day.marks),
            number_of(day.on_roll),
            share(day.attendance),
            when(day.sent_at, overview.now),
            Text(day.note, style=_note_style(day)),
        )
    return Group(*lines, table, Text(), _legend(signs), *_next_steps(overview, signs))


def _schools(overview: Overview, signs: Signs, *, width: int, heading: str | None) -> RenderableType:
    dates = sorted({day.date for school in overview.schools for day in school.days})
    strip = ASCII_STRIP if signs is ASCII else signs
    wide = width >= _WIDE
    table = table_of(
        "School",
        *(["URN"] if wide else []),
        *(f"{day:%a}\n{day.day}" for day in dates),
        *([">Attendance", "Last sent"] if wide else []),
        "Result",
    )
    for school in sorted(overview.schools, key=_order):
        days = {day.date: day for day in school.days}
        table.add_row(
            Text(school.school.name),
            *([Text(str(school.school.urn), style="dim")] if wide else []),
            *(_strip(days.get(day), strip) for day in dates),
            *([share(school.attendance), when(school.sent_at, overview.now) or "never"] if wide else []),
            _result(school, signs),
        )
    title = Text.assemble(
        (heading or "All schools", "bold"),
        "  ",
        (f"{len(overview.schools)} schools", "dim"),
        "        ",
        *_counts(overview, signs),
    )
    return Group(title, _last_and_next(overview), Text(), table, Text(), _legend(strip), *_next_steps(overview, signs))


def _order(school: SchoolView) -> tuple[int, str]:
    """Problems first, then what is to check, then those without consent, then the rest by name."""
    rank = 0 if school.failed else 2 if not school.consent else 1 if school.to_check else 3
    return rank, school.school.name


def _result(school: SchoolView, signs: Signs) -> Text:
    if not school.consent:
        again = school.no_consent is not None and school.no_consent.code == "CONSENT-CHANGED"
        return Text(f"{signs.without} {'consent needed again' if again else 'no consent: nothing sent'}", style="dim")
    if school.failed:
        bad = [day for day in school.days if day.failed]
        what = school.problems[0].text.split(". ")[0].rstrip(".") if school.problems else "not received"
        days = f"{len(bad)} days: " if len(bad) > 1 else ""
        return Text(f"{signs.bad} {days}{what}", style="bold red")
    if school.to_check:
        return Text(f"{signs.check} {school.to_check[0]}", style="yellow")
    if not school.sent_at:
        return Text(f"{signs.due} nothing sent yet", style="blue")
    return Text(f"{signs.good} up to date", style="green")


def _counts(overview: Overview, signs: Signs) -> Iterable[tuple[str, str]]:
    without = sum(not s.consent for s in overview.schools)
    failed = sum(s.failed for s in overview.schools)
    check = sum(bool(s.to_check) and not s.failed and bool(s.consent) for s in overview.schools)
    good = len(overview.schools) - without - failed - check
    for number, sign, words, style in (
        (good, signs.good, "up to date", "green"),
        (check, signs.check, "to check", "yellow"),
        (failed, signs.bad, "failed", "bold red"),
        (without, signs.without, "without consent", "dim"),
    ):
        if number:
            yield f"{sign} {number} {words}   ", style


def _strip(day: DayView | None, signs: Signs) -> Text:
    if day is None:
        return Text()
    return Text().join(signs.of(day.signs[session], is_closed=day.is_closed) for session in Session)


def _next_steps(overview: Overview, signs: Signs) -> list[RenderableType]:
    """Say what to do next, a paragraph a problem."""
    several = len(overview.schools) > 1
    steps: list[RenderableType] = []
    for school in sorted(overview.schools, key=_order):
        who = f"{school.school}  " if several else ""
        if school.no_consent and not several:
            steps.append(Text(f"{signs.arrow} {school.no_consent.next}"))
        for problem, days in _grouped(school):
            text = Text.assemble(
                (f"{signs.bad} {who}", "bold red"),
                problem.text,
                days,
                " ",
                problem.next,
                (f"  [{problem.code}]", "dim"),
            )
            steps.append(text)
        notes = school.to_check if school.consent else ()
        steps += [Text.assemble((f"{signs.check} {who}", "yellow"), note) for note in notes]
    return [Text(), Text("What to do next", style="bold"), *steps] if steps else []


def _grouped(school: SchoolView) -> list[tuple[Problem, str]]:
    days: dict[Problem, int] = dict.fromkeys(school.problems, 0)
    for day in school.days:
        if day.failed and day.problem in days:
            days[day.problem] += 1
    return [(problem, f" ({number} days)" if number > 1 else "") for problem, number in days.items()]


def _consent_line(school: SchoolView, signs: Signs) -> Text:
    if school.consent:
        return Text.assemble((f"{signs.good} Consent given", "green"), f" by {by(school.consent.row)}")
    text = school.no_consent.text if school.no_consent else ""
    return Text(f"{signs.without} {text}")


def _state_line(school: SchoolView, overview: Overview, signs: Signs) -> Text:
    line = Text()
    if school.failed:
        number = len(school.problems) or 1
        line.append(f"{signs.bad} {number} {'problem' if number == 1 else 'problems'}  ", style="bold red")
    elif school.to_check:
        number = len(school.to_check)
        line.append(f"{signs.check} {number} {'thing' if number == 1 else 'things'} to check  ", style="yellow")
    elif school.sent_at:
        line.append(f"{signs.good} Up to date  ", style="green")
    return line + _last_and_next(overview)


def _last_and_next(overview: Overview) -> Text:
    run, parts = overview.last_run, []
    if run:
        took = (
            f", took {max(1, round((run.ended_at - run.started_at).total_seconds()))} s"
            if run.ended_at
            else ", did not finish"
        )
        parts.append(f"Last send {when(run.started_at, overview.now)}{took}.")
    else:
        parts.append("Nothing has been sent yet.")
    if overview.next_send:
        parts.append(f"Next send {when(overview.next_send, overview.now)}.")
    return Text("  ".join(parts))


def _legend(signs: Signs) -> Text:
    return Text("   ").join(
        [
            Text(f"{signs.good} received by DfE", style="green"),
            Text(f"{signs.bad} not received, or with faults", style="bold red"),
            Text(f"{signs.due} not due yet", style="blue"),
            Text(f"{signs.none} no register taken", style="dim"),
            *([Text(f"{signs.closed} school closed", style="dim")] if signs.closed.strip() else []),
        ]
    )


def _note_style(day: DayView) -> str:
    return "bold red" if day.problem else "yellow" if day.to_check else "dim" if day.is_closed else ""


def status_day(
    school: SchoolView,
    day: DayView,
    history: Sequence[tuple[Entry, Sequence[Try]]],
    changes: Sequence[str],
    signs: Signs,
    now: datetime,
) -> RenderableType:
    """Show one day in four parts: what went wrong, what was sent, what to do next, the tries."""
    sign = Text().join([signs.of(s, is_closed=day.is_closed) for s in day.signs.values()])
    title = Text.assemble(
        sign, (f" {day.date:%A %-d %B %Y}   {school.school.name}", "bold"), (f"  URN {school.school.urn}", "dim")
    )
    parts: list[RenderableType] = [title]
    if day.problem:
        parts += [
            Text(),
            Text("What went wrong", style="bold"),
            Text.assemble(day.problem.text, (f"  [{day.problem.code}]", "dim")),
        ]
    sent = (
        f"{number_of(day.marks)} marks, {number_of(day.on_roll)} pupils on roll. Counts only: no names, no pupil"
        " numbers. Small counts may point to a child: for the school itself."
        if day.sent_at
        else "Nothing."
    )
    parts += [Text(), Text("What was sent", style="bold"), Text(sent)]
    parts += [Text(f"Changed since the sending before: {change}") for change in changes]
    parts += [
        Text(),
        Text("What to do next", style="bold"),
        Text(day.problem.next if day.problem else "Nothing." if not day.to_check else f"Check: {day.note}."),
    ]
    table = table_of("Time", "Answer", ">Took", "Reference", "State")
    for entry, tries in history:
        for one in tries:
            last = one is tries[-1]
            table.add_row(
                when(one.at, now, seconds=True),
                one.answer,
                f"{one.seconds:.1f} s",
                Text((entry.reference or "") if last else ""),
                entry.state.value if last else "",
            )
        if not tries:
            table.add_row(when(entry.recorded_at, now, seconds=True), "not sent", "", "", entry.state.value)
    return Group(*parts, Text(), Text("Tries", style="bold"), table)


def changes(before: Cells, after: Cells) -> list[str]:
    """Say how two sendings of one day differ: "2 fewer N, 2 more I, Year 4, PM"."""
    said = []
    for cell in after:
        steps = {
            code: after[cell].get(code, 0) - before.get(cell, {}).get(code, 0)
            for code in dict.fromkeys((*after[cell], *before.get(cell, ())))
        }
        words = [
            f"{abs(n)} {'more' if n > 0 else 'fewer'} {code}"
            for code, n in sorted(steps.items(), key=lambda s: s[1])
            if n
        ]
        if words:
            said.append(f"{', '.join(words)}, {year_groups()[cell.year_group]}, {cell.session}")
    return said
