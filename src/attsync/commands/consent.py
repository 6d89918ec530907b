"""`attsync consent grant`, `revoke` and `show`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from attsync.commands.hints import complete
from attsync.commands.options import (
    common,
    confirm,
    given,
    json_option,
    load_settings,
    need_terminal,
    now,
    one_line,
    page,
    schools_option,
)
from attsync.commands.output import Screen, must_be_new, print_json, screen, writing
from attsync.problems import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from attsync.log import ConsentRow
    from attsync.model import School
    from attsync.settings import DatabaseSettings, SchoolSettings, Settings

all_option = click.option("--all", "every", is_flag=True, help="Every school in the settings file.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask; for scripts.")


@click.group(
    "consent",
    help=page(
        """
        Give, remove or show a school's consent.

        attsync sends for a school only while its consent stands.
        """,
        "attsync consent grant --school 900023",
        "attsync consent show --history",
    ),
    short_help="Give, remove or show a school's consent.",
)
@common
def command() -> None:
    """Hold the three commands."""


@command.command(
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
@schools_option
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
def grant(schools: tuple[int, ...], *, every: bool, role: str | None, yes: bool, saved: Path | None) -> None:
    """Look up the permission, show the notice, ask, record."""
    from attsync import consent
    from attsync.log import Log
    from attsync.person import who
    from attsync.school import holds_permission
    from attsync.show import consent as show

    settings = load_settings()
    if saved:
        must_be_new(saved)  # before anything is asked or recorded
    person = who(os.environ)
    username = settings.consent.usernames.get(person.account, person.account)
    out = screen()
    count = "working days" if settings.window.count == "working" else "days"
    days = f"{settings.window.days} {count}"
    receipts: list[str] = []
    asked = _asked(settings, schools, every=every)
    is_in_short = yes and len(asked) > 1
    given_now: list[ConsentRow] = []
    for database, entry, school in asked:
        has_select = database.select.administrators is not None

        def look_up(database: "DatabaseSettings" = database, entry: "SchoolSettings" = entry) -> bool:
            return holds_permission(database, entry, username)

        consent.require_permission(
            school,
            person,
            username,
            look_up=look_up if has_select else None,
            listed=settings.consent.administrators,
            settings_file=settings.path,
        )
        if not given().quiet and not (is_in_short and given_now):
            out.show(
                show.consent_notice(None if is_in_short else school, settings.dfe.origin, days),
                show.consent_holder(person.account, username, in_settings=not has_select),
            )
        if not yes:
            need_terminal(f"for the consent of {school}")
            if not confirm(f"Do you give consent for {school.name}?"):
                out.show("Consent was not given. Nothing was recorded.")
                continue
        with Log.open(settings.log.path) as log:
            row = consent.record(
                log,
                school,
                given=True,
                person=person,
                receiver=settings.dfe.origin,
                at=now(),
                username=username,
                role=role,
            )
        receipts.append(complete(show.receipt_text(row, days)))
        given_now.append(row)
        if not given().quiet:
            out.show(show.consent_given(row, out.signs, is_alone=not is_in_short))
    if given_now and not given().quiet:
        out.show(_next(settings, given_now))
    if saved and receipts:
        _save(saved, receipts, out)


@command.command(
    "revoke",
    help=page(
        """
        Remove a school's consent.

        No request starts after this returns, not even of a send that is under way. Whoever may write the log may do
        this; it needs no permission, no database and no network.
        """,
        "attsync consent revoke --school 900023",
        "attsync consent revoke --all --yes",
    ),
    short_help="Remove a school's consent, at once.",
)
@schools_option
@all_option
@click.option(
    "--reason",
    metavar="TEXT",
    callback=one_line,
    help="Why, for the history. Kept for good; write no pupil's name.",
)
@yes_option
@common
def revoke(schools: tuple[int, ...], *, every: bool, reason: str | None, yes: bool) -> None:
    """Record the removal, then wait until no request is just beginning."""
    from attsync import consent
    from attsync.lock import wait_for_starting_requests
    from attsync.log import Log
    from attsync.person import who
    from attsync.schools import known_schools
    from attsync.show import consent as show

    settings = load_settings()
    out = screen()
    with Log.open(settings.log.path) as log:
        for school in _named(settings, known_schools(settings, log), schools, every=every):
            newest = log.latest_consent(school.urn)
            if not (newest and newest.given):
                out.show(f"{school} has no consent that could be removed. Nothing was changed.")
                continue
            if not yes:
                need_terminal(f"for {school}")
                if not confirm(f"Stop sending for {school.name}?"):
                    out.show("Nothing was changed.")
                    continue
            consent.record(
                log, school, given=False, person=who(os.environ), receiver=settings.dfe.origin, at=now(), reason=reason
            )
            wait_for_starting_requests(settings.log.path)
            if not given().quiet:
                out.show(show.consent_removed(school, out.signs))


@command.command(
    "show",
    help=page(
        """
        Show where consent stands.

        Exit code 0 only if it stands for every school asked for.
        """,
        "attsync consent show",
        "attsync consent show --school 900023 --history",
    ),
    short_help="Show where consent stands.",
)
@schools_option
@click.option("--notice", "notice", is_flag=True, help="The full text that people agree to, and the receiver.")
@click.option("--history", is_flag=True, help="Every grant and removal.")
@json_option
@common
def show_(schools: tuple[int, ...], *, notice: bool, history: bool, as_json: bool) -> None:
    """Read the log and say where consent stands."""
    from attsync.consent import FULL_NOTICE, NOTICE, standing, why_not
    from attsync.log import Log
    from attsync.overview import consent_as_json
    from attsync.schools import chosen, known_schools
    from attsync.show import consent as show

    if notice:
        click.echo(f"Notice {NOTICE}\n\n{FULL_NOTICE}\n{_receiver()}")
        return
    settings = load_settings()
    log = Log.open_existing(settings.log.path)
    out = screen()
    try:
        asked = chosen(settings, known_schools(settings, log), schools)
        rows = [(school, log.latest_consent(school.urn) if log else None) for school in asked]
        stands = [standing(row, settings.dfe.origin) for _, row in rows]
        if as_json:
            document = [
                {"urn": s.urn, "name": s.name, "consent": consent_as_json(c)}
                for (s, _), c in zip(rows, stands, strict=True)
            ]
            print_json({"version": 1, "schools": document})
        elif history:
            for school in asked:
                out.show(show.consent_history(school, log.consent_history(school.urn) if log else [], out.signs), "")
        else:
            problems = [
                None if c else why_not(s, row, settings.dfe.origin) for (s, row), c in zip(rows, stands, strict=True)
            ]
            out.show(show.consent_table([(s, row, p) for (s, row), p in zip(rows, problems, strict=True)], out.signs))
    finally:
        if log:
            log.close()
    click.get_current_context().exit(0 if all(stands) else 1)


def _receiver() -> str:
    """Name the receiver; somebody may read the notice before there is a settings file."""
    try:
        return f"Receiver, in the settings file: {load_settings().dfe.origin}"
    except SettingsError:
        return "Receiver: not known yet, there is no settings file that can be read."


def _save(path: Path, receipts: "Sequence[str]", out: Screen) -> None:
    with writing(path, replace=False) as file:
        file.write("\n".join(receipts))
    if not given().quiet:
        out.show(f"Receipt written to {path}.")


def _next(settings: "Settings", rows: "Sequence[ConsentRow]") -> "RenderableType":
    from attsync.overview import next_send
    from attsync.show.consent import consent_next
    from attsync.show.parts import when

    first = when(next_send(settings.schedule.times, now()), now())
    return consent_next(first, "--all" if len(rows) > 1 else f"--school {rows[0].school.urn}")


def _asked(
    settings: "Settings", urns: tuple[int, ...], *, every: bool
) -> list[tuple["DatabaseSettings", "SchoolSettings", "School"]]:
    """Find the schools asked for, each with its database."""
    from attsync.model import School
    from attsync.school import schools_of

    found = [(d, s, School(s.urn, s.name)) for d in settings.database for s in schools_of(d)]
    named = _named(settings, {school.urn: school for *_, school in found}, urns, every=every)
    return [each for each in found if each[2] in named]


def _named(
    settings: "Settings", known: "Mapping[int, School]", urns: tuple[int, ...], *, every: bool
) -> list["School"]:
    """Pick the schools that `--school` or `--all` names; one school alone needs no naming."""
    from attsync.schools import chosen

    if not urns and not every and len(known) > 1:
        raise SettingsError(
            "SCHOOL-NONE",
            f"There are {len(known)} schools. Nothing was changed.",
            "Name one with --school URN, or say --all.",
        )
    return chosen(settings, known, urns, "Nothing was changed.")
