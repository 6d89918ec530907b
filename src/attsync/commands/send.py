"""`attsync send`: runs a send and says what became of it: on a screen, as JSON, or nothing while all is well.

Knows who listens; refuses to know how a send is done.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from attsync.commands.options import (
    common,
    given,
    json_option,
    load_settings,
    page,
    schools_option,
    window_of,
    window_option,
)
from attsync.commands.terminal import print_json, screen
from attsync.plural import plural

if TYPE_CHECKING:
    from attsync.run.report import Report, SchoolResult
    from attsync.settings import Settings
    from attsync.window import Window


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
    from attsync.notify import Monitored
    from attsync.run import send

    settings = load_settings()
    window = window_of(settings, days)
    is_silent = as_json or given().quiet
    said = _Silence(schools) if is_silent else _Screen(settings, window, days, schools, dry_run=dry_run)
    with said.progress():

        def tell(result: "SchoolResult") -> None:
            said.tell(result)
            if not as_json:
                result.keep_sums()

        if dry_run:
            report = send.dry_run(settings, window, schools, tell, said.begin)
        else:
            with Monitored(settings) as monitored:
                report = send.send(settings, window, schools, tell, said.begin)
                monitored.exit_code = report.exit_code
    if as_json:
        print_json(_as_json(report))
    said.end(report)
    click.get_current_context().exit(report.exit_code)


class _Silence:
    """For cron, and beside JSON: nothing but what is wrong, at the end. Tables are not even imported."""

    def __init__(self, named: tuple[int, ...]) -> None:
        self._named = named

    def progress(self) -> AbstractContextManager[object]:
        """Show nothing."""
        return nullcontext()

    def begin(self) -> None:
        """Say nothing."""

    def tell(self, result: "SchoolResult") -> None:
        """Say nothing yet."""

    def end(self, report: "Report") -> None:
        """Say what is wrong, if anything is."""
        from attsync.run.report import mail

        for line in mail(report, self._named):
            click.echo(line, err=True)


class _Screen(_Silence):
    """For people: a heading, a line a school, a summary, and on a terminal how far it is."""

    def __init__(
        self, settings: "Settings", window: "Window", days: int | None, named: tuple[int, ...], *, dry_run: bool
    ) -> None:
        from attsync.show import send as show

        super().__init__(named)
        self._show = show
        self._out = screen()
        self._names = _names(settings, named)
        self._heading = show.send_heading(window, _days(settings, days), len(self._names), dry_run=dry_run)
        self._dry_run = dry_run
        self._advance: Callable[[], None] | None = None

    @contextmanager
    def progress(self) -> Iterator[None]:
        """Show how far a long run is."""
        doing = "Reading" if self._dry_run else "Reading and sending"
        with self._out.progress(doing, len(self._names)) as self._advance:
            yield

    def begin(self) -> None:
        """Say what is about to be done."""
        self._out.show(self._heading)

    def tell(self, result: "SchoolResult") -> None:
        """Say what became of a school."""
        if self._advance:
            self._advance()
        width = max(map(len, self._names), default=20)
        self._out.show(self._show.send_line(result, self._out.signs, name_width=width, dry_run=self._dry_run))

    def end(self, report: "Report") -> None:
        """Sum up."""
        self._out.show(self._show.send_summary(report, self._out.signs, self._named, dry_run=self._dry_run))


def _names(settings: "Settings", urns: tuple[int, ...]) -> list[str]:
    """Name the schools that are asked for; those that a database lists itself are not known before it is read."""
    from attsync.log import Log
    from attsync.schools import known_schools

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
    return plural(number, kind)


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
