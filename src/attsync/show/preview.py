"""The screen of `attsync preview`: one row per year group, one column per code, and a check in each row."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from attsync import messages
from attsync.codes import all_codes, year_groups
from attsync.due import session_due_at
from attsync.model import Cells, Counts, Day, School, SchoolDays, Session, total
from attsync.plural import plural
from attsync.problems import Problem
from attsync.run.plan import Plan, Planned, Refused
from attsync.show.symbols import BAD, CHECK, DIM, DUE, GOOD, Signs, number_of, short
from attsync.show.table import Prose, Section, Sheet, View, paragraph, prose
from attsync.window import LONDON

_CHECK_COLUMNS: Final = 16
"""With less room than this for the checks, they are below the table."""


def preview(
    read: SchoolDays,
    plans: Mapping[date, Plan],
    day: Day,
    sessions: Sequence[Session],
    times: tuple[time, ...],
    signs: Signs,
    named: Sequence[str] = (),
) -> Iterator[RenderableType]:
    """Yield the sessions of one day, what is to check in the school, and what else is sent.

    `named` are the arguments that name the school in a command, where there are several.
    """
    plan = plans.get(day.date)
    if isinstance(plan, Refused):
        yield preview_refused(read.school, day, plan.problem, signs)
    else:
        cells = plan.body.cells if plan else {}
        received = plan.before.cells if plan and plan.before else {}
        for session in sessions:
            if any(cell.session is session for cell in cells):
                yield preview_session(read.school, day, cells, signs, session, received=received)
            elif day.marks_of[session]:
                due_at = session_due_at(day.date, session, times)
                yield preview_session(read.school, day, day.cells, signs, session, due_at)
    if read.to_check:
        yield Group(*to_check(read, signs))
    yield Group(*_foot(read.days, plans, day.date, named))


def to_check(read: SchoolDays, signs: Signs) -> Iterator[Prose]:
    """Yield what is allowed but unusual in a school."""
    for problem in read.to_check:
        yield paragraph(signs.check, CHECK, [], messages.Told(problem, ()))


def preview_session(
    school: School,
    day: Day,
    cells: Cells,
    signs: Signs,
    session: Session,
    due_at: datetime | None = None,
    received: Cells | None = None,
) -> View:
    """Return one session as a table; `due_at` says that its marks were only entered ahead, and from when it is sent.

    `received` is what the receiver has confirmed of this day before.
    """
    said = prose("This is everything attsync would send for this session. Nothing has been sent.")
    if due_at:
        at = due_at.astimezone(LONDON)
        when = f"{at:%H:%M}" if at.date() == day.date else f"{at:%a %-d %b %H:%M}"
        ahead = f"Entered ahead: the register is not taken yet, and is not due before {when}. Until then"
        said = prose((f"{signs.due} ", DUE), f"{ahead} nothing is sent for this session.", indent=2)
    table = counts_table(signs, cells, session, day.roll, received=received, has_checks=due_at is None)
    also = "Also sent, as 0 in every year group, because a planned send is not in the log"
    zeros = codes_at_zero(cells, session, received)
    sections = [Section([said]), Section([table, *([prose(f"{also}: {', '.join(zeros)}.")] if zeros else [])])]
    return View(school.name, f"URN {school.urn}  {day.date:%A %-d %B %Y}, {session}", sections)


def preview_refused(school: School, day: Day, problem: Problem, signs: Signs) -> View:
    """Return why a day would not be sent, and every place to correct."""
    not_done = messages.not_done(problem.but(undone="day_dry"))
    seen = problem.but(urn=None) if day.uncounted else problem  # the places are below: no command to see them
    said = messages.happened(problem) + messages.next_step(seen)
    names = year_groups()
    order = [None, *names]
    sheet = Sheet(signs, ("Session", "Year group", ">Marks", "Value found"))
    for place in sorted(day.uncounted, key=lambda at: (at.session or "", order.index(at.year_group), at.value)):
        group = short(names[place.year_group]) if place.year_group else "not known"
        sheet.add(place.session or "not known", group, number_of(day.uncounted[place]), place.value)
    why = Section([prose((f"{signs.bad} {not_done}  ", BAD), said, indent=2)])
    beside = f"URN {school.urn}  {day.date:%A %-d %B %Y}"
    return View(school.name, beside, [why, Section([sheet])] if sheet.rows else [why])


def _foot(read: Sequence[Day], plans: Mapping[date, Plan], shown: date, named: Sequence[str]) -> Iterator[Prose]:
    """Yield which other days are sent, and the sum over all days that were `read`."""
    sent = {day: plan.body.cells for day, plan in plans.items() if isinstance(plan, Planned)}
    refused = plans.keys() - sent
    if others := [day for day in sent if day != shown]:
        dates = f"{others[0]:%a %-d %b}" + (f" to {others[-1]:%a %-d %b}" if others[1:] else "")
        yield prose(f"Also in this send: {plural(len(others), 'other day')}, {dates}.")
        yield prose("To see one of them: ", messages.attsync("preview", "--date", f"{others[0]}", *named))
    ahead = sum(
        day.marks_of[session]
        for day in read
        for session in Session
        if day.date not in refused and all(cell.session is not session for cell in sent.get(day.date, ()))
    )
    parts = {
        "to send": sum(map(total, sent.values())),
        "refused": sum(day.refused + (day.marks if day.date in refused else 0) for day in read),
        "without a mark": sum(day.unmarked for day in read),
        **({"entered ahead": ahead} if ahead else {}),
    }
    said = " + ".join(f"{number:,} {what}" for what, number in parts.items())
    yield prose(f"All rows of these days: {sum(parts.values()):,} = {said}.")


def preview_end(named: Sequence[str]) -> Prose:
    """Return the foot below all schools: it says that there are only counts, and small ones."""
    return prose(
        ("Counts only: no names, no pupil numbers, no dates of birth. Small counts could identify a", DIM),
        (" child: keep them within the school. Full message: ", DIM),
        messages.attsync("preview", "--json", *named),
    )


def counts_table(
    signs: Signs,
    cells: Cells,
    session: Session,
    roll: Mapping[str, int],
    *,
    received: Cells | None = None,
    has_checks: bool = False,
) -> Sheet:
    """Return the counts of one session of a day: a row per year group, a column per code."""
    counts = {cell.year_group: counts for cell, counts in cells.items() if cell.session is session}
    used = {code for numbers in counts.values() for code in numbers} - {*codes_at_zero(cells, session, received)}
    columns: dict[str, Mapping[str, int]] = {">On roll": dict.fromkeys(counts, 0) | {**roll}} if roll else {}
    for code in (code for code in all_codes() if code in used):
        columns[f">{code}"] = {group: numbers[code] for group, numbers in counts.items() if code in numbers}
    columns[">Marks"] = {group: sum(numbers.values()) for group, numbers in counts.items()}
    sheet = Sheet(
        signs,
        ("Year group", *columns, *(["Check"] if has_checks else [])),
        wanted=_CHECK_COLUMNS,
        folds=True,
        caption="Marks per code",
    )
    for group, name in year_groups().items():
        if counts.get(group) or roll.get(group):
            checks = [_check(counts.get(group, {}), roll.get(group, 0), signs)] if has_checks else []
            sheet.add(short(name), *(_number(column.get(group), signs) for column in columns.values()), *checks)
    sheet.space()
    sums = [number_of(sum(column.values())) for column in columns.values()]
    sheet.add("All", *sums, *([""] if has_checks else []), style="bold")
    return sheet


def codes_at_zero(cells: Cells, session: Session, received: Cells | None = None) -> list[str]:
    """Return the codes that have no column: every count of the day is 0, and none was received before."""
    counted = {code for counts in cells.values() for code in counts if counts[code]}
    counted |= {code for counts in (received or {}).values() for code in counts}
    used = {code for cell, counts in cells.items() if cell.session is session for code in counts}
    return [code for code in all_codes() if code in used - counted]


def _number(number: int | None, signs: Signs) -> Text:
    return Text(signs.closed, DIM) if number is None else Text(number_of(number))


def _check(counts: Counts, on_roll: int, signs: Signs) -> Text:
    marks = sum(counts.values())
    said = []
    if counts.get("N"):
        said.append(f"{counts['N']:,} N: reason not yet known")
    if marks > on_roll and not counts.get("Z"):  # prospective pupils are marked before they are on roll
        said.append(f"{marks - on_roll:,} more marks than pupils on roll")
    if marks < on_roll:
        said.append(f"{on_roll - marks:,} on roll without a mark")
    return Text(f"{signs.check} {'; '.join(said)}", CHECK) if said else Text(signs.good, GOOD)
