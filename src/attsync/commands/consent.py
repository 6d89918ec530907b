"""`attsync consent`: grant, revoke, show, and setup for another account. The rules are in `attsync.consent`."""

import os
import pwd
import re
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Final

import click

from attsync import consent as rules
from attsync.accounts import Person, name_of, owner_of, who
from attsync.clock import behind
from attsync.commands import options
from attsync.commands.terminal import Screen, print_json, screen, undone
from attsync.log import ConsentRow, Log
from attsync.model import School
from attsync.problems import Problem, SchoolError, SettingsError
from attsync.schools import chosen, every_school, known_schools, shown_schools
from attsync.settings import DatabaseSettings, SchoolSettings, Settings
from attsync.window import LONDON

_GRANT_SECONDS: Final = 150
"""Longest wait for the school database: more than the longest time that one statement is allowed."""
_A_URN: Final = "[0-9]" * 6
_A_DATE: Final = f"{'[0-9]' * 4}-{'[0-9]' * 2}-{'[0-9]' * 2}"
_ALLOWED: Final = (
    *(f"consent {what} {which}" for what in ("grant", "revoke") for which in (f"--school {_A_URN}", "--all")),
    *("consent show", "consent show --history", "consent show --notice", "consent show --receipt"),
    "status --problems",
    *(
        " ".join(filter(None, words))
        for words in product(
            ("preview", "status"), ("", f"--school {_A_URN}"), ("", f"--date {_A_DATE}"), ("", "--json")
        )
    ),
)
"""What the rule of `setup` allows. No free text and no file: sudo's * would allow anything after it.

sudo compares the words in this order, so every command that attsync shows has it too.
"""

_KEPT: Final = "Kept permanently. Do not include a pupil's name."

_words = partial(click.option, metavar="TEXT", type=options.one_line)
all_option = click.option("--all", "every", is_flag=True, help="Every school in the settings file.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask; for scripts.")


@options.subcommand(
    "consent",
    "attsync consent grant --school 900023",
    "attsync consent show --history",
    text="attsync sends for a school only while its consent is in place.",
    kind=click.Group,
)
def command() -> None:
    """Group the four commands."""


def _named(settings: Settings, known: Mapping[int, School], urns: tuple[int, ...], *, every: bool) -> list[School]:
    """Return the schools that `--school` or `--all` names; one school alone needs no naming. Raise UsageError."""
    if not urns and not every and len(known) > 1:
        message = f"there are {len(known)} schools: name one with --school URN, or use --all. Nothing was changed."
        raise click.UsageError(message)
    return chosen(settings, known, urns, "changed")


# Grant


@options.subcommand(
    "grant",
    "attsync consent grant --school 900023",
    "attsync consent grant --school 900023 --role Head --save consent.txt",
    text="""
    Shows what is sent and what never is, then asks. The account that runs this needs the permission
    "Data Returns: Administer" in the MIS. It is looked up at that moment. For another person's account, see
    the command consent setup.
    """,
    parent=command,
)
@options.one_school
@all_option
@_words("--role", help=f"Your role, for the receipt: School business manager. {_KEPT}")
@yes_option
@options.file("--save", "saved", help="Write the receipt to a new file.")
def grant(schools: tuple[int, ...], *, every: bool, role: str | None, yes: bool, saved: Path | None) -> None:
    """Look up the permission, show the notice once, ask, record; school by school."""
    from attsync.due import next_send
    from attsync.files import require_writable, write_report
    from attsync.schedule import run_times
    from attsync.show import consent as show
    from attsync.show.symbols import when

    settings = options.load_settings()
    terms, person, out = rules.Terms.of(settings), who(os.environ), screen()
    if saved:  # before anything is asked or recorded
        require_writable(saved, settings=settings, replace=False, reader=person.account)
    with undone("consent"), Log.open_existing(settings.log.path) or nullcontext() as log:
        if clock := behind(log, options.now()):  # its time is recorded permanently
            raise SettingsError.of(clock.but(undone="consent"))
    shown = rules.notice(terms)
    username = settings.consent.usernames.get(person.account, person.account)
    asked = _permitted(settings, schools, person, username, every=every)
    if any(database.select.schools for database in asked.values()):
        _require_schools(out, asked, yes=yes)
    in_settings = not any(database.select.administrators for database in asked.values())
    by = show.consent_holder(person.account, username, in_settings=in_settings)
    out.tell(show.consent_notice([*asked], shown), by)
    recorded: list[ConsentRow] = []
    try:
        for school in asked:
            if not options.confirm(f"Do you give consent for {school.name}?", yes=yes):
                out.show("Consent was not given. Nothing was recorded.")
                continue
            with undone("consent"), Log.open(settings.log.path) as log:
                row = rules.record(log, school, "given", person, terms, shown=shown, username=username, role=role)
            recorded.append(row)
            out.tell(show.consent_given(row, out.signs, is_alone=len(asked) == 1))
    finally:  # also of those before one that could not be recorded
        if recorded and saved:
            receipts = "\n".join(show.receipt_text(row, shown.full) for row in recorded)
            write_report(saved, receipts, settings=settings, replace=False)
    if recorded:
        which = ("--all",) if recorded[1:] else ("--school", str(recorded[0].school.urn))
        first = when(next_send(run_times(settings), options.now()), options.now())
        out.tell(show.consent_next(first, which, for_another=person.account != name_of(os.geteuid())))
        out.tell(*([f"Receipt written to {saved}."] if saved else []))


