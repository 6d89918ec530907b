"""`attsync preview`: shows or saves the messages that a send would send. Refuses to know how they are made."""

import csv
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from attsync.commands.options import (
    common,
    iso_date,
    json_option,
    load_settings,
    page,
    schools_option,
    window_option,
)
from attsync.commands.output import Screen, screen, writing
from attsync.model import Session
from attsync.problems import AttsyncError, Problem

if TYPE_CHECKING:
    from attsync.model import Cells, Day, SchoolDays

Shown = tuple["Day", "Cells"]
"""A day, and the counts that would be sent for it."""


@click.command(
    "preview",
    help=page(
        """
        Show exactly what would be sent, and send nothing.

        Needs no consent and contacts nobody. It shows single counts, which may point to a child: for the school itself.

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
    help="Write every count to this file.",
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
    from attsync.commands.options import window_of
    from attsync.schools import known_schools, not_known
    from attsync.send import Planned, preview

    if session and as_json:
        message = "--session and --json do not go together: a request holds both sessions. Nothing was read."
        raise click.UsageError(message)
    settings = load_settings()
    window = window_of(settings, days)
    if day and day not in window:
        message = f"{day} is not in the window, which goes from {window.first} to {window.last}. Nothing was read."
        raise click.BadParameter(message, param_hint="'--date'")
    out = screen()
    bodies: list[str] = []
    rows: list[tuple[object, ...]] = []
    problems: list[Problem] = []
    missing = set(schools)
    is_refused = False
    names_school = sum(len(database.schools) for database in settings.database) != 1
    for found, plans in preview(settings, window, schools):
        missing.discard(found.school.urn)
        if found.problem:
            problems.append(found.problem)
            continue
        ready = {plan.body.day: plan.body for plan in plans if isinstance(plan, Planned)}
        bodies += [body.content.decode() for at, body in ready.items() if day in (None, at)]
        refused = {plan.day.date: plan.problem for plan in plans if not isinstance(plan, Planned)}
        shown = [
            (each, ready[each.date].cells if each.date in ready else each.cells)
            for each in found.days
            if each.date in ready or each.date in refused
        ]
        wanted = [pair for pair in shown if pair[0].date == day] if day else shown[-1:]
        on_screen = [] if as_json or table else [each.date for each, _ in wanted]
        problems += [problem for at, problem in refused.items() if day in (None, at) and at not in on_screen]
        is_refused = is_refused or any(at in refused for at in on_screen)
        rows += _rows(found, [pair for pair in shown if pair[0].date in ready and day in (None, pair[0].date)], session)
        if not as_json and not table:
            _show(out, found, shown, wanted, session, f" --school {found.school.urn}" * names_school)
    if as_json:
        click.echo("[" + ",".join(f"\n{body}" for body in bodies) + "\n]")
    if table:
        _write(table, rows)
    if missing:
        raise not_known(settings, known_schools(settings, None), min(missing), "Nothing was read for it.")
    if problems:
        raise AttsyncError(problems[0].code, problems[0].text, problems[0].next)
    click.get_current_context().exit(1 if is_refused else 0)


def _show(
    out: Screen,
    found: "SchoolDays",
    shown: list[Shown],
    wanted: list[Shown],
    session: str | None,
    option: str,
) -> None:
    from attsync.show.preview import preview_day, preview_foot, preview_refused, preview_to_check

    if not wanted:
        out.show(f"{found.school}: no marks in these days: nothing to send.")
    for day, cells in wanted:
        if day.problem:
            out.show(preview_refused(found.school, day, out.signs), "")
        for one in Session:
            if not day.problem and session in (None, one) and any(cell.session is one for cell in cells):
                out.show(preview_day(found.school, day, cells, out.signs, one), "")
        out.show(preview_foot(shown, day.date, option))
    if found.to_check:
        out.show(preview_to_check(found.to_check, out.signs))


def _rows(found: "SchoolDays", days: list[Shown], session: str | None) -> list[tuple[object, ...]]:
    return [
        (found.school.urn, found.school.name, day.date, cell.session, cell.year_group, code, number)
        for day, cells in days
        for cell, counts in cells.items()
        if session in (None, cell.session)
        for code, number in counts.items()
    ]


def _write(path: Path, rows: list[tuple[object, ...]]) -> None:
    with writing(path, replace=True) as file:
        table = csv.writer(file)
        table.writerow(["urn", "school", "date", "session", "year_group", "code", "marks"])
        table.writerows(rows)
    click.echo(f"{len(rows):,} counts written to {path}. Small counts may point to a child: for the school itself.")
