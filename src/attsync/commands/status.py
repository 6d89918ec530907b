"""`attsync status`: shows or saves what is in the log. Opens no school database and contacts no one."""

import json
import os
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from attsync.commands import options
from attsync.commands.terminal import print_json, screen, undone
from attsync.files import csv_text, write_report
from attsync.locks import is_running
from attsync.log import Log
from attsync.schedule import installed
from attsync.schools import chosen, shown_schools
from attsync.settings import Settings
from attsync.status.history import history_of, last_two
from attsync.status.overview import Overview, day_as_json, overview
from attsync.window import Window, today_in_london

if TYPE_CHECKING:
    from attsync.show.symbols import Signs
    from attsync.show.table import View

_KINDS: Final = (".html", ".csv", ".json")


def _kind_is_known(_ctx: click.Context, _param: click.Parameter, path: Path | None) -> Path | None:
    if path and path.suffix not in _KINDS:
        message = f"the name has to end in one of {', '.join(_KINDS)}."
        raise click.BadParameter(message)
    return path


@options.subcommand(
    "status",
    "attsync status",
    "attsync status --school 900023 --date 2026-11-23",
    text="""
    Reads only the log: it opens no school database and contacts no one. Exit code 1: something needs a look; 7: no one
    has decided about a school's consent.
    """,
)
@options.schools
@options.day
@click.option("--problems", is_flag=True, help="Only schools with problems.")
@options.as_json
@options.file(
    "--save", "path", callback=_kind_is_known, help="Write it to a file, to email or to keep: .html, .csv or .json."
)
def command(schools: tuple[int, ...], day: date | None, *, problems: bool, as_json: bool, path: Path | None) -> None:
    """Read the log and show it."""
    settings = options.load_settings()
    window = Window(day, day) if day else options.window_of(settings, None)
    with undone("none"), Log.open_existing(settings.log.path) or nullcontext() as log:
        asked = chosen(settings, shown_schools(settings, log), schools)
        found = overview(
            settings,
            log,
            asked,
            window,
            options.now(),
            under_way=is_running(settings.log.path),
            is_scheduled=lambda: installed(settings, os.environ).sends,
        )
        if day:
            found = replace(found, to_check=())  # from the last send, not from a day
        if problems or (options.given().quiet and not (as_json or path)):
            found = found.only_problems()
        if path:
            write_report(path, _report(path.suffix, settings, found, log, day), settings=settings, replace=True)
            if not options.given().quiet:
                click.echo(f"Status written to {path}.", err=True)
        if as_json:
            print_json(found.as_json())
        elif not path and (found.exit_code or not options.given().quiet):
            out = screen()
            out.show(_view(settings, found, log, day, out.signs))
    click.get_current_context().exit(found.exit_code)


def _view(settings: Settings, found: Overview, log: Log | None, day: date | None, signs: "Signs") -> "View":
    """Return the status; one day of one school in full, with all that was tried, if that is what was asked for."""
    from attsync.show.status import status

    if not day:
        return status(found, signs, heading=settings.trust)
    from attsync.show.day import Detail, changed, nothing_on, status_day
    from attsync.wire import parse

    days = [each for school in (*found.schools, *found.left_out) for each in school.days]
    is_past = day < today_in_london(found.now)
    if not days or (is_past and all(each.is_empty for each in days)):
        return nothing_on(day, found, settings.trust)
    if len(found.schools) != 1 or log is None:
        return status(found, signs, heading=settings.trust)
    urn = found.schools[0].school.urn
    past = log.history(found.receiver, day, urn)
    shown = history_of(past, None, under_way=found.under_way).shown
    contents = [log.content(each) if each else None for each in (shown, *last_two(past))]
    sent, before, after = [parse(content) if content else None for content in contents]
    changes = changed(day, before.cells, after.cells) if before and after else []
    return status_day(found, Detail(past, sent, changes), signs)


def _report(kind: str, settings: Settings, found: Overview, log: Log | None, day: date | None) -> str:
    if kind == ".html":
        from attsync.show.html import LATER, SIGNS, page

        return page(_view(settings, replace(found, now=LATER), log, day, SIGNS), found.now)
    if kind == ".json":
        return json.dumps(found.as_json(), ensure_ascii=False, indent=2) + "\n"
    names = ("urn", "school", "date", "AM", "PM", "marks", "on_roll", "sent_at", "state", "problem", "note")
    days = [
        {"urn": school.school.urn, "school": school.school.name, **day_as_json(day), "note": day.note}
        for school in found.schools
        for day in school.days
    ]
    rows = [day | {"problem": day["problem"] and day["problem"]["code"]} for day in days]
    return csv_text(names, [[row[name] for name in names] for row in rows])
