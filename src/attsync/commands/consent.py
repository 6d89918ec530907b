"""`attsync consent`: grant, revoke and show. The rules are in `attsync.consent`."""

import os
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from attsync.commands.options import (
    common,
    confirm,
    given,
    json_option,
    load_settings,
    need_terminal,
    now,
    one_line,
    one_school_option,
    page,
    schools_option,
)
from attsync.commands.terminal import print_json, screen, undone
from attsync.problems import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from attsync.accounts import Person
    from attsync.commands.terminal import Screen
    from attsync.consent import ActiveConsent, Terms
    from attsync.deadline import Deadline
    from attsync.log import ConsentRow, Log
    from attsync.model import School
    from attsync.settings import DatabaseSettings, SchoolSettings, Settings

_GRANT_SECONDS = 150
"""Longest wait for the school database: one statement more than the longest that it may take."""

all_option = click.option("--all", "every", is_flag=True, help="Every school in the settings file.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask; for scripts.")


@click.group(
    "consent",
    help=page(
        """
        Give, remove or show a school's consent.

        attsync sends for a school only while its consent is in place.
        """,
        "attsync consent grant --school 900023",
        "attsync consent show --history",
    ),
    short_help="Give, remove or show a school's consent.",
)
@common
def command() -> None:
    """Group the three commands."""


def _named(
    settings: "Settings", known: Mapping[int, "School"], urns: tuple[int, ...], *, every: bool
) -> list["School"]:
    """Return the schools that `--school` or `--all` names; one school alone needs no naming. Raise UsageError."""
    from attsync.schools import chosen

    if not urns and not every and len(known) > 1:
        message = f"there are {len(known)} schools: name one with --school URN, or use --all. Nothing was changed."
        raise click.UsageError(message)
    return chosen(settings, known, urns, "changed")


# Grant


class _Asked(NamedTuple):
    """One school that is to give consent, and where it is looked up who may."""

    school: "School"
    database: "DatabaseSettings"
    entry: "SchoolSettings"


