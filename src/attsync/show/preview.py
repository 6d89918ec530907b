"""The screen of `attsync preview`: a row a year group, a column a code, and a check in each row."""

from collections.abc import Sequence
from datetime import date

from rich.console import Group, RenderableType
from rich.text import Text

from attsync.codes import all_codes, year_groups
from attsync.model import Cells, Counts, Day, School, Session, session_total, total
from attsync.show.parts import Signs, count, number_of, short, table_of


def preview_day(school: School, day: Day, cells: Cells, signs: Signs, session: Session) -> RenderableType:
    """Show one session as a table: a row a year group, a column a code."""
    title = Text.assemble((school.name, "bold"), (f"  URN {school.urn}  {day.date:%A %-d %B %Y}, {session}", "dim"))
    if day.problem:
        text = Text.assemble((f"{signs.bad} This day would not be sent. ", "bold red"), day.problem.text)
        return Group(title, text)
    used = {code for cell, counts in cells.items() if cell.session is session for code in counts}
    codes = [code for code in all_codes() if code in used]
    table = table_of("Year group", ">On roll", *(f">{code}" for code in codes), ">Marks", "Check")
    for group, name in year_groups().items():
        counts = next((c for cell, c in cells.items() if cell == (group, session)), {})
        on_roll = day.roll.get(group, 0)
        if counts or on_roll:
            table.add_row(
                short(name),
                number_of(on_roll),
                *(count(counts.get(code, 0)) for code in codes),
                number_of(sum(counts.values())),
                _row_check(counts, on_roll, signs),
            )
    sums = [sum(c.get(code, 0) for cell, c in cells.items() if cell.session is session) for code in codes]
    table.add_section()
    table.add_row(
        "All",
        number_of(day.on_roll),
        *(count(n) for n in sums),
        number_of(session_total(cells, session)),
        "",
        style="bold",
    )
    return Group(
        title, Text("This is everything attsync would send for this session. Nothing has been sent."), Text(), table
    )


def preview_foot(days: Sequence[tuple[Day, Cells]], shown: date) -> RenderableType:
    """Say that there are counts only, how the sum comes out, and which other days go along."""
    lines = []
    others = [f"{day.date:%a %-d %b} ({total(cells):,} marks)" for day, cells in days if day.date != shown]
    if others:
        lines.append(Text(f"Also in this send: {', '.join(others)}. See one: attsync preview --date YYYY-MM-DD"))
    unmarked = sum(day.unmarked for day, _ in days)
    refused = sum(day.refused for day, _ in days)
    sent = sum(total(cells) for day, cells in days if not day.problem)
    held = sum(total(cells) for day, cells in days if day.problem)
    read = unmarked + refused + sent + held
    lines.append(
        Text(
            f"Marks in these days: {read:,} read = {sent:,} to send + {refused + held:,} refused"
            f" + {unmarked:,} without a mark."
        )
    )
    lines.append(
        Text(
            "Counts of marks only. No names, no pupil numbers, no dates of birth. Full message: attsync preview --json",
            style="dim",
        )
    )
    return Group(*lines)


def _row_check(counts: Counts, on_roll: int, signs: Signs) -> Text:
    marks = sum(counts.values())
    if counts.get("N"):
        return Text(f"{signs.check} {counts['N']} N: reason not yet known", style="yellow")
    if marks > on_roll and not counts.get("Z"):
        return Text(f"{signs.check} more marks than pupils on roll", style="yellow")
    if marks < on_roll:
        return Text(f"{signs.check} {on_roll - marks} on roll without a mark", style="yellow")
    return Text(signs.good, style="green")
