"""`attsync preview`: shows or saves the messages that a send would send."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from attsync import messages
from attsync.commands import options, tell
from attsync.commands.terminal import Screen, screen
from attsync.files import csv_text, require_writable, write_report
from attsync.model import School, SchoolDays, Session
from attsync.problems import AttsyncError, Problem, exit_code
from attsync.schedule import run_times
from attsync.schools import known_schools, not_known
from attsync.settings import Settings
from attsync.window import LONGEST, Window

if TYPE_CHECKING:
    from attsync.run.plan import Plan


@options.subcommand(
    "preview",
    "attsync preview --date 2026-11-23",
    "attsync preview --school 900023 --json",
    text="""
    Needs no consent, and contacts only the school database. It shows small counts, which could identify a child:
    keep them within the school.

    --json prints each request byte for byte as it would be sent, on a separate line of one document.
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
    from attsync.run.plan import Planned, Refused
    from attsync.run.send import preview

    if session and as_json:
        message = "--session and --json do not go together: a request contains both sessions. Nothing was read."
        raise click.UsageError(message)
    settings = options.load_settings()
    _require_table(table, settings, as_json=as_json)
    window = _window(settings, days, day)
    sessions = [one for one in Session if session in (None, one)]
    out = None if as_json or table else screen()
    missing, told, problems, is_shown = {*schools}, list[tuple[School, messages.Told]](), list[Problem](), False
    found: list[tuple[SchoolDays, dict[date, Plan]]] = []
    for read, plans in preview(settings, window, schools):
        missing.discard(read.school.urn)
        by_date = {plan.body.day if isinstance(plan, Planned) else plan.day.date: plan for plan in plans}
        shown = _show(out, read, by_date, day, sessions, settings) if out and not read.problem else None
        is_shown = is_shown or shown is not None
        wanted = {at: plan for at, plan in by_date.items() if day in (None, at)}
        wrong = [(plan.problem, at) for at, plan in wanted.items() if isinstance(plan, Refused)]
        problems += [*([read.problem] if read.problem else []), *(problem for problem, _ in wrong)]
        # A refused day is shown with its own problem.
        of_school = messages.grouped([(read.problem, None), *(each for each in wrong if each[1] != shown)])
        told += [(read.school, each) for each in of_school]
        found += [] if out else [(read, wanted)]
    if as_json:
        click.echo(_json(found))
    if table:
        _write(table, settings, found, sessions)
    if missing:
        raise not_known(settings, known_schools(settings, None), min(missing), "school_read")
    if out and is_shown:
        from attsync.show.preview import preview_end

        out.show(preview_end([word for urn in schools for word in ("--school", str(urn))]), *([""] if told else []))
    for hit, (problem, on) in messages.by_cause(told):
        error = AttsyncError.of(problem.but(undone="day_dry" if on else "none"))
        tell(error, on, "" if _is_alone(settings) else messages.listed([str(school) for school in hit]))
    click.get_current_context().exit(exit_code(problems, confirmed=False))


def _window(settings: Settings, days: int | None, day: date | None) -> Window:
    """Return the window to read. Raise BadParameter if `day` is not in it."""
    window = options.window_of(settings, days)
    if day and day not in window and days is None:
        window = options.window_of(settings, LONGEST)  # a send with a longer window may have named it in a message
    if day and day not in window:
        message = f"{day} is not in the window, which goes from {window.first} to {window.last}. Nothing was read."
        raise click.BadParameter(message, param_hint="'--date'")
    return window


def _show(
    out: Screen,
    read: SchoolDays,
    plans: "Mapping[date, Plan]",
    wanted: date | None,
    sessions: Sequence[Session],
    settings: Settings,
) -> date | None:
    """Show one day of a school, the newest if none is wanted, and return which."""
    from attsync.show.preview import preview, to_check

    # Today's has no message if all of it was entered ahead.
    days = [day for day in read.days if wanted in (None, day.date) and (day.date in plans or day.marks)]
    if not days:
        out.show(f"{read.school}: no marks on these days: nothing to send.", *to_check(read, out.signs))
        return None
    named = [] if _is_alone(settings) else ["--school", str(read.school.urn)]
    for part in preview(read, plans, days[-1], sessions, run_times(settings), out.signs, named):
        out.show(part, "")
    return days[-1].date


def _is_alone(settings: Settings) -> bool:
    return sum(len(database.schools) for database in settings.database) == 1


def _json(found: "Sequence[tuple[SchoolDays, Mapping[date, Plan]]]") -> str:
    """Return one document: each request byte for byte as it would be sent, on a separate line."""
    from attsync.run.plan import Planned

    schools = []
    for read, plans in found:
        school = {
            "urn": read.school.urn,
            "name": read.school.name,
            "problem": read.problem and messages.as_json(read.problem),
            "to_check": [messages.as_json(problem) for problem in read.to_check],
        }
        days = [
            f'{{"date": "{day}", "problem": null, "request":\n{plan.body.content.decode()}\n}}'
            if isinstance(plan, Planned)
            else json.dumps({"date": f"{day}", "problem": messages.as_json(plan.problem), "request": None})
            for day, plan in plans.items()
        ]
        schools.append(f'{json.dumps(school)[:-1]}, "days": [' + ",".join(f"\n{day}" for day in days) + "]}")
    return '{"version": 1, "schools": [' + ",".join(f"\n{school}" for school in schools) + "]}"


def _require_table(path: Path | None, settings: Settings, *, as_json: bool) -> None:
    """Raise an error if the table cannot be written: before anything is read."""
    if path and str(path) != "-":
        require_writable(path, settings=settings, replace=True)
    elif path and as_json:
        message = "--json and --csv - both write to standard output: leave out one of them. Nothing was read."
        raise click.UsageError(message)


def _write(
    path: Path,
    settings: Settings,
    found: "Sequence[tuple[SchoolDays, Mapping[date, Plan]]]",
    sessions: Sequence[Session],
) -> None:
    from attsync.run.plan import Planned

    rows = [
        (read.school.urn, read.school.name, day, cell.session, cell.year_group, code, number)
        for read, plans in found
        for day, plan in plans.items()
        if isinstance(plan, Planned)
        for cell, counts in plan.body.cells.items()
        if cell.session in sessions
        for code, number in counts.items()
    ]
    text = csv_text(("urn", "school", "date", "session", "year_group", "code", "marks"), rows)
    if str(path) == "-":
        click.echo(text.encode(), nl=False)
        return
    write_report(path, text, settings=settings, replace=True)
    click.echo(
        f"{len(rows):,} counts written to {path}. Small counts could identify a child: keep them within the school."
    )
