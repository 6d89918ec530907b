"""`attsync send`: runs a send and shows the result: on a screen, as JSON, or nothing if there is no problem."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from attsync.commands import options
from attsync.commands.terminal import Screen, print_json, screen
from attsync.plural import plural

if TYPE_CHECKING:
    from attsync.run.report import Report, SchoolResult
    from attsync.settings import Settings
    from attsync.window import Window


@options.subcommand(
    "send",
    "attsync send --window 8",
    "attsync send --school 900023 --dry-run",
    text="Reads the school databases, sends the counts and records every attempt. Running it twice does no harm.",
    epilog="Exit code 0: all that was due was received, or consent was removed. docs/reference.md has the others.",
)
@options.window
@options.schools
@click.option("--dry-run", is_flag=True, help="Do everything except sending and recording.")
@options.as_json
def command(days: int | None, schools: tuple[int, ...], *, dry_run: bool, as_json: bool) -> None:
    """Run a send and show the result."""
    from attsync.notify import Monitored, read_addresses, tell_people
    from attsync.run import send
    from attsync.run.report import mail, turned

    settings = options.load_settings()
    window = options.window_of(settings, days)
    days = days or settings.window.days
    out = None if as_json or options.given().quiet else screen()  # under cron, tables are not imported
    with _shown(out, settings, window, days, schools, dry_run=dry_run) as (begin, show):

        def tell(result: "SchoolResult") -> None:
            show(result)
            if not as_json:
                result.forget_good_days()

        if dry_run:
            report = send.dry_run(settings, window, schools, tell, begin)
        else:
            with Monitored(settings) as monitored:
                addresses = read_addresses(settings)
                report = send.send(settings, window, schools, tell, begin)
                monitored.exit_code = report.exit_code
                if addresses and (message := turned(report)):  # before what may fail on a closed screen
                    tell_people(settings, addresses, message)
    if as_json:
        print_json(_as_json(report))
    if out:
        from attsync.show.send import send_summary

        out.show(send_summary(report, out.signs, schools, dry_run=dry_run))
    else:
        for line in mail(report, schools):
            click.echo(line, err=True)
    click.get_current_context().exit(report.exit_code)


@contextmanager
def _shown(
    out: Screen | None, settings: "Settings", window: "Window", days: int, named: tuple[int, ...], *, dry_run: bool
) -> Iterator[tuple[Callable[[], None], Callable[["SchoolResult"], object]]]:
    """Yield what shows a heading and a line for a school; on a terminal, also show how far a long run is."""
    if out is None:
        yield (lambda: None), (lambda _result: None)
        return
    from attsync.log import Log
    from attsync.schools import known_schools
    from attsync.show.send import send_heading, send_line

    with Log.open_existing(settings.log.path) or nullcontext() as log:
        # Those that a database lists itself are not known before it is read.
        names = [school.name for urn, school in known_schools(settings, log).items() if not named or urn in named]
    span = plural(days, "working day" if settings.window.count == "working" else "day")
    width = max(map(len, names), default=20)
    with out.progress("Reading" if dry_run else "Reading and sending", len(names)) as advance:

        def tell(result: "SchoolResult") -> None:
            advance()
            out.show(send_line(result, out.signs, name_width=width, dry_run=dry_run))

        yield lambda: out.show(send_heading(window, span, len(names), dry_run=dry_run)), tell


def _as_json(report: "Report") -> dict[str, Any]:
    from attsync import messages
    from attsync.status.overview import day_as_json

    return {
        "version": 1,
        "run": report.number or None,
        "exit_code": report.exit_code,
        "to_check": [messages.as_json(problem) for problem in report.to_check],
        "schools": [
            {
                "urn": result.school.urn,
                "name": result.school.name,
                "outcome": result.outcome,
                "problem": result.problem and messages.as_json(result.problem),
                "to_check": [messages.as_json(problem) for problem in result.to_check],
                "days": [day_as_json(day) for day in result.days],
            }
            for result in report.schools
        ],
    }
