"""`attsync send`."""

import json
from datetime import time

import click

from attsync.commands.options import (
    common,
    console,
    examples,
    given,
    json_option,
    load_settings,
    now,
    schools_option,
    signs,
    window_of,
    window_option,
)
from attsync.report import Report, SchoolResult


@click.command(
    "send",
    epilog="Exit code 0: all that was due was received, or no school has given consent. The README has the others.",
    help=f"""{examples("attsync send --window 8", "attsync send --school 900023 --dry-run")}

    Send the last days for every school with consent.

    Reads the school databases, sends the counts and records every attempt. Running it twice does no harm.""",
    short_help="Send the last days for every school with consent.",
)
@window_option
@schools_option
@click.option("--dry-run", is_flag=True, help="Do everything but the sending and the recording.")
@json_option
@common
def command(days: int | None, schools: tuple[int, ...], *, dry_run: bool, as_json: bool) -> None:
    """Run a send and show what became of it."""
    from attsync import send
    from attsync.notify import Monitored
    from attsync.show import send as show

    settings = load_settings()
    window = window_of(settings, days)
    out, marks = console(), signs()
    silent = as_json or given().quiet
    names = [s.name for database in settings.database for s in database.schools if not schools or s.urn in schools]
    width = max(map(len, names), default=20)

    def tell(result: SchoolResult) -> None:
        if not silent:
            out.print(show.send_line(result, marks, name_width=width, dry_run=dry_run))

    if not silent:
        out.print(show.send_heading(window, len(names), dry_run=dry_run))
    if dry_run:
        report = send.rehearse(settings, window, schools, tell)
    else:
        with Monitored(settings) as run:
            report = send.send(settings, window, schools, tell)
            run.exit_code = report.exit_code
    if as_json:
        click.echo(json.dumps(_as_json(report, settings.schedule.times), ensure_ascii=False, indent=2))
    elif not silent:
        out.print(show.send_summary(report, marks, dry_run=dry_run))
    if silent:
        for line in show.problem_lines(report):
            click.echo(line, err=True)
    click.get_current_context().exit(report.exit_code)


def _as_json(report: Report, times: tuple[time, ...]) -> dict[str, object]:
    from attsync.overview import day_of_result

    at = now()
    return {
        "version": 1,
        "run": report.number,
        "exit_code": report.exit_code,
        "schools": [
            {
                "urn": result.school.urn,
                "name": result.school.name,
                "outcome": result.outcome,
                "problem": result.problem and result.problem.as_json(),
                "days": [day_of_result(day, times, at).as_json() for day in result.days],
            }
            for result in report.schools
        ],
    }