def _permitted(
    settings: Settings, urns: tuple[int, ...], person: Person, username: str, *, every: bool
) -> dict[School, DatabaseSettings]:
    """Return the schools asked for, with their databases. Raise NotPermitted if the permission for one is missing.

    Names in the settings override those in the database.
    """
    from attsync.database import holds_permission, schools_by_database
    from attsync.deadline import Deadline

    with undone("consent"), Deadline(_GRANT_SECONDS) as deadline:
        entries: dict[School, tuple[DatabaseSettings, SchoolSettings]] = {}
        for database, listed in schools_by_database(settings.database, deadline):
            if isinstance(listed, Problem):
                raise SchoolError.of(listed)
            entries |= {School(each.urn, each.name): (database, each) for each in listed}
        wanted = _named(settings, {school.urn: school for school in entries}, urns, every=every)
        for school in wanted:
            database, entry = entries[school]
            has_select = database.select.administrators
            found = holds_permission(database, entry, username, deadline) if has_select else None
            rules.require_permission(school, person, username, found=found, listed=settings.consent.administrators)
    return {school: entries[school][0] for school in wanted}


def _require_schools(out: Screen, asked: Mapping[School, DatabaseSettings], *, yes: bool) -> None:
    """Show the names that the schools SELECT returns: a wrong column could make pupils' names permanent."""
    out.show("The schools SELECT calls them:", *(f"  {school}" for school in asked))
    if not options.confirm("Are all of these schools?", yes=yes):
        message = "Nothing was recorded. Ask the person who wrote the schools SELECT to correct its column name."
        raise click.UsageError(message)


# Revoke


@options.subcommand(
    "revoke",
    "attsync consent revoke --school 900023",
    "attsync consent revoke --all --yes",
    text="""
    No request starts after this returns, not even during a send. Any account that can write to the log can do
    this. It needs no permission, no database and no network. A school that has never decided can decline with it.
    """,
    parent=command,
)
@options.one_school
@all_option
@_words("--reason", help=f"Why, for the history. {_KEPT}")
@yes_option
def revoke(schools: tuple[int, ...], *, every: bool, reason: str | None, yes: bool) -> None:
    """Record the removal, then wait until no request is just beginning."""
    from attsync.locks import wait_for_starting_requests
    from attsync.show.consent import consent_removed

    settings, out = options.load_settings(), screen()
    terms, person = rules.Terms.of(settings), who(os.environ)
    with undone("not_removed"), Log.open(settings.log.path) as log:
        for school in _named(settings, every_school(settings, log), schools, every=every):
            newest = log.latest_consent(school.urn)
            if newest and newest.action == "removed":
                out.show(f"{school} has no consent that could be removed. Nothing was changed.")
            elif not options.confirm(f"{'Stop sending' if newest else 'Decline consent'} for {school.name}?", yes=yes):
                out.show("Nothing was changed.")
            else:
                rules.record(log, school, "removed", person, terms, reason=reason)
                wait_for_starting_requests(settings.log.path)
                out.tell(consent_removed(school, out.signs, was_given=newest is not None))


# Show


