"""`attsync status`."""

import json
from datetime import date
from typing import TYPE_CHECKING

import click

from attsync.commands.options import (
    common,
    console,
    examples,
    iso_date,
    json_option,
    load_settings,
    now,
    schools_option,
    signs,
    window_of,
)
from attsync.problems import SettingsError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from attsync.log import Log
    from attsync.overview import Overview


@click.command(
    "status",
    help=f"""{examples("attsync status", "attsync status --school 900023 --date 2026-11-23")}

    Show what was received, what was not, and what to do next.

    Reads only the log: it opens no school database and contacts nobody. Exit code 1: something needs a look.""",
    short_help="Show what was received, what was not, and what to do next.",
)
@schools_option
@click.option("--date", "day", callback=iso_date, metavar="DATE", help="One day in full, such as 2026-11-23.")
@click.option("--problems", is_flag=True, help="Only schools with problems.")
@json_option
@common
def command(schools: tuple[int, ...], day: date | None, *, problems: bool, as_json: bool) -> None:
    """Read the log and show it."""
    from attsync.log import Log
    from attsync.overview import known_schools, look
    from attsync.show.status import status
    from attsync.window import Window

    settings = load_settings()
    window = Window(day, day) if day else window_of(settings, None)
    log = Log.open_existing(settings.log.path)
    try:
        known = known_schools(settings, log)
        missing = [urn for urn in schools if urn not in known]
        if missing:
            raise SettingsError(
                "SCHOOL-NONE",
                f"Neither the settings file nor the log has a school with the URN {missing[0]}.",
                f"There are: {', '.join(map(str, list(known)[:10]))}.",
            )
        overview = look(settings, log, [known[urn] for urn in schools or known], window, now())
        if problems:
            overview = overview.only_problems()
        if as_json:
            click.echo(json.dumps(overview.as_json(), ensure_ascii=False, indent=2))
        else:
            out = console()
            shown = _day(overview, log) if day and len(overview.schools) == 1 else None
            out.print(shown or status(overview, signs(), width=out.width, heading=settings.trust))
    finally:
        if log:
            log.close()
    click.get_current_context().exit(1 if overview.needs_a_look else 0)


def _day(overview: "Overview", log: "Log | None") -> "RenderableType | None":
    from attsync.model import State
    from attsync.sent import read
    from attsync.show.status import changes, status_day

    (school,) = overview.schools
    if not school.days or log is None:
        return None
    history = log.history(school.school.urn, overview.window.first)
    bodies = list(
        {e.sha256: e.content for e in history if e.content and e.state in (State.ACCEPTED, State.FAULTY)}.values()
    )
    changed = changes(read(bodies[-2]).cells, read(bodies[-1]).cells) if len(bodies) > 1 else []
    tries = [(entry, log.tries(entry)) for entry in history]
    return status_day(school, school.days[0], tries, changed, signs(), overview.now)
