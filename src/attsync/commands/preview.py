"""`attsync preview`: shows or saves the messages that a send would send. Refuses to know how they are made."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from attsync import messages
from attsync.commands.options import (
    common,
    given,
    iso_date,
    json_option,
    load_settings,
    page,
    schools_option,
    window_option,
)
from attsync.commands.terminal import Screen, screen
from attsync.model import Session
from attsync.problems import AttsyncError, exit_code

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import time

    from attsync.model import Cells, Day, SchoolDays
    from attsync.problems import Problem
    from attsync.run.plan import Planned, Refused
    from attsync.settings import Settings

Shown = tuple["Day", "Cells"]
"""A day, and the counts that would be sent for it."""


@click.command(
    "preview",
    help=page(
        """
        Show exactly what would be sent, and send nothing.

        Needs no consent, and contacts only the school database. It shows small counts, which could identify a child:
        keep them within the school.

        --json prints the requests byte for byte: one list, with each on a line of its own.
        """,
        "attsync preview --date 2026-11-23",
        "attsync preview --school 900023 --json",
    ),
    short_help="Show exactly what would be sent, and send nothing.",
)
@window_option
@schools_option
@click.option("--date", "day", callback=iso_date, metavar="DATE", help="One day, such as 2026-11-23.")
@click.option("--session", type=click.Choice(["AM", "PM"], case_sensitive=False), help="One session.")
@json_option
@click.option(
    "--csv",
    "table",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write every count to this file; - is standard output.",
)
@common
def command(
    days: int | None,
    schools: tuple[int, ...],
    day: date | None,
    session: str | None,
    *,
    as_json: bool,
    table: Path | None,
) -> None:
    """Read the databases and show the messages."""
    from attsync.commands import tell
    from attsync.commands.options import window_of
    from attsync.run.send import preview
    from attsync.schools import known_schools, not_known
    from attsync.window import LONGEST

    if session and as_json:
        message = "--session and --json do not go together: a request holds both sessions. Nothing was read."
        raise click.UsageError(message)
    settings = load_settings()
    _require_table(table, settings, as_json=as_json)
    window = window_of(settings, days)
    if day and day not in window and days is None:
        window = window_of(settings, LONGEST)  # a message of a send with a longer window may have named it
    if day and day not in window:
        message = f"{day} is not in the window, which goes from {window.first} to {window.last}. Nothing was read."
        raise click.BadParameter(message, param_hint="'--date'")
    out = screen()
    found: list[_Messages] = []
    names_school = sum(len(database.schools) for database in settings.database) != 1
    for school, plans in preview(settings, window, schools):
        found.append(shown := _Messages(school, plans, day))
        if not (as_json or table or school.problem):
            _show(out, shown, session, ["--school", f"{school.school.urn}"] * names_school, settings.schedule.times)
    if as_json:
        click.echo("[" + ",".join(f"\n{body.content.decode()}" for each in found for body in each.bodies) + "\n]")
    if table:
        _write(table, settings, [row for each in found for row in each.rows(session)])
    if missing := {*schools} - {each.school.urn for each in found}:
        raise not_known(settings, known_schools(settings, None), min(missing), "school_read")
    told = [pair for each in found for pair in messages.grouped(each.problems(on_screen=not (as_json or table)))]
    for problem, on in told:
        undone = "day_dry" if messages.not_done(problem) == messages.not_done(problem.but(undone="day")) else None
        tell(AttsyncError.of(problem.but(undone=undone) if undone else problem), given(), on)
    code = exit_code([problem for problem, _ in told], confirmed=False)
    click.get_current_context().exit(code or any(each.refused for each in found))


class _Messages:
    """What would be sent for one school: its messages, its days that are refused, and the day to show."""

    def __init__(self, read: "SchoolDays", plans: "Iterable[Planned | Refused]", day: date | None) -> None:
        from attsync.run.plan import Planned

        plans = [*plans]
        ready = {plan.body.day: plan.body for plan in plans if isinstance(plan, Planned)}
        refused = {plan.day.date: plan.problem for plan in plans if not isinstance(plan, Planned)}
        self.received = {p.body.day: p.before.cells for p in plans if isinstance(p, Planned) and p.before}
        self.school = read.school
        self.to_check = read.to_check
        self.days: list[Shown] = [
            (each, each.cells if each.date in refused else ready[each.date].cells if each.date in ready else {})
            for each in read.days
            if each.date in ready or each.date in refused or each.marks  # today's, if all of it was entered ahead
        ]
        self.read = read.days
        self.shown = [pair for pair in self.days if pair[0].date == day] if day else self.days[-1:]
        self.bodies = [body for at, body in ready.items() if day in (None, at)]
        self.refused = {at: problem for at, problem in refused.items() if day in (None, at)}
        self._problem = read.problem

    def problems(self, *, on_screen: bool) -> "list[tuple[Problem, date | None]]":
        """Give what is not told yet, with its day: a day that is refused says so itself where it is shown."""
        told = [each.date for each, _ in self.shown] if on_screen else []
        whole = [(self._problem, None)] if self._problem else []
        return [*whole, *((problem, at) for at, problem in self.refused.items() if at not in told)]

    def rows(self, session: str | None) -> list[tuple[object, ...]]:
        """Give every count of its messages."""
        return [
            (self.school.urn, self.school.name, body.day, cell.session, cell.year_group, code, number)
            for body in self.bodies
            for cell, counts in body.cells.items()
            if session in (None, cell.session)
            for code, number in counts.items()
        ]


def _show(out: Screen, shown: _Messages, session: str | None, option: list[str], times: "tuple[time, ...]") -> None:
    from attsync.due import session_due_at
    from attsync.show.preview import preview_day, preview_foot, preview_refused, preview_to_check

    school = shown.school
    if not shown.shown:
        out.show(f"{school}: no marks in these days: nothing to send.")
    for day, cells in shown.shown:
        if day.date in shown.refused:
            out.show(preview_refused(school, day, shown.refused[day.date], out.signs), "")
        for one in Session:
            if day.date in shown.refused or session not in (None, one):
                continue
            if any(cell.session is one for cell in cells):
                received = shown.received.get(day.date)
                out.show(preview_day(school, day, cells, out.signs, one, received=received), "")
            elif day.marks_of[one]:
                due_at = session_due_at(day.date, one, times)
                out.show(preview_day(school, day, day.cells, out.signs, one, due_at), "")
        out.show(preview_foot(shown.days, shown.read, day.date, option))
    if shown.to_check:
        out.show(preview_to_check(shown.to_check, out.signs))


def _require_table(path: Path | None, settings: "Settings", *, as_json: bool) -> None:
    """Raise an error if the table cannot be written: before anything is read."""
    from attsync.files import require_writable

    if path and str(path) != "-":
        require_writable(path, settings=settings, replace=True)
    elif path and as_json:
        message = "--json and --csv - both write to standard output: leave out one of them. Nothing was read."
        raise click.UsageError(message)


def _write(path: Path, settings: "Settings", rows: list[tuple[object, ...]]) -> None:
    from attsync.files import csv_text, write_report

    text = csv_text(("urn", "school", "date", "session", "year_group", "code", "marks"), rows)
    if str(path) == "-":
        click.echo(text.encode(), nl=False)
        return
    write_report(path, text, settings=settings, replace=True)
    click.echo(f"{len(rows):,} counts written to {path}. Small counts could identify a child: keep them in the school.")
