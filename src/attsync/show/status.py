"""The screens of `attsync status`: one school, or a row a school for a trust.

Knows what there is room for; the words are those of `words`.
"""

from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from attsync.model import DayStatus, Session
from attsync.show import words
from attsync.show.symbols import ASCII, ASCII_STRIP, CHECK, DIM, Signs
from attsync.show.table import Sheet, prose
from attsync.status.overview import Overview, SchoolStatus

_WIDE: Final = 120
"""Columns from which a trust's table shows everything (UX.md)."""
_ROOMY: Final = 110
_ATTENDANCE: Final = 96
"""Columns from which one school's table has wide gaps, and its attendance."""


def status(overview: Overview, signs: Signs, *, heading: str | None = None) -> RenderableType:
    """Show one school, or a row a school for several."""
    name, beside = words.heading(overview, heading)
    title = Text.assemble((name, "bold"), (f"  {beside}", DIM))
    shown = _one_school(overview, signs) if words.is_one_school(overview) else _schools(overview, signs)
    return Group(title, *shown, *_next_steps(overview, signs))


def _one_school(overview: Overview, signs: Signs) -> list[RenderableType]:
    (school,) = overview.schools
    lines: list[RenderableType] = [prose(words.consent(school, signs), indent=0 if school.consent else 2)]
    if moved := words.receiver(overview):
        lines.append(prose((f"{signs.check} {moved}", CHECK)))
    if school.days:
        verdict = words.verdict(school, overview, signs)
        verdict.append("   " if verdict else "")
        lines += [
            Text.assemble(verdict, _last_and_next(overview)),
            Text(),
            _Days(school, overview, signs),
            Text(),
            _Legend(signs),
        ]
    return lines


class _Days:
    """A row a day, newest first; how much of it depends on the room."""

    def __init__(self, school: SchoolStatus, overview: Overview, signs: Signs) -> None:
        self._school, self._overview, self._signs = school, overview, signs

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        has_attendance = options.max_width >= _ATTENDANCE
        columns = ["Date", "AM", "PM", ">Marks", ">On roll", *([">Attendance"] if has_attendance else [])]
        gap = 3 if options.max_width >= _ROOMY else 2
        sheet = Sheet(self._signs, (*columns, "Last sent", "Note"), gap=gap)
        for day in self._school.days:
            row = words.day_row(day, self._overview.now)
            sheet.add(
                f"{day.date:%a} {day.date.day:>2} {day.date:%b}",
                *(self._signs.of(day.signs[session], is_closed=day.is_closed) for session in Session),
                row.marks,
                row.on_roll,
                *([row.attendance] if has_attendance else []),
                row.sent_at,
                row.note,
            )
        yield sheet


def _schools(overview: Overview, signs: Signs) -> list[RenderableType]:
    lines: list[RenderableType] = [Text("   ").join(words.counts(overview, signs)), _last_and_next(overview)]
    strip = ASCII_STRIP if signs is ASCII else signs
    if moved := words.receiver(overview):
        lines.append(prose((f"{signs.check} {moved}", CHECK)))
    if overview.schools:
        lines += [Text(), _Strips(overview, signs, strip), Text(), _Legend(strip)]
    return lines


class _Strips:
    """A row a school, worst first, with two signs a date; how much of it depends on the room."""

    def __init__(self, overview: Overview, signs: Signs, strip: Signs) -> None:
        self._overview, self._signs, self._strip = overview, signs, strip

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        is_wide = options.max_width >= _WIDE
        dates = words.dates(self._overview)
        sheet = Sheet(
            self._signs,
            (
                "\nSchool",
                *(["\nURN"] if is_wide else []),
                *(f"{day:%a}\n{day.day}" for day in dates),
                *([">\nAttendance", "\nLast sent"] if is_wide else []),
                "\nResult",
            ),
            gap=2 if options.max_width >= _ATTENDANCE else 1,
            names=0,
        )
        for schools in words.ranked(self._overview):
            if sheet.rows:
                sheet.space()
            for school in schools:
                days = {day.date: day for day in school.days}
                row = words.school_row(school, self._signs, self._overview.now)
                sheet.add(
                    school.school.name,
                    *([Text(str(school.school.urn), style=DIM)] if is_wide else []),
                    *(self._two_signs(days.get(day)) for day in dates),
                    *([row.attendance, row.sent_at] if is_wide else []),
                    row.result,
                )
        yield sheet

    def _two_signs(self, day: DayStatus | None) -> Text:
        if day is None:
            return Text()
        return Text().join(self._strip.of(day.signs[session], is_closed=day.is_closed) for session in Session)


def _last_and_next(overview: Overview) -> Text:
    return Text("  ".join(words.last_and_next(overview, overview.now)))


def _next_steps(overview: Overview, signs: Signs) -> list[RenderableType]:
    """Return what to do next, a paragraph per problem."""
    steps = [
        prose(
            (f"{step.sign} {step.who}{'  ' if step.who else ''}", step.style),
            step.why + step.next,
            (f"  [{step.code}]" if step.code else "", DIM),
            indent=2,
        )
        for step in words.steps(overview, signs)
    ]
    return [Text(), Text("What to do next", style="bold"), *steps] if steps else []


class _Legend:
    """What the signs mean; on a narrow screen on two lines, and no meaning is broken in two."""

    def __init__(self, signs: Signs) -> None:
        self._parts = words.legend(signs)

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        lines = [Text("   ").join(self._parts)]
        if lines[0].cell_len > options.max_width:
            lines = [Text("   ").join(self._parts[:3]), Text("   ").join(self._parts[3:])]
        yield from lines
