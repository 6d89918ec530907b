"""`attsync status`: shows or saves what is in the log. Opens no school database and contacts no one."""

import json
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from attsync.commands.options import (
    common,
    given,
    iso_date,
    json_option,
    load_settings,
    now,
    page,
    schools_option,
    window_of,
)
from attsync.commands.terminal import print_json, screen, undone

if TYPE_CHECKING:
    from rich.console import RenderableType

    from attsync.log import Log
    from attsync.settings import Settings
    from attsync.show.day import Detail
    from attsync.show.symbols import Signs
    from attsync.status.overview import Overview

_KINDS: Final = (".html", ".csv", ".json")


def _kind_is_known(_ctx: click.Context, _param: click.Parameter, path: Path | None) -> Path | None:
    if path and path.suffix not in _KINDS:
        message = f"the name has to end in one of {', '.join(_KINDS)}."
        raise click.BadParameter(message)
    return path


@click.command(
    "status",
    help=page(
        """
        Show what was received, what was not, and what to do next.

        Reads only the log: it opens no school database and contacts no one. Exit code 1: something needs a look;
        7: no one has decided about a school's consent.
        """,
        "attsync status",
        "attsync status --school 900023 --date 2026-11-23",
    ),
    short_help="Show what was received, what was not, and what to do next.",
)
@schools_option
@click.option("--date", "day", callback=iso_date, metavar="DATE", help="One day in full, such as 2026-11-23.")
@click.option("--problems", is_flag=True, help="Only schools with problems.")
@json_option
@click.option(
    "--save",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_kind_is_known,
    metavar="FILE",
    help="Write it to a file, to email or to keep: .html, .csv or .json.",
)
@common
def command(schools: tuple[int, ...], day: date | None, *, problems: bool, as_json: bool, path: Path | None) -> None:
    """Read the log and show it."""
    from attsync.locks import is_running
    from attsync.log import Log
    from attsync.schools import chosen, known_schools
    from attsync.status.overview import overview as overview_of
    from attsync.window import Window

    settings = load_settings()
    window = Window(day, day) if day else window_of(settings, None)
    with undone("none"), Log.open_existing(settings.log.path) or nullcontext() as log:
        asked = chosen(settings, known_schools(settings, log), schools)
        under_way = is_running(settings.log.path)
        overview = overview_of(settings, log, asked, window, now(), under_way=under_way)
        if day:
            overview = replace(overview, to_check=())  # of the last send, not of a day
        if problems or (given().quiet and not (as_json or path)):
            overview = overview.only_problems()
        if path:
            _save(path, settings, overview, log, day)
        if as_json:
            print_json(overview.as_json())
        elif not path and (overview.exit_code or not given().quiet):
            out = screen()
            out.show(_screen(overview, log, out.signs, heading=settings.trust, day=day))
    click.get_current_context().exit(overview.exit_code)


def _screen(
    overview: "Overview", log: "Log | None", signs: "Signs", *, heading: str | None, day: date | None
) -> "RenderableType":
    from rich.text import Text

    from attsync.show.day import status_day
    from attsync.show.status import status
    from attsync.window import LONDON

    days = [each for school in (*overview.schools, *overview.left_out) for each in school.days]
    is_past = day is not None and day < overview.now.astimezone(LONDON).date()
    if day and (not days or (is_past and all(each.is_empty for each in days))):
        return Text(f"{day:%A %-d %B %Y}: nothing was sent, and nothing was due.")
    if in_full := _in_full(overview, log, day):
        return status_day(in_full, signs, overview.now)
    return status(overview, signs, heading=heading)


def _in_full(overview: "Overview", log: "Log | None", day: date | None) -> "Detail | None":
    """Read one day of one school with all that was tried, if that is what was asked for."""
    from attsync.show.day import Detail, changed
    from attsync.status.history import history_of, last_two
    from attsync.window import Window
    from attsync.wire import parse

    if not day or len(overview.schools) != 1 or not overview.schools[0].days or log is None:
        return None
    (school,) = overview.schools
    urn = school.school.urn
    past = log.submissions(overview.receiver, Window(day, day), urn).get(urn, {}).get(day, [])
    shown = history_of(past, None, under_way=overview.under_way).shown
    contents = [log.content(each) if each else None for each in (shown, *last_two(past))]
    sent, before, after = [parse(content) if content else None for content in contents]
    changes = changed(day, before.cells, after.cells) if before and after else []
    return Detail(
        school=school,
        day=school.days[0],
        history=past,
        sent=sent,
        changes=changes,
        sends=overview.sends,
        can_send=overview.can_send,
    )


def _save(path: Path, settings: "Settings", overview: "Overview", log: "Log | None", day: date | None) -> None:
    from attsync.files import write_report

    heading = settings.trust
    if path.suffix == ".html":
        from attsync.show.html import day_page, status_page

        in_full = _in_full(overview, log, day)
        text = day_page(in_full, overview.now) if in_full else status_page(overview, heading=heading)
    elif path.suffix == ".json":
        text = json.dumps(overview.as_json(), ensure_ascii=False, indent=2) + "\n"
    else:
        text = _csv(overview)
    write_report(path, text, settings=settings, replace=True)
    if not given().quiet:
        click.echo(f"Status written to {path}.", err=True)


def _csv(overview: "Overview") -> str:
    from attsync.files import csv_text
    from attsync.status.overview import day_as_json

    days = [
        {"urn": school.school.urn, "school": school.school.name, **day_as_json(day), "note": day.note}
        for school in overview.schools
        for day in school.days
    ]
    rows = [day | {"problem": day["problem"] and day["problem"]["code"]} for day in days]
    names = ("urn", "school", "date", "AM", "PM", "marks", "on_roll", "sent_at", "state", "problem", "note")
    return csv_text(names, [[row[name] for name in names] for row in rows])