@command.command(
    "grant",
    help=page(
        """
        Give consent for a school.

        Shows what is sent and what never is, then asks. The account that runs this needs the permission
        "Data Returns: Administer" in the school system. It is looked up at that moment.
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
    help="Your role, for the receipt: School business manager. Kept permanently. Do not include a pupil's name.",
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
    """Look up the permission, show the notice once, ask, record; school by school."""
    from attsync.accounts import who
    from attsync.consent import Terms, notice
    from attsync.deadline import Deadline
    from attsync.files import require_writable, write_report
    from attsync.show import consent as show

    settings = load_settings()
    if saved:
        require_writable(saved, settings=settings, replace=False)  # before anything is asked or recorded
    terms, person = Terms.of(settings), who(os.environ)
    shown = notice(terms)
    username = settings.consent.usernames.get(person.account, person.account)
    out = screen()
    recorded: list[ConsentRow] = []
    try:
        with undone("consent"), Deadline(_GRANT_SECONDS) as deadline:
            asked = _asked(settings, schools, deadline, every=every)
            if any(each.database.select.schools for each in asked):
                _require_schools(out, asked, yes=yes)
            for each in asked:
                _require_permission(settings, each, person, username, deadline)
        if not given().quiet:
            by = show.consent_holder(person.account, username, in_settings=not asked[0].database.select.administrators)
            out.show(show.consent_notice([each.school for each in asked], shown), by)
        for each in asked:
            if not (yes or _agrees(each.school)):
                out.show("Consent was not given. Nothing was recorded.")
                continue
            row = _record(settings, each.school, person, username, role, terms)
            recorded.append(row)
            if not given().quiet:
                out.show(show.consent_given(row, out.signs, is_alone=len(asked) == 1))
    finally:  # also of those before one that could not be recorded
        if recorded and saved:
            receipts = "\n".join(show.receipt_text(row, shown) for row in recorded)
            write_report(saved, receipts, settings=settings, replace=False)
    if recorded and not given().quiet:
        out.show(_next(settings, recorded), *([f"Receipt written to {saved}."] if saved else []))


def _asked(settings: "Settings", urns: tuple[int, ...], deadline: "Deadline", *, every: bool) -> list[_Asked]:
    """Find the schools asked for, each with its database. The names in the settings go before the database's."""
    from attsync.database import schools_of
    from attsync.model import School

    found = [_Asked(School(s.urn, s.name), d, s) for d in settings.database for s in schools_of(d, deadline)]
    wanted = _named(settings, {each.school.urn: each.school for each in found}, urns, every=every)
    return [each for each in found if each.school in wanted]


def _require_schools(out: "Screen", asked: "Sequence[_Asked]", *, yes: bool) -> None:
    """Show the names that the schools SELECT returns: a wrong column could make pupils' names permanent."""
    out.show("The schools SELECT calls them:", *(f"  {each.school}" for each in asked))
    if yes:
        return
    need_terminal("whether these are schools")
    if not confirm("Are all of these schools?"):
        message = "Nothing was recorded. Ask the person who wrote the schools SELECT to correct its column name."
        raise click.UsageError(message)


def _require_permission(
    settings: "Settings", asked: _Asked, person: "Person", username: str, deadline: "Deadline"
) -> None:
    from attsync.consent import require_permission
    from attsync.database import holds_permission

    require_permission(
        asked.school,
        person,
        username,
        look_up=partial(holds_permission, asked.database, asked.entry, username, deadline)
        if asked.database.select.administrators
        else None,
        listed=settings.consent.administrators,
        settings_file=settings.path,
    )


def _agrees(school: "School") -> bool:
    need_terminal(f"for the consent of {school}")
    return confirm(f"Do you give consent for {school.name}?")


def _record(
    settings: "Settings", school: "School", person: "Person", username: str, role: str | None, terms: "Terms"
) -> "ConsentRow":
    from attsync.consent import notice, record
    from attsync.log import Log

    with undone("consent"), Log.open(settings.log.path) as log:
        return record(
            log,
            school,
            action="given",
            account=person.account,
            login_uid=person.login_uid,
            terms=terms,
            at=now(),
            username=username,
            role=role,
            shown=notice(terms),
        )


def _next(settings: "Settings", rows: "Sequence[ConsentRow]") -> "RenderableType":
    from attsync.due import next_send
    from attsync.show.consent import consent_next
    from attsync.show.symbols import when

    first = when(next_send(settings.schedule.times, now()), now())
    return consent_next(first, ("--all",) if len(rows) > 1 else ("--school", str(rows[0].school.urn)))


# Revoke


@command.command(
    "revoke",
    help=page(
        """
        Remove a school's consent.

        No request starts after this returns, not even during a send. Any account that can write to the log can do
        this. It needs no permission, no database and no network. A school that has never decided can decline with it.
        """,
        "attsync consent revoke --school 900023",
        "attsync consent revoke --all --yes",
    ),
    short_help="Remove a school's consent, at once.",
)
@one_school_option
@all_option
@click.option(
    "--reason",
    metavar="TEXT",
    callback=one_line,
    help="Why, for the history. Kept permanently. Do not include a pupil's name.",
)
@yes_option
@common
def revoke(schools: tuple[int, ...], *, every: bool, reason: str | None, yes: bool) -> None:
    """Record the removal, then wait until no request is just beginning."""
    from attsync.accounts import who
    from attsync.consent import Terms, record
    from attsync.locks import wait_for_starting_requests
    from attsync.log import Log
    from attsync.schools import every_school
    from attsync.show.consent import consent_removed

    settings = load_settings()
    out = screen()
    with undone("not_removed"), Log.open(settings.log.path) as log:
        for school in _named(settings, every_school(settings, log), schools, every=every):
            newest = log.latest_consent(school.urn)
            if newest and newest.action == "removed":
                out.show(f"{school} has no consent that could be removed. Nothing was changed.")
                continue
            if not yes:
                need_terminal(f"for {school}")
                if not confirm(f"{'Stop sending' if newest else 'Decline consent'} for {school.name}?"):
                    out.show("Nothing was changed.")
                    continue
            person = who(os.environ)
            record(
                log,
                school,
                action="removed",
                account=person.account,
                login_uid=person.login_uid,
                terms=Terms.of(settings),
                at=now(),
                reason=reason,
            )
            wait_for_starting_requests(settings.log.path)
            if not given().quiet:
                out.show(consent_removed(school, out.signs, was_given=newest is not None))


# Show


@command.command(
    "show",
    help=page(
        """
        Show the consent of each school.

        Exit code 0 only if consent is in place for every school asked for.
        """,
        "attsync consent show",
        "attsync consent show --school 900023 --history",
    ),
    short_help="Show the consent of each school.",
)
@schools_option
@click.option("--notice", is_flag=True, help="The full text that people agree to, and the receiver.")
@click.option("--history", is_flag=True, help="Every grant and removal, also of schools that left the settings.")
@json_option
@common
def show(schools: tuple[int, ...], *, notice: bool, history: bool, as_json: bool) -> None:
    """Read the log and show what is in it about consent."""
    from attsync.consent import Terms, active_consent, explain_missing
    from attsync.log import Log
    from attsync.schools import chosen, every_school, known_schools
    from attsync.show.consent import consent_history, consent_table

    if notice:
        _show_notice()
        return
    settings = load_settings()
    terms = Terms.of(settings)
    out = screen()
    with undone("none"), Log.open_existing(settings.log.path) or nullcontext() as log:
        known = every_school if history or schools else known_schools
        asked = chosen(settings, known(settings, log), schools)
        consents = log.latest_consents() if log else {}
        rows = [(school, consents.get(school.urn)) for school in asked]
        active = [(school, active_consent(row, terms)) for school, row in rows]
        if as_json:
            print_json({"version": 1, "schools": [_as_json(log, *each, history=history) for each in active]})
        elif history:
            for school in asked:
                out.show(consent_history(school, log.consent_history(school.urn) if log else [], out.signs), "")
        else:
            found = [(s, active_consent(row, terms) or explain_missing(s, row, terms)) for s, row in rows]
            out.show(consent_table(found, out.signs))
    click.get_current_context().exit(0 if all(consent for _, consent in active) else 1)


def _show_notice() -> None:
    from attsync.consent import Terms, notice

    try:
        terms = Terms.of(load_settings())
        receiver = f"Receiver, as it is set now: {terms.receiver}"
    except SettingsError:  # someone may read the notice before there is a settings file
        terms = Terms("https://the address in the settings file", "working", year_groups=True)
        receiver = "Receiver: not known yet, because there is no settings file that can be read."
    shown = notice(terms)
    click.echo(f"Notice {shown.number}\n\n{shown.full}\n{receiver}")


def _as_json(log: "Log | None", school: "School", consent: "ActiveConsent | None", *, history: bool) -> dict[str, Any]:
    from attsync.status.overview import consent_as_json

    found: dict[str, Any] = {"urn": school.urn, "name": school.name, "consent": consent_as_json(consent)}
    if history:
        found["history"] = [_row_as_json(log, row) for row in (log.consent_history(school.urn) if log else ()) if log]
    return found


def _row_as_json(log: "Log", row: "ConsentRow") -> dict[str, Any]:
    from attsync.consent import receipt
    from attsync.window import LONDON

    return {
        "at": row.at.astimezone(LONDON).isoformat(timespec="seconds"),
        "action": row.action,
        "by": row.person,
        "username": row.username,
        "role": row.role,
        "reason": row.reason,
        "receipt": receipt(row),
        "receiver": row.receiver,
        "data_set": row.data_set,
        "notice": {"number": row.notice, "sha256": row.notice_sha256, "text": log.notice(row)} if row.notice else None,
    }