@options.subcommand(
    "show",
    "attsync consent show --school 900023 --history",
    "attsync consent show --receipt > receipt.txt",
    text="Exit code 0 only if consent is in place for every school asked for.",
    parent=command,
)
@options.schools
@click.option("--notice", "full", is_flag=True, help="The full text that people agree to, and the receiver.")
@click.option("--history", is_flag=True, help="Every grant and removal, also of schools no longer in the settings.")
@click.option("--receipt", is_flag=True, help="The receipt of each consent in place, and of each removal.")
@options.as_json
def show(schools: tuple[int, ...], *, full: bool, history: bool, receipt: bool, as_json: bool) -> None:
    """Read the log and show what is in it about consent."""
    from attsync.show.consent import consent_history, consent_table, receipt_text

    if full:
        _show_notice()
        return
    settings, out = options.load_settings(), screen()
    terms = rules.Terms.of(settings)
    with undone("none"), Log.open_existing(settings.log.path) or nullcontext() as log:
        known = every_school if history or schools else shown_schools
        rows = log.latest_consents() if log else {}
        asked = [(school, rows.get(school.urn)) for school in chosen(settings, known(settings, log), schools)]
        found = {s: rules.active_consent(row, terms) or rules.explain_missing(s, row, terms) for s, row in asked}
        given = [consent.row for consent in found.values() if isinstance(consent, rules.ActiveConsent)]
        if as_json:
            print_json({"version": 1, "schools": [_as_json(log, *pair, history=history) for pair in found.items()]})
        elif history:
            for school in found:
                out.show(consent_history(school, log.consent_history(school.urn) if log else [], out.signs), "")
        elif receipt:
            kept = [row for _, row in asked if row and (row in given or row.action == "removed")]
            click.echo("\n".join(receipt_text(row, log.notice(row) if log else "") for row in kept), nl=False)
            if not kept:
                click.echo("No consent is in place, so there is no receipt.", err=True)
        else:
            out.show(consent_table(found.items(), out.signs))
    click.get_current_context().exit(0 if len(given) == len(found) else 1)


def _show_notice() -> None:
    try:
        terms = rules.Terms.of(options.load_settings())
        receiver = f"Receiver in the settings now: {terms.receiver}"
    except SettingsError:  # the notice can be read before there is a settings file
        terms = rules.Terms("https://the address in the settings file", "working", year_groups=True)
        receiver = "Receiver: not known yet, because there is no settings file that can be read."
    shown = rules.notice(terms)
    click.echo(f"Notice {shown.number}\n\n{shown.full}\n{receiver}")


def _as_json(
    log: Log | None, school: School, consent: rules.ActiveConsent | Problem, *, history: bool
) -> dict[str, Any]:
    from attsync.status.overview import consent_as_json

    said = consent_as_json(consent if isinstance(consent, rules.ActiveConsent) else None)
    past = {"history": [_row_as_json(log, row) for row in log.consent_history(school.urn)] if log else []}
    return {"urn": school.urn, "name": school.name, "consent": said} | (past if history else {})


def _row_as_json(log: Log, row: ConsentRow) -> dict[str, Any]:
    same = ("action", "username", "role", "reason", "receiver", "data_set")
    return {
        "at": row.at.astimezone(LONDON).isoformat(timespec="seconds"),
        "by": row.person,
        **{name: getattr(row, name) for name in same},
        "receipt": rules.receipt(row),
        "notice": {"number": row.notice, "sha256": row.notice_sha256, "text": log.notice(row)} if row.notice else None,
    }


# Setup


@options.subcommand(
    "setup",
    "attsync consent setup h.patel",
    "attsync consent setup h.patel --config /etc/attsync/config.toml",
    text="""
    Prints a rule for sudo, and what that person then runs. attsync records the account that calls sudo, and looks up
    that person's permission. The rule allows consent, status and preview, and no other command, option or file.
    Changes nothing.
    """,
    parent=command,
)
@click.argument("account")
def setup(account: str) -> None:
    """Print the rule for sudoers, and the command for the person."""
    from attsync.schedule import program

    settings = options.load_settings()
    us, start, path = name_of(owner_of(settings.log.path)), program(), str(settings.path)
    for word in (us, *start, path):
        if odd := re.search(r"[^\w./@+-]", word):
            message = f"a rule for sudo cannot contain {odd[0]!r}, as in {word}: rename the file or folder."
            raise click.UsageError(message)
    if account == us:
        message = f"{us} is the account that sends, and needs no rule. Name the other person's account."
        raise click.UsageError(message)
    try:
        pwd.getpwnam(account)
    except KeyError:
        message = f"this computer has no account {account}."
        raise click.UsageError(message) from None
    schools = known_schools(settings, None)
    which = "--all" if len(schools) > 1 else f"--school {next(iter(schools), _A_URN)}"
    rule = [" ".join([*start, words, "--config", path]) for words in _ALLOWED]
    click.echo(f"# 1. As root, put these lines into a file: visudo -f /etc/sudoers.d/attsync\n{account} ALL=({us}) \\")
    click.echo("  " + ", \\\n  ".join(rule))
    click.echo(f"# 2. {account} then runs this, reads the notice and answers:")
    click.echo(" ".join(["#      sudo -u", us, *start, "consent grant", which, "--config", path]))
