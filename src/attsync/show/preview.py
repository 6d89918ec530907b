"""The screen of `attsync preview`: one row per year group, one column per code, and a check in each row."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from math import ceil
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from attsync import messages
from attsync.codes import all_codes, year_groups
from attsync.model import Cells, Counts, Day, School, Session, total
from attsync.plural import plural
from attsync.problems import Problem
from attsync.show.symbols import BAD, CHECK, DIM, DUE, GOOD, Signs, number_of, short
from attsync.show.table import Sheet, paragraph, prose
from attsync.window import LONDON

_GAPS: Final = (3, 2)
"""Columns of space between two columns: as many as the screen has room for, and never one, where numbers touch."""
_CHECK_COLUMNS: Final = 16
"""With less room than this for the checks, they are below the table."""


def preview_day(
    school: School, day: Day, cells: Cells, signs: Signs, session: Session, due_at: datetime | None = None
) -> RenderableType:
    """Show one session as a table; `due_at` says that its marks were only entered ahead, and from when it is sent."""
    title = Text.assemble((school.name, "bold"), (f"  URN {school.urn}  {day.date:%A %-d %B %Y}, {session}", DIM))
    line = prose("This is everything attsync would send for this session. Nothing has been sent.")
    if due_at:
        at = due_at.astimezone(LONDON)
        when = f"{at:%H:%M}" if at.date() == day.date else f"{at:%a %-d %b %H:%M}"
        ahead = f"Entered ahead: the register is not taken yet, and is not due before {when}. Until then"
        line = prose((f"{signs.due} ", DUE), f"{ahead} nothing is sent for this session.", indent=2)
    return Group(title, line, Text(), CellsTable(signs, cells, session, day.roll, has_checks=due_at is None))


def preview_refused(school: School, day: Day, problem: Problem, signs: Signs) -> RenderableType:
    """Show why a day would not be sent, and every place to correct."""
    title = Text.assemble((school.name, "bold"), (f"  URN {school.urn}  {day.date:%A %-d %B %Y}", DIM))
    not_done = messages.not_done(problem.but(undone="day_dry"))
    seen = problem.but(urn=None) if day.uncounted else problem  # the places are below: no command to see them
    said: list[RenderableType] = [
        prose(
            (f"{signs.bad} {not_done}  ", BAD),
            messages.happened(problem) + messages.next_step(seen),
            indent=2,
        )
    ]
    if day.uncounted:
        said += [Text(), _uncounted(day, signs)]
    return Group(title, *said)


def _uncounted(day: Day, signs: Signs) -> Sheet:
    """List every place whose marks cannot be counted: what has to be corrected."""
    names = year_groups()
    sheet = Sheet(signs, ("Session", "Year group", ">Marks", "Value found"))
    order = [None, *names]
    for place in sorted(day.uncounted, key=lambda at: (at.session or "", order.index(at.year_group), at.value)):
        group = short(names[place.year_group]) if place.year_group else "not known"
        sheet.add(place.session or "not known", group, number_of(day.uncounted[place]), place.value)
    return sheet


def preview_foot(
    days: Sequence[tuple[Day, Cells]], read: Sequence[Day], shown: date, school: Sequence[str]
) -> RenderableType:
    """Show which other days are sent, the sum over all days that were read, and that there are counts only.

    `school` are the arguments that name it in a command, where there are several.
    """
    lines = []
    others = [day.date for day, cells in days if day.date != shown and cells and not day.problem]
    if others:
        dates = f"{others[0]:%a %-d %b}" + (f" to {others[-1]:%a %-d %b}" if others[1:] else "")
        lines.append(prose(f"Also in this send: {plural(len(others), 'other day')}, {dates}."))
        lines.append(prose("To see one of them: ", messages.attsync("preview", "--date", f"{others[0]}", *school)))
    unmarked = sum(day.unmarked for day in read)
    refused = sum(day.refused for day in read)
    sent = sum(total(cells) for day, cells in days if not day.problem)
    held = sum(total(cells) for day, cells in days if day.problem)
    ahead = sum(
        day.marks_of[session]
        for day, cells in days
        for session in Session
        if not day.problem and all(cell.session is not session for cell in cells)
    )
    rows = unmarked + refused + sent + held + ahead
    sum_of = f"{sent:,} to send + {refused + held:,} refused + {unmarked:,} without a mark"
    sum_of += f" + {ahead:,} entered ahead" if ahead else ""
    lines.append(prose(f"All rows of these days: {rows:,} = {sum_of}."))
    lines.append(
        prose(
            ("Counts of marks only. No names, no pupil numbers, no dates of birth. Small counts could", DIM),
            (" identify a child: keep them within the school. Full message: ", DIM),
            messages.attsync("preview", "--json", *school),
        )
    )
    return Group(*lines)


def preview_to_check(problems: Sequence[Problem], signs: Signs) -> RenderableType:
    """Show what is allowed but unusual in the days that would be sent."""
    return Group(*(paragraph(signs.check, CHECK, (), messages.Told(problem, ())) for problem in problems))


class CellsTable:
    """The counts of one session. How they are laid out depends on the room they get."""

    def __init__(
        self, signs: Signs, cells: Cells, session: Session, roll: Mapping[str, int], *, has_checks: bool = False
    ) -> None:
        self._signs = signs
        self._counts = {cell.year_group: counts for cell, counts in cells.items() if cell.session is session}
        self._roll = roll
        self._has_checks = has_checks

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        checks = {group: self._check(group) for group in self._groups()} if self._has_checks else {}
        sheets = [self._sheet(gap, checks, inside=bool(checks)) for gap in _GAPS]
        for sheet in sheets:
            if sheet.width <= options.max_width:
                yield sheet
                return
        if sheets[-1].width - sheets[-1].last_width + _CHECK_COLUMNS <= options.max_width:
            yield sheets[-1]
            return
        yield from self._parts(options.max_width)
        names = year_groups()
        for group, check in checks.items():
            if not check.plain.startswith(self._signs.good):
                yield prose(check, (f" ({short(names[group])})", CHECK), indent=2)

    def sheet(self) -> Sheet:
        """Return the table without checks, for a page."""
        return self._sheet(_GAPS[0], {}, inside=False)

    def _parts(self, columns: int) -> Sequence[RenderableType]:
        """Set codes that have no room side by side in as few tables as possible, one below the other."""
        codes = self._codes()
        sizes = [ceil(len(codes) / number) for number in range(1, len(codes) + 1)]
        ways = [[codes[start : start + size] for start in range(0, len(codes), size)] for size in sizes]
        laid_out = [[self._sheet(_GAPS[-1], {}, inside=False, codes=part) for part in parts] for parts in ways]
        fitting = (sheets for sheets in laid_out if all(sheet.width <= columns for sheet in sheets))
        return [line for sheet in next(fitting, (laid_out or [[]])[-1]) for line in (Text(), sheet)][1:]

    def _codes(self) -> list[str]:
        used = {code for counts in self._counts.values() for code in counts}
        return [code for code in all_codes() if code in used]

    def _sheet(
        self, gap: int, checks: Mapping[str, Text], *, inside: bool, codes: Sequence[str] | None = None
    ) -> Sheet:
        every = self._codes()
        codes = every if codes is None else codes
        roll = [">On roll"] if self._roll and codes[:1] == every[:1] else []
        marks = [">Marks"] if codes[-1:] == every[-1:] else []
        columns = ("Year group", *roll, *(f">{code}" for code in codes), *marks, *(["Check"] if inside else []))
        sheet = Sheet(self._signs, columns, gap=gap)
        for group, name in self._groups().items():
            counts = self._counts.get(group, {})
            sheet.add(
                short(name),
                *([number_of(self._roll.get(group, 0))] if roll else []),
                *(self._number(counts.get(code)) for code in codes),
                *([number_of(sum(counts.values()))] if marks else []),
                *([checks[group]] if inside else []),
            )
        sums = [sum(counts.get(code, 0) for counts in self._counts.values()) for code in codes]
        sheet.space()
        sheet.add(
            "All",
            *([number_of(sum(self._roll.values()))] if roll else []),
            *map(number_of, sums),
            *([number_of(sum(sum(counts.values()) for counts in self._counts.values()))] if marks else []),
            *([""] if inside else []),
            style="bold",
        )
        return sheet

    def _groups(self) -> dict[str, str]:
        return {
            group: name for group, name in year_groups().items() if self._counts.get(group) or self._roll.get(group)
        }

    def _number(self, number: int | None) -> Text:
        return Text(self._signs.closed, DIM) if number is None else Text(number_of(number))

    def _check(self, group: str) -> Text:
        counts: Counts = self._counts.get(group, {})
        on_roll, marks = self._roll.get(group, 0), sum(counts.values())
        said = []
        if counts.get("N"):
            said.append(f"{counts['N']:,} N: reason not yet known")
        if marks > on_roll and not counts.get("Z"):  # prospective pupils are marked before they are on roll
            said.append(f"{marks - on_roll:,} more marks than pupils on roll")
        if marks < on_roll:
            said.append(f"{on_roll - marks:,} on roll without a mark")
        return Text(f"{self._signs.check} {'; '.join(said)}", CHECK) if said else Text(self._signs.good, GOOD)
