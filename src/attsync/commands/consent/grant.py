"""`attsync consent grant`: the permission is looked up, the notice shown, the question asked, the answer recorded.

Knows the order of these; refuses to know the rules, which are `attsync.consent`.
"""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from attsync.commands.consent.named import all_option, named, yes_option
from attsync.commands.hints import complete
from attsync.commands.options import (
    common,
    confirm,
    given,
    load_settings,
    need_terminal,
    now,
    one_line,
    one_school_option,
    page,
)
from attsync.commands.output import must_be_new, screen, undone, writing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from attsync.log import ConsentRow
    from attsync.model import School
    from attsync.person import Person
    from attsync.settings import DatabaseSettings, SchoolSettings, Settings


class _Asked(NamedTuple):
    """One school that is to give consent, and where it is looked up who may."""

    school: "School"
    database: "DatabaseSettings"
    entry: "SchoolSettings"


@click.command(
    "grant",
    help=page(
        """
        Give consent for a school.

        Shows what is sent and what never is, then asks. The account that runs this needs the permission
        "Data Returns: Administer" in the school system; it is looked up at that moment.
        """,
        "attsync consent grant --school 900023",
        "attsync consent grant --school 900023 --role Head --save consent.txt",
    ),
    short_help="Give consent for a school.",
)
@one_school_option
@all_option
@click.option(
    "--role",
    metavar="TEXT",
    callback=one_line,
    help="Your role, for the receipt: School business manager. Kept for good; write no pupil's name.",
)
@yes_option
@click.option(
    "--save",
    "saved",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the receipt to a new file.",
)
@common
def command(schools: tuple[int, ...], *, every: bool, role: str | None, yes: bool, saved: Path | None) -> None:
    """Look up the permission, show the notice, ask, record; school by school."""
    from attsync.person import who
    from attsync.show import consent as show
    from attsync.window import LONGEST

    settings = load_settings()
    if saved:
        must_be_new(saved)  # before anything is asked or recorded
    person = who(os.environ)
    username = settings.consent.usernames.get(person.account, person.account)
    out = screen()
    # Not those of the settings: they may be raised, up to this, without another consent.
    days = f"{LONGEST} {'working days' if settings.window.count == 'working' else 'days'}"
    asked = _asked(settings, schools, every=every)
    is_in_short = yes and len(asked) > 1
    recorded: list[ConsentRow] = []
    try:
        for each in asked:
            _require_permission(settings, each, person, username)
            if not given().quiet and not (is_in_short and recorded):
                out.show(
                    show.consent_notice(None if is_in_short else each.school, settings.dfe.origin, days),
                    show.consent_holder(person.account, username, in_settings=not each.database.select.administrators),
                )
            if not (yes or _agrees(each.school)):
                out.show("Consent was not given. Nothing was recorded.")
                continue
            row = _record(settings, each.school, person, username, role)
            recorded.append(row)
            if not given().quiet:
                out.show(show.consent_given(row, out.signs, is_alone=not is_in_short))
    finally:  # also of those before one that could not be recorded
        if recorded and saved:
            with writing(saved, replace=False) as file:
                file.write("\n".join(complete(show.receipt_text(row, days)) for row in recorded))
    if recorded and not given().quiet:
        out.show(_next(settings, recorded), *([f"Receipt written to {saved}."] if saved else []))


def _asked(settings: "Settings", urns: tuple[int, ...], *, every: bool) -> list[_Asked]:
    """Find the schools asked for, each with its database."""
    from attsync.database import schools_of
    from attsync.model import School

    found = [_Asked(School(s.urn, s.name), d, s) for d in settings.database for s in schools_of(d)]
    wanted = named(settings, {each.school.urn: each.school for each in found}, urns, every=every)
    return [each for each in found if each.school in wanted]


def _require_permission(settings: "Settings", asked: _Asked, person: "Person", username: str) -> None:
    from attsync.consent import require_permission
    from attsync.database import holds_permission

    require_permission(
        asked.school,
        person,
        username,
        look_up=partial(holds_permission, asked.database, asked.entry, username)
        if asked.database.select.administrators
        else None,
        listed=settings.consent.administrators,
        settings_file=settings.path,
    )


def _agrees(school: "School") -> bool:
    need_terminal(f"for the consent of {school}")
    return confirm(f"Do you give consent for {school.name}?")


def _record(settings: "Settings", school: "School", person: "Person", username: str, role: str | None) -> "ConsentRow":
    from attsync.consent import record
    from attsync.log import Log

    with undone("No consent was recorded."), Log.open(settings.log.path) as log:
        return record(
            log,
            school,
            given=True,
            person=person,
            receiver=settings.dfe.origin,
            at=now(),
            username=username,
            role=role,
        )


def _next(settings: "Settings", rows: "Sequence[ConsentRow]") -> "RenderableType":
    from attsync.show.consent import consent_next
    from attsync.show.symbols import when
    from attsync.status import next_send

    first = when(next_send(settings.schedule.times, now()), now())
    return consent_next(first, "--all" if len(rows) > 1 else f"--school {rows[0].school.urn}")
