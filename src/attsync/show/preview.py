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
from attsync.show.symbols import BAD, CHECK, DIM, DUE, GOOD, Signs, number_of, short, title
from attsync.show.table import Sheet, paragraph, prose
from attsync.window import LONDON

_CHECK_COLUMNS: Final = 16
"""With less room than this for the checks, they are below the table."""


def preview_day(
    school: School,
    day: Day,
    cells: Cells,
    signs: Signs,
    session: Session,
    due_at: datetime | None = None,
    received: Cells | None = None,
) -> RenderableType:
    """Show one session as a table; `due_at` says that its marks were only entered ahead, and from when it is sent.

    `received` is what the receiver has confirmed of this day before.
    """
    line = prose("This is everything attsync would send for this session. Nothing has been sent.")
    if due_at:
        at = due_at.astimezone(LONDON)
        when = f"{at:%H:%M}" if at.date() == day.date else f"{at:%a %-d %b %H:%M}"
        ahead = f"Entered ahead: the register is not taken yet, and is not due before {when}. Until then"
        line = prose((f"{signs.due} ", DUE), f"{ahead} nothing is sent for this session.", indent=2)
    table = CellsTable(signs, cells, session, day.roll, received=received, has_checks=due_at is None)
    said = "Also sent, as 0 in every year group, because the log does not show what was sent before"
    zeros: list[RenderableType] = [Text(), prose(f"{said}: {', '.join(table.zeros)}.")] if table.zeros else []
    return Group(title(school, f"{day.date:%A %-d %B %Y}, {session}"), line, Text(), table, *zeros)


def preview_refused(school: School, day: Day, problem: Problem, signs: Signs) -> RenderableType:
    """Show why a day would not be sent, and every place to correct."""
    not_done = messages.not_done(problem.but(undone="day_dry"))
    seen = problem.but(urn=None) if day.uncounted else problem  # the places are below: no command to see them
    said = messages.happened(problem) + messages.next_step(seen)
    places: list[RenderableType] = [Text(), _uncounted(day, signs)] if day.uncounted else []
    heading = title(school, f"{day.date:%A %-d %B %Y}")
    return Group(heading, prose((f"{signs.bad} {not_done}  ", BAD), said, indent=2), *places)


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
    parts = {
        "to send": sum(total(cells) for day, cells in days if not day.problem),
        "refused": sum(day.refused for day in read) + sum(total(cells) for day, cells in days if day.problem),
        "without a mark": sum(day.unmarked for day in read),
        "entered ahead": sum(
            day.marks_of[session]
            for day, cells in days
            for session in Session
            if not day.problem and all(cell.session is not session for cell in cells)
        ),
    }
    sum_of = " + ".join(f"{number:,} {what}" for what, number in parts.items() if number or what != "entered ahead")
    rows = sum(parts.values())
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
    return Group(*(paragraph(signs.check, CHECK, [], messages.Told(problem, ())) for problem in problems))


class CellsTable:
    """The counts of one session of a day. How they are laid out depends on the room they get."""

    def __init__(
        self,
        signs: Signs,
        cells: Cells,
        session: Session,
        roll: Mapping[str, int],
        *,
        received: Cells | None = None,
        has_checks: bool = False,
    ) -> None:
        self._signs, self._roll, self._has_checks = signs, roll, has_checks
        self._counts = {cell.year_group: counts for cell, counts in cells.items() if cell.session is session}
        self._groups = [group for group in year_groups() if self._counts.get(group) or roll.get(group)]
        used = {code for counts in self._counts.values() for code in counts}
        shown = {code for counts in [*cells.values(), *(received or {}).values()] for code in counts if counts[code]}
        shown |= {code for counts in (received or {}).values() for code in counts}
        self.zeros = [code for code in all_codes() if code in used - shown]
        """Codes that have no column: every count of the day is 0, and none was received before."""
        columns = {f">{code}": self._column(code) for code in all_codes() if code in used & shown}
        marks = {group: sum(counts.values()) for group, counts in self._counts.items()}
        on_roll = {">On roll": {group: roll.get(group, 0) for group in self._groups}} if roll else {}
        self._columns: dict[str, Mapping[str, int]] = {**on_roll, **columns, ">Marks": marks}

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        checks = [self._check(group) for group in self._groups] if self._has_checks else []
        sheet = self._sheet([*self._columns], checks)
        if sheet.least <= options.max_width:
            yield sheet
            return
        # Columns that have no room side by side: in as few tables as possible, one below the other.
        heads = [*self._columns]
        for number in range(1, len(heads) + 1):
            size = ceil(len(heads) / number)
            sheets = [self._sheet(heads[start : start + size]) for start in range(0, len(heads), size)]
            if all(sheet.width <= options.max_width for sheet in sheets):
                break
        yield from [line for sheet in sheets for line in (Text(), sheet)][1:]
        for group, check in zip(self._groups, checks, strict=bool(checks)):
            if check.style == CHECK:
                yield prose(check, (f" ({short(year_groups()[group])})", CHECK), indent=2)

    def sheet(self) -> Sheet:
        """Return the table without checks, for a page."""
        return self._sheet([*self._columns])

    def _sheet(self, heads: Sequence[str], checks: Sequence[Text] = ()) -> Sheet:
        sheet = Sheet(self._signs, ("Year group", *heads, *(["Check"] if checks else [])), wanted=_CHECK_COLUMNS)
        for number, group in enumerate(self._groups):
            row = [self._number(self._columns[head].get(group)) for head in heads]
            sheet.add(short(year_groups()[group]), *row, *checks[number : number + 1])
        sheet.space()
        sums = [number_of(sum(self._columns[head].values())) for head in heads]
        sheet.add("All", *sums, *([""] if checks else []), style="bold")
        return sheet

    def _column(self, code: str) -> dict[str, int]:
        return {group: counts[code] for group, counts in self._counts.items() if code in counts}

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
