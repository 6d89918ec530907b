"""`attsync preview`: shows or saves the messages that a send would send."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from attsync import messages
from attsync.commands import options, tell
from attsync.commands.terminal import Screen, screen
from attsync.files import csv_text, require_writable, write_report
from attsync.model import Body, School, SchoolDays, Session
from attsync.problems import AttsyncError, Problem, exit_code
from attsync.schools import known_schools, not_known
from attsync.settings import Settings
from attsync.window import LONGEST, Window

if TYPE_CHECKING:
    from attsync.run.plan import Planned


@options.subcommand(
    "preview",
    "attsync preview --date 2026-11-23",
    "attsync preview --school 900023 --json",
    text="""
    Needs no consent, and contacts only the school database. It shows small counts, which could identify a child:
    keep them within the school.

    --json prints the requests byte for byte: one list, with each on a separate line.
    """,
)
@options.window
@options.schools
@options.day
@click.option("--session", type=click.Choice(["AM", "PM"], case_sensitive=False), help="One session.")
@options.as_json
@options.file("--csv", "table", help="Write every count to this file; - is standard output.")
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
    from attsync.run.plan import Planned
    from attsync.run.send import preview

    if session and as_json:
        message = "--session and --json do not go together: a request contains both sessions. Nothing was read."
        raise click.UsageError(message)
    settings = options.load_settings()
    _require_table(table, settings, as_json=as_json)
    window = _window(settings, days, day)
    sessions = [one for one in Session if session in (None, one)]
    out = None if as_json or table else screen()
    missing, told, is_refused = {*schools}, list[messages.Told](), False
    found: list[tuple[School, Body]] = []
    for read, plans in preview(settings, window, schools):
        missing.discard(read.school.urn)
        ready = {plan.body.day: plan for plan in plans if isinstance(plan, Planned)}
        refused = {plan.day.date: plan.problem for plan in plans if not isinstance(plan, Planned)}
        shown = _show(out, read, ready, refused, day, sessions, settings) if out and not read.problem else None
        found += [(read.school, plan.body) for at, plan in ready.items() if day in (None, at)]
        wrong = [(problem, at) for at, problem in refused.items() if day in (None, at)]
        is_refused = is_refused or bool(wrong)
        # A day that is refused says so itself where it is shown.
        told += messages.grouped([(read.problem, None), *(each for each in wrong if each[1] != shown)])
    if as_json:
        click.echo("[" + ",".join(f"\n{body.content.decode()}" for _, body in found) + "\n]")
    if table:
        _write(table, settings, found, sessions)
    if missing:
        raise not_known(settings, known_schools(settings, None), min(missing), "school_read")
    for problem, on in told:
        tell(AttsyncError.of(problem.but(undone="day_dry") if on else problem), on)
    code = exit_code([problem for problem, _ in told], confirmed=False)
    click.get_current_context().exit(code or is_refused)


def _window(settings: Settings, days: int | None, day: date | None) -> Window:
    """Return the window to read. Raise BadParameter if `day` is not in it."""
    window = options.window_of(settings, days)
    if day and day not in window and days is None:
        window = options.window_of(settings, LONGEST)  # a message of a send with a longer window may have named it
    if day and day not in window:
        message = f"{day} is not in the window, which goes from {window.first} to {window.last}. Nothing was read."
        raise click.BadParameter(message, param_hint="'--date'")
    return window


def _show(
    out: Screen,
    read: SchoolDays,
    ready: "Mapping[date, Planned]",
    refused: Mapping[date, Problem],
    wanted: date | None,
    sessions: Sequence[Session],
    settings: Settings,
) -> date | None:
    """Show one day of a school, the newest if none is wanted, and return which."""
    from attsync.due import session_due_at
    from attsync.show.preview import preview_day, preview_foot, preview_refused, preview_to_check

    school = read.school
    days = [
        (each, each.cells if each.date in refused else ready[each.date].body.cells if each.date in ready else {})
        for each in read.days
        if each.date in ready or each.date in refused or each.marks  # today's, if all of it was entered ahead
    ]
    if not (shown := [pair for pair in days if wanted in (None, pair[0].date)][-1:]):
        out.show(f"{school}: no marks in these days: nothing to send.")
    for day, cells in shown:
        if day.date in refused:
            out.show(preview_refused(school, day, refused[day.date], out.signs), "")
        for session in sessions if day.date not in refused else ():
            if any(cell.session is session for cell in cells):
                before = ready[day.date].before
                received = before.cells if before else None
                out.show(preview_day(school, day, cells, out.signs, session, received=received), "")
            elif day.marks_of[session]:
                due_at = session_due_at(day.date, session, settings.schedule.times)
                out.show(preview_day(school, day, day.cells, out.signs, session, due_at), "")
        is_alone = sum(len(database.schools) for database in settings.database) == 1
        out.show(preview_foot(days, read.days, day.date, [] if is_alone else ["--school", str(school.urn)]))
    if read.to_check:
        out.show(preview_to_check(read.to_check, out.signs))
    return shown[0][0].date if shown else None


def _require_table(path: Path | None, settings: Settings, *, as_json: bool) -> None:
    """Raise an error if the table cannot be written: before anything is read."""
    if path and str(path) != "-":
        require_writable(path, settings=settings, replace=True)
    elif path and as_json:
        message = "--json and --csv - both write to standard output: leave out one of them. Nothing was read."
        raise click.UsageError(message)


def _write(path: Path, settings: Settings, found: Sequence[tuple[School, Body]], sessions: Sequence[Session]) -> None:
    rows = [
        (school.urn, school.name, body.day, cell.session, cell.year_group, code, number)
        for school, body in found
        for cell, counts in body.cells.items()
        if cell.session in sessions
        for code, number in counts.items()
    ]
    text = csv_text(("urn", "school", "date", "session", "year_group", "code", "marks"), rows)
    if str(path) == "-":
        click.echo(text.encode(), nl=False)
        return
    write_report(path, text, settings=settings, replace=True)
    click.echo(f"{len(rows):,} counts written to {path}. Small counts could identify a child: keep them in the school.")
