"""`attsync send`."""

from contextlib import nullcontext
from datetime import time
from typing import TYPE_CHECKING, Any

import click

from attsync.commands.hints import complete
from attsync.commands.options import (
    common,
    given,
    json_option,
    load_settings,
    now,
    page,
    schools_option,
    window_option,
)
from attsync.commands.output import print_json, screen

if TYPE_CHECKING:
    from attsync.report import Report, SchoolResult
    from attsync.settings import Settings


@click.command(
    "send",
    help=page(
        """
        Send the last days for every school with consent.

        Reads the school databases, sends the counts and records every attempt. Running it twice does no harm.
        """,
        "attsync send --window 8",
        "attsync send --school 900023 --dry-run",
    ),
    short_help="Send the last days for every school with consent.",
    epilog="Exit code 0: all that was due was received, or no school has given consent. The README has the others.",
)
@window_option
@schools_option
@click.option("--dry-run", is_flag=True, help="Do everything but the sending and the recording.")
@json_option
@common
def command(days: int | None, schools: tuple[int, ...], *, dry_run: bool, as_json: bool) -> None:
    """Run a send and show what became of it."""
    from attsync import send
    from attsync.commands.options import window_of
    from attsync.notify import Monitored
    from attsync.show import send as show

    settings = load_settings()
    window = window_of(settings, days)
    is_silent = as_json or given().quiet
    out = screen()
    say = (lambda _: None) if is_silent else out.show
    names = _names(settings, schools)
    width = max(map(len, names), default=20)

    def begin() -> None:
        say(show.send_heading(window, _days(settings, days), len(names), dry_run=dry_run))

    doing = "Reading" if dry_run else "Reading and sending"
    with out.progress(doing, len(names)) if not is_silent else nullcontext() as progress:

        def tell(result: "SchoolResult") -> None:
            if progress:
                progress()
            say(show.send_line(result, out.signs, name_width=width, dry_run=dry_run))
            if not as_json:
                result.keep_sums()

        if dry_run:
            report = send.rehearse(settings, window, schools, tell, begin)
        else:
            with Monitored(settings) as monitored:
                report = send.send(settings, window, schools, tell, begin)
                monitored.exit_code = report.exit_code
    if as_json:
        print_json(_as_json(report, settings.schedule.times))
    elif not is_silent:
        out.show(show.send_summary(report, out.signs, schools, dry_run=dry_run))
    if is_silent:
        for line in show.problem_lines(report, schools):
            click.echo(complete(line), err=True)
    click.get_current_context().exit(report.exit_code)


def _names(settings: "Settings", urns: tuple[int, ...]) -> list[str]:
    """Name the schools that are asked for; those that a database lists itself are not known before it is read."""
    from attsync.log import Log
    from attsync.overview import known_schools

    log = Log.open_existing(settings.log.path)
    try:
        known = known_schools(settings, log)
    finally:
        if log:
            log.close()
    return [school.name for urn, school in known.items() if not urns or urn in urns]


def _days(settings: "Settings", days: int | None) -> str:
    number = days or settings.window.days
    kind = "working day" if settings.window.count == "working" else "day"
    return f"{number} {kind}{'' if number == 1 else 's'}"


def _as_json(report: "Report", times: tuple[time, ...]) -> dict[str, Any]:
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
