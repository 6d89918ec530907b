"""`attsync preview`."""

from datetime import date

import click

from attsync.commands.options import (
    common,
    console,
    examples,
    iso_date,
    json_option,
    load_settings,
    schools_option,
    signs,
    window_of,
    window_option,
)
from attsync.model import Session
from attsync.problems import AttsyncError, SettingsError


@click.command(
    "preview",
    help=f"""{examples("attsync preview --date 2026-11-23", "attsync preview --school 900023 --json")}

    Show exactly what would be sent, and send nothing.

    Needs no consent and contacts nobody. It shows single counts, which may point to a child: for the school itself.
    --json prints the requests byte for byte, each on a line of its own.""",
    short_help="Show exactly what would be sent, and send nothing.",
)
@window_option
@schools_option
@click.option("--date", "day", callback=iso_date, metavar="DATE", help="One day, such as 2026-11-23.")
@click.option("--session", type=click.Choice(["AM", "PM"]), help="One session.")
@json_option
@common
def command(
    days: int | None, schools: tuple[int, ...], day: date | None, session: str | None, *, as_json: bool
) -> None:
    """Read the databases and show the messages."""
    from attsync.send import Planned, preview
    from attsync.show.preview import preview_day, preview_foot

    settings = load_settings()
    window = window_of(settings, days)
    if day and day not in window:
        raise SettingsError(
            "SETTINGS",
            f"{day} is not in the window, which goes from {window.first} to {window.last}. Nothing was read.",
            "Name a date in it.",
        )
    out, marks = console(), signs()
    bodies: list[str] = []
    problem = None
    for found, plans in preview(settings, window, schools):
        problem = problem or found.problem
        ready = {plan.body.day: plan.body for plan in plans if isinstance(plan, Planned)}
        bodies += [body.content.decode() for at, body in ready.items() if day in (None, at)]
        if as_json or found.problem:
            continue
        shown_days = [
            (each, ready[each.date].cells if each.date in ready else each.cells)
            for each in found.days
            if each.date in ready or each.problem
        ]
        wanted = [pair for pair in shown_days if pair[0].date == day] if day else shown_days[-1:]
        if not wanted:
            out.print(f"{found.school}: no marks from {day or window.first} to {day or window.last}: nothing to send.")
        for each, cells in wanted:
            for one in Session:
                if session in (None, one) and any(cell.session is one for cell in cells):
                    out.print(preview_day(found.school, each, cells, marks, one), "")
            out.print(preview_foot(shown_days, each.date))
    if as_json:
        click.echo("[" + ",".join(f"\n{body}" for body in bodies) + "\n]")
    if problem:
        raise AttsyncError(problem.code, problem.text, problem.next)
